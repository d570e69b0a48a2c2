"""Volumes whose header does not say where, or how far apart, their voxels are.

**What.** A volume states no spacing; or no place in the patient (no affine); or its affine is the
identity, 1 mm and no origin, which is what programs write that know neither.

**Why.** Volumes in millilitres, resampling and surface distances need a spacing, and without an
affine left cannot be told from right.

**Example.** Volumes that were saved from a bare array.

**Remedy.** Take the spacing from the release's tables or from the original DICOM, and state it; do
not report measures in millimetres until then.
"""

from __future__ import annotations

from collections.abc import Iterator

import numpy as np
import polars as pl

from medshelf.core.issues import Issue, Severity
from medshelf.quality.case import Case
from medshelf.quality.judging.evidence import issue_of, measured
from medshelf.quality.judging.wording import counted

SEVERITY: Severity = "warning"
NEEDS = ("pixels",)
TITLE_ZH = "未说明间距"

_IDENTITY = np.eye(4).ravel().tolist()
_KINDS = {
    "spacing": "without a spacing",
    "place": "with a spacing, but no place in the patient",
    "identity": "with the identity as affine: 1 mm, no origin",
}


def check(case: Case) -> Iterator[Issue]:
    """Yield one Issue per role and kind; `info` where all volumes of the set are like that."""
    columns = ("row", "sample_id", "role", "name", "file", "format")
    kind = (
        pl.when(pl.col("affine") == pl.lit(_IDENTITY, pl.List(pl.Float64)))
        .then(pl.lit("identity"))
        .when(pl.col("affine").is_not_null())
        .then(None)
        .when(pl.col("spacing_z_mm").is_null())
        .then(pl.lit("spacing"))
        .otherwise(pl.lit("place"))
    )
    volumes = measured(case).filter(pl.col("n_z") > 1)
    rows = volumes.select(*columns, kind=kind, n=pl.len().over("role"))
    unstated = rows.filter(pl.col("kind").is_not_null()).collect()
    for (role, of_kind), found in unstated.group_by("role", "kind", maintain_order=True):
        n_volumes = found["n"][0]
        severity: Severity = "info" if found.height == n_volumes else SEVERITY
        n_all = counted(n_volumes, f"{role} volume")
        message = f"{found.height:,} of {n_all} {_KINDS[str(of_kind)]}"
        remedy = "Take it from the release's tables or the original DICOM"
        shown = found.drop("n", "kind")
        where = f"{role}: {of_kind}"
        yield issue_of(shown, "unstated-spacing", severity, where, message, remedy)

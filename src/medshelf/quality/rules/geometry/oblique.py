"""Volumes that lie aslant in the patient's system.

**What.** An axis of a volume is more than 1 degree from the nearest axis of the patient.

**Why.** It is usual in MR, and no fault. But turning such a volume to RAS+ leaves it aslant, a
slice of it is no axial plane, and a box in millimetres is no box in its voxels.

**Example.** Hippocampus and heart are often imaged along the organ.

**Remedy.** Nothing, where each volume is used in its own voxels; else resample with the affine.
"""

from __future__ import annotations

from collections.abc import Iterator

import numpy as np
import polars as pl

from medshelf.core.issues import Issue, Severity
from medshelf.quality.case import Case
from medshelf.quality.judging.evidence import issue_of, measured
from medshelf.quality.judging.wording import counted

SEVERITY: Severity = "info"
NEEDS = ("pixels",)
TITLE_ZH = "斜位体数据"
SETTINGS = {"degrees": 1.0}


def check(case: Case) -> Iterator[Issue]:
    """Yield one Issue per name of an image."""
    limit = case.setting("oblique.degrees", SETTINGS["degrees"])
    columns = ("row", "sample_id", "name", "file", "orientation", "oblique_degrees")
    volumes = measured(case, "image").filter(pl.col("n_z") > 1).drop_nulls("oblique_degrees")
    numbered = volumes.select(*columns, n=pl.len().over("name"))
    rows = numbered.filter(pl.col("oblique_degrees") > limit).collect()
    rows = rows.sort("oblique_degrees", "row", descending=[True, False])
    for (name,), found in rows.group_by("name", maintain_order=True):
        degrees = found["oblique_degrees"].to_numpy()
        message = (
            f"{found.height:,} of {counted(found['n'][0], 'volume')} oblique, by "
            f"{np.median(degrees):.1f} degrees in the median, {degrees.max():.1f} at most"
        )
        remedy = "Resample with the affine where planes of the patient are wanted"
        shown = found.drop("n")
        yield issue_of(shown, "oblique", SEVERITY, f"image {name}", message, remedy)

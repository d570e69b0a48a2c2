"""Axes that are not at right angles.

**What.** The header of a volume has a shear: two of its axes deviate from a right angle by more
than 0.1 degrees.

**Why.** Many programs cannot hold a shear. They drop it, and the anatomy is skewed, or refuse the
file; a spacing alone does not say where a voxel lies.

**Example.** CT of the head with a tilted gantry, stacked without correction.

**Remedy.** Resample by the affine. Where the shear is an artefact of a registration or of rounding,
`medshelf fix-geometry ID FOLDER --what shear` writes copies with the nearest axes at right angles.
"""

from __future__ import annotations

from collections.abc import Iterator

import polars as pl

from medshelf.core.issues import Issue, Severity
from medshelf.quality.case import Case
from medshelf.quality.judging.evidence import issue_of, measured
from medshelf.quality.judging.wording import counted

SEVERITY: Severity = "warning"
NEEDS = ("pixels",)
TITLE_ZH = "坐标轴不正交"
SETTINGS = {"degrees": 0.1}


def check(case: Case) -> Iterator[Issue]:
    """Yield one Issue per name of an image."""
    limit = case.setting("non-orthogonal.degrees", SETTINGS["degrees"])
    columns = ("row", "sample_id", "name", "file", "orientation", "shear_degrees")
    volumes = measured(case, "image").filter(pl.col("n_z") > 1)
    rows = volumes.filter(pl.col("shear_degrees") > limit).select(columns).collect()
    rows = rows.sort("shear_degrees", "row", descending=[True, False])
    for (name,), found in rows.group_by("name", maintain_order=True):
        message = (
            f"{counted(found.height, 'volume')} with axes up to "
            f"{found['shear_degrees'][0]:.1f} degrees from a right angle"
        )
        remedy = "Resample by the affine, or drop the shear: medshelf fix-geometry --what shear"
        yield issue_of(found, "non-orthogonal", SEVERITY, f"image {name}", message, remedy)

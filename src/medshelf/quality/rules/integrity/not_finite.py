"""Values that are no numbers.

**What.** An image or mask holds NaN or infinity.

**Why.** One NaN makes the loss NaN, and every weight with it; a mean or a maximum over the image is
NaN as well.

**Example.** A resampled volume that has NaN outside the field of view, or a PET volume that was
divided by an injected dose of 0.

**Remedy.** Replace them, `numpy.nan_to_num(image)`, by the value of the background, and say so.
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
TITLE_ZH = "含有非有限数值"


def check(case: Case) -> Iterator[Issue]:
    """Yield one Issue per role and name of the media."""
    columns = ("row", "sample_id", "role", "name", "file", "index", "dtype", "n_not_finite")
    rows = measured(case).filter(pl.col("n_not_finite") > 0).select(columns).collect()
    rows = rows.sort("n_not_finite", "row", descending=[True, False])
    for (role, name), found in rows.group_by("role", "name", maintain_order=True):
        total = found["n_not_finite"].sum()
        n_media = counted(found.height, str(role))
        message = f"{n_media} with values that are NaN or infinite, {total:,} in all"
        remedy = "Replace them by the value of the background: numpy.nan_to_num"
        yield issue_of(found, "not-finite", SEVERITY, f"{role} {name}", message, remedy)

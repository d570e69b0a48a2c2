"""An image of one value.

**What.** All values of an image are the same: it is black, white or empty.

**Why.** It shows nothing, and its label teaches the network that nothing looks like that class. A
normalisation by the standard deviation divides by zero.

**Example.** A placeholder that stands for a picture which could not be exported.

**Remedy.** Leave the samples out of training; where they are in the test split, report scores with
and without them.
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
TITLE_ZH = "图像只有单一数值"


def check(case: Case) -> Iterator[Issue]:
    """Yield one Issue per name of an image."""
    constant = measured(case, "image").filter(pl.col("minimum") == pl.col("maximum"))
    columns = ("row", "sample_id", "name", "file", "index", "n_x", "n_y", "n_z")
    rows = constant.select(*columns, pl.col("minimum").alias("value")).collect()
    for (name,), found in rows.group_by("name", maintain_order=True):
        message = f"{counted(found.height, 'image')} with one value everywhere"
        remedy = "Look at them, and leave the samples out if they show nothing"
        yield issue_of(found, "constant-image", SEVERITY, f"image {name}", message, remedy)

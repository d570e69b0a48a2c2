"""Volumes that are mirror images of the others when read without their header.

**What.** Most volumes of a name have axes of one handedness (as RAS and LPS), and some have the
other (as LAS).

**Why.** A program that reads the array and not the header shows them mirrored: the liver is on the
left. No rotation of training data makes up for that.

**Example.** Volumes from a converter that writes LAS, among those of one that writes RAS.

**Remedy.** Read by the header, or write copies in one orientation:
`medshelf fix-geometry ID FOLDER`.
"""

from __future__ import annotations

from collections.abc import Iterator

import polars as pl

from medshelf.core.issues import Issue, Severity
from medshelf.quality.case import Case
from medshelf.quality.judging.evidence import issue_of
from medshelf.quality.judging.orientations import oriented
from medshelf.quality.judging.wording import counted

SEVERITY: Severity = "warning"
NEEDS = ("pixels",)
TITLE_ZH = "坐标轴左右手性不一致"


def check(case: Case) -> Iterator[Issue]:
    """Yield one Issue per name of an image."""
    volumes = oriented(case).filter(pl.col("right_handed") != pl.col("mostly_right_handed"))
    columns = ("row", "sample_id", "name", "file", "orientation", "usual_orientation", "n_volumes")
    for (name,), found in volumes.select(columns).group_by("name", maintain_order=True):
        message = (
            f"{found.height:,} of {counted(found['n_volumes'][0], 'volume')} with axes of the "
            f"other handedness ({', '.join(found['orientation'].unique().sort())}, mostly "
            f"{found['usual_orientation'][0]})"
        )
        remedy = "Read by the header, or write copies: medshelf fix-geometry ID FOLDER"
        shown = found.drop("n_volumes")
        yield issue_of(shown, "axis-flips", SEVERITY, f"image {name}", message, remedy)

"""Volumes whose axes run in other directions than those of the rest.

**What.** Volumes of one name have several orientations of the same handedness, such as RAS and
LPS, or axial and sagittal ones. Those of the other handedness are in `axis-flips`.

**Why.** Slices along the third axis are then of several planes, and what a flip or crop along an
axis does differs from volume to volume.

**Example.** Axial CT volumes, with a few that were reconstructed sagittally.

**Remedy.** Write copies in one orientation, `medshelf fix-geometry ID FOLDER`, or let the loader
turn them; where planes differ by design, treat them as different images.
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
TITLE_ZH = "体数据方向混杂"


def check(case: Case) -> Iterator[Issue]:
    """Yield one Issue per name of an image."""
    volumes = oriented(case).filter(
        (pl.col("right_handed") == pl.col("mostly_right_handed"))
        & (pl.col("orientation") != pl.col("usual_orientation"))
    )
    columns = ("row", "sample_id", "name", "file", "orientation", "usual_orientation", "n_volumes")
    for (name,), found in volumes.select(columns).group_by("name", maintain_order=True):
        counts = (
            found["orientation"]
            .value_counts(sort=True)
            .sort("count", "orientation", descending=[True, False])
        )
        told = ", ".join(f"{code}: {count:,}" for code, count in counts.iter_rows())
        message = (
            f"{found.height:,} of {counted(found['n_volumes'][0], 'volume')} not "
            f"{found['usual_orientation'][0]} ({told})"
        )
        remedy = "Turn them when loading, or write copies: medshelf fix-geometry ID FOLDER"
        shown = found.drop("n_volumes")
        yield issue_of(shown, "mixed-orientations", SEVERITY, f"image {name}", message, remedy)

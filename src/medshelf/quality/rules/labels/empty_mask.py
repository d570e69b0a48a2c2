"""Masks in which nothing is drawn.

**What.** Masks, of one reader where there are several, without a single pixel of any structure. A
warning where few masks are empty, which looks like an oversight; where more than
`empty-mask.share` of them are (0.05), the set most likely has samples without the structure, and it
is said for information.

**Why.** An empty mask that should not be empty teaches that the structure is not there, and Dice is
not defined on it: whether it counts as 0, as 1 or not at all changes the mean.

**Example.** A slice without lesion in a set of single slices.

**Remedy.** Look at the samples with `medshelf show`; leave out what is an oversight, and say how
empty masks are scored.
"""

from __future__ import annotations

from collections.abc import Iterator

import polars as pl

from medshelf.core.issues import Issue, Severity
from medshelf.quality.case import Case
from medshelf.quality.judging.evidence import issue_of
from medshelf.quality.judging.wording import counted

SEVERITY: Severity = "warning"
NEEDS = ("pixels",)
TITLE_ZH = "空掩膜"
SETTINGS = {"share": 0.05}


def check(case: Case) -> Iterator[Issue]:
    """Yield one Issue for all empty masks."""
    key = ("row", "sample_id", "name", "annotator")
    drawn = pl.col("n_pixels").filter(pl.col("values") != "0").sum()
    masks = case.measures.regions.group_by(key).agg(n_pixels=drawn).collect()
    found = masks.filter(pl.col("n_pixels") == 0).sort(key)
    if found.is_empty():
        return
    share = found.height / masks.height
    few = share <= case.setting("empty-mask.share", SETTINGS["share"])
    severity: Severity = "warning" if few else "info"
    message = f"{found.height:,} of {counted(masks.height, 'mask')} empty ({share:.1%})"
    remedy = "Look at them with `medshelf show`, and say how empty masks are scored"
    yield issue_of(found, "empty-mask", severity, "masks", message, remedy)

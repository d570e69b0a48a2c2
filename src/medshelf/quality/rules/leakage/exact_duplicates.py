"""The same picture in several splits, or stored in another way.

**What.** Images in different files that have the same values, whatever the format. Across splits
all are reported; within a split only those whose files differ, since duplicate-files reports the
others. Images of a single value are left out.

**Why.** A picture that was seen in training is no test. Within a split, copies weigh more and make
intervals too narrow.

**Example.** A PNG in train and the same picture as TIFF in test.

**Remedy.** Take the copies out of train, `medshelf.load(ID).filter(...)`, and report the score
again.
"""

from __future__ import annotations

from collections.abc import Iterator

import polars as pl

from medshelf.core.issues import Issue, Severity
from medshelf.quality.case import Case
from medshelf.quality.judging.evidence import issue_of
from medshelf.quality.judging.twins import copies, pictures
from medshelf.quality.judging.wording import counted

SEVERITY: Severity = "error"
NEEDS = ("pixels",)
TITLE_ZH = "完全相同的图像"


def check(case: Case) -> Iterator[Issue]:
    """Yield one Issue for copies across splits, and one for those within a split."""
    found = copies(pictures(case)).sort("pixel_digest", "row")
    shown = ["row", "sample_id", "split", "patient_id", "file", "pixel_digest"]
    n_splits = pl.col("split").drop_nulls().n_unique().over("pixel_digest")
    across = found.filter(n_splits > 1)
    if across.height:
        n = across["pixel_digest"].n_unique()
        message = (
            f"{counted(n, 'picture')} in several splits, as {across['file'].n_unique():,} images"
        )
        remedy = "Take the copies out of train, and report the score on the test part again"
        yield issue_of(across.select(shown), "exact-duplicates", "error", "split", message, remedy)
    stored = pl.col("file_digest").drop_nulls().n_unique().over("pixel_digest")
    unknown = pl.col("file_digest").is_null().any().over("pixel_digest")
    within = found.filter((n_splits <= 1) & ((stored > 1) | unknown))
    if within.height:
        n = within["pixel_digest"].n_unique()
        message = (
            f"{within['file'].n_unique():,} images that are copies value for value, in "
            f"{counted(n, 'group')}"
        )
        remedy = "Keep one of each, and look whether the copies have the same label"
        place = "within a split"
        yield issue_of(within.select(shown), "exact-duplicates", "warning", place, message, remedy)

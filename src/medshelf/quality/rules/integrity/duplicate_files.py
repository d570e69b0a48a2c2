"""The same file under several names.

**What.** Images that lie in different files have the same bytes. One file that several rows share,
as the questions about one picture do, is no duplicate; nor are masks that are alike, for empty ones
always are. A mask that is a copy of an image counts. Pictures that are in several splits are told
by exact-duplicates alone.

**Why.** The set is smaller than it says, the copies weigh more in training, and where they are in
different splits or have different labels, worse follows: other rules tell that.

**Example.** The same picture in the folders of two classes.

**Remedy.** Keep one of each group, and say how many were left out.
"""

from __future__ import annotations

from collections.abc import Iterator

import polars as pl

from medshelf.core.issues import Issue, Severity
from medshelf.quality.case import Case
from medshelf.quality.judging.evidence import issue_of, location
from medshelf.quality.judging.twins import copies, pictures
from medshelf.quality.judging.wording import counted

SEVERITY: Severity = "warning"
NEEDS = ("pixels",)
TITLE_ZH = "重复文件"


def check(case: Case) -> Iterator[Issue]:
    """Yield one Issue for copies between samples, and one for copies within a sample."""
    kept = ("row", "sample_id", "role", "name", "file_digest", "size_bytes", location())
    media = case.measures.media.filter(pl.col("size_bytes") > 0).drop_nulls("file_digest")
    files = (
        media.select(kept)
        .filter(pl.col("file_digest").is_duplicated())
        .with_columns(
            pl.col("file").n_unique().over("file_digest").alias("n_files"),
            (pl.col("role") == "image").sum().over("file_digest").alias("n_images"),
            (pl.col("role") == "mask").any().over("file_digest").alias("as_mask"),
        )
    )
    several = pl.col("split").drop_nulls().n_unique().over("file_digest") > 1
    told = copies(pictures(case)).filter(several)["file_digest"].drop_nulls().unique()
    drawn = pl.col("file").n_unique().over("file_digest", "role") > 1
    image = (pl.col("role") == "image") & drawn
    copied = files.filter(
        (pl.col("n_files") > 1) & (pl.col("n_images") > 0) & (image | pl.col("as_mask")),
        ~pl.col("file_digest").is_in(told.implode()),
    ).collect()
    one_row = pl.col("row").n_unique().over("file_digest") == 1
    for within, place in ((False, "between samples"), (True, "within a sample")):
        found = copied.filter(one_row == within).sort("file_digest", "row")
        if found.height:
            yield _issue(found.drop("as_mask", "n_images"), place)


def _issue(found: pl.DataFrame, place: str) -> Issue:
    n_groups = found["file_digest"].n_unique()
    n_files = found["file"].n_unique()
    message = f"{n_files:,} files that are copies of each other, in {counted(n_groups, 'group')}"
    remedy = "Keep one of each group, and look whether the copies have the same label and split"
    return issue_of(found, "duplicate-files", SEVERITY, place, message, remedy)

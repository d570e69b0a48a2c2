"""One file in several splits.

**What.** Rows of different official splits name the same image, video, signal or other medium: the
same path, archive member and frame.

**Why.** Questions, sentences or boxes of one picture that are split by row put the picture itself
into train and test; a network may then remember its answers.

**Example.** Questions about one radiograph in train and in test.

**Remedy.** Split by patient or by picture, and report that score beside the one on the official
split.
"""

from __future__ import annotations

from collections.abc import Iterator

import polars as pl

from medshelf.core.issues import Issue, Severity
from medshelf.formats.tree import LOCATION
from medshelf.quality.case import Case
from medshelf.quality.judging.crossing import crossing_issue_of

SEVERITY: Severity = "error"
NEEDS = ()
TITLE_ZH = "同一文件出现在多个划分中"


def check(case: Case) -> Iterator[Issue]:
    """Yield one Issue where rows of several splits share a file."""
    media = case.rows.select("row", "sample_id", "split", "media").drop_nulls("split")
    fields = ("role", "path", "member", "index")
    named = media.explode("media").select(
        "row", "sample_id", "split", *[pl.col("media").struct.field(each) for each in fields]
    )
    frame = pl.format("#{}", pl.col("index"))
    key = pl.concat_str(LOCATION, frame, ignore_nulls=True)
    files = named.drop_nulls("path").filter(pl.col("role") != "mask").with_columns(file=key)
    yield from crossing_issue_of(files, "file-leakage", ("file", "files"), "split")

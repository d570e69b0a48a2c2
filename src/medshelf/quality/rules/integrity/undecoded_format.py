"""A format that is not decoded here.

**What.** Images or masks are of a format that medshelf does not decode, so that no other rule has
looked at them.

**Why.** A report without Issues says nothing about files that were not opened.

**Example.** Whole-slide images (`.svs`), which need OpenSlide.

**Remedy.** Open the file itself, `sample.source(name)`, with a library that reads the format.
"""

from __future__ import annotations

from collections.abc import Iterator

import polars as pl

from medshelf.core.issues import Issue, Severity
from medshelf.quality.case import Case
from medshelf.quality.judging.evidence import issue_of, location
from medshelf.quality.judging.wording import counted

SEVERITY: Severity = "info"
NEEDS = ("pixels",)
TITLE_ZH = "格式未被解码"


def check(case: Case) -> Iterator[Issue]:
    """Yield one Issue per format."""
    unread = case.measures.media.filter(pl.col("error") == "undecoded")
    kind = pl.col("format").fill_null("not stated").alias("format")
    columns = ("row", "sample_id", location(), "role", "name", kind, "error_message")
    rows = unread.select(columns).collect()
    for (name,), found in rows.group_by("format", maintain_order=True):
        n_media = counted(found.height, "image or mask", "images or masks")
        message = f"{n_media} of format {name} not decoded"
        remedy = "Open them with a library of that format: `sample.source(name)` gives the file"
        yield issue_of(found, "undecoded-format", SEVERITY, f"format {name}", message, remedy)

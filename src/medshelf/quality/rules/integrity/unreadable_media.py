"""A file that cannot be decoded.

**What.** An image or mask has no bytes, is cut short, breaks the rules of its format, holds
something else than a mask, or ended the process that decoded it. A file that is not there at all
is reported by `rows-without-files`.

**Why.** Training stops at it hours later, or a loader that skips what it cannot read trains on
fewer samples than the paper says.

**Example.** A download that broke off leaves a JPEG whose lower half is missing; many viewers show
it without a word.

**Remedy.** Delete the files and fetch them again, `medshelf fetch ID`; `medshelf verify ID` tells
whether they are the published ones. Where they are, leave the samples out and say so.
"""

from __future__ import annotations

from collections.abc import Iterator

import polars as pl

from medshelf.core.issues import Issue, Severity
from medshelf.quality.case import Case
from medshelf.quality.judging.evidence import issue_of, location
from medshelf.quality.judging.raw_tree import absent_media
from medshelf.quality.judging.wording import counted

SEVERITY: Severity = "error"
NEEDS = ("pixels",)
TITLE_ZH = "文件无法解码"

_KINDS = {
    "missing": (
        "not in the file that should hold them",
        "Read the set again, and report its reader if that fails",
    ),
    "empty": ("without a byte", "Delete them and fetch them again: medshelf fetch ID"),
    "truncated": ("cut short", "Delete them and fetch them again: medshelf fetch ID"),
    "damaged": (
        "damaged",
        "Compare them with the published ones: medshelf verify ID; if they are those, leave the "
        "samples out",
    ),
    "mismatch": (
        "decoded, but not what a mask must be",
        "Look at one with `raster`, and correct the legend or the role in the record",
    ),
    "crash": (
        "whose decoding ended the process",
        "Leave the samples out, and report the file to the library that decodes it",
    ),
}


def check(case: Case) -> Iterator[Issue]:
    """Yield one Issue per kind of trouble."""
    troubled = case.measures.media.filter(pl.col("error").cast(pl.String).is_in(list(_KINDS)))
    columns = ("row", "sample_id", location(), "role", "name", "index", "size_bytes")
    rows = troubled.select(*columns, pl.col("error").cast(pl.String), "error_message").collect()
    if (rows["error"] == "missing").any():
        absent = absent_media(case).select("row", location(), error=pl.lit("missing"))
        rows = rows.join(absent, on=["row", "file", "error"], how="anti", nulls_equal=True)
    for kind, (what, remedy) in _KINDS.items():
        found = rows.filter(pl.col("error") == kind)
        if found.height:
            message = f"{counted(found.height, 'image or mask', 'images or masks')} {what}"
            yield issue_of(found, "unreadable-media", SEVERITY, kind, message, remedy)

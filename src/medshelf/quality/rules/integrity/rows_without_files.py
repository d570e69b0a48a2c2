"""A row whose file is not there.

**What.** The manifest names a file, or a member of an archive, that is not in the raw tree; or a
row has no image, in a set whose rows have images.

**Why.** Half a download trains as well as a whole one, and its score is compared with the paper's.

**Example.** A release in twelve archives, of which eleven were unpacked.

**Remedy.** Fetch the rest, `medshelf fetch ID`; until then keep the rows whose files are there.
"""

from __future__ import annotations

from collections.abc import Iterator

import polars as pl

from medshelf.core.issues import Issue, Severity
from medshelf.quality.case import Case
from medshelf.quality.judging.evidence import issue_of, location, media_of
from medshelf.quality.judging.raw_tree import absent_media
from medshelf.quality.judging.wording import counted

SEVERITY: Severity = "error"
NEEDS = ()
TITLE_ZH = "样本缺少文件"

_REMEDY = "Fetch the rest, `medshelf fetch ID`; until then, keep the rows whose files are there"


def check(case: Case) -> Iterator[Issue]:
    """Yield one Issue per reason, and one for rows without an image."""
    absent = absent_media(case).with_columns(location()).drop("path", "member")
    for (reason,), found in absent.group_by("reason", maintain_order=True):
        n_samples = found["row"].n_unique()
        message = (
            f"{counted(found['file'].n_unique(), 'file')} of {counted(n_samples, 'sample')} "
            f"not found: {reason}"
        )
        yield issue_of(found, "rows-without-files", SEVERITY, str(reason), message, _REMEDY)
    yield from _without_image(case)


def _without_image(case: Case) -> Iterator[Issue]:
    pictured = media_of(case, "image").select("row").unique().collect()
    if pictured.is_empty():
        return
    rows = case.rows.select("row", "sample_id", pl.col("split").cast(pl.String)).collect()
    bare = rows.join(pictured, on="row", how="anti")
    if bare.height:
        message = f"{bare.height:,} of {counted(rows.height, 'sample')} without an image"
        remedy = "Keep the rows whose media is not null, unless the release has samples of text"
        yield issue_of(bare, "rows-without-files", "info", "no image", message, remedy)

"""An image in the raw tree that no row names.

**What.** The raw tree holds pictures or volumes, of formats that the set's own images have, which
no row of the manifest names. Tables, licences and documentation are not looked at.

**Why.** Either the reader misses samples, or the tables of the release do, or the folder holds the
files of another release.

**Example.** Images that were left out of the label table after a review, and stayed in the archive.

**Remedy.** Compare a few of them with the release's documentation; report the reader if it should
have taken them.
"""

from __future__ import annotations

from collections.abc import Iterator

import polars as pl

from medshelf.core.issues import Issue, Severity
from medshelf.formats.tree import IMAGE_SUFFIXES, LOCATION, left_over
from medshelf.quality.case import Case
from medshelf.quality.judging.crossing import N_SHOWN
from medshelf.quality.judging.evidence import media_of
from medshelf.quality.judging.raw_tree import tree_of
from medshelf.quality.judging.wording import counted

SEVERITY: Severity = "info"
NEEDS = ()
TITLE_ZH = "文件未被任何样本引用"


def check(case: Case) -> Iterator[Issue]:
    """Yield one Issue where files are left over."""
    named = media_of(case).select("path", "member").unique().collect()
    own = _suffix(named).unique()
    files = tree_of(case.root)
    pictures = files.filter(
        pl.col("suffix").is_in(IMAGE_SUFFIXES) & pl.col("suffix").is_in(own.implode())
    )
    found = left_over(pictures, named)
    if found.is_empty():
        return
    folder = LOCATION.str.extract(r"^(.*)/[^/]*$").fill_null("").alias("folder")
    folders = found.group_by(folder, "suffix").agg(
        n_files=pl.len(), example=LOCATION.min(), size_bytes=pl.col("size_bytes").sum()
    )
    yield Issue(
        rule="files-without-rows",
        severity=SEVERITY,
        where="raw tree",
        message=f"{found.height:,} of {counted(pictures.height, 'image')} in the raw tree without "
        f"a row, in {counted(folders.height, 'folder')}",
        remedy="Look whether the documentation of the release says what they are",
        evidence=tuple(
            folders.sort("n_files", "folder", descending=[True, False])
            .head(N_SHOWN)
            .iter_rows(named=True)
        ),
    )


def _suffix(named: pl.DataFrame) -> pl.Series:
    name = pl.coalesce("member", "path").str.to_lowercase()
    return named.select(name.str.extract(r"\.((?:[a-z][a-z0-9]{0,7}\.)?gz|[^./]+)$")).to_series()

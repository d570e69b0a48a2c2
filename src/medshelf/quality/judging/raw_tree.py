"""The raw tree beside the manifest: which files are there, and which of them rows name."""

from __future__ import annotations

import os
from pathlib import Path

import polars as pl

from medshelf.core.errors import FormatError, LayoutError
from medshelf.formats.archive import list_members
from medshelf.formats.tree import list_files
from medshelf.quality.case import Case
from medshelf.quality.judging.evidence import media_of

_ARCHIVE = r"(?i)\.(zip|tar|tgz|tbz2|txz|tar\.(gz|bz2|xz))$"
_OUTWARDS = r"^/|(^|/)\.\.(/|$)|\x00"
_KEYS = ("path", "member")


def tree_of(root: Path) -> pl.DataFrame:
    """List the files of a raw tree; archives that cannot be read count as files.

    Returns:
        As `formats.tree.list_files`; empty where there is no tree.
    """
    try:
        return list_files(root)
    except FormatError:
        return list_files(root, archives=False)
    except LayoutError:
        empty = dict.fromkeys((*_KEYS, "name", "suffix"), pl.String)
        return pl.DataFrame(schema={**empty, "size_bytes": pl.Int64})


def absent_media(case: Case) -> pl.DataFrame:
    """Return the media whose file, or member of an archive, is not in the raw tree.

    What lies within a container of arrays is not looked at.

    Returns:
        `row`, `sample_id`, `role`, `name`, `path`, `member`; `reason`.
    """
    columns = ("row", "sample_id", pl.col("role").cast(pl.String), "name", *_KEYS)
    media = media_of(case).select(*columns).collect()
    files = media.select(_KEYS).unique().with_columns(reason=pl.lit(None, pl.String))
    unnamed = files.filter(pl.col("path").is_null())
    outwards = files.filter(pl.col("path").str.contains(_OUTWARDS))
    inside = files.filter(~pl.col("path").str.contains(_OUTWARDS))
    gone = _gone(case.root, inside["path"].unique())
    parts = [
        unnamed.with_columns(reason=pl.lit("no path is stated")),
        outwards.with_columns(reason=pl.lit("the path leads out of the raw tree")),
        inside.filter(pl.col("path").is_in(gone.implode())).with_columns(
            reason=pl.lit("there is no such file")
        ),
        _without_member(case.root, inside.filter(~pl.col("path").is_in(gone.implode()))),
    ]
    absent = pl.concat(parts)
    if absent.is_empty():
        return media.clear().with_columns(reason=pl.lit(None, pl.String))
    return media.join(absent, on=_KEYS, how="inner", nulls_equal=True).sort("row")


def _gone(root: Path, paths: pl.Series) -> pl.Series:
    """Return the paths where no file lies; only the folders that they name are listed."""
    folders = paths.str.extract(r"^(.*/)").fill_null("").unique()
    there = {f"{each}{name}" for each in folders for name in _names_in(root / each)}
    gone = [each not in there for each in paths.to_list()]
    return paths.filter(pl.Series(gone, dtype=pl.Boolean))


def _names_in(folder: Path) -> list[str]:
    try:
        with os.scandir(folder) as entries:
            return [each.name for each in entries if each.is_file()]
    except OSError:  # no such folder, or not one that may be read: no file of it can be opened
        return []


def _without_member(root: Path, files: pl.DataFrame) -> pl.DataFrame:
    """Return the members that the archives in which they should be do not have."""
    packed = files.filter(pl.col("member").is_not_null() & pl.col("path").str.contains(_ARCHIVE))
    parts = [packed.clear()]
    for path in packed["path"].unique().sort():
        named = packed.filter(pl.col("path") == path)
        try:
            members = pl.Series([each.name for each in list_members(root / path)], dtype=pl.String)
            reason = "the archive has no such member"
        except FormatError:
            members = pl.Series([], dtype=pl.String)
            reason = "the archive cannot be read"
        lacking = named.filter(~pl.col("member").is_in(members.implode()))
        parts.append(lacking.with_columns(reason=pl.lit(reason)))
    return pl.concat(parts)

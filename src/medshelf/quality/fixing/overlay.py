"""A folder like the raw tree: corrected copies, links to everything else, and its manifest."""

from __future__ import annotations

import shutil
from collections.abc import Iterable, Mapping
from dataclasses import replace
from pathlib import Path

import polars as pl

from medshelf.core.errors import SettingError
from medshelf.core.files import make_folder, storage_errors, write_text
from medshelf.core.manifest import MEDIA, Manifest
from medshelf.formats.tree import list_files
from medshelf.quality.fixing.headers import File

RECORD, MANIFEST = "geometry.json", "manifest.parquet"
WORK = ".fix-geometry"
_CLAIM = "claim"
_KEYS = ("path", "member")


def claim(folder: Path, root: Path, key: str, *, overwrite: bool) -> None:
    """Take a folder for the copies of one call, or go on with what that call began.

    Args:
        folder: For the copies.
        root: The raw tree.
        key: Tells the call from others.
        overwrite: Remove what another call wrote.

    Raises:
        SettingError: It lies in the raw tree or holds it, or holds something else.
        StorageError: It cannot be written.
    """
    require_apart(folder, root)
    mark = folder / WORK / _CLAIM
    with storage_errors(folder):
        used = folder.is_dir() and any(sorted(folder.iterdir()))
        if used and not mark.is_file():
            problem = f"{folder} is not empty, and not what fix-geometry wrote"
            raise SettingError(problem, "Name a folder that does not exist yet")
        if used and mark.read_text("utf-8") != key:
            if not overwrite:
                problem = f"{folder} holds the copies of another call, or the raw tree has changed"
                raise SettingError(problem, "Name another folder, or pass --overwrite")
            shutil.rmtree(folder)
    make_folder(mark.parent)
    write_text(mark, key)


def require_apart(folder: Path, root: Path) -> None:
    """Refuse a folder that lies in the raw tree, or holds it.

    Raises:
        SettingError: It does.
    """
    out, raw = folder.resolve(), root.resolve()
    if out.is_relative_to(raw) or raw.is_relative_to(out):
        problem = f"The folder {folder} and the raw tree {root} lie in each other"
        raise SettingError(problem, "Name a folder outside: raw trees are never written")


def link_rest(root: Path, folder: Path, replaced: Iterable[str]) -> None:
    """Link the files of a raw tree that have no copy into a folder, at the same place.

    Args:
        root: The raw tree.
        folder: Of the copies.
        replaced: Paths below the root that have a copy.

    Raises:
        StorageError: A link cannot be made.
        LayoutError: The tree cannot be listed.
    """
    left_out = {*replaced, RECORD, MANIFEST}
    raw = root.resolve()
    with storage_errors(folder):
        for path in list_files(root, archives=False)["path"]:
            link = folder / path
            if path not in left_out and not link.is_symlink():
                make_folder(link.parent)
                link.symlink_to(raw / path)


def corrected_manifest(manifest: Manifest, folder: Path, copies: pl.DataFrame) -> Manifest:
    """Return the manifest of the folder.

    Args:
        manifest: Of the raw tree.
        folder: Of the copies.
        copies: `path`, `member`; `copy` and `copy_format`.
    """
    rows = manifest.frame.with_row_index("row")
    media = rows.select("row", "media").explode("media").drop_nulls("media").unnest("media")
    joined = media.join(
        copies.lazy(), on=_KEYS, how="left", nulls_equal=True, maintain_order="left"
    )
    copied = pl.col("copy").is_not_null()
    changed = joined.with_columns(
        path=pl.coalesce("copy", "path"),
        member=pl.when(~copied).then("member"),
        format=pl.coalesce("copy_format", "format"),
    )
    fields = pl.struct(each.name for each in MEDIA.fields).cast(MEDIA)
    listed = changed.group_by("row", maintain_order=True).agg(media=fields)
    frame = rows.drop("media").join(listed, on="row", how="left", maintain_order="left")
    meta = replace(manifest.meta, modified=manifest.meta.modified or copies.height > 0)
    return Manifest.from_columns(frame.drop("row"), meta, folder)


def copies_table(copies: Mapping[File, tuple[str, str]]) -> pl.DataFrame:
    """Return files with their copy and its format as a table."""
    schema = dict.fromkeys((*_KEYS, "copy", "copy_format"), pl.String)
    return pl.DataFrame([(*key, *value) for key, value in copies.items()], schema, orient="row")

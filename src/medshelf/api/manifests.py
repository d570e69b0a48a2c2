"""What a command works on: the manifest of a catalogued dataset, or one in a Parquet file."""

from __future__ import annotations

from collections.abc import Mapping
from pathlib import Path

import polars as pl

from medshelf.api.reading import read
from medshelf.catalog.record import Record
from medshelf.catalog.shelf import find_record
from medshelf.core.errors import FormatError, SettingError, UnknownNameError
from medshelf.core.manifest import Manifest, read_manifest

_N_LOOKED_AT = 1000


def open_manifest(
    source: str | Path,
    root: str | Path | None = None,
    options: Mapping[str, str] | None = None,
) -> tuple[Manifest, Record | None]:
    """Open the manifest of a dataset by its id, or the one in a file.

    Args:
        source: Catalog id, or the path of a manifest, which ends in `.parquet`.
        root: The folder that holds the raw tree; of a file by default the folder it lies in.
        options: Options of the reader, besides those in the record.

    Returns:
        The manifest, and its record; null where the catalog does not know the dataset.

    Raises:
        SettingError: Options are given for a file, whose rows are chosen already; or what it names
            does not lie below `root`. Also as `read`.
        FormatError: The file is not there, or is no manifest. Also as `read`.
        NotFetchedError: As `read`, and UnknownNameError, UnsupportedError, LayoutError.
    """
    if not str(source).lower().endswith(".parquet"):
        name = str(source)
        return read(name, root=root, options=options), find_record(name)
    path = Path(source).expanduser()
    if options:
        problem = f"Options of a reader ({', '.join(options)}) do not go with the manifest {path}"
        raise SettingError(problem, "Leave them out, or pass the id of the dataset")
    manifest = _from_file(path, path.parent if root is None else Path(root).expanduser())
    _require_tree(manifest, path)
    try:
        return manifest, find_record(manifest.meta.dataset)
    except UnknownNameError:
        return manifest, None


def _from_file(path: Path, root: Path) -> Manifest:
    if not path.is_file():
        raise FormatError(path, "there is no such file", "Write one: medshelf read ID --out FILE")
    try:
        return read_manifest(path, root)
    except (ValueError, TypeError, KeyError, AttributeError) as error:
        remedy = "Write it again: medshelf read ID --out FILE"
        raise FormatError(path, f"its metadata are damaged ({error!r})", remedy) from error


def _require_tree(manifest: Manifest, path: Path) -> None:
    """Refuse a root below which the first file that the manifest names does not lie."""
    media = manifest.frame.select("media").head(_N_LOOKED_AT).explode("media").unnest("media")
    named = media.select(pl.col("path").drop_nulls().first()).collect().item()
    if not manifest.root.is_dir() or (named and not (manifest.root / named).is_file()):
        problem = f"{path} names {named or 'files'}, which does not lie below {manifest.root}"
        raise SettingError(problem, "Pass the folder of the raw tree: --root FOLDER")

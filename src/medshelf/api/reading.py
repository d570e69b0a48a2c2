"""From a raw tree to its manifest, which is kept and read again while nothing has changed."""

from __future__ import annotations

import hashlib
import importlib
import inspect
import json
import logging
from collections.abc import Mapping
from dataclasses import replace
from functools import partial
from pathlib import Path
from types import ModuleType

from medshelf.acquire.standing.adopted import adopted_folders
from medshelf.acquire.standing.locate import Located, fetch_command, locate
from medshelf.catalog.facts import manifest_meta
from medshelf.catalog.record import Record
from medshelf.catalog.shelf import find_record
from medshelf.core.assembly import require_complete
from medshelf.core.errors import (
    FormatError,
    NotFetchedError,
    SettingError,
    StorageError,
    UnsupportedError,
)
from medshelf.core.files import lock
from medshelf.core.manifest import SCHEMA, Manifest, Meta, read_manifest
from medshelf.core.settings import Settings
from medshelf.core.version import __version__
from medshelf.formats.tree import fingerprint

_LOG = logging.getLogger(__name__)


def read(  # noqa: PLR0913 - one keyword per thing that a user decides
    dataset: str,
    *,
    root: str | Path | None = None,
    options: Mapping[str, str] | None = None,
    download: bool = False,
    strict: bool = False,
    fresh: bool = False,
    allow_modified: bool = False,
) -> Manifest:
    """Read the raw tree of a dataset into its manifest.

    Args:
        dataset: Catalog id, e.g. `nih-chest-xray`.
        root: The folder that holds the raw tree. By default medshelf's home and the folders of
            `$MEDSHELF_DATA` are searched for a folder of that id; for sets that are single
            verified files, as MedMNIST, for the files.
        options: Options of the reader, e.g. `{"size": "64"}`, besides those in the record.
        download: Fetch the files where they are not found.
        strict: Refuse a tree with Issues of severity `error`.
        fresh: Read the raw files, whatever is in the cache.
        allow_modified: Read files that are not the published ones; the manifest will say so.

    Raises:
        UnknownNameError: There is no such dataset.
        UnsupportedError: There is no reader for this dataset.
        NotFetchedError: The raw tree is not there, and `download` is False.
        ChecksumError: A file is not the published one, and `allow_modified` is False.
        SettingError: The reader has no such option.
        LayoutError: The tree is not as the layout says; with `strict`, it is not complete.
        FormatError: A file is damaged.
    """
    record = find_record(dataset)
    reader = reader_of(record)
    folder = None if root is None else Path(root).expanduser()
    chosen = record.variant(options or {})
    single_files = getattr(reader, "SINGLE_FILES", False)
    if single_files:
        found = partial(locate, record, options=chosen, root=folder, allow_modified=allow_modified)
    else:
        found = partial(_located, record, folder)
    try:
        located = found()
    except NotFetchedError:
        if not (record.files and (download or record.synthetic)):
            raise
        from medshelf.acquire.fetch import fetch

        variant = {name: chosen[name] for name in chosen if record.choices(name)}
        fetch(record, options=variant, root=folder)
        located = found()
    manifest = read_tree(record, located.folder, chosen, fresh=fresh, strict=strict)
    meta = replace(manifest.meta, files=located.digests, modified=located.modified)
    return replace(manifest, meta=meta)


def read_tree(
    record: Record,
    folder: Path,
    options: Mapping[str, str],
    *,
    fresh: bool = False,
    strict: bool = False,
) -> Manifest:
    """Read a raw tree into its manifest.

    The table is kept in the cache. The kept one is used while the reader, the record and names,
    sizes and dates of the raw files are the same.

    Args:
        record: The dataset.
        folder: The folder that holds the raw tree.
        options: Options of the reader, besides those in the record.
        fresh: Read the raw files whatever is in the cache.
        strict: Refuse a tree with Issues of severity `error`.

    Raises:
        UnsupportedError: There is no reader for this dataset.
        SettingError: The reader has no such option.
        LayoutError: The tree is not as the layout says; with `strict`, it has Issues.
        FormatError: A file is damaged.
    """
    reader = reader_of(record)
    given = {**(record.reader.options if record.reader else {}), **options}
    _check_options(record, reader, given)
    meta = manifest_meta(record, **options)
    kept = _place(reader, meta, given, folder)
    manifest = None if fresh else _kept(kept, folder)
    if manifest is None:
        manifest = reader.read(folder, meta, **given)
        _keep(manifest, kept)
    return require_complete(manifest) if strict else manifest


def reader_of(record: Record) -> ModuleType:
    """Return the module that reads a dataset.

    Raises:
        UnsupportedError: There is none.
    """
    if record.reader is None:
        problem = f"There is no reader for {record.id!r} yet"
        raise UnsupportedError(
            problem,
            "`medshelf search --readable` shows the sets that can be opened; "
            f"`medshelf new-reader {record.id}` begins one",
        )
    return importlib.import_module(f"medshelf.readers.{record.reader.name.replace('-', '_')}")


def find_tree(record: Record, root: Path | None) -> Path:
    """Find the folder of a raw tree: `root`, else that of medshelf's home, adopted, or searched.

    Raises:
        NotFetchedError: None of them exists.
    """
    settings = Settings.from_environment()
    here = settings.raw_folder(record.id)
    adopted = adopted_folders(record.id, settings)
    places = [here, *adopted, *(each / record.id for each in settings.search_path)]
    if root is not None:
        places = [root]
    for place in places:
        # A gate leaves medshelf's own folder behind with a lock in it and no file.
        if place.is_dir() and (place != here or _has_files(place)):
            return place
    remedy = f"Fetch it with: {fetch_command(record, {}, root)}"
    raise NotFetchedError(record.id, "the raw tree", places, remedy)


def _has_files(folder: Path) -> bool:
    return any(not each.name.startswith(".") for each in sorted(folder.iterdir()))


def _located(record: Record, root: Path | None) -> Located:
    return Located(find_tree(record, root), modified=False, digests={})


def _check_options(record: Record, reader: ModuleType, given: Mapping[str, str]) -> None:
    known = list(inspect.signature(reader.read).parameters)[2:]
    if unknown := sorted(set(given) - set(known)):
        problem = f"The reader of {record.id!r} has no option {', '.join(map(repr, unknown))}"
        raise SettingError(problem, f"Its options are: {', '.join(known) or 'none'}")


def _place(reader: ModuleType, meta: Meta, given: Mapping[str, str], folder: Path) -> Path:
    """Return where a manifest is kept: its name is a digest of all that it depends on."""
    parts = [
        __version__,
        Path(str(reader.__file__)).read_text("utf-8"),
        str(SCHEMA),
        meta.to_json(),
        json.dumps(sorted(given.items())),
        fingerprint(folder),
    ]
    digest = hashlib.sha256("\n".join(parts).encode()).hexdigest()
    return Settings.from_environment().cache / "manifests" / meta.dataset / f"{digest[:32]}.parquet"


def _kept(path: Path, folder: Path) -> Manifest | None:
    """Return a kept manifest; a damaged one is as good as none."""
    try:
        return read_manifest(path, folder) if path.is_file() else None
    except (OSError, ValueError, FormatError):
        return None


def _keep(manifest: Manifest, path: Path) -> None:
    if not manifest.lasting:
        return
    try:
        with lock(path):
            manifest.write(path)
    except StorageError as error:
        _LOG.warning("The manifest is not kept: %s", error)

"""Folders that the user has downloaded before, and that are used where they lie."""

from __future__ import annotations

import hashlib
from pathlib import Path

from pydantic import BaseModel, ConfigDict, ValidationError

from medshelf.acquire.standing.lockfile import (
    FilesLock,
    entry_key,
    lock_path,
    read_lock,
)
from medshelf.acquire.standing.placed import lock_placed, names_of, placed_names
from medshelf.catalog.record import Record
from medshelf.core.errors import NotFetchedError
from medshelf.core.files import lock, write_text
from medshelf.core.settings import Settings


class _Adopted(BaseModel):
    model_config = ConfigDict(extra="forbid")

    folders: list[str] = []


def adopted_folders(dataset: str, settings: Settings) -> list[Path]:
    """Return the folders that were adopted for a dataset, the newest first."""
    return [Path(each) for each in _read(_path(dataset, settings)).folders]


def adopt(record: Record, folder: Path, settings: Settings) -> tuple[str, ...]:
    """Verify a folder that holds a dataset already, and use it from now on where it lies.

    Nothing is copied and nothing is written into the folder: its lock lies in medshelf's home. Of
    a list of files, those that lie there are taken on trust, as at a first fetch.

    Returns:
        The names of its files.

    Raises:
        NotFetchedError: No file of the dataset lies there.
        ChecksumError: A file is not the published one.
        StorageError: A file cannot be read, or medshelf's home cannot be written.
    """
    folder = folder.expanduser().resolve()
    known = FilesLock(dataset=record.id, version=record.version)
    names = placed_names(record, folder)
    for entry in record.files:
        taken = names_of(entry, record, names)
        if entry.many and taken:
            known.entries[entry_key(entry)] = taken
        for name in taken:
            known.files[name] = lock_placed(folder / name, name, entry)
    if not known.files:
        first = record.files[0].name if record.files else "the files"
        remedy = f"Fetch it with: medshelf fetch {record.id}"
        raise NotFetchedError(record.id, first, [folder], remedy)
    path = _path(record.id, settings)
    with lock(path):
        write_text(_lock_path(folder, record.id, settings), known.model_dump_json(indent=1) + "\n")
        others = [each for each in _read(path).folders if each != str(folder)]
        kept = _Adopted(folders=[str(folder), *others])
        write_text(path, kept.model_dump_json(indent=2) + "\n")
    return tuple(sorted(known.files))


def known_lock(folder: Path, dataset: str, settings: Settings) -> FilesLock:
    """Read the lock of a dataset in a folder, or the one that was kept when it was adopted."""
    found = read_lock(lock_path(folder, dataset), dataset)
    if found.files:
        return found
    return read_lock(_lock_path(folder.resolve(), dataset, settings), dataset)


def _lock_path(folder: Path, dataset: str, settings: Settings) -> Path:
    key = hashlib.sha256(str(folder).encode()).hexdigest()[:16]
    return settings.home / "adopted" / f"{dataset}.{key}.lock"


def _path(dataset: str, settings: Settings) -> Path:
    return settings.home / "adopted" / f"{dataset}.json"


def _read(path: Path) -> _Adopted:
    try:
        return _Adopted.model_validate_json(path.read_bytes())
    except (OSError, ValidationError):
        return _Adopted()

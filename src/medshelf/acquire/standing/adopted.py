"""Folders that the user has downloaded before, and that are used where they lie."""

from __future__ import annotations

import hashlib
from fnmatch import fnmatchcase
from pathlib import Path

from pydantic import BaseModel, ConfigDict, ValidationError

from medshelf.acquire.standing.lockfile import (
    FilesLock,
    LockedFile,
    entry_key,
    lock_path,
    read_lock,
)
from medshelf.acquire.standing.members import hash_members
from medshelf.acquire.standing.verify import Status, compare, hash_algorithm, read_errors
from medshelf.acquire.transfers.hashing import hash_file
from medshelf.acquire.transfers.meter import needed_algorithms
from medshelf.catalog.record import FileRecord, Record
from medshelf.core.errors import ChecksumError, NotFetchedError
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
    with read_errors(folder):
        names = [name for name in _names(folder) if not name.endswith(".part")]
    for entry in record.files:
        taken = [name for name in names if entry.name == name]
        if entry.many:
            named = {each.name for each in record.files}
            taken = [each for each in names if each not in named and fnmatchcase(each, entry.name)]
            known.entries |= {entry_key(entry): taken} if taken else {}
        for name in taken:
            known.files[name] = _verified(folder / name, name, entry)
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


def _names(folder: Path) -> list[str]:
    found = (each for each in sorted(folder.rglob("*")) if each.is_file())
    return [each.relative_to(folder).as_posix() for each in found]


def _verified(path: Path, name: str, entry: FileRecord) -> LockedFile:
    with read_errors(path):
        digests = hash_file(path, needed_algorithms(entry.hash))
        size_bytes = path.stat().st_size
    actual = digests[hash_algorithm(entry)] if entry.hash else digests["sha256"]
    verdict = compare(path, entry, actual) if not entry.many else None
    if verdict is not None and verdict.status is Status.MODIFIED:
        remedy = f"Keep it out of the folder, or fetch the published one: {entry.url}"
        raise ChecksumError(path, str(verdict.expected), verdict.actual, remedy)
    archive = entry.archive and entry.hash is None
    return LockedFile(
        name=name,
        size_bytes=size_bytes,
        sha256=digests["sha256"],
        published=entry.hash,
        source=entry.url,
        members=hash_members(path) if archive else None,
    )


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

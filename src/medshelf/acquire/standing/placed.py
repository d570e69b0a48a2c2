"""Files that lie in a folder, whoever put them there: which are a dataset's, and what they are."""

from __future__ import annotations

from collections.abc import Iterable
from fnmatch import fnmatchcase
from pathlib import Path

from medshelf.acquire.standing.lockfile import LockedFile, lock_path
from medshelf.acquire.standing.members import hash_members
from medshelf.acquire.standing.verify import Status, compare, hash_algorithm, read_errors
from medshelf.acquire.transfers.hashing import hash_file
from medshelf.acquire.transfers.meter import needed_algorithms
from medshelf.catalog.record import FileRecord, Record
from medshelf.core.errors import ChecksumError

_OURS = (".part", ".part.json", ".part.segments", ".source.json", ".files.lock")
_ARCHIVES = (".zip", ".tar", ".tgz", ".tar.gz", ".tar.bz2", ".tar.xz")


def placed_names(record: Record, folder: Path) -> list[str]:
    """Return the paths of a folder's files, but for hidden ones and what medshelf writes there.

    Raises:
        StorageError: The folder cannot be read.
    """
    ours = {lock_path(folder, record.id).name}
    ours |= {f"{record.id}.licence.txt", f"{record.id}.citation.bib"}
    with read_errors(folder):
        paths = [each for each in sorted(folder.rglob("*")) if each.is_file()]
    names = (each.relative_to(folder).as_posix() for each in paths)
    return [each for each in names if not (each in ours or each.endswith(_OURS) or _hidden(each))]


def names_of(entry: FileRecord, record: Record, names: Iterable[str]) -> list[str]:
    """Return those of a folder's paths that an entry of a record means."""
    if not entry.many:
        return [each for each in names if each == entry.name]
    named = {each.name for each in record.files}
    return [each for each in names if each not in named and fnmatchcase(each, entry.name)]


def lock_placed(path: Path, name: str, entry: FileRecord) -> LockedFile:
    """Hash a file that lies there, and compare it with what is published.

    Args:
        path: The file.
        name: Its path below the dataset's folder, with `/`.
        entry: The entry of the record that it belongs to.

    Raises:
        ChecksumError: It is not the published one.
        StorageError: It cannot be read.
    """
    with read_errors(path):
        digests = hash_file(path, needed_algorithms(entry.hash))
        size_bytes = path.stat().st_size
    actual = digests[hash_algorithm(entry)] if entry.hash else digests["sha256"]
    verdict = None if entry.many else compare(path, entry, actual)
    if verdict is not None and verdict.status is Status.MODIFIED:
        remedy = f"Keep it out of the folder, or fetch the published one: {entry.url}"
        raise ChecksumError(path, str(verdict.expected), verdict.actual, remedy)
    packed = entry.archive or (entry.many and name.lower().endswith(_ARCHIVES))
    return LockedFile(
        name=name,
        size_bytes=size_bytes,
        sha256=digests["sha256"],
        published=entry.hash,
        source=entry.url,
        members=hash_members(path) if packed and entry.hash is None else None,
    )


def _hidden(name: str) -> bool:
    return any(each.startswith(".") for each in name.split("/"))

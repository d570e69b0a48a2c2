"""Whether what lies on disk is what was fetched, or published: missing, changed, extra."""

from __future__ import annotations

from collections.abc import Mapping
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass
from enum import StrEnum
from pathlib import Path

from medshelf.acquire.standing.adopted import known_lock
from medshelf.acquire.standing.lockfile import LockedFile
from medshelf.acquire.standing.members import hash_members
from medshelf.acquire.standing.placed import placed_names
from medshelf.acquire.standing.verify import read_errors
from medshelf.acquire.transfers.hashing import hash_file
from medshelf.catalog.record import FileRecord, Record
from medshelf.core.settings import Settings

_THREADS = 4


class State(StrEnum):
    """What became of a file."""

    VERIFIED = "verified"
    REPACKED = "repacked"
    UNPUBLISHED = "unpublished"
    CHANGED = "changed"
    MISSING = "missing"
    EXTRA = "extra"


_BAD = {State.CHANGED, State.MISSING}


@dataclass(frozen=True, slots=True)
class Checked:
    """One file, compared.

    Attributes:
        name: Path below the folder.
        state: `verified`; `repacked`: another archive with the same members; `unpublished`: there
            is nothing to compare with; `changed`, `missing`, `extra`.
        expected: Hash or length that it should have; null where nothing is known.
        actual: The same of what lies there; null where nothing lies there or it was not read.
    """

    name: str
    state: State
    expected: str | None = None
    actual: str | None = None

    @property
    def bad(self) -> bool:
        """Whether the dataset is not what it was."""
        return self.state in _BAD


@dataclass(frozen=True, slots=True)
class _Expected:
    size_bytes: int | None
    hash: str | None
    members: Mapping[str, str] | None = None


def check_folder(record: Record, folder: Path, settings: Settings) -> tuple[Checked, ...]:
    """Compare the files of a dataset with its lock, and where it has none with what is published.

    Returns:
        One entry per file, by name; `extra` only in a folder that belongs to the dataset alone.

    Raises:
        StorageError: A file cannot be read.
    """
    expected = _expected(record, folder, settings)
    with ThreadPoolExecutor(_THREADS) as pool:
        checked = list(pool.map(lambda name: _check(folder, name, expected[name]), expected))
    if folder.name == record.id:
        others = (each for each in placed_names(record, folder) if each not in expected)
        checked += [Checked(name, State.EXTRA) for name in others]
    return tuple(sorted(checked, key=lambda each: each.name))


def _expected(record: Record, folder: Path, settings: Settings) -> dict[str, _Expected]:
    locked = known_lock(folder, record.id, settings)
    found = {name: _from_lock(file) for name, file in locked.files.items()}
    for names in locked.entries.values():
        for name in names:
            found.setdefault(name, _Expected(None, None))
    with read_errors(folder):
        for file in record.files:
            if not file.many and file.name not in found and (folder / file.name).is_file():
                found[file.name] = _Expected(file.size_bytes, file.hash)
    if not found:
        # Nothing of it is here: then every file that is always needed is missing.
        found = {each.name: _from_record(each) for each in record.files if not each.options}
    return found


def _from_lock(file: LockedFile) -> _Expected:
    return _Expected(file.size_bytes, file.sha256, file.members)


def _from_record(file: FileRecord) -> _Expected:
    return _Expected(file.size_bytes, file.hash)


def _check(folder: Path, name: str, expected: _Expected) -> Checked:
    path = folder / name
    with read_errors(path):
        if not path.is_file():
            return Checked(name, State.MISSING, expected.hash)
        size_bytes = path.stat().st_size
        if expected.hash is None:
            if expected.size_bytes in {None, size_bytes}:
                return Checked(name, State.UNPUBLISHED)
            wanted = f"{expected.size_bytes:,} bytes"
            return Checked(name, State.CHANGED, wanted, f"{size_bytes:,} bytes")
        algorithm = expected.hash.partition(":")[0]
        actual = hash_file(path, [algorithm])[algorithm]
        if actual == expected.hash:
            return Checked(name, State.VERIFIED, expected.hash, actual)
        same = expected.members is not None and hash_members(path) == dict(expected.members)
        state = State.REPACKED if same else State.CHANGED
        return Checked(name, state, expected.hash, actual)

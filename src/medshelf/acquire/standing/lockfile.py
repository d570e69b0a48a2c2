"""`files.lock`: what was fetched, from where, when, and which bytes came."""

from __future__ import annotations

import threading
import time
from collections.abc import Callable
from pathlib import Path

from pydantic import BaseModel, ConfigDict, Field, ValidationError

from medshelf.catalog.record import FileRecord, Record
from medshelf.core.files import write_text

_INTERVAL_S = 2.0
_SHARE = 20


class LockedFile(BaseModel):
    """One file as it came.

    Attributes:
        name: Path below the folder, with `/`.
        size_bytes: Length.
        sha256: `sha256:` and hex digits.
        published: The hash that the publisher gives, which these bytes have; null where none.
        source: Address, without a secret.
        fetched_utc: When it came; null where the user, or a fetch that was killed, had left it.
        members: Path to `sha256:...` of each member, for archives without a published hash.
    """

    model_config = ConfigDict(extra="forbid", frozen=True)

    name: str
    size_bytes: int
    sha256: str
    published: str | None = None
    source: str
    fetched_utc: str | None = None
    members: dict[str, str] | None = None


class FilesLock(BaseModel):
    """The lock of one dataset in one folder.

    Attributes:
        dataset: Catalog id.
        version: Of the record at the last fetch.
        entries: Name and address of a record's list to the names that it had, once all had come.
        files: By name.
    """

    model_config = ConfigDict(extra="forbid")

    dataset: str
    version: str | None = None
    entries: dict[str, list[str]] = Field(default={})
    files: dict[str, LockedFile] = Field(default={})


def entry_key(file: FileRecord) -> str:
    """Return what a record's list of files is called in a lock."""
    return f"{file.url} {file.name}"


def lock_path(folder: Path, dataset: str) -> Path:
    """Return where the lock lies; a folder that several datasets share holds one for each."""
    name = "files.lock" if folder.name == dataset else f"{dataset}.files.lock"
    return folder / name


def read_lock(path: Path, dataset: str) -> FilesLock:
    """Read a lock; an empty one where there is none, or none of this dataset."""
    try:
        found = FilesLock.model_validate_json(path.read_bytes())
    except (OSError, ValidationError):
        return FilesLock(dataset=dataset)
    return found if found.dataset == dataset else FilesLock(dataset=dataset)


class LockWriter:
    """Keeps a lock up to date while many threads add to it; written now and then, and at the end.

    What a killed process did not write down is on disk nevertheless: the next fetch finds it.
    """

    def __init__(self, folder: Path, record: Record) -> None:
        self._path = lock_path(folder, record.id)
        self.lock = read_lock(self._path, record.id)
        self.lock.version = record.version
        self._guard = threading.Lock()
        self._due = time.monotonic() + _INTERVAL_S
        self._changed = False
        self._begun = False

    def before_the_first(self, act: Callable[[], None]) -> None:
        """Call `act` once, before the first file gets its name."""
        with self._guard:
            if not self._begun:
                act()
                self._begun = True

    def knows(self, name: str, size_bytes: int) -> bool:
        """Whether a file of this name and length came before."""
        known = self.lock.files.get(name)
        return known is not None and known.size_bytes == size_bytes

    def add(self, file: LockedFile) -> None:
        """Add or replace a file.

        Raises:
            StorageError: The folder cannot be written.
        """
        with self._guard:
            self.lock.files[file.name] = file
            self._changed = True
            if time.monotonic() > self._due:
                self._write()

    def complete(self, key: str, names: list[str], *, forget: bool = False) -> None:
        """Say that all files of a record's list, named by `entry_key`, are there.

        Args:
            key: Of the list.
            names: What it has now.
            forget: Files that it had before and has no more are taken out of the lock.
        """
        names = sorted(names)
        before = self.lock.entries.get(key, [])
        self._changed |= before != names
        self.lock.entries[key] = names
        for name in set(before) - set(names) if forget else ():
            self.lock.files.pop(name, None)

    def flush(self) -> None:
        """Write what is new.

        Raises:
            StorageError: The folder cannot be written.
        """
        with self._guard:
            if self._changed:
                self._write()

    def _write(self) -> None:
        begin = time.monotonic()
        self.lock.files = dict(sorted(self.lock.files.items()))
        write_text(self._path, self.lock.model_dump_json(indent=1) + "\n")
        end = time.monotonic()
        # A long list takes long to write: no more than a twentieth of the time goes into it.
        self._due = end + max(_INTERVAL_S, _SHARE * (end - begin))
        self._changed = False

"""What a worker does: write one shard, or find the items that end its process."""

from __future__ import annotations

import errno
import os
import pickle
import platform
import uuid
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import Protocol

from medshelf.core.errors import StorageError
from medshelf.core.files import storage_errors
from medshelf.parallel.failures import JobError
from medshelf.parallel.process import Died, Raised, WorkerProcess

PARTS = ".part-*"
"""The names of half-written shards, as a pattern."""
_UNWRITABLE = {errno.ENOSPC, errno.EDQUOT, errno.EROFS}

Items = range | tuple[int, ...]


class Task(Protocol):
    """What is done with the items: an instance of a dataclass of an importable module."""

    def __call__(self, items: Items, path: Path) -> None:
        """Write the result for these items, in this order, into one file.

        Args:
            items: Item numbers in rising order; a tuple, possibly empty, where some were lost.
            path: The file to write; its name ends with the `suffix` given to `run`.
        """


@dataclass(frozen=True, slots=True)
class Lost:
    """An item that ends each process that works on it.

    Attributes:
        item: Its number.
        reason: How the process ended.
    """

    item: int
    reason: str


@dataclass(frozen=True, slots=True)
class Unit:
    """A piece of work.

    Attributes:
        shard: Which shard.
        items: What is in it.
        path: Where it is to lie.
        isolate: Find the items that end the process, and write nothing.
    """

    shard: int
    items: Items
    path: Path
    isolate: bool = False


@dataclass(frozen=True, slots=True)
class Work:
    """The function that workers call: a task bound to what is done with its result."""

    task: Task

    def __call__(self, unit: Unit) -> tuple[Lost, ...]:
        """Write the unit's shard, or return its items that end a process."""
        if not unit.path.parent.is_dir():
            raise StorageError(
                f"{unit.path.parent} does not exist on {platform.node()}",
                "Choose a folder that all machines of the cluster share",
            )
        if unit.isolate:
            return _find_lost(self.task, unit)
        write_shard(self.task, unit.items, unit.path)
        return ()


def write_shard(task: Task, items: Items, path: Path) -> None:
    """Let the task write beside `path`, then move the file there, whole and on the disk.

    Raises:
        StorageError: The disk is full or read-only.
        JobError: The task wrote no file.
    """
    with _part(path) as part:
        _write(task, items, part)
        with storage_errors(path):
            with part.open("rb") as file:
                os.fsync(file.fileno())
            part.replace(path)


@dataclass(frozen=True, slots=True)
class _Probe:
    task: Task
    path: Path

    def __call__(self, items: Items) -> None:
        with _part(self.path) as part:
            _write(self.task, items, part)


@contextmanager
def _part(path: Path) -> Iterator[Path]:
    # a name of its own: a machine that was believed lost may still be writing the same shard
    part = path.with_name(f".part-{uuid.uuid4().hex}-{path.name}")
    try:
        yield part
    finally:
        with storage_errors(part):
            part.unlink(missing_ok=True)


def _write(task: Task, items: Items, part: Path) -> None:
    try:
        task(items, part)
    except OSError as error:
        if error.errno not in _UNWRITABLE:
            raise
        with storage_errors(part.parent):
            raise
    if not part.is_file():
        raise JobError(
            f"{type(task).__name__} was called with the path {part} and wrote no such file",
            "Write exactly the path given; run(suffix=...) gives it an ending",
        )


def _find_lost(task: Task, unit: Unit) -> tuple[Lost, ...]:
    """Halve the items in processes of their own until those remain that end a process alone."""
    probes = _Probes(pickle.dumps(_Probe(task, unit.path)))
    suspects, lost = [unit.items], []
    try:
        while suspects:
            items = suspects.pop()
            reason = probes.death(items)
            if reason is not None and len(items) > 1:
                middle = len(items) // 2
                suspects += [items[middle:], items[:middle]]
            elif reason is not None and (reason := probes.death(items)) is not None:
                lost.append(Lost(items[0], reason))
    finally:
        probes.end()
    return tuple(lost)


class _Probes:
    """One process, replaced when it dies."""

    def __init__(self, pickled: bytes) -> None:
        self._pickled = pickled
        self._process: WorkerProcess | None = None

    def death(self, items: Items) -> str | None:
        """Return how the task ended its process; null where it did not."""
        self._process = self._process or WorkerProcess(self._pickled)
        ended = self._process.call(items)
        if isinstance(ended, Raised):
            raise ended.failure.rebuilt()
        if not isinstance(ended, Died):
            return None
        if not self._process.ready:
            raise JobError(f"A process ended before it began: {ended.reason}", "Run again")
        self.end()
        return ended.reason

    def end(self) -> None:
        if self._process is not None:
            self._process.end()
            self._process = None

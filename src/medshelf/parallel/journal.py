"""What a job's folder remembers, so that a killed run goes on where it stopped."""

from __future__ import annotations

import json
from collections.abc import Iterable
from dataclasses import asdict, dataclass
from pathlib import Path
from typing import Any

from medshelf.core.errors import FormatError
from medshelf.core.files import make_folder, storage_errors, write_text
from medshelf.parallel.failures import JobError
from medshelf.parallel.shards import PARTS, Items, Lost

FILE = "journal.json"
_SHARDS = "shard-*"


@dataclass(frozen=True, slots=True)
class Job:
    """What the bytes of the shards depend on.

    Attributes:
        n_items: Number of items.
        shard_size: Items in a shard; the last one may have fewer.
        suffix: How the files' names end.
        task: Module and class of the task.
        key: What else tells this task from others.
    """

    n_items: int
    shard_size: int
    suffix: str
    task: str
    key: str

    @property
    def n_shards(self) -> int:
        """Number of shards."""
        return -(-self.n_items // self.shard_size)

    def path(self, folder: Path, shard: int) -> Path:
        """Return where the result of a shard lies."""
        return folder / f"shard-{shard:08}{self.suffix}"

    def items(self, shard: int, lost: Iterable[int]) -> Items:
        """Return the items of a shard: a range, or a tuple where some of them are lost."""
        start = shard * self.shard_size
        items = range(start, min(start + self.shard_size, self.n_items))
        left_out = set(items).intersection(lost)
        return tuple(each for each in items if each not in left_out) if left_out else items


class Journal:
    """The file `journal.json` of a job's folder; whoever opens it holds the folder's lock.

    Finished shards are not listed in it: a shard is finished when its file is there.

    Raises:
        JobError: The folder holds another job.
        FormatError: The journal is damaged.
        StorageError: The folder cannot be written.
    """

    def __init__(self, folder: Path, job: Job) -> None:
        self._path = make_folder(folder) / FILE
        self.job = job
        self.lost: dict[int, str] = {}
        self.finished = self._finished()
        if self._path.exists():
            self._resume()
        elif self.finished:
            raise JobError(
                f"{folder} holds {len(self.finished)} shards and no {FILE}",
                "Give another folder, or delete this one",
            )
        else:
            self._write()
        self.tidy()

    def path(self, shard: int) -> Path:
        """Return where the result of a shard lies."""
        return self.job.path(self._path.parent, shard)

    def items(self, shard: int) -> Items:
        """Return the items of a shard without those known to be lost."""
        return self.job.items(shard, self.lost)

    def lose(self, lost: Iterable[Lost]) -> None:
        """Remember lost items, on the disk before their shard is written without them."""
        self.lost |= {each.item: each.reason for each in lost}
        self._write()

    def tidy(self) -> None:
        """Delete what killed workers left half-written."""
        with storage_errors(self._path.parent):
            for part in sorted(self._path.parent.glob(PARTS)):
                part.unlink(missing_ok=True)

    def _finished(self) -> set[int]:
        names = {each.name for each in sorted(self._path.parent.glob(_SHARDS))}
        return {each for each in range(self.job.n_shards) if self.path(each).name in names}

    def _write(self) -> None:
        lost = [asdict(Lost(item, reason)) for item, reason in sorted(self.lost.items())]
        write_text(self._path, json.dumps({**asdict(self.job), "lost": lost}, indent=1) + "\n")

    def _resume(self) -> None:
        try:
            stored: dict[str, Any] = json.loads(self._path.read_text(encoding="utf-8"))
            lost = {int(each["item"]): str(each["reason"]) for each in stored.pop("lost")}
            there = Job(**stored)
        except (ValueError, TypeError, KeyError, AttributeError) as error:
            remedy = f"Delete {self._path.parent} and run again"
            raise FormatError(
                self._path, f"it is not the journal of a job ({error})", remedy
            ) from (error)
        ours, theirs = asdict(self.job), asdict(there)
        if differing := [name for name in ours if ours[name] != theirs[name]]:
            said = ", ".join(f"{name} {theirs[name]!r}, not {ours[name]!r}" for name in differing)
            raise JobError(
                f"{self._path.parent} holds the shards of another job: {said}",
                "Give another folder, or delete this one",
            )
        self.lost = lost

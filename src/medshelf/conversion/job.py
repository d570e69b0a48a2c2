"""What a writer is told, and what it must offer."""

from __future__ import annotations

import json
from collections.abc import Callable, Iterator, Mapping, Sequence
from contextlib import AbstractContextManager
from dataclasses import dataclass
from pathlib import Path
from typing import Any, Protocol

from medshelf.conversion.preparation import Preparation
from medshelf.conversion.prepared import Prepared
from medshelf.core.manifest import Manifest, Meta

Record = dict[str, Any]
"""What a writer wants to know later of a sample that it wrote; becomes JSON."""


@dataclass(frozen=True, slots=True)
class Part:
    """The samples of one split.

    Attributes:
        split: train, val or test; null where samples have none.
        first: Row of its first sample in the table of the conversion.
        n_samples: How many.
        shard_size: How many are written as one piece of work.
    """

    split: str | None
    first: int
    n_samples: int
    shard_size: int

    @property
    def name(self) -> str:
        """The split, or `all`."""
        return self.split or "all"

    @property
    def n_shards(self) -> int:
        """How many pieces of work there are."""
        return -(-self.n_samples // self.shard_size)


@dataclass(frozen=True, slots=True)
class Job:
    """One conversion.

    Attributes:
        target: Name of the writer.
        folder: Where its files go, a folder of its own that becomes the product when all is done.
        meta: What is true of the dataset.
        preparation: What is done to images.
        options: The writer's own options.
        plan: What the writer's `plan` gave.
        dropped: What is lost, names of `contents.CONTENTS`.
        parts: The splits, in order.
        shards: Where the records of written samples lie: `shards/<part>/*.jsonl`.
        table: The rows in the order of writing, a Parquet file of the manifest's columns and `key`.
        root: The raw tree.
    """

    target: str
    folder: Path
    meta: Meta
    preparation: Preparation
    options: Mapping[str, str]
    plan: Mapping[str, Any]
    dropped: tuple[str, ...]
    parts: tuple[Part, ...]
    shards: Path
    table: Path
    root: Path

    def records(self, *parts: Part) -> Iterator[Record]:
        """Yield what the writer returned for each written sample, in order.

        Args:
            parts: The splits; all by default.
        """
        return (each["record"] for each in self._lines(parts) if "record" in each)

    def sources(self) -> Iterator[Record]:
        """Yield where each image and mask of the written samples came from."""
        return (source for each in self._lines(()) for source in each.get("sources", ()))

    def failures(self) -> dict[str, str]:
        """Return the samples that could not be read, with the reason."""
        return {each["skipped"]: each["reason"] for each in self._lines(()) if "skipped" in each}

    def _lines(self, parts: Sequence[Part]) -> Iterator[Record]:
        for part in parts or self.parts:
            for path in sorted((self.shards / part.name).glob("*.jsonl")):
                with path.open(encoding="utf-8") as file:
                    yield from map(json.loads, file)


class Writer(Protocol):
    """A module of `medshelf.writers`.

    One that cannot write images however they are prepared also has
    `check_preparation(preparation, plan)`, which refuses before anything is written.

    Attributes:
        CARRIES: Names of `contents.CONTENTS` that the format holds.
        OPTIONS: Option to what it does, in one line.
        SHARD_SIZE: Samples that are written as one piece of work; 0 where no file is opened, and
            `finish` writes everything from `job.table`.
    """

    CARRIES: frozenset[str]
    OPTIONS: Mapping[str, str]
    SHARD_SIZE: int

    def plan(self, manifest: Manifest, options: Mapping[str, str]) -> dict[str, Any]:
        """Return what is the same for all samples (classes, names); refuse what cannot be.

        `shard_size` in it stands for `SHARD_SIZE` in this conversion.
        """

    def shard(
        self, job: Job, part: Part, number: int
    ) -> AbstractContextManager[Callable[[Prepared], Record]]:
        """Give a function that writes one sample of shard `number` below `job.folder`.

        The function either writes a sample whole or raises before anything of it is written to a
        file that others share.
        """

    def finish(self, job: Job) -> None:
        """Write what lists the samples, from `job.records()`."""


def shard_size_of(writer: Writer, plan: Mapping[str, Any]) -> int:
    """Return how many samples a writer wants as one piece of work; 0 where it opens no file."""
    size: int = plan.get("shard_size", writer.SHARD_SIZE)
    return size

"""One piece of work: the samples of a shard, prepared and handed to the writer."""

from __future__ import annotations

import importlib
import json
import pkgutil
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import Any, Literal, cast

import polars as pl

from medshelf.conversion.job import Job, Part, Writer
from medshelf.conversion.prepared import Prepared
from medshelf.core.errors import MedshelfError, MissingExtraError, StorageError, UnknownNameError
from medshelf.core.files import synced_together
from medshelf.dataset.sample import Sample

_WRITERS = "medshelf.writers"


@dataclass(frozen=True, slots=True)
class ShardTask:
    """Write shards of one split; see `parallel.run.Task`.

    Attributes:
        job: The conversion.
        part: The split.
        on_error: `stop` at a sample that cannot be read, or `skip` it.
    """

    job: Job
    part: Part
    on_error: Literal["stop", "skip"]

    def __call__(self, items: range | tuple[int, ...], path: Path) -> None:
        """Write the samples, and a line of JSON about each."""
        number = int(path.stem.rpartition("-")[2])
        writer = writer_module(self.job.target)
        with (
            synced_together(),
            writer.shard(self.job, self.part, number) as write,
            path.open("w", encoding="utf-8") as lines,
        ):
            for sample in self._samples(items):
                try:
                    told = {"record": write(sample), "sources": list(sample.provenance())}
                except (StorageError, MissingExtraError):
                    raise
                except MedshelfError as error:
                    if self.on_error == "stop":
                        raise
                    told = {"skipped": sample.sample.id, "reason": error.problem}
                lines.write(json.dumps(told, ensure_ascii=False, sort_keys=True) + "\n")

    def _samples(self, items: range | tuple[int, ...]) -> Iterator[Prepared]:
        if not items:
            return
        first, n = self.part.first + items[0], items[-1] - items[0] + 1
        rows = pl.scan_parquet(self.job.table, glob=False).slice(first, n).collect()
        for item in items:
            row: dict[str, Any] = rows.row(item - items[0], named=True)
            key, split = row.pop("key"), row["split"]
            sample = Sample.from_row(row, self.job.meta, self.job.root)
            yield Prepared(key, split, sample, self.job.preparation)


def writer_module(target: str) -> Writer:
    """Return the writer of a format.

    Raises:
        UnknownNameError: There is none.
    """
    names = writer_names()
    if target not in names:
        raise UnknownNameError("format", target, names)
    module = importlib.import_module(f"{_WRITERS}.{target.replace('-', '_')}")
    return cast("Writer", module)


def writer_names() -> tuple[str, ...]:
    """Return the names of all formats, sorted."""
    package = importlib.import_module(_WRITERS)
    found = (each.name.replace("_", "-") for each in pkgutil.iter_modules(package.__path__))
    return tuple(sorted(found))

"""Shards of a measurement: some rows of a manifest to one Parquet file with both tables."""

from __future__ import annotations

import multiprocessing
from collections.abc import Mapping
from dataclasses import dataclass, field
from functools import cached_property
from pathlib import Path
from typing import Any

import numpy as np
import polars as pl

from medshelf.core.allocator import keep_freed_memory
from medshelf.core.manifest import Meta
from medshelf.dataset.fields import Medium
from medshelf.dataset.masks import legend_of
from medshelf.imaging.hashing import phash
from medshelf.quality.measures import MEDIA_MEASURES, REGION_MEASURES
from medshelf.quality.measuring.one_sample import Measured, SampleMeasuring

REGION = "region_"
"""What the columns of regions begin with in a shard."""


@dataclass(frozen=True)
class MeasuringTask:
    """Measures rows; see `parallel.run`.

    Attributes:
        rows: Parquet file with `row`, `sample_id`, `dataset` (whose legend counts) and `media`.
        root: What the paths of media are relative to.
        meta: Says what the values of masks mean, and how many spatial axes arrays have.
    """

    rows: Path
    root: Path
    meta: Meta = field(repr=False)

    def __call__(self, items: range | tuple[int, ...], path: Path) -> None:
        """Measure some rows and write both tables one after the other."""
        if multiprocessing.parent_process() is not None:
            keep_freed_memory()
        media: list[dict[str, Any]] = []
        regions: list[dict[str, Any]] = []
        small: list[np.ndarray | None] = []
        for sample in self._read(items):
            found = self._measure(sample)
            about = {"row": sample["row"], "sample_id": sample["sample_id"]}
            media += [{**each, **about} for each in found.media]
            regions += [{**each, **about} for each in found.regions]
            small += found.small
        _add_hashes(media, small)
        tables = (
            _table(media, MEDIA_MEASURES),
            _table(regions, REGION_MEASURES).rename(_prefixed),
        )
        pl.concat(tables, how="diagonal").write_parquet(path, compression="lz4")

    @cached_property
    def _measuring(self) -> dict[str | None, SampleMeasuring]:
        return {}

    def _measure(self, sample: Mapping[str, Any]) -> Measured:
        name = sample["dataset"]
        if name not in self._measuring:
            legend = legend_of(self.meta, name)
            self._measuring[name] = SampleMeasuring(self.root, legend, self.meta.dimensions)
        return self._measuring[name]([Medium(**each) for each in sample["media"] or ()])

    def _read(self, items: range | tuple[int, ...]) -> list[dict[str, Any]]:
        if not items:
            return []
        first, length = items[0], items[-1] - items[0] + 1
        table = pl.scan_parquet(self.rows, glob=False).slice(first, length).collect()
        return table[[each - first for each in items]].to_dicts()


def _table(rows: list[dict[str, Any]], schema: pl.Schema) -> pl.DataFrame:
    columns = {name: [each.get(name) for each in rows] for name in schema}
    return pl.DataFrame(columns, schema=schema)


def _prefixed(name: str) -> str:
    return REGION + name


def _add_hashes(media: list[dict[str, Any]], small: list[np.ndarray | None]) -> None:
    """Hash the reduced pictures of a shard together; one without structure has no hash."""
    seen = [n for n, each in enumerate(small) if each is not None]
    if not seen:
        return
    hashes = phash(np.stack([each for each in small if each is not None]))
    for n, value in zip(seen, hashes.tolist(), strict=True):
        media[n]["phash"] = value

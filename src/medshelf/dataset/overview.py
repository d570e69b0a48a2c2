"""A manifest in numbers that fit on one screen: what is there, how it is labelled, what is not."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import asdict, dataclass
from typing import Any

import polars as pl

from medshelf.core.manifest import SCHEMA, SPLITS, Manifest, Meta

NO_SPLIT = "none"
"""Stands for the rows without an official split."""

_FACETS = ("view", "sex", "laterality", "site", "scanner", "language")
_STATES = {"1.0": "present", "0.0": "absent", "-1.0": "uncertain"}
_N_VALUES = 30


@dataclass(frozen=True, slots=True)
class LabelCount:
    """How often one label occurs.

    Attributes:
        task: Name of its task; null for the single label of a row.
        name: The class.
        state: `present`, `absent`, `uncertain`, or the value itself where it is a grade.
        by_split: Rows per split.
    """

    task: str | None
    name: str
    state: str
    by_split: Mapping[str, int]

    @property
    def n(self) -> int:
        """Rows in all splits."""
        return sum(self.by_split.values())


@dataclass(frozen=True, slots=True)
class Overview:
    """What `medshelf read` shows.

    Attributes:
        meta: What is true of the whole dataset, its Issues included.
        n_samples: Rows.
        n_patients: Different patients; 0 where none is named.
        n_studies: Different studies; 0 where none is named.
        by_split: Rows per split.
        labels: Counts of labels, the most frequent first within a task.
        facets: View, sex ... to value to rows, the most frequent first; at most 30 values each.
        media: Role and format to number of media.
        stated: Column to the rows in which it is stated, for columns that say anything.
        without_media: Rows that name no image, mask or other medium.
        first: The first rows, without what is null.
    """

    meta: Meta
    n_samples: int
    n_patients: int
    n_studies: int
    by_split: Mapping[str, int]
    labels: tuple[LabelCount, ...]
    facets: Mapping[str, Mapping[str, int]]
    media: Mapping[str, int]
    stated: Mapping[str, int]
    without_media: int
    first: tuple[Mapping[str, Any], ...]

    def as_dict(self) -> dict[str, Any]:
        """Return plain values, for JSON."""
        return asdict(self)


def overview(manifest: Manifest, *, n_first: int = 3) -> Overview:
    """Count what a manifest holds.

    Args:
        manifest: The table.
        n_first: How many rows to show.
    """
    split = pl.col("split").cast(pl.String).fill_null(NO_SPLIT)
    frame = manifest.frame.with_columns(split, pl.col("text").struct.unnest())
    texts = [each.name for each in SCHEMA["text"].fields]  # type: ignore[attr-defined]
    columns = [each for each in SCHEMA if each not in ("sample_id", "split", "text")] + texts
    # One query after the other: a plan that they share keeps the whole table in memory, and so does
    # n_unique beside other columns. What no row states is not looked at again.
    counts = frame.select(pl.len().alias("n"), *[pl.col(each).count() for each in columns])
    sizes = counts.collect().row(0, named=True)
    stated = {each: sizes[each] for each in columns if sizes[each]}
    single = frame.drop_nulls("label").group_by("label", "split").len()
    facets = {
        name: frame.drop_nulls(name).group_by(name).len().collect()
        for name in _FACETS
        if name in stated
    }
    media = _media(frame).collect().sort("role", "format").rows() if "media" in stated else []
    return Overview(
        meta=manifest.meta,
        n_samples=sizes["n"],
        n_patients=_n_unique(frame, "patient_id") if "patient_id" in stated else 0,
        n_studies=_n_unique(frame, "study_id") if "study_id" in stated else 0,
        by_split=_in_order(dict(frame.group_by("split").len().collect().iter_rows())),
        labels=(
            *(_single(single.collect()) if "label" in stated else ()),
            *(_several(_entries(frame).collect()) if "labels" in stated else ()),
        ),
        facets={
            name: dict(_most(each, name).head(_N_VALUES).iter_rows())
            for name, each in facets.items()
        },
        media={f"{role} {kind}": n for role, kind, n in media},
        stated=stated,
        without_media=sizes["n"] - sizes["media"],
        first=tuple(
            _without_nulls(each) for each in manifest.frame.head(n_first).collect().to_dicts()
        ),
    )


def _n_unique(frame: pl.LazyFrame, column: str) -> int:
    return int(frame.select(pl.col(column).drop_nulls().n_unique()).collect().item())


def _media(frame: pl.LazyFrame) -> pl.LazyFrame:
    exploded = frame.select(pl.col("media").explode()).drop_nulls().unnest("media")
    return exploded.select(pl.col("role").cast(pl.String), "format").group_by(pl.all()).len()


def _entries(frame: pl.LazyFrame) -> pl.LazyFrame:
    entries = frame.select("split", pl.col("labels")).explode("labels").drop_nulls("labels")
    return entries.unnest("labels").group_by("task", "name", "value", "split").len()


def _single(counts: pl.DataFrame) -> list[LabelCount]:
    return [
        LabelCount(None, str(name), "present", _in_order(dict(zip(*each, strict=True))))
        for name, *each in _per_name(counts, ["label"])
    ]


def _several(counts: pl.DataFrame) -> list[LabelCount]:
    return [
        LabelCount(
            task,
            name,
            _STATES.get(str(value), f"{value:g}" if value is not None else "present"),
            _in_order(dict(zip(*each, strict=True))),
        )
        for task, name, value, *each in _per_name(counts, ["task", "name", "value"])
    ]


def _per_name(counts: pl.DataFrame, keys: list[str]) -> list[tuple[Any, ...]]:
    """Return one row per key with the lists of its splits and counts, most frequent first."""
    grouped = counts.sort("split").group_by(keys).agg("split", "len", total=pl.col("len").sum())
    first = ["task"] if "task" in keys else []
    order = grouped.sort(
        [*first, "total", *keys], descending=[False] * len(first) + [True] + [False] * len(keys)
    )
    return order.drop("total").rows()


def _most(counts: pl.DataFrame, name: str) -> pl.DataFrame:
    return counts.sort("len", name, descending=[True, False])


def _in_order(by_split: dict[str, int]) -> dict[str, int]:
    return {each: by_split[each] for each in (*SPLITS, NO_SPLIT) if each in by_split}


def _without_nulls(value: Any) -> Any:
    if isinstance(value, dict):
        return {name: _without_nulls(each) for name, each in value.items() if each is not None}
    if isinstance(value, list):
        return [_without_nulls(each) for each in value]
    return value

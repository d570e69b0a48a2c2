"""How often labels occur, how evenly, and which occur together."""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass

import numpy as np
import polars as pl

from medshelf.dataset.overview import LabelCount, Overview
from medshelf.quality.case import Case
from medshelf.quality.profiling.spread import Spread, spread_of, spreads_by, tally

_STATES = (-1.0, 0.0, 1.0)
_N_TOGETHER = 60
"""Names that a matrix has at most, the most frequent ones."""


@dataclass(frozen=True, slots=True)
class Balance:
    """How evenly the classes of a task are filled.

    Attributes:
        task: Name of the task; null for the single label of a sample.
        n: Labels that were given: samples for a single label, positive entries for several.
        n_classes: Classes of the task, those that never occur included.
        empty: Classes that never occur.
        majority: The most frequent class.
        majority_share: Its share of `n`, 0 to 1: the accuracy of always naming it.
        ratio: Most to least frequent class; null where one never occurs.
        effective_classes: Classes of equal size that would be as uneven: e to the entropy.
    """

    task: str | None
    n: int
    n_classes: int
    empty: tuple[str, ...]
    majority: str
    majority_share: float
    ratio: float | None
    effective_classes: float


@dataclass(frozen=True, slots=True)
class Together:
    """Which names occur in the same sample.

    Attributes:
        of: `labels`, `shapes` or `masks`.
        task: The label task; null where there is none.
        n: Samples with at least one of the names.
        names: In the order of rows and columns; at most 60, the most frequent.
        counts: Samples that have both, by rows; on the diagonal those that have the name.
        per_sample: How many names a sample has, over samples that have at least one.
    """

    of: str
    task: str | None
    n: int
    names: tuple[str, ...]
    counts: tuple[tuple[int, ...], ...]
    per_sample: Spread


@dataclass(frozen=True, slots=True)
class Graded:
    """A grade or measurement.

    Attributes:
        task: Name of its task.
        name: What is graded or measured.
        values: Its spread over entries.
    """

    task: str
    name: str
    values: Spread


@dataclass(frozen=True, slots=True)
class Labels:
    """What the labels are.

    Attributes:
        counts: Entries per class, state and split, the most frequent first within a task.
        balance: Per task that has classes.
        together: Per multi-label task, and of shapes; of masks where pixels were measured.
        graded: Labels whose values are not just present, absent and uncertain.
    """

    counts: tuple[LabelCount, ...]
    balance: tuple[Balance, ...]
    together: tuple[Together, ...]
    graded: tuple[Graded, ...]


def describe_labels(case: Case, seen: Overview) -> Labels | None:
    """Return counts, balance and co-occurrence; null where the manifest has no labels or shapes."""
    if not {"label", "labels", "shapes"} & set(seen.stated):
        return None
    together: list[Together] = []
    graded: list[Graded] = []
    if "labels" in seen.stated:
        entries = _entries(case)
        graded = list(_graded(entries))
        done = {each.task for each in graded}
        together += _of_tasks(entries.filter(~pl.col("task").is_in(sorted(done))))
    if "shapes" in seen.stated:
        shapes = case.rows.select("row", pl.col("shapes")).explode("shapes").drop_nulls("shapes")
        drawn = shapes.select("row", name=pl.col("shapes").struct.field("label"))
        together += _matrix(drawn, "shapes", None)
    balance = tuple(_balance(case, seen.labels, {each.task for each in graded}))
    return Labels(seen.labels, balance, tuple(together), tuple(graded))


def together_in_masks(regions: pl.LazyFrame) -> tuple[Together, ...]:
    """Return which structures occur in the same sample.

    Args:
        regions: `row`, `structure` and `n_pixels`.
    """
    present = regions.filter(pl.col("n_pixels") > 0).select("row", name="structure")
    return tuple(_matrix(present, "masks", None))


def _entries(case: Case) -> pl.LazyFrame:
    entries = case.rows.select("row", "labels").explode("labels").drop_nulls("labels")
    return entries.unnest("labels").select("row", "task", "name", "value")


def _graded(entries: pl.LazyFrame) -> Iterator[Graded]:
    """Yield the spread of every label of a task that has other values than states."""
    odd = ~pl.col("value").is_in(_STATES)
    tasks = entries.filter(odd, pl.col("value").is_not_null()).select("task").unique()
    names = tasks.collect(engine="streaming")["task"].drop_nulls().sort().to_list()
    for task in names:
        own = entries.filter(pl.col("task") == task)
        counted = tally(own, pl.col("value"), "name").collect(engine="streaming")
        for name, values in spreads_by(counted, "name").items():
            yield Graded(task, name, values)


def _of_tasks(entries: pl.LazyFrame) -> Iterator[Together]:
    present = entries.filter(pl.col("value") == 1).select("row", "task", "name").unique()
    tasks = present.select("task").unique().collect(engine="streaming")["task"].sort()
    for task in tasks:
        own = present.filter(pl.col("task").eq_missing(task)).select("row", "name")
        yield from _matrix(own, "labels", task)


def _matrix(present: pl.LazyFrame, of: str, task: str | None) -> Iterator[Together]:
    """Count pairs of names in the same row; nothing where there are fewer than two names."""
    found = present.drop_nulls("name").unique().collect(engine="streaming")
    sizes = found.group_by("name").len().sort("len", "name", descending=[True, False])
    names = sizes["name"].head(_N_TOGETHER).to_list()
    if len(names) < 2:  # noqa: PLR2004
        return
    code = {name: number for number, name in enumerate(names)}
    per_sample = spread_of(
        found.group_by("row").agg(value=pl.len().cast(pl.Float64)).group_by("value").agg(n=pl.len())
    )
    assert per_sample is not None  # noqa: S101 - there are names
    kept = found.filter(pl.col("name").is_in(names)).select(
        "row", code=pl.col("name").replace_strict(code, return_dtype=pl.Int32)
    )
    pairs = kept.join(kept, on="row").group_by("code", "code_right").len()
    counts = np.zeros((len(names), len(names)), np.int64)
    counts[pairs["code"].to_numpy(), pairs["code_right"].to_numpy()] = pairs["len"].to_numpy()
    rows = tuple(tuple(each) for each in counts.tolist())
    yield Together(of, task, found["row"].n_unique(), tuple(names), rows, per_sample)


def _balance(case: Case, counts: Sequence[LabelCount], graded: set[str]) -> Iterator[Balance]:
    present: dict[str | None, dict[str, int]] = {}
    for each in counts:
        if each.state == "present" and each.task not in graded:
            present.setdefault(each.task, {})[each.name] = each.n
    for task, found in present.items():
        yield _of_counts(task, _with_empty(case, task, found))


def _with_empty(case: Case, task: str | None, found: Mapping[str, int]) -> dict[str, int]:
    """Add the classes of the task that never occur."""
    for known in case.meta.tasks:
        single = task is None and "label" in known.kind.columns
        if (single or known.name == task) and set(found) <= set(known.classes):
            return {name: found.get(name, 0) for name in known.classes}
    return dict(found)


def _of_counts(task: str | None, counts: Mapping[str, int]) -> Balance:
    values = np.array(list(counts.values()), np.float64)
    n = values.sum()
    shares = values[values > 0] / n
    majority = max(counts, key=lambda name: counts[name])
    return Balance(
        task=task,
        n=int(n),
        n_classes=len(counts),
        empty=tuple(name for name, count in counts.items() if not count),
        majority=majority,
        majority_share=float(counts[majority] / n),
        ratio=float(values.max() / values.min()) if values.min() else None,
        effective_classes=float(np.exp(-(shares * np.log(shares)).sum())),
    )

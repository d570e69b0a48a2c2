"""Derived splits: whole groups, stratified, decided by the seed alone."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Literal

import numpy as np
import polars as pl

from medshelf.core.errors import SettingError
from medshelf.dataset.rows import Rows

Unit = Literal["patient", "study", "sample"]

UNITS: dict[Unit, tuple[str, ...]] = {
    "patient": ("patient_id", "study_id", "sample_id"),
    "study": ("study_id", "sample_id"),
    "sample": ("sample_id",),
}
"""Columns that say to which group a row belongs; the first that is not null counts."""


def part_of_rows(rows: Rows, by: Unit, fractions: Sequence[float], seed: int) -> np.ndarray:
    """Decide for each row in which part it is, int64 (N,).

    Groups are put in the order of their rarest label, their size (in powers of two) and a random
    number; every part then takes its share evenly along that order. So each part has its share of
    all groups within 1, of the groups of each label within 2, and of large and small groups.

    Args:
        rows: The rows.
        by: What must not be torn apart.
        fractions: Share of groups of each part.
        seed: Decides the random order.

    Raises:
        SettingError: The fractions are no shares of a whole, no row says its group, or a part would
            be empty.
    """
    _check(fractions)
    columns = UNITS.get(by)
    if columns is None:
        raise SettingError(
            f"split_by({by!r}) is not possible", f"Choose one of: {', '.join(UNITS)}"
        )
    key = pl.coalesce([pl.lit(f"{each}:") + pl.col(each) for each in columns])
    stated = pl.col(columns[0]).is_not_null()
    keys = rows.frame.select("label", "labels", stated=stated, group=key.rank("dense") - 1)
    table = keys.collect()
    if not table["stated"].any():
        problem = f"No sample has a {columns[0]}, so nothing can be split by {by}"
        raise SettingError(problem, "Split by 'sample', if no two samples are of one patient")
    groups = table["group"].to_numpy()
    sizes = np.floor(np.log2(np.bincount(groups)))
    random = np.random.default_rng(seed).random(len(sizes))
    order = np.lexsort((random, sizes, _strata(table, len(sizes))))
    part = np.empty(len(sizes), np.int64)
    part[order] = _shares(len(sizes), fractions)
    if len(np.unique(part)) < len(fractions):
        problem = f"{len(sizes)} groups are too few for parts of {_listed(fractions)}"
        raise SettingError(problem, "Choose fewer or larger parts")
    return part[groups]


def count_unstated(rows: Rows, by: Unit) -> int:
    """Count the rows that do not say to which group they belong."""
    return int(rows.frame.select(pl.col(UNITS[by][0]).is_null().sum()).collect().item())


def _strata(table: pl.DataFrame, n_groups: int) -> np.ndarray:
    """Number each group by its rarest label, the rarest of all being 1; 0 has none, int64 (N,)."""
    single = table.select("group", name=pl.lit("\0") + pl.col("label")).drop_nulls()
    listed = table.select("group", "labels").drop_nulls().explode("labels").drop_nulls()
    several = listed.unnest("labels").filter(pl.col("value") == 1)
    task_and_name = pl.concat_str("task", "name", separator="\0", ignore_nulls=True)
    named = pl.concat([single, several.select("group", name=task_and_name)])
    named = named.with_columns(pl.col("name").rank("dense")).unique()
    counts = named.group_by("name").agg(n=pl.len()).sort("n", "name")
    rarest = (
        named.join(counts.with_row_index("stratum", offset=1), on="name")
        .group_by("group")
        .agg(pl.col("stratum").min())
    )
    strata = np.zeros(n_groups, np.int64)
    strata[rarest["group"].to_numpy()] = rarest["stratum"].to_numpy()
    return strata


def _shares(n: int, fractions: Sequence[float]) -> np.ndarray:
    """Spread parts evenly over `n` places, int64 (n,): every stretch has its share of each."""
    part = np.zeros(n, np.int64)
    free, whole = np.arange(n), float(sum(fractions))
    for number in range(len(fractions) - 1, 0, -1):
        steps = np.floor(np.arange(len(free) + 1) * (fractions[number] / whole) + 0.5)
        chosen = np.diff(steps) > 0
        part[free[chosen]] = number
        free, whole = free[~chosen], whole - fractions[number]
    return part


def _check(fractions: Sequence[float]) -> None:
    whole = abs(sum(fractions) - 1) < 1e-6  # noqa: PLR2004
    if len(fractions) < 2 or min(fractions) <= 0 or not whole:  # noqa: PLR2004
        problem = f"The fractions {_listed(fractions)} are no shares of a whole"
        raise SettingError(problem, "Give two or more above 0 whose sum is 1, e.g. 0.7, 0.1, 0.2")


def _listed(fractions: Sequence[float]) -> str:
    return ", ".join(f"{each:g}" for each in fractions) or "none"

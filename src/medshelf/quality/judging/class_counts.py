"""How many samples of each class there are in each split."""

from __future__ import annotations

import polars as pl

from medshelf.core.manifest import SPLITS
from medshelf.quality.case import Case
from medshelf.quality.judging.targets import findings, single_task


def classes_by_split(case: Case) -> pl.DataFrame:
    """Count the samples that have a class, or in which a finding is present.

    Returns:
        `task`, `name` and one column per split, UInt32, sorted; rows without a split do not count.
    """
    counts = (
        _present(case)
        .group_by("task", "name")
        .agg(
            pl.col("row").filter(pl.col("split") == each).n_unique().alias(each) for each in SPLITS
        )
    )
    return counts.sort("task", "name").collect()


def samples_of(case: Case, classes: pl.DataFrame, *splits: str) -> tuple[str, ...]:
    """Return the samples of some classes in some splits (all by default), in order.

    Args:
        case: The manifest.
        classes: `task` and `name`.
        splits: Names.
    """
    wanted = classes.lazy().select("task", "name")
    rows = _present(case).filter(pl.col("split").cast(pl.String).is_in(splits or SPLITS))
    found = rows.join(wanted, on=["task", "name"], how="semi").unique("row").sort("row")
    return tuple(found.collect()["sample_id"])


def _present(case: Case) -> pl.LazyFrame:
    single = case.rows.select(
        "row", "sample_id", "split", task=pl.lit(single_task(case)), name="label"
    )
    several = findings(case, "sample_id", "split").filter(pl.col("value") == 1)
    both = [single, several.select("row", "sample_id", "split", "task", "name")]
    return pl.concat(both).drop_nulls(["name", "split"])

"""Who is in a dataset and how they were examined: age, sex, view, site, scanner."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass

import polars as pl

from medshelf.dataset.overview import Overview
from medshelf.quality.case import Case
from medshelf.quality.profiling.counts import SPLIT, in_split_order
from medshelf.quality.profiling.spread import Spread, spread_of, spreads_by, tally

FACETS = ("sex", "view", "laterality", "site", "scanner", "language")
_N_VALUES = 30


@dataclass(frozen=True, slots=True)
class FacetValue:
    """One value of a column.

    Attributes:
        value: As the manifest has it.
        n: Samples.
        n_patients: Different patients; null where none is named.
        by_split: Samples per split.
    """

    value: str
    n: int
    n_patients: int | None
    by_split: Mapping[str, int]


@dataclass(frozen=True, slots=True)
class Facet:
    """The values of a column.

    Attributes:
        name: The column.
        n: Samples that state it.
        n_values: Different values.
        values: The most frequent first, at most 30.
    """

    name: str
    n: int
    n_values: int
    values: tuple[FacetValue, ...]


@dataclass(frozen=True, slots=True)
class People:
    """Age and the other facts about who was examined, and how.

    Attributes:
        age_years: Over samples; null where none states it.
        age_by_split: The same within each split.
        facets: Sex, view, laterality, site, scanner and language, where stated.
    """

    age_years: Spread | None
    age_by_split: Mapping[str, Spread]
    facets: tuple[Facet, ...]


def describe_people(case: Case, seen: Overview) -> People | None:
    """Return age and facets; null where the manifest states none of them."""
    names = [each for each in FACETS if each in seen.stated]
    if not names and "age_years" not in seen.stated:
        return None
    rows = case.rows.with_columns(split=SPLIT)
    ages, *counted = pl.collect_all(
        [tally(rows, pl.col("age_years"), "split"), *[_counted(rows, each) for each in names]],
        engine="streaming",
    )
    facets = [_facet(name, each) for name, each in zip(names, counted, strict=True)]
    return People(spread_of(ages), in_split_order(spreads_by(ages, "split")), tuple(facets))


def _counted(rows: pl.LazyFrame, name: str) -> pl.LazyFrame:
    """Return one row per value with its counts; a patient may be in several splits."""
    stated = rows.drop_nulls(name)
    by_split = stated.group_by(name, "split").agg(n=pl.len()).group_by(name).agg("split", "n")
    patients = stated.group_by(name).agg(patients=pl.col("patient_id").drop_nulls().n_unique())
    return by_split.join(patients, on=name).with_columns(total=pl.col("n").list.sum())


def _facet(name: str, counted: pl.DataFrame) -> Facet:
    order = counted.sort("total", name, descending=[True, False])
    values = [
        FacetValue(
            value=str(value),
            n=total,
            n_patients=patients or None,
            by_split=in_split_order(dict(zip(splits, counts, strict=True))),
        )
        for value, splits, counts, patients, total in order.head(_N_VALUES).iter_rows()
    ]
    return Facet(name, int(order["total"].sum()), order.height, tuple(values))

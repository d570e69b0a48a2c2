"""Who annotated what: readers and label sources."""

from __future__ import annotations

from dataclasses import dataclass

import polars as pl

from medshelf.dataset.overview import Overview
from medshelf.quality.case import Case

_LISTS = {"media": "masks", "labels": "labels", "shapes": "shapes"}


@dataclass(frozen=True, slots=True)
class Annotator:
    """What one reader, or one source of labels, gave.

    Attributes:
        kind: `annotator` or `source`.
        name: As the manifest has it.
        of: `masks`, `labels` or `shapes`.
        n: Masks, labels or shapes.
        n_samples: Samples that have any of them.
    """

    kind: str
    name: str
    of: str
    n: int
    n_samples: int


def describe_annotators(case: Case, seen: Overview) -> tuple[Annotator, ...]:
    """Return every annotator and source that is named, by kind, what it gave, and name."""
    found = []
    for column, of in _LISTS.items():
        if column not in seen.stated:
            continue
        entries = case.rows.select("row", entry=pl.col(column)).explode("entry").drop_nulls("entry")
        for kind in ("annotator", "source") if column == "labels" else ("annotator",):
            named = entries.select("row", name=pl.col("entry").struct.field(kind)).drop_nulls(
                "name"
            )
            found.append(_counted(named, kind, of))
    if not found:
        return ()
    counted = pl.concat(pl.collect_all(found, engine="streaming"))
    return tuple(Annotator(*each) for each in counted.sort("kind", "of", "name").iter_rows())


def _counted(named: pl.LazyFrame, kind: str, of: str) -> pl.LazyFrame:
    counted = named.group_by("name").agg(n=pl.len(), n_samples=pl.col("row").n_unique())
    return counted.select(
        kind=pl.lit(kind), name="name", of=pl.lit(of), n="n", n_samples="n_samples"
    )

"""How often each class is annotated, and how large it is: the second table of a dataset's page."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from typing import Literal

import polars as pl

from medshelf.dataset.overview import Overview
from medshelf.quality.case import Case
from medshelf.quality.profiling.counts import SPLIT, in_split_order
from medshelf.quality.profiling.pictures import regions
from medshelf.quality.profiling.spread import Spread, spreads_by, tally

_MM3_PER_CM3 = 1000


@dataclass(frozen=True, slots=True)
class ClassStat:
    """How often one class occurs.

    Attributes:
        of: `masks`, `labels` or `shapes`.
        task: Name of the label task; null for masks, shapes and the single label of a sample.
        name: The class.
        cases: Samples that have it.
        n: Samples that were annotated: with a mask, with a label of the task, with any shape.
        percent: 100 cases / n.
        by_split: Cases per split.
        extent: Of masks, over those that have it: volume in `unit`, or area in pixels.
        unit: `cm3`, or `pixel` for 2D masks and for volumes without spacing.
    """

    of: Literal["masks", "labels", "shapes"]
    task: str | None
    name: str
    cases: int
    n: int
    percent: float
    by_split: Mapping[str, int]
    extent: Spread | None = None
    unit: Literal["cm3", "pixel"] | None = None


def describe_annotation(case: Case, seen: Overview) -> tuple[ClassStat, ...]:
    """Return the classes of masks where pixels may be read, then those of labels and shapes."""
    found = list(_of_masks(case)) if case.passes.pixels and _has_masks(seen) else []
    if "label" in seen.stated:
        name = {"task": pl.lit(None, pl.String), "name": pl.col("label"), "present": pl.lit(True)}  # noqa: FBT003
        found += _of_rows(case, "labels", case.rows.drop_nulls("label").select("row", **name))
    if "labels" in seen.stated:
        entries = case.rows.select("row", "labels").explode("labels").drop_nulls("labels")
        fields = entries.unnest("labels").select(
            "row", "task", "name", present=pl.col("value") == 1
        )
        found += _of_rows(case, "labels", fields)
    if "shapes" in seen.stated:
        drawn = case.rows.select("row", "shapes").explode("shapes").drop_nulls("shapes")
        label = pl.col("shapes").struct.field("label")
        fields = drawn.select(
            "row", task=pl.lit(None, pl.String), name=label, present=label.is_not_null()
        )
        found += _of_rows(case, "shapes", fields)
    return tuple(found)


def _has_masks(seen: Overview) -> bool:
    return any(each.startswith("mask ") for each in seen.media)


def _of_rows(
    case: Case, of: Literal["labels", "shapes"], entries: pl.LazyFrame
) -> Iterator[ClassStat]:
    """Yield one entry per task and name of `row`, `task`, `name` and `present`."""
    splits = case.rows.select("row", split=SPLIT)
    present = entries.filter("present").drop_nulls("name").select("row", "task", "name").unique()
    sizes, counted = pl.collect_all(
        [
            entries.group_by("task").agg(n=pl.col("row").n_unique()),
            present.join(splits, on="row").group_by("task", "name", "split").agg(cases=pl.len()),
        ],
        engine="streaming",
    )
    joined = counted.join(sizes, on="task", nulls_equal=True)
    grouped = joined.group_by("task", "name").agg(
        "split", "cases", pl.col("n").first(), total=pl.col("cases").sum()
    )
    order = grouped.sort("task", "total", "name", descending=[False, True, False])
    for task, name, split, cases, n, total in order.iter_rows():
        by_split = in_split_order(dict(zip(split, cases, strict=True)))
        yield ClassStat(of, task, name, total, n, 100 * total / n, by_split)


def _of_masks(case: Case) -> Iterator[ClassStat]:
    """Yield one entry per structure, in the order in which the legend names them."""
    found = regions(case, "volume_mm3")
    present = found.filter(pl.col("n_pixels") > 0)
    volume, area = pl.col("volume_mm3") / _MM3_PER_CM3, pl.col("n_pixels")
    cases = present.select("row", "structure").unique()
    splits = case.rows.select("row", split=SPLIT)
    n, names, counted, volumes, areas = pl.collect_all(
        [
            found.select(pl.col("row").n_unique()),
            found.select(pl.col("structure").unique(maintain_order=True)),
            cases.join(splits, on="row").group_by("structure", "split").agg(n=pl.len()),
            tally(present, volume, "structure"),
            tally(present, area, "structure"),
        ]
    )
    in_cm3, in_pixels = spreads_by(volumes, "structure"), spreads_by(areas, "structure")
    for name in names["structure"]:
        own = counted.filter(pl.col("structure") == name)
        total = int(own["n"].sum())
        yield ClassStat(
            of="masks",
            task=None,
            name=name,
            cases=total,
            n=n.item(),
            percent=100 * total / n.item(),
            by_split=in_split_order(dict(own.select("split", "n").iter_rows())),
            extent=in_cm3.get(name, in_pixels.get(name)),
            unit=("cm3" if name in in_cm3 else "pixel") if total else None,
        )

"""How large the boxes are and where they lie; how often other shapes are drawn."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass

import numpy as np
import polars as pl

from medshelf.dataset.overview import Overview
from medshelf.quality.case import Case
from medshelf.quality.profiling.spread import Spread, spread_of, tally

GRID = 16
"""Cells of the map of centres along each axis."""

_N_LABELS = 60
_QUANTITIES = ("width", "height", "area", "share")


@dataclass(frozen=True, slots=True)
class BoxStat:
    """Boxes of one label.

    Attributes:
        label: What they show; null stands for all boxes, or for those without a label.
        n: Boxes.
        n_samples: Samples that have one.
        width: In `Boxes.unit`.
        height: In `Boxes.unit`.
        area: Width times height.
        share: Part of the image that a box covers, 0 to 1; null where sizes were not measured.
    """

    label: str | None
    n: int
    n_samples: int
    width: Spread | None
    height: Spread | None
    area: Spread | None
    share: Spread | None


@dataclass(frozen=True, slots=True)
class Boxes:
    """Shapes that are drawn on images.

    Attributes:
        kinds: Kind of shape and unit to their number, e.g. `box pixel`.
        n_samples: Samples with any shape.
        per_sample: Shapes of a sample, over those that have one.
        all: All boxes in pixels; null where there are none.
        labels: The same by label, the most frequent first, at most 60.
        centres: How many boxes in pixels have their centre in each cell of a grid of 16 by 16 over
            the image, by rows from the top left; null where sizes were not measured.
        n_outside: Boxes whose centre is outside the image; null likewise.
        unit: Always `pixel`.
    """

    kinds: Mapping[str, int]
    n_samples: int
    per_sample: Spread | None
    all: BoxStat | None
    labels: tuple[BoxStat, ...]
    centres: tuple[tuple[int, ...], ...] | None
    n_outside: int | None
    unit: str = "pixel"


def describe_boxes(case: Case, seen: Overview) -> Boxes | None:
    """Return what shapes are drawn; null where there are none."""
    if "shapes" not in seen.stated:
        return None
    shapes = case.rows.select("row", "shapes").explode("shapes").drop_nulls("shapes")
    shapes = shapes.unnest("shapes").select("row", "kind", "unit", "label", "points", "media")
    kinds, sizes = pl.collect_all(
        [
            shapes.group_by(kind=pl.concat_str(_text("kind"), _text("unit"), separator=" ")).len(),
            shapes.group_by("row").len().group_by(value=pl.col("len").cast(pl.Float64)).len("n"),
        ],
        engine="streaming",
    )
    if kinds.is_empty():
        return None
    boxes = _measured(case, shapes).collect(engine="streaming")
    order = boxes.group_by("label").len().sort("len", "label", descending=[True, False])
    names = order["label"].drop_nulls().head(_N_LABELS)
    centres, n_outside = _centres(boxes) if case.passes.pixels else (None, None)
    return Boxes(
        kinds=dict(kinds.sort("len", "kind", descending=[True, False]).iter_rows()),
        n_samples=int(sizes["n"].sum()),
        per_sample=spread_of(sizes),
        all=_stat(None, boxes) if boxes.height else None,
        labels=tuple(_stat(name, boxes.filter(pl.col("label") == name)) for name in names),
        centres=centres,
        n_outside=n_outside,
    )


def _text(column: str) -> pl.Expr:
    return pl.col(column).cast(pl.String).fill_null("none")


def _measured(case: Case, shapes: pl.LazyFrame) -> pl.LazyFrame:
    """Return boxes in pixels: `row`, `label`, sizes and, where measured, the centre's place."""
    corners = [pl.col("points").list.get(each, null_on_oob=True) for each in range(4)]
    x_min, y_min, x_max, y_max = corners
    flat = (pl.col("kind") == "box") & (pl.col("unit") == "pixel")
    boxes = shapes.filter(flat, pl.col("points").list.len() == len(corners)).select(
        *("row", "label", "media"),
        width=x_max - x_min,
        height=y_max - y_min,
        area=(x_max - x_min) * (y_max - y_min),
        x=(x_min + x_max) / 2,
        y=(y_min + y_max) / 2,
    )
    if not case.passes.pixels:
        return boxes.with_columns(share=pl.lit(None, pl.Float64))
    images = case.measures.media.filter(pl.col("role") == "image")
    sizes = images.select("row", "n_x", "n_y", media="name").unique(["row", "media"])
    joined = boxes.join(sizes, on=["row", "media"], how="left")
    return joined.with_columns(
        share=pl.col("area") / (pl.col("n_x").cast(pl.Float64) * pl.col("n_y")),
        x=pl.col("x") / pl.col("n_x"),
        y=pl.col("y") / pl.col("n_y"),
    )


def _stat(label: str | None, boxes: pl.DataFrame) -> BoxStat:
    width, height, area, share = (
        spread_of(tally(boxes.lazy(), pl.col(each)).collect()) for each in _QUANTITIES
    )
    return BoxStat(label, boxes.height, boxes["row"].n_unique(), width, height, area, share)


def _centres(boxes: pl.DataFrame) -> tuple[tuple[tuple[int, ...], ...] | None, int | None]:
    known = boxes.filter(pl.col("x").is_finite() & pl.col("y").is_finite())
    if known.is_empty():
        return None, None
    x, y = known["x"].to_numpy(), known["y"].to_numpy()
    span = ((0.0, 1.0), (0.0, 1.0))
    counts, _, _ = np.histogram2d(y, x, bins=GRID, range=span)
    rows = tuple(tuple(int(each) for each in row) for row in counts)
    return rows, known.height - int(counts.sum())

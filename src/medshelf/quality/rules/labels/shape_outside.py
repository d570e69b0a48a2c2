"""Boxes and outlines outside their image, or without extent.

**What.** Boxes, polygons, contours and points in pixels that reach more than
`shape-outside.tolerance` (1) pixels beyond their image, and boxes whose width or height is not
above 0. Without a pass over the pixels only the latter are found.

**Why.** Such boxes are drawn on another size of the image, have x and y exchanged, or are width and
height taken for corners. A detector that clips them trains on wrong targets, and some losses become
infinite.

**Example.** Boxes that were drawn on the original radiograph, beside an image scaled to 1024.

**Remedy.** Compare the numbers with the size of the image; correct the options of the reader where
all are off, leave out the shapes where few are.
"""

from __future__ import annotations

from collections.abc import Iterator

import polars as pl

from medshelf.core.issues import Issue, Severity
from medshelf.quality.case import Case
from medshelf.quality.judging.evidence import issue_of
from medshelf.quality.judging.wording import counted

SEVERITY: Severity = "error"
NEEDS = ()
TITLE_ZH = "标注框越界或无面积"
SETTINGS = {"tolerance": 1}

_KINDS = ("box", "polygon", "contour", "point")
_ENDS = ("x_min", "y_min", "x_max", "y_max")


def check(case: Case) -> Iterator[Issue]:
    """Yield one Issue for shapes without extent, and one for those outside."""
    shapes = _drawn(case)
    if shapes.is_empty():
        return
    flat = (pl.col("x_max") <= pl.col("x_min")) | (pl.col("y_max") <= pl.col("y_min"))
    degenerate = shapes.filter(pl.col("kind") == "box", flat)
    if degenerate.height:
        message = f"{counted(degenerate.height, 'box', 'boxes')} with a width or height not above 0"
        remedy = "Leave them out, or see whether the reader takes width and height for corners"
        yield issue_of(degenerate, "shape-outside", SEVERITY, "boxes", message, remedy)
    if not case.passes.pixels:
        return
    sizes = case.measures.media.filter(pl.col("role") == "image").drop_nulls(["n_x", "n_y"])
    sizes = sizes.select("row", "name", "n_x", "n_y").unique(["row", "name"], keep="first")
    known = sizes.rename({"name": "media"}).collect()
    placed = shapes.join(known, on=["row", "media"], maintain_order="left")
    slack = case.setting("shape-outside.tolerance", SETTINGS["tolerance"])
    wide = (pl.col("x_min") < -slack) | (pl.col("x_max") > pl.col("n_x") + slack)
    high = (pl.col("y_min") < -slack) | (pl.col("y_max") > pl.col("n_y") + slack)
    found = placed.filter(wide | high)
    if found.height:
        message = f"{found.height:,} of {counted(placed.height, 'shape')} beyond the image"
        remedy = "Compare them with the size of the image, then leave out or correct them"
        yield issue_of(found, "shape-outside", SEVERITY, "images", message, remedy)


def _drawn(case: Case) -> pl.DataFrame:
    """Return the shapes in pixels with the ends of their coordinates."""
    shapes = case.rows.select("row", "sample_id", "shapes").explode("shapes").drop_nulls("shapes")
    field = pl.col("shapes").struct.field
    named = shapes.select(
        *("row", "sample_id"),
        *[field(each) for each in ("label", "media", "unit", "points")],
        field("kind").cast(pl.String),
    )
    flat = named.filter(pl.col("unit") == "pixel", pl.col("kind").is_in(_KINDS))
    x, y = (pl.col("points").list.gather_every(2, start) for start in (0, 1))
    box = [pl.col("points").list.get(at, null_on_oob=True) for at in range(4)]
    ends = [x.list.min(), y.list.min(), x.list.max(), y.list.max()]
    is_box = pl.col("kind") == "box"
    either = zip(_ENDS, box, ends, strict=True)
    return flat.select(
        *("row", "sample_id", "kind", "label", "media"),
        *[pl.when(is_box).then(corner).otherwise(end).alias(name) for name, corner, end in either],
    ).collect()

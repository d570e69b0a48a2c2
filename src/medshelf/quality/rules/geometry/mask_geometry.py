"""A mask that does not lie on its image.

**What.** A mask has another size than every image of its sample; or the same size, but its header
puts it elsewhere, by more than half a voxel; or it covers the same place with its axes in another
order or direction.

**Why.** Arrays that are laid on each other voxel by voxel train on the wrong voxels, without an
error. Of a mask in another direction the array is a mirror image.

**Example.** A mask written by a program that keeps no header: spacing 1, no origin, over an image
of 0.8 x 0.8 x 5 mm.

**Remedy.** `medshelf fix-geometry ID FOLDER` copies the image's header to masks of the same size,
and turns axes without resampling; where sizes differ, look which image was annotated.
"""

from __future__ import annotations

from collections.abc import Iterator

import polars as pl

from medshelf.core.issues import Issue, Severity
from medshelf.quality.case import Case
from medshelf.quality.judging.evidence import issue_of, measured
from medshelf.quality.judging.grids import GRID_COLUMNS, Grids
from medshelf.quality.judging.wording import counted

SEVERITY: Severity = "error"
NEEDS = ("pixels",)
TITLE_ZH = "掩膜与图像几何不一致"

_FIX = "Write corrected copies: medshelf fix-geometry ID FOLDER"
_KINDS: dict[str, tuple[Severity, str, str]] = {
    "size": (
        "error",
        "of another size than the image",
        "Look which image was annotated, and resample the mask to the other if it is certain",
    ),
    "place": ("error", "of the size of the image, but elsewhere in space", _FIX),
    "axes": ("warning", "on the image, but with axes in other directions", _FIX),
}


def check(case: Case) -> Iterator[Issue]:
    """Yield one Issue per kind of difference."""
    kept = ("row", "sample_id", "place", "name", "file", *GRID_COLUMNS)
    masks = measured(case, "mask").select(kept).collect()
    if masks.is_empty():
        return
    images = measured(case, "image").select(kept).drop("sample_id").collect()
    pairs = masks.join(images, on="row", suffix="_image", maintain_order="left_right")
    compared = _compared(pairs).with_columns(
        fits=pl.col("lies").any().over("row", "place"),
        kind=pl.when(pl.col("turned").any().over("row", "place"))
        .then(pl.lit("axes"))
        .when(pl.col("same_size").any().over("row", "place"))
        .then(pl.lit("place"))
        .otherwise(pl.lit("size")),
    )
    best = compared.filter(~pl.col("fits")).sort(
        "row", "place", "turned", "same_size", descending=[False, False, True, True]
    )
    best = best.unique(["row", "place"], keep="first", maintain_order=True)
    for kind, (severity, what, remedy) in _KINDS.items():
        found = best.filter(pl.col("kind") == kind).sort(
            "apart_mm", "row", descending=[True, False]
        )
        if found.height:
            shown = found.select("row", "sample_id", "name", "file", *_told())
            message = f"{counted(found.height, 'mask')} {what}"
            yield issue_of(shown, "mask-geometry", severity, kind, message, remedy)


def _compared(pairs: pl.DataFrame) -> pl.DataFrame:
    """Add whether mask and image are of one size, on each other, and so after turning."""
    masks, images = Grids.of(pairs), Grids.of(pairs, "_image")
    same, apart = masks.same_edges(images), masks.apart_mm(images)
    turned_masks, turned_images = masks.turned(), images.turned()
    near = turned_masks.apart_mm(turned_images) <= turned_images.tolerance_mm()
    turned = turned_masks.same_edges(turned_images) & near & masks.stated & images.stated
    return pairs.with_columns(
        pl.Series("same_size", same),
        pl.Series("lies", same & (apart <= images.tolerance_mm())),
        pl.Series("turned", turned),
        pl.Series("apart_mm", apart).round(3),
    )


def _told() -> list[pl.Expr]:
    told = [pl.col("apart_mm")]
    for who, suffix in (("mask", ""), ("image", "_image")):
        size = [pl.col(f"n_{axis}{suffix}").cast(pl.String) for axis in "xyz"]
        spacing = [pl.col(f"spacing_{axis}_mm{suffix}").round(4).cast(pl.String) for axis in "xyz"]
        told += [
            pl.concat_str(size, separator=" x ", ignore_nulls=True).alias(f"{who}_size"),
            pl.concat_str(spacing, separator=" x ", ignore_nulls=True).alias(f"{who}_spacing_mm"),
            pl.col(f"orientation{suffix}").alias(f"{who}_orientation"),
        ]
    return told

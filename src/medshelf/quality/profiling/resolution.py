"""How large the images are and how far apart their pixels: the first table of a dataset's page.

The smallest, median and largest value is taken of each axis by itself, so that the three numbers of
a row need not be those of any one image; so does nnU-Net for its median shape. The catalog's
figures are made in the same way: VerSe is said to reach 960 x 2048 x 2023, 4e9 voxels.

Source: https://doi.org/10.1038/s41592-020-01008-z (supplementary note 2)
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass

import numpy as np
import polars as pl

from medshelf.quality.case import Case
from medshelf.quality.profiling.counts import SPLIT, in_split_order
from medshelf.quality.profiling.pictures import distinct_media

_AXES = ("x", "y", "z")
_SIZE = tuple(f"n_{each}" for each in _AXES)
_SPACING = tuple(f"spacing_{each}_mm" for each in _AXES)


@dataclass(frozen=True, slots=True)
class AxisRange:
    """Smallest, median and largest value, one number per axis, X first.

    Attributes:
        n: Images that state it.
        minimum: Per axis.
        median: Per axis; the mean of the two middle ones where n is even.
        maximum: Per axis.
    """

    n: int
    minimum: tuple[float, ...]
    median: tuple[float, ...]
    maximum: tuple[float, ...]


@dataclass(frozen=True, slots=True)
class ImageRange:
    """Sizes of the smallest, the middle and the largest image by their number of pixels.

    Attributes:
        minimum: Pixels along X, Y (and Z) of the smallest image.
        median: Of the middle one; of two, the smaller.
        maximum: Of the largest.
    """

    minimum: tuple[int, ...]
    median: tuple[int, ...]
    maximum: tuple[int, ...]


@dataclass(frozen=True, slots=True)
class Resolution:
    """Sizes and spacings of the images with as many spatial axes.

    Attributes:
        n_spatial: 2 or 3.
        n: Images (volumes); each once, however many samples name it.
        axes: Their order, as the array has them: `X, Y` or `X, Y, Z`.
        size_px: Pixels along each axis.
        spacing_mm: Distance of pixel centres along each axis; null where no image states it.
        by_image: Sizes of whole images.
        n_slices: Sum of the lengths along the axis of widest spacing, Z where they are equal; null
            for 2D.
        slices_by_split: The same per split of the first sample that names the volume; empty for 2D.
    """

    n_spatial: int
    n: int
    axes: str
    size_px: AxisRange
    spacing_mm: AxisRange | None
    by_image: ImageRange
    n_slices: int | None
    slices_by_split: Mapping[str, int]


def describe_resolution(case: Case) -> tuple[Resolution, ...]:
    """Return one entry for the 2D images and one for the volumes, where there are any."""
    images = distinct_media(case, "image", "row", *_SIZE, *_SPACING).drop_nulls(["n_x", "n_y"])
    splits = case.rows.select("row", split=SPLIT)
    found = images.join(splits, on="row").select("split", *_SIZE, *_SPACING).collect()
    flat, deep = found.filter(pl.col("n_z").is_null()), found.drop_nulls("n_z")
    return tuple(
        _described(part, n_spatial) for part, n_spatial in ((flat, 2), (deep, 3)) if part.height
    )


def _described(images: pl.DataFrame, n_spatial: int) -> Resolution:
    sizes = images.select(_SIZE[:n_spatial]).to_numpy().astype(np.int64)
    spacings = images.select(_SPACING[:n_spatial]).drop_nulls().to_numpy()
    size = _range(sizes)
    slices = _slices(images) if n_spatial == len(_AXES) else {}
    assert size is not None  # noqa: S101 - there are images
    return Resolution(
        n_spatial=n_spatial,
        n=len(sizes),
        axes=", ".join(each.upper() for each in _AXES[:n_spatial]),
        size_px=size,
        spacing_mm=_range(spacings),
        by_image=_by_image(sizes),
        n_slices=sum(slices.values()) if slices else None,
        slices_by_split=slices,
    )


def _range(values: np.ndarray) -> AxisRange | None:
    if not len(values):
        return None
    rows: Sequence[np.ndarray] = (values.min(axis=0), np.median(values, axis=0), values.max(axis=0))
    low, middle, high = (tuple(float(number) for number in each) for each in rows)
    return AxisRange(len(values), low, middle, high)


def _by_image(sizes: np.ndarray) -> ImageRange:
    keys = [sizes[:, axis] for axis in reversed(range(sizes.shape[1]))]
    order = np.lexsort([*keys, sizes.prod(axis=1)])
    places = (order[0], order[(len(order) - 1) // 2], order[-1])
    low, middle, high = (tuple(int(number) for number in sizes[each]) for each in places)
    return ImageRange(low, middle, high)


def _slices(volumes: pl.DataFrame) -> dict[str, int]:
    """Return the slices per split."""
    sizes = volumes.select(_SIZE).to_numpy().astype(np.int64)
    spacings = volumes.select(pl.col(_SPACING).fill_null(0.0)).to_numpy()
    widest = len(_AXES) - 1 - spacings[:, ::-1].argmax(axis=1)
    n_slices = pl.Series("n", sizes[np.arange(len(sizes)), widest])
    counted = volumes.select("split", n_slices).group_by("split").agg(pl.col("n").sum())
    return in_split_order(dict(counted.iter_rows()))

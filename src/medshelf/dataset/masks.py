"""What the values of a mask mean, and masks that keep to it."""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from pathlib import Path

import numpy as np

from medshelf.core.columns import pairs
from medshelf.core.errors import FormatError, LayoutError
from medshelf.core.manifest import Meta
from medshelf.dataset import decoding
from medshelf.dataset.fields import Medium
from medshelf.formats.raster import Raster

Legend = Mapping[str, tuple[int, ...]]
"""Name to the values that it has in a mask."""

_WHITE = 255


def legend_of(meta: Meta, dataset: str | None = None) -> Legend:
    """Return the legend of a dataset; empty where none is stated.

    Args:
        meta: Carries it as the option `legend`, in the form that `core.columns.with_legend` writes.
        dataset: Of several that were put together, the one that is meant.

    Raises:
        LayoutError: A value in it is no whole number.
    """
    text = meta.options.get(f"legend:{dataset}", meta.options.get("legend", ""))
    legend: dict[str, tuple[int, ...]] = {}
    for values, name in pairs("legend", text).items():
        try:
            numbers = tuple(int(each) for each in values.split(","))
        except ValueError as error:
            problem = f"The legend of {meta.dataset!r} has the value {values!r} for {name!r}"
            raise LayoutError(problem, "Correct it in the record: whole numbers only") from error
        legend[name] = legend.get(name, ()) + numbers
    return legend


def read_mask(root: Path, media: Sequence[Medium], legend: Legend, n_spatial: int | None) -> Raster:
    """Decode the files of one mask; where several say something, the highest value counts.

    Raises:
        LayoutError: They differ in size, or have a value that the legend does not know.
        FormatError: A picture has colours and no palette, or a file cannot be read.
    """
    rasters = [_decoded(root, each, legend, n_spatial) for each in media]
    first = rasters[0]
    for medium, raster in zip(media, rasters, strict=True):
        if raster.array.shape != first.array.shape:
            problem = (
                f"{decoding.location(root, medium)} is {raster.array.shape}, "
                f"{media[0].path} of the same mask {first.array.shape}"
            )
            raise LayoutError(problem, "Read them one by one")
        _check_values(raster.array, legend, decoding.location(root, medium))
    if len(rasters) == 1:
        return first
    joined = np.maximum.reduce([each.array for each in rasters])
    return Raster(joined, first.axes, "label", first.spacing_mm, first.affine)


def region(array: np.ndarray, values: Iterable[int]) -> np.ndarray:
    """Return where a mask has one of some values, bool."""
    return np.isin(array, list(values))


def edges(raster: Raster) -> dict[str, int]:
    """Return the length of each spatial axis."""
    return {
        axis: length
        for axis, length in zip(raster.axes, raster.array.shape, strict=True)
        if axis in "XYZ"
    }


def _decoded(root: Path, medium: Medium, legend: Legend, n_spatial: int | None) -> Raster:
    """Decode a mask, of colours the common grey.

    A picture of 1 bit is 0 and 255 where the legend says 255, else 0 and 1.
    """
    if any(_WHITE in values for values in legend.values()):
        raster = decoding.read(root, medium, n_spatial)
        if "C" not in raster.axes:
            return raster
    try:
        raster = decoding.read_indices(root, medium, n_spatial)
    except FormatError:
        raster = decoding.read(root, medium, n_spatial)
        if not raster.axes.endswith("C"):
            raise
    if not raster.axes.endswith("C"):
        return raster
    colours = raster.array[..., :3]
    if (colours != colours[..., :1]).any():
        problem = f"{decoding.location(root, medium)} has colours, not values of a mask"
        raise LayoutError(problem, "Use `raster`, and the colours that the release describes")
    return Raster(colours[..., 0], raster.axes[:-1], "label", raster.spacing_mm, raster.affine)


def _check_values(array: np.ndarray, legend: Legend, where: Path) -> None:
    known = {value for values in legend.values() for value in values}
    if not known:
        return
    if array.dtype.kind == "u" and array.dtype.itemsize <= 2:  # noqa: PLR2004
        found = np.flatnonzero(np.bincount(array.ravel(), minlength=1))
    else:
        found = np.unique(array)
    if strange := [each.item() for each in found if each.item() not in known | {0}]:
        shown = ", ".join(f"{each:g}" for each in strange[:5])
        names = "; ".join(f"{','.join(map(str, v))}={name}" for name, v in legend.items())
        problem = f"{where} has the values {shown}, which are not in the legend ({names})"
        raise LayoutError(problem, "Use `raster` for the values as stored; report the release")

"""What the values of a mask mean, and masks that keep to it."""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass, replace
from itertools import product
from pathlib import Path

import numpy as np

from medshelf.core.columns import pairs
from medshelf.core.errors import FormatError, LayoutError
from medshelf.core.manifest import Meta
from medshelf.dataset import decoding
from medshelf.dataset.fields import Medium
from medshelf.formats.raster import Raster

Legend = Mapping[str, tuple[int, ...]]
"""Name to the values that it has in a mask; of a mask with channels, to its channels."""

_WHITE = 255
_LOSSY = ("jpg", "jpeg")
_NOISE = 16


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
        if "C" not in raster.axes:
            _check_values(raster.array, legend, decoding.location(root, medium))
    if len(rasters) == 1:
        return first
    joined = np.maximum.reduce([each.array for each in rasters])
    return Raster(joined, first.axes, "label", first.spacing_mm, first.affine)


def region(array: np.ndarray, values: Iterable[int]) -> np.ndarray:
    """Return where a mask has one of some values, bool."""
    return np.isin(array, list(values))


def part_of(mask: Raster, values: Iterable[int]) -> Raster:
    """Return where a mask has one of some values, or is not 0 in one of these channels, as bool.

    Raises:
        LayoutError: The mask has no such channel.
    """
    wanted, axes = list(values), mask.axes
    if not axes.endswith("C"):
        where = region(mask.array, wanted)
    elif max(wanted) < mask.array.shape[-1]:
        where, axes = (mask.array[..., wanted] != 0).any(axis=-1), axes[:-1]
    else:
        problem = f"A mask has {mask.array.shape[-1]} channels, the legend names {max(wanted)}"
        raise LayoutError(problem, "Correct the legend in the record; the first channel is 0")
    return Raster(where, axes, "label", mask.spacing_mm, mask.affine)


@dataclass(frozen=True, slots=True, eq=False)
class Grid:
    """Where the values of an image or mask lie.

    Attributes:
        edges: Length of each spatial axis.
        affine: Index to millimetres in RAS+; null where not stated.
    """

    edges: Mapping[str, int]
    affine: np.ndarray | None

    @classmethod
    def of(cls, raster: Raster) -> Grid:
        """Return the grid of a raster."""
        lengths = zip(raster.axes, raster.array.shape, strict=True)
        return cls({axis: n for axis, n in lengths if axis in "XYZ"}, raster.affine)

    def differs(self, other: Grid) -> str | None:
        """Say how this grid differs from another; null where values lie on each other.

        Corners may be half a voxel apart, since headers round.
        """
        if self.edges != other.edges:
            return f"{_size(self.edges)}, not {_size(other.edges)}"
        if self.affine is None or other.affine is None:
            return None
        last = [self.edges.get(axis, 1) - 1 for axis in "XYZ"]
        corners = np.array([[*each, 1] for each in product(*[(0, n) for n in last])]).T
        apart = np.linalg.norm(((self.affine - other.affine) @ corners)[:3], axis=0).max()
        if apart <= min(np.linalg.norm(other.affine[:3, : len(self.edges)], axis=0)) / 2:
            return None
        return f"of the same size, but up to {apart:.1f} mm away"


def _decoded(root: Path, medium: Medium, legend: Legend, n_spatial: int | None) -> Raster:
    """Decode a mask; of a picture with colours the grey that they have in common.

    A picture of 1 bit is 0 and 255 where the legend says 255, else 0 and 1. A JPEG has noise around
    what was drawn: each value becomes the nearest one of the legend.
    """
    raster = _indices(root, medium, legend, n_spatial)
    lossy = medium.format in _LOSSY
    if raster.axes.endswith("C") and medium.format in decoding.PICTURES:
        colours = raster.array[..., :3]
        if np.ptp(colours, axis=-1).max(initial=0) > (_NOISE if lossy else 0):
            problem = f"{decoding.location(root, medium)} has colours, not values of a mask"
            raise LayoutError(problem, "Use `raster`, and the colours that the release describes")
        raster = replace(raster, array=colours[..., 0], axes=raster.axes[:-1])
    known = sorted({0, *(value for values in legend.values() for value in values)})
    if lossy and legend:
        levels = np.array(known, np.int64)
        nearest = np.abs(np.arange(256)[:, None] - levels).argmin(axis=1)
        raster = replace(raster, array=levels[nearest].astype(np.uint8)[raster.array])
    return raster


def _indices(root: Path, medium: Medium, legend: Legend, n_spatial: int | None) -> Raster:
    if any(_WHITE in values for values in legend.values()):
        raster = decoding.read(root, medium, n_spatial)
        if "C" not in raster.axes:
            return raster
    try:
        return decoding.read_indices(root, medium, n_spatial)
    except FormatError:
        raster = decoding.read(root, medium, n_spatial)
        if not raster.axes.endswith("C"):
            raise
        return raster


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


def _size(edges: Mapping[str, int]) -> str:
    return " x ".join(f"{axis} {edges[axis]}" for axis in sorted(edges))

"""An opened image or mask, turned so that a slice of it is what a radiologist expects to see."""

from __future__ import annotations

from dataclasses import dataclass, replace
from typing import Final, Literal

import numpy as np

from medshelf.core.errors import SettingError, UnsupportedError
from medshelf.dataset import decoding
from medshelf.dataset.fields import Medium
from medshelf.dataset.masks import Grid, Legend, read_mask
from medshelf.dataset.sample import Sample
from medshelf.formats.geometry import orientation
from medshelf.formats.raster import Photometric, Raster
from medshelf.imaging.planes import Plane, in_layout, spacing_in_layout, three_planes

AXES: Final = ("axial", "coronal", "sagittal")
Axis = Literal["image", "axial", "coronal", "sagittal"]
MOST_VALUES: Final = 1 << 30
"""Values of an image that are opened at most."""

_AS_STORED: Final = "LPS"
_FLAT, _DEEP = 2, 3
_SHOWN: Final = ({"X", "Y"}, {"X", "Y", "Z"})


@dataclass(frozen=True, slots=True, eq=False)
class Scene:
    """An image or mask.

    Attributes:
        array: A picture (rows, columns) or (rows, columns, 3 or 4); or a volume whose axes run to
            the left, posterior and superior.
        spacing_mm: Between rows and columns; of a volume along its axes; None where not stated.
        orientation: Direction of the stored axes of a volume, e.g. `RAS`; empty where not stated,
            and the volume is then shown as it is stored.
        photometric: What the values mean.
        unit: What they measure, e.g. `HU`.
        low: Lowest finite value.
        high: Highest finite value.
        grid: Where the values lie, to compare masks with.
        first: Of a mask with channels 1, its values being the numbers of channels from 1 on, of
            which the highest counts where several lie on each other; else 0.
    """

    array: np.ndarray
    spacing_mm: tuple[float, ...] | None
    orientation: str
    photometric: Photometric | None
    unit: str | None
    low: float
    high: float
    grid: Grid
    first: int = 0

    @property
    def is_volume(self) -> bool:
        """Whether it has three spatial axes."""
        return self.array.ndim == _DEEP and not self.is_colour

    @property
    def is_colour(self) -> bool:
        """Whether it is a picture with colours."""
        return self.photometric in ("rgb", "rgba")

    @property
    def axes(self) -> tuple[Axis, ...]:
        """What it can be cut along."""
        return AXES if self.is_volume else ("image",)

    def n_slices(self, axis: Axis) -> int:
        """Return the number of slices along an axis."""
        return self.array.shape[2 - AXES.index(axis)] if axis in AXES else 1

    def plane(self, axis: Axis, number: int) -> Plane:
        """Return one slice as it is looked at.

        Raises:
            SettingError: There is no such axis or slice.
        """
        if axis not in self.axes or not 0 <= number < self.n_slices(axis):
            there = ", ".join(f"{each} 0 to {self.n_slices(each) - 1}" for each in self.axes)
            problem = f"There is no slice {number} of {axis!r}"
            raise SettingError(problem, f"There are: {there}")
        if axis == "image":
            down, across = (self.spacing_mm or (1.0, 1.0))[:_FLAT]
            return Plane("image", self.array, (down, across), "")
        at = [0, 0, 0]
        at[2 - AXES.index(axis)] = number
        spacing = self.spacing_mm or (1.0, 1.0, 1.0)
        planes = three_planes(self.array, (spacing[0], spacing[1], spacing[2]), tuple(at))  # type: ignore[arg-type]
        found = planes[AXES.index(axis)]
        return found if self.orientation else found._replace(edges="")

    @property
    def size_bytes(self) -> int:
        """What it takes in memory."""
        return self.array.nbytes


def open_image(sample: Sample, medium: Medium) -> Scene:
    """Decode an image of a sample.

    Raises:
        UnsupportedError: It is no image or volume, or too large.
        MedshelfError: As `decoding.read`.
    """
    _refuse_large(sample, medium)
    raster = decoding.read(sample.root, medium, sample.meta.dimensions)
    if medium.format in decoding.PICTURES:
        # What a picture states is often no more than a program's default, such as 72 dpi.
        raster = replace(raster, spacing_mm=None)
    return _scene(raster)


def open_mask(sample: Sample, medium: Medium, legend: Legend) -> Scene:
    """Decode a mask of a sample; its values are numbers of structures.

    Raises:
        LayoutError: A value is not in the legend.
        MedshelfError: As `open_image`.
    """
    _refuse_large(sample, medium)
    raster = read_mask(sample.root, [medium], legend, sample.meta.dimensions)
    first = int("C" in raster.axes)
    if first:
        channels = np.moveaxis(raster.array, raster.axes.index("C"), -1) != 0
        numbers = (channels * np.arange(1, channels.shape[-1] + 1)).max(axis=-1)
        axes = raster.axes.replace("C", "")
        raster = Raster(numbers, axes, "label", raster.spacing_mm, raster.affine)
    return replace(_scene(raster), first=first)


def _refuse_large(sample: Sample, medium: Medium) -> None:
    """Refuse a volume by its header, before it is decoded."""
    if medium.format in decoding.VOLUMES:
        volume = decoding.open_volume(sample.root, medium)
        n_values = int(np.prod([float(each) for each in volume.shape]))
        if n_values > MOST_VALUES:
            shape = " x ".join(map(str, volume.shape))
            problem = f"{medium.path} holds {shape} values, which is too large to look at here"
            raise UnsupportedError(problem, "Open it with a viewer for whole volumes")


def _scene(raster: Raster) -> Scene:
    array, axes = raster.array, raster.axes
    for axis in "TC" if "Z" in axes else "T":
        if axis in axes:
            place = array.shape[axes.index(axis)] // 2 if axis == "T" else 0
            array, axes = np.take(array, place, axes.index(axis)), axes.replace(axis, "")
    if array.dtype.kind not in "biufc" or not array.size or set(axes) - {"C"} not in _SHOWN:
        shape = " x ".join(map(str, raster.array.shape)) or "one value"
        problem = f"{shape} of {array.dtype} are no image"
        raise UnsupportedError(problem, "Correct the manifest: its role, or its member")
    still = replace(raster, array=np.abs(array) if array.dtype.kind == "c" else array, axes=axes)
    return _volume(still) if "Z" in axes else _picture(still)


def _volume(raster: Raster) -> Scene:
    named = orientation(raster.affine) if raster.affine is not None else ""
    spacing = None
    if raster.spacing_mm and len(raster.spacing_mm) >= _DEEP:
        x, y, z = raster.spacing_mm[:_DEEP]
        spacing = spacing_in_layout((x, y, z), named or _AS_STORED)
    array = in_layout(raster.as_axes("XYZ"), named or _AS_STORED)
    grid = Grid(dict(zip("XYZ", array.shape, strict=True)), _turned(raster, named))
    photometric = None if raster.photometric in ("rgb", "rgba") else raster.photometric
    return replace(_made(raster, array, spacing, named, photometric), grid=grid)


def _turned(raster: Raster, named: str) -> np.ndarray | None:
    """Return the affine of the turned array: a mask may be stored in another order."""
    if raster.affine is None:
        return None
    to_stored = np.eye(4)
    for axis, name in enumerate("XYZ"):
        ends = np.broadcast_to(np.arange(2).reshape(np.roll((2, 1, 1), axis)), (2, 2, 2))
        turned = in_layout(ends, named)
        first = int(turned[0, 0, 0])
        steps = (turned[1, 0, 0], turned[0, 1, 0], turned[0, 0, 1])
        to_stored[axis, :3] = [int(each) - first for each in steps]
        to_stored[axis, 3] = first * (raster.array.shape[raster.axes.index(name)] - 1)
    return raster.affine @ to_stored


def _picture(raster: Raster) -> Scene:
    spacing = tuple(raster.spacing_mm[:_FLAT])[::-1] if raster.spacing_mm else None
    if "C" not in raster.axes:
        return _made(raster, raster.as_axes("YX"), spacing, "", raster.photometric)
    array = raster.as_axes("YXC")
    if array.shape[-1] < _DEEP:
        return _made(raster, array[..., 0], spacing, "", None)
    kind: Photometric = "rgba" if array.shape[-1] > _DEEP else "rgb"
    return _made(raster, array[..., : _DEEP + 1], spacing, "", kind)


def _made(
    raster: Raster,
    array: np.ndarray,
    spacing_mm: tuple[float, ...] | None,
    named: str,
    photometric: Photometric | None,
) -> Scene:
    low, high = _range(array)
    return Scene(array, spacing_mm, named, photometric, raster.unit, low, high, Grid.of(raster))


def _range(array: np.ndarray) -> tuple[float, float]:
    if array.dtype.kind == "f" and not np.isfinite(array).all():
        finite = array[np.isfinite(array)]
        return (float(finite.min()), float(finite.max())) if finite.size else (0.0, 1.0)
    return float(array.min()), float(array.max())

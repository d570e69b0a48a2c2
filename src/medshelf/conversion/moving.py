"""Images, masks and shapes after a preparation: where each pixel went, and what its value is."""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from dataclasses import dataclass, replace

import numpy as np

from medshelf.conversion.clipping import clipped
from medshelf.conversion.preparation import Preparation
from medshelf.core.errors import SettingError
from medshelf.dataset.fields import Shape
from medshelf.formats.raster import Raster
from medshelf.imaging.regridding import Axis, regrid
from medshelf.imaging.window import to_grey

_LUMA = (0.299, 0.587, 0.114)
_RGB = 3
_EVEN = 1e-6
Grid = Mapping[str, Axis]
"""X, Y (and Z) to the new grid along it."""


@dataclass(frozen=True, slots=True, eq=False)
class Moved:
    """A prepared image.

    Attributes:
        raster: Its values, with the geometry that they have now.
        grid: How it lies on the old one.
    """

    raster: Raster
    grid: Grid


def prepared_image(raster: Raster, preparation: Preparation) -> Moved:
    """Return an image as it was asked for.

    Raises:
        SettingError: The crop reaches beyond the image, a size does not go with its axes, the
            spacing is not stated, or values do not fit the dtype.
    """
    grid = _grid(raster, preparation)
    moved = _on_grid(raster, grid, preparation) if preparation.moves else raster
    array, axes = moved.array, moved.axes
    if preparation.window is not None:
        array = to_grey(array, preparation.window)
    if preparation.channels is not None:
        array, axes = _coloured(array, axes, preparation.channels)
    if preparation.dtype:
        array = _cast(array, preparation.dtype)
    unit = None if preparation.window is not None else moved.unit
    return Moved(replace(moved, array=array, axes=axes, unit=unit), grid)


def prepared_mask(raster: Raster, preparation: Preparation) -> Raster:
    """Return a mask on the grid that its image has after the preparation, by nearest neighbour."""
    return _on_grid(raster, _grid(raster, preparation), replace(preparation, resize="nearest"))


def moved_shapes(shapes: Iterable[Shape], moved: Moved) -> tuple[Shape, ...]:
    """Return shapes in pixels of a prepared image; what lies outside is cut off or left out.

    Ellipses and spheres, whose axes an uneven scale would turn, are refused unless the scale is
    even; shapes in mm stay.

    Raises:
        SettingError: See above.
    """
    found = (
        each if each.unit == "mm" else clipped(_scaled(each, moved.grid), _extent(moved.grid))
        for each in shapes
    )
    return tuple(each for each in found if each is not None)


def _extent(grid: Grid) -> dict[str, int]:
    return {name: axis.n for name, axis in grid.items()}


def _scaled(shape: Shape, grid: Grid) -> Shape:
    letters = "XYZ" if shape.kind in ("box3d", "sphere") else "XY"
    if shape.kind in ("ellipse", "sphere"):
        return _scaled_round(shape, grid, letters)
    points = np.array(shape.points, np.float64).reshape(-1, len(letters))
    moved = np.stack([grid[each].moved(points[:, n]) for n, each in enumerate(letters)], axis=1)
    return replace(shape, points=tuple(moved.ravel().tolist()))


def _scaled_round(shape: Shape, grid: Grid, letters: str) -> Shape:
    """Move a centre and scale its radii: one of a sphere, two and an angle of an ellipse."""
    n, n_radii = len(letters), 1 if shape.kind == "sphere" else 2
    centre, radii, angle = np.split(np.array(shape.points, np.float64), [n, n + n_radii])
    steps = np.array([grid[each].step for each in letters])
    turned = shape.kind == "sphere" or (angle % 90).any()
    if turned and steps.max() > steps.min() * (1 + _EVEN):
        problem = f"The {shape.kind} of {shape.label!r} would be stretched unevenly"
        remedy = "Keep the proportions with --resize pad, or drop: --drop polygons,solids"
        raise SettingError(problem, remedy)
    moved = [grid[each].moved(centre[at]) for at, each in enumerate(letters)]
    across = steps[::-1] if n_radii == len(steps) and (angle % 180).any() else steps
    return replace(
        shape, points=tuple(np.hstack([moved, radii / across[:n_radii], angle]).tolist())
    )


def _grid(raster: Raster, preparation: Preparation) -> Grid:
    letters = [each for each in "XYZ" if each in raster.axes]
    lengths = {each: raster.array.shape[raster.axes.index(each)] for each in letters}
    grid = _cropped(lengths, preparation.crop)
    if preparation.spacing_mm:
        grid = _respaced(grid, raster, preparation.spacing_mm)
    if preparation.size:
        sizes = _per_axis(preparation.size, letters, "--size")
        grid = _padded(grid, sizes) if preparation.resize == "pad" else _resized(grid, sizes)
    return grid


def _cropped(lengths: Mapping[str, int], crop: str) -> Grid:
    if not crop:
        return {each: Axis.of(n) for each, n in lengths.items()}
    try:
        if crop.startswith("centre:"):
            edge = int(crop.partition(":")[2])
            low = [(n - edge) // 2 for n in lengths.values()]
            edges = [position for each in low for position in (each, each + edge)]
        else:
            edges = [int(each) for each in crop.split(",")]
    except ValueError:
        edges = []
    if len(edges) != 2 * len(lengths):
        problem = f"The crop {crop!r} does not go with an image of the axes {' '.join(lengths)}"
        raise SettingError(problem, "Write x0,x1,y0,y1 (and z0,z1 for volumes), or centre:N")
    grid = {}
    for (name, n), low_edge, high_edge in zip(
        lengths.items(), edges[::2], edges[1::2], strict=True
    ):
        if not 0 <= low_edge < high_edge <= n:
            problem = f"The crop {crop!r} does not lie in an image of {n} pixels along {name}"
            raise SettingError(problem, "Choose edges inside of all images, or --resize pad first")
        length = high_edge - low_edge
        grid[name] = Axis(length, float(low_edge), 1.0, 0, length)
    return grid


def _respaced(grid: Grid, raster: Raster, wanted: tuple[float, ...]) -> Grid:
    spacing = raster.spacing_mm
    if spacing is None or len(spacing) < len(grid):
        problem = "An image does not state its spacing, so it cannot be given another"
        raise SettingError(problem, "Leave --spacing out, or filter such samples out")
    new = {}
    for (name, axis), old, mm in zip(
        grid.items(), spacing, _per_axis(wanted, list(grid), "--spacing"), strict=False
    ):
        n = max(1, round(axis.n * old / mm))
        start = axis.start + (axis.n - n * mm / old) / 2
        new[name] = Axis(n, start, mm / old, 0, n)
    return new


def _resized(grid: Grid, sizes: Iterable[float]) -> Grid:
    new = {}
    for (name, axis), size in zip(grid.items(), sizes, strict=True):
        n = int(size)
        new[name] = Axis(n, axis.start, axis.step * axis.n / n, 0, n)
    return new


def _padded(grid: Grid, sizes: Iterable[float]) -> Grid:
    wanted = dict(zip(grid, map(int, sizes), strict=True))
    scale = max(axis.n / wanted[name] for name, axis in grid.items())
    new = {}
    for name, axis in grid.items():
        n_content = min(wanted[name], max(1, round(axis.n / scale)))
        step = axis.step * axis.n / n_content
        frame = (wanted[name] - n_content) // 2
        new[name] = Axis(wanted[name], axis.start, step, frame, n_content)
    return new


def _per_axis(given: tuple[float, ...], letters: list[str], option: str) -> tuple[float, ...]:
    if len(given) == 1:
        return given * len(letters)
    if len(given) != len(letters):
        problem = f"{option} has {len(given)} numbers, an image has the axes {' '.join(letters)}"
        raise SettingError(problem, f"Give one number, or {len(letters)}")
    return given


def _on_grid(raster: Raster, grid: Grid, preparation: Preparation) -> Raster:
    mode = "area" if preparation.resize == "pad" else preparation.resize
    fill = 0 if preparation.resize == "nearest" else _lowest(raster.array)
    axes = {raster.axes.index(name): axis for name, axis in grid.items()}
    spacing, affine = raster.spacing_mm, raster.affine
    if spacing is not None:
        steps = [grid[each].step if each in grid else 1.0 for each in "XYZ"]
        spacing = tuple(old * step for old, step in zip(spacing, steps, strict=False))
    if affine is not None:
        affine = affine @ _to_old(grid)
    array = regrid(raster.array, axes, mode, fill)
    return replace(raster, array=array, spacing_mm=spacing, affine=affine)


def _lowest(array: np.ndarray) -> float:
    return 0 if array.dtype.kind == "b" or not array.size else array.min()


def _to_old(grid: Grid) -> np.ndarray:
    """Return the matrix from new indices to old ones, float64 (4, 4)."""
    matrix = np.eye(4)
    for n, name in enumerate("XYZ"):
        if name in grid:
            axis = grid[name]
            matrix[n, n] = axis.step
            matrix[n, 3] = axis.start + (0.5 - axis.frame) * axis.step - 0.5
    return matrix


def _coloured(array: np.ndarray, axes: str, channels: str) -> tuple[np.ndarray, str]:
    if channels == "grey" and axes.endswith("C"):
        if array.shape[-1] < _RGB:
            return array[..., 0], axes[:-1]
        grey = array[..., :_RGB] @ np.array(_LUMA, np.float64)
        return (np.rint(grey) if array.dtype.kind in "ui" else grey).astype(array.dtype), axes[:-1]
    if channels == "rgb" and axes.endswith("C"):
        return (array[..., :_RGB] if array.shape[-1] >= _RGB else array[..., [0, 0, 0]]), axes
    if channels == "rgb":
        return np.repeat(array[..., None], _RGB, axis=-1), axes + "C"
    return array, axes


def _cast(array: np.ndarray, name: str) -> np.ndarray:
    try:
        kind = np.dtype(name)
    except TypeError as error:
        raise SettingError(f"{name!r} is no dtype", "Write e.g. uint8, int16, float32") from error
    if kind.kind not in "uif" or array.dtype == kind:
        if array.dtype == kind:
            return array
        raise SettingError(f"{name!r} is no dtype of images", "Write e.g. uint8, int16, float32")
    if kind.kind == "f":
        return array.astype(kind)
    values = np.rint(array) if array.dtype.kind == "f" else array
    limits = np.iinfo(kind)
    if array.size and not (
        np.isfinite(values).all() and values.min() >= limits.min and values.max() <= limits.max
    ):
        problem = f"Values from {array.min():g} to {array.max():g} do not fit {name}"
        raise SettingError(problem, "Choose a wider dtype, or a window, e.g. --window lung")
    return values.astype(kind)

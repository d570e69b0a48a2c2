"""Images on another grid: cut, enlarged, reduced, framed, along each axis on its own.

Positions are between pixels: the first pixel reaches from 0 to 1.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any, Literal

import numpy as np
from PIL import Image

Mode = Literal["area", "bilinear", "nearest"]
_FILTERS = {
    "area": Image.Resampling.BOX,
    "bilinear": Image.Resampling.BILINEAR,
    "nearest": Image.Resampling.NEAREST,
}
_COLOURS = 3


@dataclass(frozen=True, slots=True)
class Axis:
    """The new grid along one axis.

    Attributes:
        n: Its length in new pixels, the frame included.
        start: Where the content begins, in old pixels.
        step: Old pixels per new pixel.
        frame: New pixels before the content.
        n_content: New pixels of content.
    """

    n: int
    start: float
    step: float
    frame: int
    n_content: int

    @classmethod
    def of(cls, n_old: int) -> Axis:
        """Return the grid that is there."""
        return cls(n_old, 0.0, 1.0, 0, n_old)

    def moved(self, position: Any) -> Any:
        """Return old positions, a number or an array of them, as new ones."""
        return (position - self.start) / self.step + self.frame

    @property
    def is_cut(self) -> bool:
        """Whether pixels are taken as they are."""
        return self.step == 1 and float(self.start).is_integer()


def regrid(array: np.ndarray, axes: Mapping[int, Axis], mode: Mode, fill: float = 0) -> np.ndarray:
    """Return an image on a new grid.

    `area` is the mean of what a new pixel covers, weighted by how much of it; along an axis that
    grows it is linear. `bilinear` is the triangle filter of that width. What would lie beyond the
    image does not count. Whole numbers are computed as float32 (float64 from 32 bits on) and
    rounded; 8-bit pictures, where it does the same, by Pillow, whose weights have 8 bits.

    Args:
        array: Any numbers.
        axes: Number of an axis to its new grid; other axes stay.
        mode: How new values are made.
        fill: Value of the frame.

    Returns:
        The same dtype.
    """
    cut = {n: each for n, each in axes.items() if each.is_cut}
    smooth = {n: each for n, each in axes.items() if not each.is_cut}
    for n, each in cut.items():
        array = _gather(array, n, _centres(each))
    if smooth and mode == "nearest":
        for n, each in smooth.items():
            array = _gather(array, n, _centres(each))
    elif smooth and _is_for_pillow(array, smooth, mode):
        array = _by_pillow(array, smooth, mode)
    elif smooth:
        array = _by_weights(array, smooth, mode)
    return _framed(array, axes, fill)


def _centres(axis: Axis) -> np.ndarray:
    """Return the old index below the middle of each new pixel, int64."""
    return np.floor(axis.start + (np.arange(axis.n_content) + 0.5) * axis.step).astype(np.int64)


def _gather(array: np.ndarray, n: int, indices: np.ndarray) -> np.ndarray:
    low, high = int(indices[0]), int(indices[-1]) + 1
    inside = low >= 0 and high <= array.shape[n]
    if inside and len(indices) == high - low:
        return array[(slice(None),) * n + (slice(low, high),)]
    return array.take(indices.clip(0, array.shape[n] - 1), axis=n)


def _is_for_pillow(array: np.ndarray, axes: Mapping[int, Axis], mode: Mode) -> bool:
    """Say whether Pillow can do it: 8 bits, rows and columns first, nothing beyond the edges.

    Its box filter counts a pixel wholly or not at all: it is a mean of areas for whole steps only.
    """
    if mode == "area" and any(each.step > 1 and each.step % 1 for each in axes.values()):
        return False
    flat = array.ndim == 2 or (array.ndim == 3 and array.shape[2] == _COLOURS)  # noqa: PLR2004
    inside = all(
        each.start >= 0 and each.start + each.n_content * each.step <= array.shape[n] + 1e-9
        for n, each in axes.items()
    )
    return array.dtype == np.uint8 and flat and set(axes) <= {0, 1} and inside


def _by_pillow(array: np.ndarray, axes: Mapping[int, Axis], mode: Mode) -> np.ndarray:
    """Resize rows and columns together where they take the same filter, else one by one."""
    rows, columns = (axes.get(n, Axis.of(array.shape[n])) for n in (0, 1))
    kinds = {_kind(each, mode) for n, each in axes.items()}
    if len(kinds) > 1:
        first = _by_pillow(array, {0: rows}, mode)
        return _by_pillow(first, {1: columns}, mode)
    top, bottom, left, right = (
        min(position, array.shape[n])
        for n, each in ((0, rows), (1, columns))
        for position in (each.start, each.start + each.n_content * each.step)
    )
    picture = Image.fromarray(array).resize(
        (columns.n_content, rows.n_content), _FILTERS[kinds.pop()], (left, top, right, bottom)
    )
    return np.asarray(picture)


def _kind(axis: Axis, mode: Mode) -> Mode:
    return "bilinear" if mode == "area" and axis.step < 1 else mode


def _by_weights(array: np.ndarray, axes: Mapping[int, Axis], mode: Mode) -> np.ndarray:
    kind = array.dtype
    wide = kind.itemsize > 2 and kind != np.float32  # noqa: PLR2004
    values = array
    # the axis that shrinks most comes first: the others then have less to do
    for n, each in sorted(axes.items(), key=lambda item: -item[1].step):
        values = _weighted(values, n, each, _kind(each, mode), np.float64 if wide else np.float32)
    if kind.kind == "f":
        return values.astype(kind, copy=False)
    values = np.rint(values)
    if kind.kind != "b":
        limits = np.iinfo(kind)
        values = values.clip(limits.min, limits.max)
    return values.astype(kind)


def _weighted(
    values: np.ndarray, n: int, axis: Axis, mode: Mode, kind: type[np.floating[Any]]
) -> np.ndarray:
    """Sum old values by weight, tap by tap, so that no matrix of all weights is made."""
    first, weights = _taps(axis, mode, values.shape[n])
    moved = np.ascontiguousarray(np.moveaxis(values, n, 0))
    shape = (-1,) + (1,) * (moved.ndim - 1)
    total = np.zeros((axis.n_content, *moved.shape[1:]), kind)
    for tap in range(weights.shape[1]):
        taken = moved.take((first + tap).clip(0, len(moved) - 1), axis=0)
        total += taken * weights[:, tap].astype(kind).reshape(shape)
    return np.moveaxis(total, 0, n)


def _taps(axis: Axis, mode: Mode, n_old: int) -> tuple[np.ndarray, np.ndarray]:
    """Return the first old index of each new pixel, and the weights from there, rows of sum 1."""
    begin = axis.start + np.arange(axis.n_content) * axis.step
    if mode == "area":
        first = np.floor(begin).astype(np.int64)
        n_taps = int(np.ceil(axis.step)) + 1
        old = first[:, None] + np.arange(n_taps)
        end = (begin + axis.step)[:, None]
        weights = (np.minimum(old + 1, end) - np.maximum(old, begin[:, None])).clip(0)
    else:
        middle, width = begin + axis.step / 2, max(axis.step, 1.0)
        first = np.floor(middle - width).astype(np.int64)
        old = first[:, None] + np.arange(int(np.ceil(2 * width)) + 1)
        weights = (1 - np.abs(old + 0.5 - middle[:, None]) / width).clip(0)
    inside = np.where((old >= 0) & (old < n_old), weights, 0)
    outside = inside.sum(axis=1, keepdims=True) == 0
    weights = np.where(outside, weights, inside)
    return first, weights / weights.sum(axis=1, keepdims=True)


def _framed(array: np.ndarray, axes: Mapping[int, Axis], fill: float) -> np.ndarray:
    shape = [axes[n].n if n in axes else length for n, length in enumerate(array.shape)]
    if tuple(shape) == array.shape:
        return array
    whole = np.full(shape, fill, array.dtype)
    inside = tuple(
        slice(axes[n].frame, axes[n].frame + axes[n].n_content) if n in axes else slice(None)
        for n in range(array.ndim)
    )
    whole[inside] = array
    return whole

"""What an image looks like: its small picture and its edge."""

from __future__ import annotations

from collections.abc import Sequence
from functools import lru_cache

import numpy as np

from medshelf.imaging.hashing import SIDE, reduced
from medshelf.quality.measuring.counting import row_sums

_LUMINANCE = (299, 587, 114)
_MAX = 255
_MAX_EDGE = 1 << 14
_OF_COLOURS = np.array([1, 1 << 8, 1 << 16], np.int32)


def plane_of(
    array: np.ndarray, axes: str, spacing_mm: Sequence[float] | None
) -> tuple[np.ndarray, str]:
    """Return one picture of an image: of several frames the middle one, of a volume a slice.

    The slice is the middle one along the axis of the widest spacing, Z where that is stated of
    none or several.

    Args:
        array: In the axes of `decoded.ORDER`.
        axes: Of it.
        spacing_mm: Along X, Y and Z.

    Returns:
        A view of it and its axes, YX or YXC; a volume cut across another axis than Z has that axis
        left out.
    """
    if "T" in axes:
        array, axes = array[array.shape[0] // 2], axes.replace("T", "")
    if "Z" in axes:
        widest = "Z"
        if spacing_mm is not None and len(spacing_mm) == 3:  # noqa: PLR2004
            widest = max("ZYX", key=lambda each: (spacing_mm["XYZ".index(each)], each))
        at = axes.index(widest)
        array, axes = array.take(array.shape[at] // 2, axis=at), axes.replace(widest, "")
    return array, axes


def small_picture(plane: np.ndarray, axes: str) -> np.ndarray:
    """Reduce a picture to 32 x 32 means of its luminance, float32.

    Args:
        plane: (rows, columns) or (rows, columns, channels); RGB and RGBA are weighed as Rec. 601,
            other channels alike.
        axes: Its last letter is C where it has channels.
    """
    n_channels = plane.shape[-1] if axes.endswith("C") else 1
    weights = _LUMINANCE if n_channels in (3, 4) else (1,) * n_channels
    if plane.dtype == np.uint8 and max(plane.shape[:2]) <= _MAX_EDGE:
        return _small_of_bytes(plane, weights)
    channels = plane if axes.endswith("C") else plane[..., None]
    parts = [reduced(channels[..., each]) * np.float64(w) for each, w in enumerate(weights)]
    return (np.add.reduce(parts, axis=0) / sum(weights)).astype(np.float32)


def _small_of_bytes(plane: np.ndarray, weights: tuple[int, ...]) -> np.ndarray:
    """Do what `hashing.reduced` does in whole numbers, with one division at the end.

    Sums stay below 2^53, so that float64 holds them in any order of adding.
    """
    height, width = plane.shape[:2]
    lines = np.ascontiguousarray(plane).reshape(height, -1)
    starts, stops, first, last = _bands(height)
    sums = row_sums(lines, starts, stops).astype(np.float64)
    if height % SIDE:
        sums -= lines[starts] * (first / SIDE)[:, None]
        sums += lines[np.minimum(stops, height - 1)] * (last / SIDE)[:, None]
    channels = sums.reshape(SIDE, width, -1)
    light = sum(channels[..., each] * weight for each, weight in enumerate(weights))
    total = _band_sums(np.asarray(light))
    return (total * (SIDE * SIDE / (height * width * sum(weights)))).astype(np.float32)


def _band_sums(rows: np.ndarray) -> np.ndarray:
    """Sum each of 32 bands of the last axis, float64 (32, 32).

    Not by a product of matrices: its threads take 20 ms for it where other processes work.
    """
    width = rows.shape[1]
    starts, stops, first, last = _bands(width)
    whole = np.add.reduceat(rows, starts, axis=1)
    whole[:, stops == starts] = 0
    whole -= rows[:, starts] * (first / SIDE)
    return np.asarray(whole + rows[:, np.minimum(stops, width - 1)] * (last / SIDE))


@lru_cache(maxsize=64)
def _bands(length: int) -> tuple[np.ndarray, ...]:
    """Return of each of 32 bands its first row, the one behind its last whole one, and shares.

    The shares, in 1/32 of a row, are that of the first row which lies before the band, and that of
    the row behind the last whole one which lies in it.
    """
    starts, before = np.divmod(np.arange(SIDE) * length, SIDE)
    stops, after = np.divmod(np.arange(1, SIDE + 1) * length, SIDE)
    return starts, stops, before.astype(np.float64), after.astype(np.float64)


def thumb_of(small: np.ndarray) -> bytes | None:
    """Stretch a reduced picture to 0 to 255, uint8 by rows; null where it is constant."""
    low, high = float(small.min()), float(small.max())
    if not low < high:
        return None
    scaled = (small.astype(np.float64) - low) * (_MAX / (high - low))
    return np.rint(scaled).astype(np.uint8).tobytes()


def border_of(plane: np.ndarray) -> list[float]:
    """Return how much of the left, top, right and bottom edge is its most frequent value."""
    edges = (plane[:, 0], plane[0], plane[:, -1], plane[-1])
    return [_constant_share(each) for each in edges]


def _constant_share(edge: np.ndarray) -> float:
    if edge.ndim > 1 and edge.dtype == np.uint8 and edge.shape[1] in (3, 4):
        edge = edge[:, :3].astype(np.int32) @ _OF_COLOURS
    elif edge.ndim > 1:
        edge = np.ascontiguousarray(edge)
        edge = edge.view(np.dtype((np.void, edge.dtype.itemsize * edge.shape[1]))).ravel()
    if edge.dtype == np.uint8:
        most = np.bincount(edge).max()
    elif edge.dtype == np.int32:
        edge = np.sort(edge)
        ends = np.flatnonzero(edge[1:] != edge[:-1])
        most = np.diff(ends, prepend=-1, append=len(edge) - 1).max()
    else:
        most = np.unique(edge, return_counts=True)[1].max()
    return float(most / len(edge))

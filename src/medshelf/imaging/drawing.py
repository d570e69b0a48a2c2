"""Soft shapes and textures on pixel grids, the same to the last bit on every machine.

Only operations that IEEE 754 rounds exactly are used, one at a time: no sine, exponential, matrix
product or float sum, whose last bit depends on the processor. Lengths are in units of half the
edge, origin in the centre; N pictures are drawn at once.
"""

from __future__ import annotations

import numpy as np

SHAPES = ("disc", "ring", "square", "cross")
"""What `outline_distance` knows."""


def outline_distance(shape: str, axes: list[np.ndarray]) -> np.ndarray:
    """Return about the distance from the outline, in radii, negative inside.

    Args:
        shape: disc, ring, square or cross; in a volume: ball, shell, cube or three bars.
        axes: Coordinates in radii, each broadcasting to (N, size, ...).
    """
    if shape in ("disc", "ring"):
        square = np.float32(0)
        for axis in axes:
            square = square + axis * axis
        distance = np.sqrt(square)
        if shape == "disc":
            return distance - 1
        return np.abs(distance - np.float32(0.75)) - np.float32(0.25)
    sizes = [np.abs(axis) for axis in axes]
    if shape == "square":
        return _largest(sizes) - np.float32(0.85)
    bars = []
    for long, along in enumerate(sizes):
        across = _largest([each for k, each in enumerate(sizes) if k != long])
        bars.append(np.maximum(along - np.float32(1.1), across - np.float32(0.32)))
    return -_largest([-bar for bar in bars])


def _largest(arrays: list[np.ndarray]) -> np.ndarray:
    largest = arrays[0]
    for each in arrays[1:]:
        largest = np.maximum(largest, each)
    return largest


def pixel_axes(centre: np.ndarray, turn: np.ndarray, size: int) -> list[np.ndarray]:
    """Return pixel coordinates about each centre, turned in the plane of the last two axes."""
    n_samples, n_axes = centre.shape
    pixels = (2 * np.arange(size, dtype=np.float32) + 1) / np.float32(size) - 1
    axes = []
    for axis in range(n_axes):
        along = [1] * n_axes
        along[axis] = size
        start = centre[:, axis].reshape(n_samples, *[1] * n_axes)
        axes.append(pixels.reshape(1, *along) - start)
    # The half-angle form: a rotation without sine and cosine.
    half = turn.reshape(n_samples, *[1] * n_axes)
    cosine, sine = (1 - half * half) / (1 + half * half), 2 * half / (1 + half * half)
    *depth, down, right = axes
    return [*depth, cosine * down + sine * right, cosine * right - sine * down]


def interpolate(grid: np.ndarray, size: int) -> np.ndarray:
    """Spread knots (N, knots, ...) smoothly over pixels (N, size, ...)."""
    place = (np.arange(size, dtype=np.float32) + np.float32(0.5)) / size * (grid.shape[1] - 1)
    knot = place.astype(np.int64)
    share = smooth_step(place - knot.astype(np.float32))
    for axis in range(1, grid.ndim):
        weight = share.reshape(-1, *[1] * (grid.ndim - 1 - axis))
        low, high = np.take(grid, knot, axis), np.take(grid, knot + 1, axis)
        grid = low + weight * (high - low)
    return grid


def smooth_step(ramp: np.ndarray) -> np.ndarray:
    """Turn a ramp into an S from 0 to 1 (smoothstep)."""
    ramp = np.clip(ramp, 0, 1)
    return ramp * ramp * (3 - 2 * ramp)

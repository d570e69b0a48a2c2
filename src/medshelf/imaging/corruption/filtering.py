"""Linear filters over stacks of planes, the same result for a sample whatever lies beside it.

Planes are arrays (N, C, D, H, W): pictures have one slice, D = 1, grey ones one channel, C = 1.
"""

from __future__ import annotations

from collections.abc import Callable

import numpy as np

_SUPERSAMPLES = 9
_TINY = 1e-4


def along_axes(planes: np.ndarray, matrix: Callable[[int], np.ndarray]) -> np.ndarray:
    """Apply a linear map along every spatial axis of more than one pixel, float32.

    Args:
        planes: (N, C, D, H, W).
        matrix: Gives the map of an axis from its length, float32 (length, length).
    """
    n_samples, n_channels, depth, height, width = planes.shape
    # One product per slice, never per batch: a product's last bit depends on its shape.
    pixels = np.matmul(matrix(height), planes.astype(np.float32))
    pixels = np.matmul(pixels, np.ascontiguousarray(matrix(width).T))
    if depth > 1:
        flat = pixels.reshape(n_samples, n_channels, depth, height * width)
        pixels = np.matmul(matrix(depth), flat).reshape(planes.shape)
    return pixels


def convolve(planes: np.ndarray, kernel: np.ndarray) -> np.ndarray:
    """Weight the neighbours in the plane, float32; the picture's edge is continued outwards.

    Args:
        planes: (N, C, D, H, W).
        kernel: Float (k, k), k odd, sum 1.
    """
    reach = len(kernel) // 2
    height, width = planes.shape[-2:]
    around = (*((0, 0),) * (planes.ndim - 2), (reach, reach), (reach, reach))
    wide = np.pad(planes, around, mode="edge").astype(np.float32)
    total = np.zeros(planes.shape, np.float32)
    part = np.empty_like(total)
    for down, right in zip(*np.nonzero(kernel > _TINY), strict=True):
        view = wide[..., down : down + height, right : right + width]
        total += np.multiply(view, np.float32(kernel[down, right]), out=part)
    return total


def disc(radius_px: float) -> np.ndarray:
    """Return a disc with soft edges as a kernel (k, k)."""
    reach = int(np.ceil(radius_px + 0.5))
    y, x = _fine_grid(reach)
    # A pixel's own extent counts: below half a pixel the disc still spreads over neighbours.
    return _kernel(y * y + x * x <= (radius_px + 0.35) ** 2, reach)


def streak(length_px: float, angle: float) -> np.ndarray:
    """Return a line through the centre, one pixel thick, as a kernel (k, k).

    Args:
        length_px: Of the line.
        angle: Against the horizontal, radians.
    """
    reach = int(np.ceil(length_px / 2 + 0.5))
    y, x = _fine_grid(reach)
    along, across = x * np.cos(angle) + y * np.sin(angle), y * np.cos(angle) - x * np.sin(angle)
    inside = (np.abs(along) <= (length_px + 1) / 2) & (np.abs(across) <= 0.5)  # noqa: PLR2004
    return _kernel(inside, reach)


def _fine_grid(reach: int) -> tuple[np.ndarray, np.ndarray]:
    count = (2 * reach + 1) * _SUPERSAMPLES
    places = (np.arange(count) + 0.5) / _SUPERSAMPLES - reach - 0.5
    return places[:, None], places[None]


def _kernel(inside: np.ndarray, reach: int) -> np.ndarray:
    edge = 2 * reach + 1
    parts = inside.reshape(edge, _SUPERSAMPLES, edge, _SUPERSAMPLES).sum(axis=(1, 3))
    kernel = np.where(parts / parts.sum() > _TINY, parts, 0)
    return kernel / kernel.sum()

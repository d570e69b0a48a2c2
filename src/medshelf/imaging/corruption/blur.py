"""Loss of sharpness. Lengths are shares of the shorter edge, so all sizes look alike.

Source: Hendrycks and Dietterich 2019, https://openreview.net/forum?id=HJz6tiCqYm; Di Salvo et al.
2024, https://arxiv.org/abs/2406.17536
"""

from __future__ import annotations

import numpy as np

from medshelf.imaging.corruption.draws import Draws
from medshelf.imaging.corruption.filtering import along_axes, convolve, disc, streak
from medshelf.imaging.corruption.noise import to_bytes

LEVELS = {
    "gaussian-blur": (0.015, 0.02, 0.028, 0.038, 0.05),
    "defocus-blur": (0.015, 0.022, 0.03, 0.042, 0.06),
    "motion-blur": (0.06, 0.09, 0.12, 0.16, 0.2),
    "zoom-blur": (1.1, 1.15, 1.2, 1.25, 1.3),
}
_N_ANGLES = 12
_N_ZOOMS = 11


def gaussian_blur(planes: np.ndarray, level: float, draws: Draws) -> np.ndarray:
    """Blur smoothly, as a low resolution of scanner or reconstruction does.

    Severity: standard deviation as a share of the edge. Volumes: along all three axes.
    """
    del draws
    sigma_px = level * min(planes.shape[-2:])
    return to_bytes(along_axes(planes, lambda edge: _smooth(edge, sigma_px)))


def defocus_blur(planes: np.ndarray, level: float, draws: Draws) -> np.ndarray:
    """Blur over a disc, as a lens out of focus does.

    Severity: radius of the disc as a share of the edge. Volumes: in each slice.
    """
    del draws
    return to_bytes(convolve(planes, disc(level * min(planes.shape[-2:]))))


def motion_blur(planes: np.ndarray, level: float, draws: Draws) -> np.ndarray:
    """Blur along a line, as a moving patient or hand does.

    Severity: length of the way as a share of the edge. The direction is one of 12, drawn per
    sample; volumes: in each slice, all in the same direction.
    """
    chosen = (draws.shares(1)[:, 0] * _N_ANGLES).astype(np.int64)
    length_px = level * min(planes.shape[-2:])
    out = np.empty_like(planes)
    for each in np.unique(chosen):
        rows = chosen == each
        kernel = streak(length_px, np.pi * each / _N_ANGLES)
        out[rows] = to_bytes(convolve(planes[rows], kernel))
    return out


def zoom_blur(planes: np.ndarray, level: float, draws: Draws) -> np.ndarray:
    """Average growing enlargements, as moving towards the object during exposure does.

    Severity: the largest of 11 enlargements, the smallest is 1. Volumes: along all three axes.
    """
    del draws
    total = np.zeros(planes.shape, np.float32)
    for zoom in np.linspace(1, level, _N_ZOOMS):
        total += along_axes(planes, lambda edge, zoom=zoom: _enlarged(edge, float(zoom)))  # type: ignore[misc]
    total /= _N_ZOOMS
    return to_bytes(total)


def _smooth(edge: int, sigma_px: float) -> np.ndarray:
    """Return the matrix of a Gaussian blur whose picture is continued by its edge pixels."""
    reach = int(np.ceil(4 * sigma_px))
    offsets = np.arange(-reach, reach + 1)
    weights = np.exp(-0.5 * (offsets / sigma_px) ** 2)
    places = np.clip(np.arange(edge)[:, None] + offsets, 0, edge - 1)
    matrix = np.zeros((edge, edge))
    np.add.at(matrix, (np.arange(edge)[:, None], places), weights / weights.sum())
    return matrix.astype(np.float32)


def _enlarged(edge: int, zoom: float) -> np.ndarray:
    """Return the matrix that enlarges about the centre, interpolating between two pixels."""
    place = (np.arange(edge) - (edge - 1) / 2) / zoom + (edge - 1) / 2
    low = np.minimum(place.astype(np.int64), edge - 2) if edge > 1 else np.zeros(1, np.int64)
    matrix = np.zeros((edge, edge), np.float32)
    rows = np.arange(edge)
    matrix[rows, low] = 1 - (place - low)
    matrix[rows, np.minimum(low + 1, edge - 1)] += place - low
    return matrix

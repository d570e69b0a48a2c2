"""Noise of sensors and of transmission, drawn for every stored pixel and channel of its own.

A pixel's draw is the same at every severity, so a higher severity is the same noise, stronger.
Source: Hendrycks and Dietterich 2019, https://openreview.net/forum?id=HJz6tiCqYm; Di Salvo et al.
2024, https://arxiv.org/abs/2406.17536
"""

from __future__ import annotations

from functools import cache
from statistics import NormalDist

import numpy as np

from medshelf.imaging.corruption.draws import Draws

LEVELS = {
    "gaussian-noise": (0.04, 0.08, 0.12, 0.18, 0.26),
    "speckle-noise": (0.1, 0.15, 0.2, 0.3, 0.45),
    "impulse-noise": (0.01, 0.03, 0.06, 0.09, 0.17),
    "shot-noise": (60.0, 25.0, 18.0, 10.0, 5.0),
}
_N_LEVELS = 1 << 16
_N_QUANTILES = 1 << 12
_GREYS = 256


def gaussian_noise(planes: np.ndarray, level: float, draws: Draws) -> np.ndarray:
    """Add normal noise, as electronics and low light do.

    Severity: standard deviation, as a share of the range of grey values.
    """
    noise = np.take(_normal() * np.float32(255 * level), draws.levels(planes.shape[1:]))
    noise += planes
    return to_bytes(noise)


def speckle_noise(planes: np.ndarray, level: float, draws: Draws) -> np.ndarray:
    """Multiply by normal noise, as coherent waves do in ultrasound and OCT.

    Severity: standard deviation, as a share of the pixel's own grey value.
    """
    noise = np.take(_normal() * np.float32(level), draws.levels(planes.shape[1:]))
    noise += 1
    noise *= planes
    return to_bytes(noise)


def impulse_noise(planes: np.ndarray, level: float, draws: Draws) -> np.ndarray:
    """Turn single pixels black or white, as defect sensors and lost bits do.

    Severity: share of the pixels; half of them turn black, half white.
    """
    drawn = draws.levels(planes.shape[1:])
    edge = round(_N_LEVELS * level / 2)
    noisy = planes.copy()
    noisy[drawn < edge] = 0
    noisy[drawn >= _N_LEVELS - edge] = 255
    return noisy


def shot_noise(planes: np.ndarray, level: float, draws: Draws) -> np.ndarray:
    """Count photons (Poisson), as detectors do at low dose or short exposure.

    Severity: photons that a white pixel receives on average.
    """
    place = (draws.levels(planes.shape[1:]) >> 4).astype(np.int32)
    place += planes.astype(np.int32) * _N_QUANTILES
    return np.take(_poisson(level).ravel(), place)


def to_bytes(pixels: np.ndarray) -> np.ndarray:
    """Round to whole grey values, uint8, black and white at the ends; `pixels` is overwritten."""
    np.rint(pixels, out=pixels)
    np.clip(pixels, 0, 255, out=pixels)
    return pixels.astype(np.uint8)


@cache
def _normal() -> np.ndarray:
    """Return the standard normal quantiles of all levels, float32 (65536,)."""
    half = _N_LEVELS // 2
    upper = [NormalDist().inv_cdf((half + each + 0.5) / _N_LEVELS) for each in range(half)]
    return np.array([-each for each in reversed(upper)] + upper, np.float32)


@cache
def _poisson(photons: float) -> np.ndarray:
    """Return quantiles of each grey value's count as grey values, uint8 (256, 4096)."""
    mean = np.arange(_GREYS)[:, None] / (_GREYS - 1) * photons
    counts = np.arange(1, int(photons + 12 * photons**0.5) + 2)
    ratios = np.cumprod(mean / counts, axis=1)
    below = np.cumsum(np.exp(-mean) * np.hstack([np.ones_like(mean), ratios]), axis=1)
    wanted = (np.arange(_N_QUANTILES) + 0.5) / _N_QUANTILES
    drawn = np.stack([np.searchsorted(each, wanted) for each in below])
    return to_bytes(drawn * (255 / photons))

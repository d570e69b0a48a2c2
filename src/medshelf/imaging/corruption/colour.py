"""Other exposure, display or staining: every pixel changes by the same rule.

Source: Hendrycks and Dietterich 2019, https://openreview.net/forum?id=HJz6tiCqYm; Di Salvo et al.
2024, https://arxiv.org/abs/2406.17536
"""

from __future__ import annotations

import numpy as np

from medshelf.imaging.corruption.draws import Draws
from medshelf.imaging.corruption.noise import to_bytes

LEVELS = {
    "brightness-up": (1.1, 1.2, 1.3, 1.4, 1.5),
    "brightness-down": (0.9, 0.8, 0.7, 0.6, 0.5),
    "contrast-up": (1.1, 1.2, 1.3, 1.4, 1.6),
    "contrast-down": (0.9, 0.8, 0.7, 0.6, 0.4),
    "gamma-up": (1.1, 1.2, 1.3, 1.4, 1.6),
    "gamma-down": (0.9, 0.8, 0.7, 0.6, 0.4),
    "saturate": (1.2, 1.4, 1.6, 1.8, 2.1),
}
_LUMA = np.array([0.299, 0.587, 0.114], np.float32)  # Source: ITU-R BT.601


def brightness_up(planes: np.ndarray, level: float, draws: Draws) -> np.ndarray:
    """Brighten, as a longer exposure or a higher gain does.

    Severity: factor of all grey values.
    """
    del draws
    return _mapped(planes, np.arange(256) * level)


def brightness_down(planes: np.ndarray, level: float, draws: Draws) -> np.ndarray:
    """Darken, as a shorter exposure or a lower gain does.

    Severity: factor of all grey values.
    """
    return brightness_up(planes, level, draws)


def contrast_up(planes: np.ndarray, level: float, draws: Draws) -> np.ndarray:
    """Spread grey values about the sample's mean, as a narrow display window does.

    Severity: factor of the distance from the mean.
    """
    del draws
    axes = tuple(range(1, planes.ndim))
    # A sum of integers does not depend on its order.
    mean = (planes.sum(axis=axes, dtype=np.int64, keepdims=True) / planes[0].size).astype(
        np.float32
    )
    return to_bytes((planes - mean) * np.float32(level) + mean)


def contrast_down(planes: np.ndarray, level: float, draws: Draws) -> np.ndarray:
    """Draw grey values towards the sample's mean, as scattered light or a wide window does.

    Severity: factor of the distance from the mean.
    """
    return contrast_up(planes, level, draws)


def gamma_up(planes: np.ndarray, level: float, draws: Draws) -> np.ndarray:
    """Darken the middle greys, as another display curve does.

    Severity: exponent of the grey value, black 0 and white 1.
    """
    del draws
    return _mapped(planes, 255 * (np.arange(256) / 255) ** level)


def gamma_down(planes: np.ndarray, level: float, draws: Draws) -> np.ndarray:
    """Brighten the middle greys, as another display curve does.

    Severity: exponent of the grey value, black 0 and white 1.
    """
    return gamma_up(planes, level, draws)


def saturate(planes: np.ndarray, level: float, draws: Draws) -> np.ndarray:
    """Strengthen colours, as more stain or another camera does. Colour pictures only.

    Severity: factor of the distance from the grey of the same brightness.
    """
    del draws
    pixels = planes.astype(np.float32)
    grey = sum(pixels[:, each] * share for each, share in enumerate(_LUMA))
    return to_bytes((pixels - grey[:, None]) * np.float32(level) + grey[:, None])


def _mapped(planes: np.ndarray, greys: np.ndarray) -> np.ndarray:
    return np.take(to_bytes(greys.astype(np.float64)), planes)

"""What lies on, in or around the object of one kind of picture.

Lengths are shares of the shorter edge, so all sizes look alike. A higher severity adds to what a
lower one shows.
"""

from __future__ import annotations

import numpy as np

from medshelf.imaging.corruption.draws import Draws
from medshelf.imaging.corruption.marks import lettered
from medshelf.imaging.corruption.noise import to_bytes

LEVELS = {
    "stain-deposit": (1, 2, 3, 4, 5),
    "bubble": (3, 5, 7, 9, 12),
    "black-corner": (1.3, 1.2, 1.1, 1.0, 0.9),
    "characters": (1, 2, 3, 4, 6),
    "acoustic-shadow": (0.06, 0.1, 0.15, 0.2, 0.28),
    "bias-field": (0.1, 0.2, 0.3, 0.4, 0.6),
}
_MOST = {"stain-deposit": 5, "bubble": 12}
_DARK, _SOFT, _WAVE = np.float32(0.85), np.float32(0.02), np.float32(0.5)


def stain_deposit(planes: np.ndarray, level: float, draws: Draws) -> np.ndarray:
    """Lay dark, irregular spots on the slide, as precipitated stain does. Pictures only.

    Severity: spots; radius about 4 to 9 % of the edge.

    Source: Di Salvo et al. 2024, https://arxiv.org/abs/2406.17536
    """
    numbers = _flat(draws.shares(_MOST["stain-deposit"], 6))
    light = np.ones((len(planes), *planes.shape[-2:]), np.float32)
    for each in range(int(level)):
        y, x, radius = (numbers[:, each, part] for part in range(3))
        waves = [(numbers[:, each, part] - 0.5) * _WAVE for part in range(3, 6)]
        down, right = _axes(planes, y, x)
        square = down * down + right * right + np.float32(1e-6)
        # The outline's radius varies with twice and three times the angle, without an arc tangent.
        distance = np.sqrt(square)
        twice = waves[0] * (right * right - down * down) + 2 * waves[1] * right * down
        thrice = waves[2] * right * (right * right - 3 * down * down)
        edge = np.float32(0.04) + np.float32(0.05) * radius
        outline = edge * (1 + twice / square + thrice / (square * distance))
        light = np.minimum(light, 1 - _DARK * _inside(distance - outline))
    return to_bytes(planes * light[:, None, None])


def bubble(planes: np.ndarray, level: float, draws: Draws) -> np.ndarray:
    """Put bright, half transparent rings with a paler inside on the slide. Pictures only.

    It imitates air under the cover glass. Severity: bubbles; radius 3 to 10 % of the edge.

    Source: Di Salvo et al. 2024, https://arxiv.org/abs/2406.17536
    """
    numbers = _flat(draws.shares(_MOST["bubble"], 3))
    white = np.zeros((len(planes), *planes.shape[-2:]), np.float32)
    for each in range(int(level)):
        y, x, share = (numbers[:, each, part] for part in range(3))
        down, right = _axes(planes, y, x)
        radius = np.float32(0.03) + np.float32(0.07) * share
        distance = np.sqrt(down * down + right * right) - radius
        rim = _inside(np.abs(distance) - np.float32(0.008))
        white = np.maximum(white, np.maximum(rim * np.float32(0.6), _inside(distance) * 0.35))
    return to_bytes(planes + (255 - planes.astype(np.float32)) * white[:, None, None])


def black_corner(planes: np.ndarray, level: float, draws: Draws) -> np.ndarray:
    """Blacken all outside a circle, as the tube of a dermatoscope does. Pictures only.

    Severity: radius of the circle in halves of the edge; the corners lie at 1.41.

    Source: Di Salvo et al. 2024, https://arxiv.org/abs/2406.17536
    """
    del draws
    centre = np.full((1, 1, 1), 0.5, np.float32)
    down, right = _axes(planes, centre, centre)
    seen = _inside(np.sqrt(down * down + right * right) - np.float32(level / 2))
    return to_bytes(planes * seen[:, None, None])


def characters(planes: np.ndarray, level: float, draws: Draws) -> np.ndarray:
    """Write short markers such as L, AP or 12 into the picture. Pictures only.

    It imitates side markers, rulers and annotations. They are black or white, whichever is further
    from the picture's mean, 9 % of the edge high, and never below 5 pixels. Severity: markers.

    Source: Di Salvo et al. 2024, https://arxiv.org/abs/2406.17536
    """
    return lettered(planes, int(level), draws)


def acoustic_shadow(planes: np.ndarray, level: float, draws: Draws) -> np.ndarray:
    """Darken a strip from some depth downwards, as a reflecting or absorbing structure does.

    Severity: width of the strip as a share of the edge; its place is drawn. Pictures only.

    Source: Feldman et al. 2009, https://doi.org/10.1148/rg.294085199
    """
    numbers = _flat(draws.shares(1, 2))
    down, right = _axes(planes, numbers[:, 0, 0] * np.float32(0.4), numbers[:, 0, 1])
    strip = _inside(np.abs(right) - np.float32(level / 2), np.float32(0.04))
    dark = strip * _inside(-down, np.float32(0.1))
    return to_bytes(planes * (1 - _DARK * dark)[:, None, None])


def bias_field(planes: np.ndarray, level: float, draws: Draws) -> np.ndarray:
    """Brighten one side and darken the other, as an uneven coil or lamp does.

    Severity: half the range of the factor, 1 in the centre. Volumes: across all three axes.

    Source: Sled et al. 1998 (a smooth factor), https://doi.org/10.1109/42.668698
    """
    slopes = _flat(draws.shares(1, 3) * 2 - 1)[:, 0]
    axes = []
    for axis, edge in enumerate(planes.shape[2:]):
        along = ((2 * np.arange(edge, dtype=np.float32) + 1) / np.float32(edge) - 1).astype(
            np.float32
        )
        shape = [1, 1, 1, 1, 1]
        shape[2 + axis] = edge
        axes.append(along.reshape(shape) * slopes[:, axis].reshape(-1, 1, 1, 1, 1))
    steepest = sum(np.abs(slopes[:, axis]) for axis in range(3) if planes.shape[2 + axis] > 1)
    field = (axes[0] + axes[1] + axes[2]) / np.reshape(steepest, (-1, 1, 1, 1, 1))
    return to_bytes(planes * (1 + np.float32(level) * field))


def _flat(numbers: np.ndarray) -> np.ndarray:
    """Return draws as float32 that broadcast over pixels, (N, count, parts, 1, 1)."""
    return numbers.astype(np.float32)[..., None, None]


def _axes(planes: np.ndarray, y: np.ndarray, x: np.ndarray) -> tuple[np.ndarray, np.ndarray]:
    """Return distances from places, in shares of the shorter edge: (N, H, 1) and (N, 1, W)."""
    height, width = planes.shape[-2:]
    shorter = np.float32(min(height, width))
    down = (np.arange(height, dtype=np.float32)[None, :, None] + np.float32(0.5)) / shorter
    right = (np.arange(width, dtype=np.float32)[None, None] + np.float32(0.5)) / shorter
    return down - y * (height / shorter), right - x * (width / shorter)


def _inside(distance: np.ndarray, soft: np.float32 = _SOFT) -> np.ndarray:
    """Return 1 inside (negative distance) and 0 outside, with an edge `soft` wide."""
    return np.clip(np.float32(0.5) - distance / soft, 0, 1)

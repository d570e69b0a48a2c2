"""The interval of a mean over seeds, by Student's t.

Source: Abramowitz and Stegun 1964, Handbook of Mathematical Functions, 26.7.3 and 26.7.4 (the
distribution for whole degrees of freedom), https://personal.math.ubc.ca/~cbm/aands/page_948.htm.
"""

from __future__ import annotations

import math
from functools import cache

LEVEL = 0.95
_HALVINGS = 80


def mean_interval(mean: float, sd: float | None, n_seeds: int) -> tuple[float, float] | None:
    """Return the 95 % t interval of a mean over seeds; None for fewer than two.

    Args:
        mean: Over seeds.
        sd: Standard deviation over seeds (n - 1).
        n_seeds: How many.
    """
    if sd is None or n_seeds < 2:  # noqa: PLR2004
        return None
    half = t_quantile(n_seeds - 1) * sd / math.sqrt(n_seeds)
    return mean - half, mean + half


@cache
def t_quantile(degrees: int, level: float = LEVEL) -> float:
    """Return t such that a share `level` of Student's distribution lies within ±t.

    Args:
        degrees: Of freedom, at least 1.
        level: Between 0 and 1.
    """
    low, high = 0.0, math.pi / 2
    for _ in range(_HALVINGS):
        middle = (low + high) / 2
        low, high = (middle, high) if _within(middle, degrees) < level else (low, middle)
    return math.tan(low) * math.sqrt(degrees)


def _within(angle: float, degrees: int) -> float:
    """Return the share within ±t for t = tan(angle) √degrees."""
    sine, cosine = math.sin(angle), math.cos(angle)
    odd = degrees % 2
    term, total = (cosine if odd else 1.0), 0.0
    for k in range(odd + 2, degrees + 1, 2):
        total += term
        term *= cosine**2 * (k - 1) / k
    if odd:
        return 2 / math.pi * (angle + sine * total)
    return sine * total

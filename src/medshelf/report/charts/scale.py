"""From data to pixels, and the round numbers between."""

from __future__ import annotations

import math
from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np

Numbers = Sequence[float] | np.ndarray

_STEPS = (1, 2, 2.5, 5, 10)
_EXPONENT_FROM = 1e7
_NO_SPAN = 1e-290


@dataclass(frozen=True, slots=True)
class Axis:
    """One axis of a chart.

    Attributes:
        label: What is measured, with its unit.
        low: The axis reaches at least down to here.
        high: The axis reaches at least up to here.
        whole: Ticks only at whole numbers, as for epochs.
    """

    label: str
    low: float | None = None
    high: float | None = None
    whole: bool = False


@dataclass(frozen=True, slots=True)
class Scale:
    """A linear map from data `low..high` to pixels `start..end`."""

    low: float
    high: float
    start: float
    end: float

    def __call__(self, value: float) -> float:
        """Return the pixel of a data value."""
        return self.start + (value - self.low) / (self.high - self.low) * (self.end - self.start)


def extent(axis: Axis, values: Numbers, *, nice: bool = False) -> tuple[float, float]:
    """Return the range that holds the axis limits and all finite values; never empty.

    Args:
        axis: May ask for more than the values need.
        values: NaN and infinite ones are left out.
        nice: Widen ends that the axis does not set to round numbers.
    """
    finite = np.asarray(values, dtype=np.float64)
    finite = finite[np.isfinite(finite)]
    limits = [limit for limit in (axis.low, axis.high) if limit is not None]
    low, high = _bounds([*limits, *finite.tolist()])
    if nice:
        inner = ticks(low, high, whole=axis.whole)
        step = inner[1] - inner[0] if len(inner) > 1 else high - low
        if low != axis.low:
            low = math.floor(low / step + 1e-9) * step
        if high != axis.high:
            high = math.ceil(high / step - 1e-9) * step
    return low, high


def ticks(low: float, high: float, count: int = 5, *, whole: bool = False) -> list[float]:
    """Return about `count` round numbers from `low` to `high`, ascending."""
    rough = (high - low) / count
    power = 10.0 ** math.floor(math.log10(rough))
    step = next(each * power for each in _STEPS if each * power >= rough * (1 - 1e-9))
    if whole:
        step = max(1.0, math.ceil(step))
    first = math.ceil(low / step - 1e-9)
    last = math.floor(high / step + 1e-9)
    return [each * step for each in range(first, last + 1)]


def tick_texts(values: Sequence[float]) -> list[str]:
    """Write ticks with the same number of decimals, as few as tell them apart."""
    largest = max(map(abs, values), default=0.0)
    if largest < _EXPONENT_FROM:
        for decimals in range(6):
            if all(abs(round(each, decimals) - each) <= 1e-6 * largest for each in values):
                return [f"{each:,.{decimals}f}" for each in values]
    return [f"{each:.3g}" for each in values]


def _bounds(values: Sequence[float]) -> tuple[float, float]:
    if not values:
        return 0.0, 1.0
    low, high = min(values), max(values)
    if high - low > max(abs(high) * 1e-9, _NO_SPAN):
        return low, high
    margin = abs(low) * 0.1 or 0.5
    return low - margin, high + margin

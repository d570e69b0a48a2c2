"""Statistics of values: exact where they are few, from a histogram; else in fixed pieces.

Values of 8 or 16 bits, and integers of a range below 65,536, are counted; mean and sd come from
whole-number sums and are the nearest float64, percentiles are those of `numpy.percentile`. Other
values are summed in float64 in pieces of a fixed length, so that a result depends on the file
alone. Their percentiles are exact up to `SAMPLE` values; of more, every k-th value in memory order
is taken, k being the least that leaves no more and has no divisor in common with an axis.
"""

from __future__ import annotations

import math
from collections.abc import Sequence
from typing import Any

import numpy as np

from medshelf.quality.measures import PERCENTILES
from medshelf.quality.measuring.counting import counts_of

SAMPLE = 1 << 20
_PIECE = 1 << 20
_COUNTED = 1 << 16
_SHARES = np.array(PERCENTILES) / 100


def value_columns(array: np.ndarray, axes: str) -> dict[str, Any]:
    """Return minimum to channel_sds; null where no value is finite.

    Args:
        array: In the axes of `decoded.ORDER`, C order.
        axes: Of it.
    """
    n_channels = array.shape[-1] if axes.endswith("C") else 1
    flat = array.reshape(-1, n_channels)
    counted = _counted(flat)
    if counted is not None:
        lowest, counts = counted
        return _of_counts(lowest, counts)
    return _of_floats(flat, array.shape)


def _counted(flat: np.ndarray) -> tuple[int, np.ndarray] | None:
    """Return the lowest value and how often it and those after it occur, (channels, values)."""
    if flat.dtype == np.bool_:
        return 0, counts_of(flat.view(np.uint8), 2)
    if flat.dtype.kind == "f":
        return None
    if flat.dtype.itemsize == 1 and flat.dtype.kind == "u":
        return 0, counts_of(flat, 256)
    low, high = int(flat.min()), int(flat.max())
    if high - low >= _COUNTED:
        return None
    if flat.dtype != np.uint16 or low:
        flat = _shifted(flat, low)
    return low, counts_of(flat, high - low + 1)


def _shifted(flat: np.ndarray, low: int) -> np.ndarray:
    """Subtract the lowest value; modulo 65,536 this is right in any integer type."""
    return flat.astype(np.uint16) - np.uint16(low % _COUNTED)


def _of_counts(low: int, counts: np.ndarray) -> dict[str, Any]:
    total = counts[0] if len(counts) == 1 else counts.sum(axis=0)
    present = np.flatnonzero(total)
    channels = [_moments(low, each) for each in counts]
    mean, sd = channels[0] if len(channels) == 1 else _moments(low, total)
    return {
        "minimum": float(low + int(present[0])),
        "maximum": float(low + int(present[-1])),
        "mean": mean,
        "sd": sd,
        "n_not_finite": 0,
        "percentiles": _percentiles_of(low, total),
        "channel_means": [each for each, _ in channels],
        "channel_sds": [each for _, each in channels],
    }


def _moments(low: int, counts: np.ndarray) -> tuple[float, float]:
    """Return mean and sd, rounded once: the sums are whole numbers of any size."""
    occurring = np.flatnonzero(counts)
    times = counts[occurring]
    n, first = int(times.sum()), int(times @ occurring)
    if n * len(counts) ** 2 < 1 << 63:
        second = int((times * occurring) @ occurring)
    else:
        pairs = zip(times.tolist(), occurring.tolist(), strict=True)
        second = sum(count * value * value for count, value in pairs)
    return (low * n + first) / n, math.sqrt(n * second - first * first) / n


def _percentiles_of(low: int, counts: np.ndarray) -> list[float]:
    ends = np.cumsum(counts)
    places = _SHARES * (int(ends[-1]) - 1)
    below = np.floor(places)
    first = np.searchsorted(ends, below, side="right")
    second = np.searchsorted(ends, np.ceil(places), side="right")
    found: list[float] = (low + first + (second - first) * (places - below)).tolist()
    return found


def _of_floats(flat: np.ndarray, shape: Sequence[int]) -> dict[str, Any]:
    finite = np.isfinite(flat)
    n_bad = flat.size - int(np.count_nonzero(finite))
    columns: dict[str, Any] = {"n_not_finite": n_bad}
    if n_bad == flat.size:
        return columns
    channels = [
        flat[:, each][finite[:, each]] if n_bad else flat[:, each] for each in range(flat.shape[1])
    ]
    sums = [_sum(each) for each in channels]
    sizes = [len(each) for each in channels]
    means = [total / max(1, n) for total, n in zip(sums, sizes, strict=True)]
    squares = [_squares(each, mean) for each, mean in zip(channels, means, strict=True)]
    mean = math.fsum(sums) / sum(sizes)
    spread = [s + n * (m - mean) ** 2 for s, n, m in zip(squares, sizes, means, strict=True)]
    sample = _sample(flat, shape)
    every = [each for each in channels if len(each)]
    return columns | {
        "minimum": float(min(each.min() for each in every)),
        "maximum": float(max(each.max() for each in every)),
        "mean": mean,
        "sd": math.sqrt(math.fsum(spread) / sum(sizes)),
        "percentiles": _exact_percentiles(sample),
        "channel_means": [m if n else None for m, n in zip(means, sizes, strict=True)],
        "channel_sds": [
            math.sqrt(s / n) if n else None for s, n in zip(squares, sizes, strict=True)
        ],
    }


def _sum(values: np.ndarray) -> float:
    return math.fsum(
        float(values[start : start + _PIECE].sum(dtype=np.float64))
        for start in range(0, len(values), _PIECE)
    )


def _squares(values: np.ndarray, mean: float) -> float:
    parts = []
    for start in range(0, len(values), _PIECE):
        piece = values[start : start + _PIECE].astype(np.float64)
        piece -= mean
        parts.append(float(piece @ piece))
    return math.fsum(parts)


def _sample(flat: np.ndarray, shape: Sequence[int]) -> np.ndarray:
    values = flat.reshape(-1)
    step = -(-values.size // SAMPLE)
    if step > 1:
        while any(math.gcd(step, each) > 1 for each in shape):
            step += 1
    return values[::step]


def _exact_percentiles(sample: np.ndarray) -> list[float] | None:
    finite = sample[np.isfinite(sample)]
    if not finite.size:
        return None
    found: list[float] = np.percentile(finite.astype(np.float64), PERCENTILES).tolist()
    return found

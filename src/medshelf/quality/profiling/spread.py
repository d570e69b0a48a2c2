"""How numbers are spread: exact quantiles and a histogram, from counts of equal values.

Values are counted where they lie, so that a column of 26 million lengths is never held at once.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass

import numpy as np
import polars as pl

QUANTILES = (0.05, 0.25, 0.5, 0.75, 0.95)

_N_BINS = 40
_SKEWED = 20
"""Largest to median value from which bins widen with the value."""


@dataclass(frozen=True, slots=True)
class Spread:
    """How the values of a quantity are spread.

    Attributes:
        n: Values; those that are null or not finite are left out.
        minimum: Smallest.
        p5: 5th percentile, between two values by linear interpolation, as are the others.
        p25: 25th percentile.
        median: 50th percentile.
        p75: 75th percentile.
        p95: 95th percentile.
        maximum: Largest.
        mean: Arithmetic mean.
        sd: Standard deviation of these values, divided by n.
        edges: Of the histogram's bins, one more than there are bins; the last bin is closed. Whole
            numbers have bins around them, and so has a value that all have.
        counts: Values per bin.
        scale: `log` where bins are equally wide in the logarithm.
    """

    n: int
    minimum: float
    p5: float
    p25: float
    median: float
    p75: float
    p95: float
    maximum: float
    mean: float
    sd: float
    edges: tuple[float, ...]
    counts: tuple[int, ...]
    scale: str = "linear"


def tally(frame: pl.LazyFrame, value: pl.Expr, *by: str) -> pl.LazyFrame:
    """Count equal values.

    Args:
        frame: Any rows.
        value: The quantity; null, NaN and infinite are left out.
        by: Columns to count within.

    Returns:
        Columns of `by`, `value` (Float64) and `n`.
    """
    counted = frame.select(*by, value=value.cast(pl.Float64)).filter(pl.col("value").is_finite())
    return counted.group_by(*by, "value").agg(n=pl.len())


def spread_of(counted: pl.DataFrame) -> Spread | None:
    """Return the spread of what `tally` counted; null where there is nothing."""
    if counted.is_empty():
        return None
    ordered = counted.group_by("value").agg(pl.col("n").sum()).sort("value")
    values, counts = ordered["value"].to_numpy(), ordered["n"].to_numpy().astype(np.int64)
    n = int(counts.sum())
    mean = float((values * counts).sum() / n)
    p5, p25, median, p75, p95 = (_quantile(values, counts, each) for each in QUANTILES)
    edges, scale = _edges(values, median)
    bins, _ = np.histogram(values, edges, weights=counts)
    return Spread(
        n=n,
        minimum=float(values[0]),
        p5=p5,
        p25=p25,
        median=median,
        p75=p75,
        p95=p95,
        maximum=float(values[-1]),
        mean=mean,
        sd=float(np.sqrt((counts * (values - mean) ** 2).sum() / n)),
        edges=tuple(edges.tolist()),
        counts=tuple(int(each) for each in bins),
        scale=scale,
    )


def spreads_by(counted: pl.DataFrame, by: str) -> Mapping[str, Spread]:
    """Return the spread within each value of one column, in the order of that column."""
    found = {}
    parts = counted.partition_by(by, as_dict=True, include_key=False)
    for (name,), part in sorted(parts.items(), key=lambda each: str(each[0])):
        spread = spread_of(part)
        if spread is not None:
            found[str(name)] = spread
    return found


def spread(frame: pl.LazyFrame, value: pl.Expr) -> Spread | None:
    """Return the spread of a quantity over all rows; null where none states it."""
    return spread_of(tally(frame, value).collect(engine="streaming"))


def _quantile(values: np.ndarray, counts: np.ndarray, share: float) -> float:
    ends = counts.cumsum()
    place = share * (int(ends[-1]) - 1)
    below = int(np.floor(place))
    low, high = (values[np.searchsorted(ends, each, "right")] for each in _around(below, ends[-1]))
    return float(low + (high - low) * (place - below))


def _around(below: int, n: int) -> tuple[int, int]:
    return below, min(below + 1, int(n) - 1)


def _edges(values: np.ndarray, median: float) -> tuple[np.ndarray, str]:
    low, high = values[0], values[-1]
    if low > 0 and high > _SKEWED * median:
        edges = np.geomspace(low, high, _N_BINS + 1)
        edges[0], edges[-1] = low, high
        return edges, "log"
    if low == high:
        return np.array([low - 0.5, high + 0.5]), "linear"
    whole = bool((values == np.round(values)).all())
    if whole and high - low < _N_BINS:
        return np.arange(low - 0.5, high + 1), "linear"
    return np.linspace(low, high, _N_BINS + 1), "linear"

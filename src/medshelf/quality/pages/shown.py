"""Spreads as cells of a table and as charts."""

from __future__ import annotations

from medshelf.quality.profiling.spread import Spread
from medshelf.report.charts.histogram import histogram
from medshelf.report.charts.scale import Axis
from medshelf.report.charts.svg import Chart
from medshelf.report.page import Cell


def three_of(spread: Spread | None) -> tuple[Cell, Cell, Cell]:
    """Return smallest, median and largest value; empty cells where nothing is known."""
    if spread is None:
        return None, None, None
    return tuple(rounded(each) for each in (spread.minimum, spread.median, spread.maximum))  # type: ignore[return-value]


def rounded(value: float) -> Cell:
    """Return a whole number as it is, another with four significant digits."""
    return int(value) if float(value).is_integer() else float(f"{value:.4g}")


def histogram_of(title: str, spread: Spread | None, x: str, y: str) -> list[Chart]:
    """Return a histogram; none where there are not two values in two bins."""
    if spread is None or spread.n < 2 or len(spread.counts) < 2:  # noqa: PLR2004
        return []
    log = spread.scale == "log"
    return [histogram(title, spread.edges, spread.counts, Axis(x), Axis(y), logarithmic=log)]

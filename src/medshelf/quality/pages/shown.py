"""Spreads as cells of a table and as charts."""

from __future__ import annotations

from medshelf.catalog.cards import parts
from medshelf.quality.profiling.spread import Spread
from medshelf.report.charts.histogram import histogram
from medshelf.report.charts.scale import Axis
from medshelf.report.charts.svg import Chart
from medshelf.report.page import Cell, Table


def rounded(value: float) -> Cell:
    """Return a whole number as it is, another with four significant digits."""
    return int(value) if float(value).is_integer() else float(f"{value:.4g}")


def histogram_of(title: str, spread: Spread | None, x: str, y: str) -> list[Chart]:
    """Return a histogram; none where there are not two values in two bins."""
    if spread is None or spread.n < 2 or len(spread.counts) < 2:  # noqa: PLR2004
        return []
    log = spread.scale == "log"
    return [histogram(title, spread.edges, spread.counts, Axis(x), Axis(y), logarithmic=log)]


def as_page_table(found: parts.Table | None) -> Table:
    """Return a table of the catalog's form as a page shows it; an empty one for none."""
    return (
        Table((), ()) if found is None else Table(found.header, found.rows, numeric=found.numeric)
    )

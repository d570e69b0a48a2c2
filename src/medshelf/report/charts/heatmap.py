"""Heat maps of counts: confusion matrices, co-occurring labels."""

from __future__ import annotations

import math
from dataclasses import dataclass

import numpy as np
from markupsafe import Markup

from medshelf.core.errors import ReportError
from medshelf.report.charts.labels import (
    LINE,
    name_width,
    number_text,
    row_name,
    shorten,
    text,
    text_width,
    wrap,
)
from medshelf.report.charts.palette import heat_class
from medshelf.report.charts.svg import Chart, chart, element

_NAMES = 150
_SLANTED = 150
_SLOPE = math.sqrt(0.5)
_AXIS = 24


@dataclass(frozen=True, slots=True)
class Names:
    """What the rows or the columns of a matrix stand for.

    Attributes:
        axis: All of them together, e.g. `Predicted`.
        each: One name per row or column.
    """

    axis: str
    each: tuple[str, ...]


@dataclass(frozen=True, slots=True)
class _Grid:
    """Where the cells lie: top left corner and size of a cell, pixels."""

    left: float
    top: float
    width: float
    height: float


def heat_map(title: str, counts: np.ndarray, rows: Names, columns: Names) -> Chart:
    """Draw a matrix of counts; colour and small print give the share of the row's total.

    Where rows and columns have the same names, the diagonal is outlined.

    Args:
        title: What the chart shows.
        counts: Values >= 0, (rows, columns). Up to 14 by 14 stays legible.
        rows: Row names, e.g. true classes.
        columns: Column names, e.g. predicted classes.

    Raises:
        ReportError: The shape of `counts` does not fit the names, or a count is not >= 0.
    """
    matrix = _counts(counts, rows, columns)
    grid, slanted = _grid(rows, columns, matrix.max(initial=0))
    n_rows, n_columns = matrix.shape
    right = grid.left + n_columns * grid.width
    bottom = grid.top + n_rows * grid.height
    parts = _axis_names(rows, columns, grid)
    parts += _row_names(rows, grid)
    parts += _slanted_names(columns, grid) if slanted else _column_names(columns, grid)
    parts += [
        cell for row in range(n_rows) for cell in _row(matrix[row], row, (rows, columns), grid)
    ]
    if rows.each == columns.each:
        parts += [_outline(at, grid) for at in range(n_rows)]
    if slanted:
        right = max(right, _slant_end(columns, grid))
    summary = "; ".join(
        f"{name}: "
        + ", ".join(map(" ".join, zip(columns.each, map(number_text, row), strict=True)))
        for name, row in zip(rows.each, matrix, strict=True)
    )
    return chart(title, summary, (math.ceil(right + 2), math.ceil(bottom + 2)), parts)


def _counts(counts: np.ndarray, rows: Names, columns: Names) -> np.ndarray:
    matrix = np.asarray(counts, dtype=np.float64)
    expected = (len(rows.each), len(columns.each))
    if matrix.shape != expected:
        problem = f"The matrix has shape {matrix.shape}, its names say {expected}"
        raise ReportError(problem, "Give one name for each row and column")
    if not (np.isfinite(matrix).all() and (matrix >= 0).all()):
        problem = "The matrix has a count that is negative or not finite"
        raise ReportError(problem, "Put 0 where nothing was counted")
    return matrix


def _grid(rows: Names, columns: Names, largest: float) -> tuple[_Grid, bool]:
    n_columns = len(columns.each)
    width, height = next(
        (
            size
            for limit, size in ((2, (112, 76)), (5, (84, 56)), (8, (60, 46)))
            if n_columns <= limit
        ),
        (48, 40),
    )
    width = max(width, text_width(number_text(largest)) + 12)
    left = max(name_width(list(rows.each), _NAMES), text_width(f"{rows.axis} ↓")) + 14
    slanted = not all(_fits(name, width - 6) for name in columns.each)
    longest = name_width(list(columns.each), _SLANTED)
    lines = max((len(wrap(name, width - 6)) for name in columns.each), default=1)
    names_height = longest * _SLOPE + 14 if slanted else lines * LINE + 6
    return _Grid(left, _AXIS + names_height, width, height), slanted


def _fits(name: str, width: float) -> bool:
    lines = wrap(name, width)
    return "".join(lines).replace(" ", "") == name.replace(" ", "")


def _axis_names(rows: Names, columns: Names, grid: _Grid) -> list[Markup]:
    return [
        text(grid.left, 8, f"{columns.axis} →", "label"),
        text(grid.left - 12, grid.top - 12, f"{rows.axis} ↓", "label", "end"),
    ]


def _row_names(rows: Names, grid: _Grid) -> list[Markup]:
    return [
        part
        for row, name in enumerate(rows.each)
        for part in row_name(
            grid.left - 12, grid.top + (row + 0.5) * grid.height, name, grid.left - 12
        )
    ]


def _column_names(columns: Names, grid: _Grid) -> list[Markup]:
    parts = []
    for column, name in enumerate(columns.each):
        lines = wrap(name, grid.width - 6)
        x = grid.left + (column + 0.5) * grid.width
        y = grid.top - 12 - LINE * (len(lines) - 1)
        parts += [text(x, y + LINE * at, each, "name", "middle") for at, each in enumerate(lines)]
    return parts


def _slanted_names(columns: Names, grid: _Grid) -> list[Markup]:
    parts = []
    for column, name in enumerate(columns.each):
        x, y = grid.left + (column + 0.5) * grid.width, grid.top - 10
        label = text(0, 0, shorten(name, _SLANTED), "name", full=name)
        parts.append(element("g", label, transform=f"translate({x:.2f} {y:.2f}) rotate(-45)"))
    return parts


def _slant_end(columns: Names, grid: _Grid) -> float:
    return max(
        grid.left + (column + 0.5) * grid.width + min(text_width(name), _SLANTED) * _SLOPE
        for column, name in enumerate(columns.each)
    )


def _row(counts: np.ndarray, row: int, names: tuple[Names, Names], grid: _Grid) -> list[Markup]:
    total = float(counts.sum())
    cells = []
    for column, count in enumerate(counts):
        share = count / total if total else math.nan
        told = f"{share:.0%}" if total else number_text(share)
        x, y = grid.left + column * grid.width, grid.top + row * grid.height
        middle = x + grid.width / 2, y + grid.height / 2
        tooltip = "\n".join(
            f"{each.axis}: {each.each[at]}" for each, at in zip(names, (row, column), strict=True)
        )
        cells.append(
            element(
                "g",
                element(
                    "title", f"{tooltip}\n{number_text(count)} of {number_text(total)}, {told}"
                ),
                element("rect", x=x + 1, y=y + 1, width=grid.width - 2, height=grid.height - 2),
                text(middle[0], middle[1] - 7, number_text(count), "count", "middle"),
                text(middle[0], middle[1] + 9, told, "share", "middle"),
                class_=heat_class(share),
            )
        )
    return cells


def _outline(at: int, grid: _Grid) -> Markup:
    return element(
        "rect",
        x=grid.left + at * grid.width + 1,
        y=grid.top + at * grid.height + 1,
        width=grid.width - 2,
        height=grid.height - 2,
        class_="outline",
    )

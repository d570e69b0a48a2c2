"""Pairs of values, as large as they are frequent."""

from __future__ import annotations

import math
from collections.abc import Sequence

import numpy as np

from medshelf.core.errors import ReportError
from medshelf.report.charts.frame import Frame, y_margin
from medshelf.report.charts.labels import number_text
from medshelf.report.charts.scale import Axis, Scale, extent
from medshelf.report.charts.svg import WIDTH, Chart, chart, element

_HEIGHT, _ABOVE, _BELOW, _RIGHT = 260, 32, 46, 22
_SMALLEST, _LARGEST, _ROOM = 3.0, 18.0, 0.08


def bubble_chart(
    title: str, points: Sequence[tuple[float, float]], counts: Sequence[int], x: Axis, y: Axis
) -> Chart:
    """Draw a disc per pair of values whose area grows with its count.

    Args:
        title: What the chart shows.
        points: Values along x and y.
        counts: How often each occurs, above 0.
        x: Horizontal axis.
        y: Vertical axis.

    Raises:
        ReportError: There are not as many counts as points, or none, or one is not above 0.
    """
    if len(points) != len(counts) or not counts or min(counts) <= 0:
        problem = f"A bubble chart has {len(points)} points and {len(counts)} counts"
        raise ReportError(problem, "Give each point a count above 0")
    places = np.asarray(points, np.float64)
    x_low, x_high = _roomy(x, places[:, 0])
    y_low, y_high = _roomy(y, places[:, 1])
    left = y_margin(y_low, y_high, y)
    frame = Frame(
        Scale(x_low, x_high, left, WIDTH - _RIGHT),
        Scale(y_low, y_high, _ABOVE + _HEIGHT, _ABOVE),
        x,
        y,
        label_y=12,
    )
    parts, most = frame.draw(), max(counts)
    for at in sorted(range(len(counts)), key=lambda each: -counts[each]):
        column, row = places[at]
        told = f"{number_text(column)} x {number_text(row)}: {number_text(counts[at])}"
        radius = max(_SMALLEST, _LARGEST * math.sqrt(counts[at] / most))
        parts.append(
            element(
                "circle",
                element("title", told),
                cx=frame.x(column),
                cy=frame.y(row),
                r=radius,
                class_="bubble s0 d0",
            )
        )
    first = int(np.argmax(counts))
    summary = f"{len(counts)} pairs; most often {points[first][0]:g} x {points[first][1]:g}"
    return chart(title, summary, (WIDTH, math.ceil(frame.y.start + _BELOW)), parts)


def _roomy(axis: Axis, values: np.ndarray) -> tuple[float, float]:
    """Return a range with room for the discs at its ends."""
    low, high = extent(axis, values)
    margin = (high - low) * _ROOM
    return extent(axis, [low - margin, high + margin], nice=True)

"""How often values occur: bars between the edges of bins."""

from __future__ import annotations

import math
from collections.abc import Sequence
from itertools import pairwise

import numpy as np
from markupsafe import Markup

from medshelf.core.errors import ReportError
from medshelf.report.charts.frame import Frame, line, x_name, y_margin
from medshelf.report.charts.labels import LINE, number_text, shorten, text
from medshelf.report.charts.scale import Axis, Scale, extent, tick_texts, ticks
from medshelf.report.charts.svg import WIDTH, Chart, chart, element

_HEIGHT, _ABOVE, _BELOW, _RIGHT = 150, 32, 44, 14
_STEPS = (1, 2, 5)
_MOST_TICKS = 7


def histogram(
    title: str,
    edges: Sequence[float],
    counts: Sequence[int],
    x: Axis,
    y: Axis,
    *,
    logarithmic: bool = False,
) -> Chart:
    """Draw one bar per bin, as wide as the bin.

    Args:
        title: What the chart shows.
        edges: Ends of the bins, rising, one more than there are bins.
        counts: How many values each bin has, >= 0.
        x: What was measured, with its unit.
        y: What was counted.
        logarithmic: Bins are as wide as their logarithms say; all edges are above 0.

    Raises:
        ReportError: The edges do not rise, are not one more than the counts, or a count is below 0.
    """
    places = _checked(edges, counts, logarithmic=logarithmic)
    low, high = extent(Axis(y.label, low=0, whole=True), counts, nice=True)
    left = y_margin(low, high, y)
    frame = Frame(
        Scale(places[0], places[-1], left, WIDTH - _RIGHT),
        Scale(low, high, _ABOVE + _HEIGHT, _ABOVE),
        x,
        y,
        label_y=12,
    )
    parts = _y_axis(frame)
    bins = zip(pairwise(places), pairwise(edges), counts, strict=True)
    parts += [_bar(frame, *each) for each in bins if each[-1]]
    parts += _x_axis(frame, logarithmic=logarithmic)
    total = sum(counts)
    peak = int(np.argmax(counts))
    told = f"{number_text(edges[peak])} to {number_text(edges[peak + 1])}"
    summary = f"{number_text(total)} values from {number_text(edges[0])} to "
    summary += f"{number_text(edges[-1])}; most between {told}"
    return chart(title, summary, (WIDTH, math.ceil(frame.y.start + _BELOW)), parts)


def _checked(edges: Sequence[float], counts: Sequence[int], *, logarithmic: bool) -> list[float]:
    """Return where the edges lie on the axis."""
    rise = all(low < high for low, high in pairwise(edges))
    if len(edges) != len(counts) + 1 or not counts or not rise or min(counts) < 0:
        problem = f"A histogram has {len(edges)} edges and {len(counts)} counts"
        raise ReportError(problem, "Give rising edges, one more than counts, and counts from 0 on")
    if not logarithmic:
        return list(map(float, edges))
    if edges[0] <= 0:
        problem = f"A logarithmic axis cannot begin at {edges[0]:g}"
        raise ReportError(problem, "Give edges above 0")
    return [math.log10(each) for each in edges]


def _bar(
    frame: Frame, place: tuple[float, float], values: tuple[float, float], count: int
) -> Markup:
    left, right, top = frame.x(place[0]), frame.x(place[1]), frame.y(count)
    gap = 0.5 if right - left > 3 else 0  # noqa: PLR2004
    told = f"{number_text(values[0])} to {number_text(values[1])}: {number_text(count)}"
    return element(
        "rect",
        element("title", told),
        x=left + gap,
        y=top,
        width=max(right - left - 2 * gap, 0.5),
        height=frame.y.start - top,
        class_="bar s0 d0",
    )


def _y_axis(frame: Frame) -> list[Markup]:
    left, right = frame.x.start, frame.x.end
    parts = []
    values = ticks(frame.y.low, frame.y.high, 4, whole=True)
    for value, label in zip(values, tick_texts(values), strict=True):
        at = frame.y(value)
        parts.append(line((left, at), (right, at), "grid"))
        parts.append(text(left - 8, at, label, "tick", "end"))
    name = shorten(frame.y_axis.label, right - LINE)
    parts.append(text(0, frame.label_y, f"↑ {name}", "label", full=frame.y_axis.label))
    return parts


def _x_axis(frame: Frame, *, logarithmic: bool) -> list[Markup]:
    bottom = frame.y.start
    parts = [line((frame.x.start, bottom), (frame.x.end, bottom), "axis")]
    if logarithmic:
        values = _round_numbers(10**frame.x.low, 10**frame.x.high)
        labels = [number_text(each) for each in values]
        places = [frame.x(math.log10(each)) for each in values]
    else:
        values = ticks(frame.x.low, frame.x.high, whole=frame.x_axis.whole)
        labels, places = tick_texts(values), [frame.x(each) for each in values]
    for at, label in zip(places, labels, strict=True):
        parts.append(line((at, bottom), (at, bottom + 5), "axis"))
        parts.append(text(at, bottom + 15, label, "tick", "middle"))
    parts.append(x_name(frame.x, frame.x_axis, bottom + 34))
    return parts


def _round_numbers(low: float, high: float) -> list[float]:
    """Return powers of ten, with twice and five times them where there is room."""
    powers = range(math.floor(math.log10(low)), math.ceil(math.log10(high)) + 1)
    for steps in (_STEPS, (1, 3), (1,)):
        values = [step * 10.0**power for power in powers for step in steps]
        inside = [each for each in values if low * (1 - 1e-9) <= each <= high * (1 + 1e-9)]
        if len(inside) <= _MOST_TICKS:
            break
    every = -(-len(inside) // _MOST_TICKS)
    return inside[::every]

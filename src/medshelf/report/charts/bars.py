"""Grouped bars: how many samples of each class each split has."""

from __future__ import annotations

import math
from collections.abc import Mapping, Sequence

import numpy as np
from markupsafe import Markup

from medshelf.core.errors import ReportError
from medshelf.report.charts.frame import legend, line
from medshelf.report.charts.labels import (
    SMALL,
    name_width,
    number_text,
    row_name,
    text,
    text_width,
)
from medshelf.report.charts.palette import series_class
from medshelf.report.charts.scale import Numbers, Scale
from medshelf.report.charts.svg import WIDTH, Chart, chart, element

_BAR = 11
_PITCH = 14
_BETWEEN = 14
_NAMES = 150


def bar_chart(title: str, groups: Sequence[str], series: Mapping[str, Numbers]) -> Chart:
    """Draw one group of horizontal bars per name; each bar says its value.

    Args:
        title: What the chart shows.
        groups: Names of the groups, e.g. classes, from top to bottom.
        series: Legend entry (e.g. split) to one value >= 0 per group; NaN draws no bar.

    Raises:
        ReportError: A series has not one value per group, or a negative one.
    """
    counts = [_values(name, values, groups) for name, values in series.items()]
    parts, head = legend(list(series), WIDTH, "bar") if len(series) > 1 else ([], 0.0)
    largest = max((each[np.isfinite(each)].max(initial=0) for each in counts), default=0)
    left = name_width(list(groups), _NAMES) + 12
    right = WIDTH - 10 - text_width(number_text(largest), SMALL)
    scale = Scale(0, largest or 1, left, right)
    top = head + (14 if head else 4)
    group_height = max(len(counts), 2) * _PITCH
    for row, group in enumerate(groups):
        y = top + row * (group_height + _BETWEEN)
        parts += row_name(left - 10, y + group_height / 2, group, left - 10)
        first = y + (group_height - len(counts) * _PITCH) / 2
        for index, (name, values) in enumerate(zip(series, counts, strict=True)):
            told = f"{group}\n{name}: {_share(values, row)}"
            parts += _bar(values[row], (scale, first + index * _PITCH), index, told)
    bottom = top + len(groups) * (group_height + _BETWEEN) - _BETWEEN + 2
    parts.append(line((left, top - 2), (left, bottom), "axis"))
    summary = "; ".join(
        f"{name}: " + ", ".join(map(" ".join, zip(groups, map(number_text, values), strict=True)))
        for name, values in zip(series, counts, strict=True)
    )
    return chart(title, summary, (WIDTH, math.ceil(max(bottom, top) + 4)), parts)


def _values(name: str, values: Numbers, groups: Sequence[str]) -> np.ndarray:
    counts = np.asarray(values, dtype=np.float64)
    if counts.shape != (len(groups),):
        problem = f"The series {name!r} has values of shape {counts.shape}, not ({len(groups)},)"
        raise ReportError(problem, "Give one value for each group")
    if (counts < 0).any():
        problem = f"The series {name!r} has a negative value ({counts.min():g})"
        raise ReportError(problem, "Bars show counts and other values that start at 0")
    return counts


def _bar(value: float, place: tuple[Scale, float], index: int, tooltip: str) -> list[Markup]:
    scale, y = place
    middle = y + _PITCH / 2
    if not math.isfinite(value):
        return [text(scale.start + 6, middle, number_text(value), "value")]
    end = scale(value)
    return [
        element(
            "rect",
            element("title", tooltip),
            x=scale.start,
            y=middle - _BAR / 2,
            width=end - scale.start,
            height=_BAR,
            class_=f"bar {series_class(index)}",
        ),
        text(end + 6, middle, number_text(value), "value"),
    ]


def _share(values: np.ndarray, row: int) -> str:
    total = float(np.nansum(values))
    if not total:
        return number_text(values[row])
    share = values[row] / total
    return f"{number_text(values[row])} of {number_text(total)} ({share:.1%})"

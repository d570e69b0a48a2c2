"""Interval charts: one value per row, with its confidence interval, beside what others report."""

from __future__ import annotations

import math
from collections.abc import Sequence
from dataclasses import dataclass
from typing import Literal, get_args

from markupsafe import Markup

from medshelf.core.errors import ReportError
from medshelf.report.charts.frame import line, x_name, x_ticks
from medshelf.report.charts.labels import (
    DASH,
    FONT,
    SMALL,
    name_width,
    row_name,
    shorten,
    text,
    text_width,
)
from medshelf.report.charts.scale import Axis, Scale, extent, ticks
from medshelf.report.charts.svg import WIDTH, Chart, chart, element

Kind = Literal["measured", "quoted", "floor"]

_ROW = 34
_NOTED_ROW = 44
_NAMES = 150
_GAP = 16
_BELOW = 44


@dataclass(frozen=True, slots=True)
class Estimate:
    """One row.

    Attributes:
        name: Whose value it is.
        value: NaN where there is none yet.
        low: Lower end of the interval, where there is one.
        high: Upper end of the interval.
        kind: `measured` is a filled dot, `quoted` a hollow diamond, `floor` a dashed line through
            all rows.
        note: A few words in small print under the name, e.g. `3 seeds`.
    """

    name: str
    value: float
    low: float = math.nan
    high: float = math.nan
    kind: Kind = "measured"
    note: str = ""

    def __post_init__(self) -> None:
        """Check the kind and the interval.

        Raises:
            ReportError: The kind is unknown, or the interval has one end only or is reversed.
        """
        if self.kind not in get_args(Kind):
            problem = f"The estimate {self.name!r} is of unknown kind {self.kind!r}"
            raise ReportError(problem, f"Choose one of: {', '.join(get_args(Kind))}")
        if math.isnan(self.low) != math.isnan(self.high) or self.low > self.high:
            problem = f"The estimate {self.name!r} has the interval [{self.low:g}, {self.high:g}]"
            raise ReportError(problem, "Give both ends in ascending order, or none")


def interval_chart(title: str, estimates: Sequence[Estimate], x: Axis, digits: int = 3) -> Chart:
    """Draw values and their intervals below each other on one axis.

    Args:
        title: What the chart shows.
        estimates: Rows from top to bottom.
        x: The axis; it is widened to hold every value and interval.
        digits: Decimals of the values written at the right.
    """
    written = [_written(each, digits) for each in estimates]
    names = [each.name for each in estimates]
    notes = [text_width(each.note, SMALL) for each in estimates]
    left = max(name_width(names, _NAMES), min(_NAMES, max(notes, default=0))) + _GAP
    right = WIDTH - _GAP - max((_written_width(*each) for each in written), default=0)
    values = [value for each in estimates for value in (each.value, each.low, each.high)]
    scale = Scale(*extent(x, values, nice=True), left, right)
    heights = [_NOTED_ROW if each.note else _ROW for each in estimates]
    bottom = 6.0 + sum(heights)
    parts = _grid(scale, x, bottom)
    y = 6.0
    for each, value_text, height in zip(estimates, written, heights, strict=True):
        middle = y + height / 2
        parts += _name(each, middle, left - _GAP)
        parts += _marker(each, middle, scale, bottom)
        parts.append(_value(value_text, middle, each.kind))
        y += height
    summary = "; ".join(
        f"{name}: {' '.join(each)}" for name, each in zip(names, written, strict=True)
    )
    return chart(title, summary, (WIDTH, math.ceil(bottom + _BELOW)), parts)


def _written(estimate: Estimate, digits: int) -> tuple[str, ...]:
    """The value, and the interval where there is one."""
    if not math.isfinite(estimate.value):
        return (DASH,)
    value = f"{estimate.value:.{digits}f}"
    if not _has_interval(estimate):
        return (value,)
    return value, f"[{estimate.low:.{digits}f}, {estimate.high:.{digits}f}]"


def _written_width(value: str, interval: str = "") -> float:
    bold = 1.12
    return text_width(value) * bold + text_width(f" {interval}" if interval else "", SMALL)


def _value(written: tuple[str, ...], y: float, kind: Kind) -> Markup:
    value, *interval = written
    spans = [element("tspan", f" {each}", class_="interval") for each in interval]
    return element(
        "text", value, *spans, x=WIDTH, y=y, dy="0.35em", class_=f"value {kind}", text_anchor="end"
    )


def _has_interval(estimate: Estimate) -> bool:
    return math.isfinite(estimate.low) and math.isfinite(estimate.high)


def _grid(scale: Scale, axis: Axis, bottom: float) -> list[Markup]:
    lines = [
        line((scale(value), 0), (scale(value), bottom), "grid")
        for value in ticks(scale.low, scale.high, whole=axis.whole)
    ]
    return [
        *lines,
        *x_ticks(scale, axis, bottom),
        line((scale.start, bottom), (scale.end, bottom), "axis"),
        x_name(scale, axis, bottom + 34),
    ]


def _name(estimate: Estimate, y: float, right: float) -> list[Markup]:
    if not estimate.note:
        return row_name(right, y, estimate.name, right)
    note = shorten(estimate.note, right, SMALL)
    name = shorten(estimate.name, right, FONT)
    return [
        text(right, y - 8, name, "name", "end", estimate.name),
        text(right, y + 9, note, "note", "end", estimate.note),
    ]


def _marker(estimate: Estimate, y: float, scale: Scale, bottom: float) -> list[Markup]:
    if not math.isfinite(estimate.value):
        return []
    x = scale(estimate.value)
    tooltip = element("title", f"{estimate.name}: {' '.join(_written(estimate, 4))}")
    if estimate.kind == "floor":
        whole = line((x, 0), (x, bottom), "floor-line")
        return [whole, element("rect", tooltip, x=x - 4, y=y - 9, width=8, height=18, class_="hit")]
    parts = _whiskers(estimate, y, scale) if _has_interval(estimate) else []
    if estimate.kind == "quoted":
        shape = element(
            "path", tooltip, d=f"M{x - 6:.2f},{y:.2f}l6,-6l6,6l-6,6z", class_="dot quoted"
        )
    else:
        shape = element("circle", tooltip, cx=x, cy=y, r=5.5, class_="dot measured")
    return [*parts, shape]


def _whiskers(estimate: Estimate, y: float, scale: Scale) -> list[Markup]:
    low, high = scale(estimate.low), scale(estimate.high)
    class_ = f"whisker {estimate.kind}"
    return [
        line((low, y), (high, y), class_),
        line((low, y - 5), (low, y + 5), class_),
        line((high, y - 5), (high, y + 5), class_),
    ]

"""What charts with axes share: grid, ticks, axis names, and the legend above."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Literal

from markupsafe import Markup

from medshelf.report.charts.labels import LINE, SMALL, shorten, text, text_width
from medshelf.report.charts.palette import series_class
from medshelf.report.charts.scale import Axis, Scale, tick_texts, ticks
from medshelf.report.charts.svg import element

_LEGEND_ROW = 20
_SAMPLES = {"curve": 24, "reference": 24, "bar": 18}
_GAP = 18
_SHAPES = {"line": "curve", "bar": "bar"}


@dataclass(frozen=True, slots=True)
class Frame:
    """A plotting area: two scales and the axes that they stand for.

    Attributes:
        x: Scale from left to right.
        y: Scale from bottom to top, so its `start` is the larger pixel.
        x_axis: Its label is written below the area, at the right.
        y_axis: Its label is written above the area, at the left.
        label_y: Middle of that label, pixels.
    """

    x: Scale
    y: Scale
    x_axis: Axis
    y_axis: Axis
    label_y: float

    def draw(self) -> list[Markup]:
        """Draw grid lines, tick labels and axis names, without the data."""
        left, right, bottom = self.x.start, self.x.end, self.y.start
        parts = _y_ticks(self) + x_ticks(self.x, self.x_axis, bottom)
        parts.append(line((left, bottom), (right, bottom), "axis"))
        y_name = shorten(self.y_axis.label, right - LINE)
        cut = self.y_axis.label if y_name != self.y_axis.label else ""
        parts.append(text(0, self.label_y, f"↑ {y_name}", "label", full=cut))
        parts.append(x_name(self.x, self.x_axis, bottom + 36))
        return parts


def x_ticks(scale: Scale, axis: Axis, bottom: float) -> list[Markup]:
    """Draw the ticks of a horizontal axis and their labels below `bottom`."""
    values = ticks(scale.low, scale.high, whole=axis.whole)
    parts = []
    for value, label in zip(values, tick_texts(values), strict=True):
        at = scale(value)
        parts.append(line((at, bottom), (at, bottom + 5), "axis"))
        parts.append(text(at, bottom + 15, label, "tick", "middle"))
    return parts


def x_name(scale: Scale, axis: Axis, y: float) -> Markup:
    """Write the name of a horizontal axis so that it ends where the axis ends."""
    name = shorten(axis.label, scale.end - LINE)
    return text(scale.end, y, f"{name} →", "label", "end", axis.label if name != axis.label else "")


def y_margin(low: float, high: float, axis: Axis) -> float:
    """Width that the tick labels of a vertical axis take, pixels."""
    labels = tick_texts(ticks(low, high, whole=axis.whole))
    return 10 + max((text_width(label, SMALL) for label in labels), default=0)


def line(start: tuple[float, float], end: tuple[float, float], class_: str) -> Markup:
    """Draw a straight line between two (x, y) in pixels."""
    return element("line", x1=start[0], y1=start[1], x2=end[0], y2=end[1], class_=class_)


def legend(
    names: Sequence[str], width: float, shape: Literal["line", "bar"], reference: str = ""
) -> tuple[list[Markup], float]:
    """Lay out one entry per series, in rows from the top left.

    Args:
        names: The i-th name gets the look of the i-th series.
        width: Room in pixels before a new row begins.
        shape: What the samples look like.
        reference: Name of a dashed line that is no series; comes last.

    Returns:
        The elements, and the height that they take in pixels.
    """
    parts: list[Markup] = []
    x, y = 0.0, LINE / 2
    looks = [f"{_SHAPES[shape]} {series_class(index)}" for index in range(len(names))]
    entries = [*zip(names, looks, strict=True), *([(reference, "reference")] if reference else [])]
    for name, look in entries:
        sample = _SAMPLES[look.split(" ")[0]]
        label = shorten(name, width - sample)
        needed = sample + text_width(label)
        if x > 0 and x + needed > width:
            x, y = 0.0, y + _LEGEND_ROW
        parts.append(_sample(x, y, look))
        parts.append(text(x + sample, y, label, "name", full=name))
        x += needed + _GAP
    return parts, y + _LEGEND_ROW / 2 if entries else 0.0


def _sample(x: float, y: float, look: str) -> Markup:
    if look.startswith("bar"):
        return element("rect", x=x, y=y - 6, width=12, height=12, class_=look)
    return line((x, y), (x + _SAMPLES["curve"] - 6, y), look)


def _y_ticks(frame: Frame) -> list[Markup]:
    left, right = frame.x.start, frame.x.end
    values = ticks(frame.y.low, frame.y.high, whole=frame.y_axis.whole)
    parts = []
    for value, label in zip(values, tick_texts(values), strict=True):
        at = frame.y(value)
        parts.append(line((left, at), (right, at), "grid"))
        parts.append(text(left - 8, at, label, "tick", "end"))
    return parts

"""Line charts: learning curves, ROC curves, reliability diagrams."""

from __future__ import annotations

import math
from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np
from markupsafe import Markup

from medshelf.core.errors import ReportError
from medshelf.report.charts.frame import Frame, legend, line, y_margin
from medshelf.report.charts.labels import number_text, shorten, text, text_width
from medshelf.report.charts.palette import series_class
from medshelf.report.charts.scale import Axis, Numbers, Scale, extent
from medshelf.report.charts.svg import WIDTH, Chart, chart, element, join

_SQUARE_WIDTH = 400
_PLOT_HEIGHT = 210
_BELOW = 48
_ABOVE = 36
_MARKED = 18
_RIGHT = 12
_TOOLTIPS = 100

Point = tuple[float, float]


@dataclass(frozen=True, slots=True)
class Series:
    """One curve.

    Attributes:
        name: Its entry in the legend.
        x: Positions; NaN breaks the curve.
        y: Values, as many; NaN breaks the curve.
        dots: Mark every point, for curves of few points.
    """

    name: str
    x: Numbers
    y: Numbers
    dots: bool = False


@dataclass(frozen=True, slots=True)
class Mark:
    """A place of interest: the chosen epoch, an operating point.

    Attributes:
        label: What it is.
        x: Where a dashed line stands.
        y: If given, there is a ring at (x, y) in place of the line.
    """

    label: str
    x: float
    y: float | None = None

    def __post_init__(self) -> None:
        """Check that there is such a place.

        Raises:
            ReportError: A coordinate is NaN or infinite.
        """
        if not (math.isfinite(self.x) and math.isfinite(self.y or 0)):
            problem = f"The mark {self.label!r} lies at ({self.x}, {self.y})"
            raise ReportError(problem, "Leave the mark out where there is nothing to mark")


def line_chart(
    title: str,
    series: Sequence[Series],
    x: Axis,
    y: Axis,
    *,
    diagonal: str = "",
    mark: Mark | None = None,
) -> Chart:
    """Draw curves over a common x axis.

    Args:
        title: What the chart shows.
        series: Drawn in this order. None at all gives empty axes.
        x: Horizontal axis; ends where the data end.
        y: Vertical axis; ends at round numbers.
        diagonal: Name of the line from corner to corner (`chance`), which also makes the area
            square. None by default.
        mark: A place to point out.

    Raises:
        ReportError: A series has not as many y as x.
    """
    curves = [_points(each) for each in series]
    width = _SQUARE_WIDTH if diagonal else WIDTH
    parts, top = legend([each.name for each in series], width, "line", diagonal)
    frame = _frame(curves, (x, y), (width, top), mark, square=bool(diagonal))
    parts += frame.draw()
    if diagonal:
        parts.append(_diagonal(frame))
    for index, (each, points) in enumerate(zip(series, curves, strict=True)):
        parts += _curve(each, points, index, frame)
    if mark is not None:
        parts += (
            _rule(mark, curves, frame) if mark.y is None else _ring(mark, frame.y(mark.y), frame)
        )
    summary = "; ".join(map(_summary, [each.name for each in series], curves))
    return chart(title, summary, (width, math.ceil(frame.y.start + _BELOW)), parts)


def _points(series: Series) -> np.ndarray:
    """Float64 (N, 2), NaN where either coordinate is not finite."""
    x = np.asarray(series.x, dtype=np.float64)
    y = np.asarray(series.y, dtype=np.float64)
    if x.shape != y.shape or x.ndim != 1:
        problem = f"The series {series.name!r} has x of shape {x.shape} and y of shape {y.shape}"
        raise ReportError(problem, "Give one x for each y")
    points = np.stack([x, y], axis=1)
    points[~np.isfinite(points).all(axis=1)] = np.nan
    return points


def _frame(
    curves: list[np.ndarray],
    axes: tuple[Axis, Axis],
    place: tuple[float, float],
    mark: Mark | None,
    *,
    square: bool,
) -> Frame:
    """Find the scales; `place` is the chart's width and where the legend ends, pixels."""
    x, y = axes
    width, top = place
    marked = [] if mark is None else [(mark.x, math.nan if mark.y is None else mark.y)]
    every = np.concatenate([*curves, np.reshape(marked, (-1, 2))])
    x_low, x_high = extent(x, every[:, 0])
    y_low, y_high = extent(y, every[:, 1], nice=True)
    left = y_margin(y_low, y_high, y)
    right = width - _RIGHT
    above = top + _ABOVE + (_MARKED if mark is not None and mark.y is None else 0)
    height = right - left if square else _PLOT_HEIGHT
    return Frame(
        Scale(x_low, x_high, left, right),
        Scale(y_low, y_high, above + height, above),
        x,
        y,
        label_y=top + _ABOVE - 20,
    )


def _curve(series: Series, points: np.ndarray, index: int, frame: Frame) -> list[Markup]:
    look = series_class(index)
    pixels = [(frame.x(x), frame.y(y)) for x, y in points]
    runs = _runs(pixels)
    path = " ".join(_path(run) for run in runs if len(run) > 1)
    parts = [element("path", d=path, class_=f"curve {look}")] if path else []
    dotted = pixels if series.dots else [run[0] for run in runs if len(run) == 1]
    parts += [
        element("circle", cx=x, cy=y, r=3.5, class_=f"dot {look}")
        for x, y in dotted
        if math.isfinite(x)
    ]
    return [*parts, join(_tooltips(series, points, pixels, frame))]


def _runs(pixels: list[Point]) -> list[list[Point]]:
    """Split a curve at its gaps."""
    runs: list[list[Point]] = [[]]
    for point in pixels:
        if math.isfinite(point[0]):
            runs[-1].append(point)
        elif runs[-1]:
            runs.append([])
    return [run for run in runs if run]


def _path(run: list[Point]) -> str:
    places = [f"{x:.2f},{y:.2f}" for x, y in run]
    # A ROC curve of many thousand points falls on few pixels.
    kept = [here for before, here in zip(["", *places], places, strict=False) if here != before]
    return "M" + "L".join(kept)


def _tooltips(
    series: Series, points: np.ndarray, pixels: list[Point], frame: Frame
) -> list[Markup]:
    shown = np.flatnonzero(np.isfinite(points[:, 0]))
    if len(shown) > _TOOLTIPS:
        shown = shown[np.linspace(0, len(shown) - 1, _TOOLTIPS).round().astype(int)]
    names = frame.x_axis.label, frame.y_axis.label
    return [
        element(
            "circle",
            element(
                "title",
                f"{series.name}\n{names[0]} {number_text(points[at, 0])}, "
                f"{names[1]} {number_text(points[at, 1])}",
            ),
            cx=pixels[at][0],
            cy=pixels[at][1],
            r=7,
            class_="hit",
        )
        for at in shown
    ]


def _diagonal(frame: Frame) -> Markup:
    low, high = max(frame.x.low, frame.y.low), min(frame.x.high, frame.y.high)
    return line((frame.x(low), frame.y(low)), (frame.x(high), frame.y(high)), "reference")


def _ring(mark: Mark, y: float, frame: Frame) -> list[Markup]:
    x = frame.x(mark.x)
    late = x + 12 + text_width(mark.label) > frame.x.end
    return [
        element("circle", cx=x, cy=y, r=6, class_="ring"),
        text(x - 10 if late else x + 10, y + 16, mark.label, "name halo", "end" if late else None),
    ]


def _rule(mark: Mark, curves: list[np.ndarray], frame: Frame) -> list[Markup]:
    label = shorten(mark.label, frame.x.end - frame.x.start)
    x, half = frame.x(mark.x), text_width(label) / 2
    middle = max(frame.x.start + half, min(x, frame.x.end - half))
    return [
        line((x, frame.y.start), (x, frame.y.end - 4), "mark"),
        *(
            element("circle", cx=x, cy=frame.y(y), r=4, class_=f"dot {series_class(index)}")
            for index, points in enumerate(curves)
            for y in points[points[:, 0] == mark.x, 1]
        ),
        text(middle, frame.y.end - 14, label, "name", "middle", mark.label),
    ]


def _summary(name: str, points: np.ndarray) -> str:
    finite = points[np.isfinite(points[:, 0])]
    if not len(finite):
        return f"{name}: no values"
    ends = (finite[0], finite[-1])
    described = " to ".join(f"({number_text(x)}, {number_text(y)})" for x, y in ends)
    return f"{name}: {len(finite)} points, {described}"

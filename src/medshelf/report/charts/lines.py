"""Line charts: learning curves, ROC curves, reliability diagrams."""

from __future__ import annotations

import math
from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np
from markupsafe import Markup

from medshelf.report.charts.frame import Frame, legend, line, y_margin
from medshelf.report.charts.labels import number_text, text, text_width
from medshelf.report.charts.palette import series_class
from medshelf.report.charts.scale import Axis, Numbers, Scale, extent
from medshelf.report.charts.svg import WIDTH, Chart, chart, element, join
from medshelf.report.errors import ReportError

_PLOT_HEIGHT = 210
_BELOW = 48
_ABOVE = 36
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
    parts, head_height = legend([each.name for each in series], WIDTH, "line")
    frame = _frame(curves, x, y, head_height, square=bool(diagonal))
    parts += frame.draw()
    if diagonal:
        parts += _diagonal(frame, diagonal)
    for index, (each, points) in enumerate(zip(series, curves, strict=True)):
        parts += _curve(each, points, index, frame)
    if mark is not None:
        parts += _mark(mark, curves, frame)
    summary = "; ".join(map(_summary, [each.name for each in series], curves))
    return chart(title, summary, (WIDTH, math.ceil(frame.y.start + _BELOW)), parts)


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


def _frame(curves: list[np.ndarray], x: Axis, y: Axis, top: float, *, square: bool) -> Frame:
    every = np.concatenate([np.empty((0, 2)), *curves])
    x_low, x_high = extent(x, every[:, 0])
    y_low, y_high = extent(y, every[:, 1], nice=True)
    left = y_margin(y_low, y_high, y)
    right = WIDTH - _RIGHT
    above = top + _ABOVE
    height = right - left if square else _PLOT_HEIGHT
    return Frame(
        Scale(x_low, x_high, left, right), Scale(y_low, y_high, above + height, above), x, y
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


def _diagonal(frame: Frame, name: str) -> list[Markup]:
    low, high = max(frame.x.low, frame.y.low), min(frame.x.high, frame.y.high)
    end = frame.x(high), frame.y(high)
    near = frame.x(low + (high - low) * 0.6), frame.y(low + (high - low) * 0.6) + 14
    return [
        line((frame.x(low), frame.y(low)), end, "reference"),
        text(near[0], near[1], name, "tick halo"),
    ]


def _mark(mark: Mark, curves: list[np.ndarray], frame: Frame) -> list[Markup]:
    x = frame.x(mark.x)
    late = x + 10 + text_width(mark.label) > frame.x.end
    beside = (x - 8, "end") if late else (x + 8, "start")
    if mark.y is not None:
        y = frame.y(mark.y)
        ring = element("circle", cx=x, cy=y, r=6, class_="ring")
        return [ring, text(beside[0], y + 12, mark.label, "name halo", beside[1])]
    on_curves = [
        element("circle", cx=x, cy=frame.y(y), r=4, class_=f"dot {series_class(index)}")
        for index, points in enumerate(curves)
        for y in points[points[:, 0] == mark.x, 1]
    ]
    return [
        line((x, frame.y.start), (x, frame.y.end), "mark"),
        *on_curves,
        text(beside[0], frame.y.end + 6, mark.label, "name halo", beside[1]),
    ]


def _summary(name: str, points: np.ndarray) -> str:
    finite = points[np.isfinite(points[:, 0])]
    if not len(finite):
        return f"{name}: no values"
    ends = (finite[0], finite[-1])
    described = " to ".join(f"({number_text(x)}, {number_text(y)})" for x, y in ends)
    return f"{name}: {len(finite)} points, {described}"

"""Charts of `report` on the explorer's pages."""

from __future__ import annotations

from markupsafe import Markup
from pydantic import BaseModel

from medshelf.report.charts.lines import Series, line_chart
from medshelf.report.charts.scale import Axis

_DOTS_BELOW = 15


class Line(BaseModel):
    """One line: a value for each epoch, null where there is none."""

    name: str
    epochs: tuple[int, ...]
    values: tuple[float | None, ...]


class Curves(BaseModel):
    """Learning curves in one picture.

    Attributes:
        title: What they are of.
        metric: What is drawn over the epochs.
        epoch: What an epoch is called.
        lines: One per seed.
    """

    title: str
    metric: str
    epoch: str
    lines: tuple[Line, ...]


def draw(curves: Curves) -> Markup:
    """Return learning curves as SVG."""
    series = [
        Series(
            line.name,
            line.epochs,
            [float("nan") if each is None else each for each in line.values],
            dots=len(line.epochs) < _DOTS_BELOW,
        )
        for line in curves.lines
    ]
    x, y = Axis(curves.epoch, whole=True), Axis(curves.metric)
    return line_chart(curves.title, series, x, y).svg

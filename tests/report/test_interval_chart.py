"""Values, whiskers and the floor lie where the axis says."""

from __future__ import annotations

import math

import pytest

from medshelf.core.errors import ReportError
from medshelf.report.charts.intervals import Estimate, interval_chart
from medshelf.report.charts.scale import Axis
from medshelf.report.charts.svg import Chart
from tests.report.drawing import find, number, root, ruler, runs, texts, tick_pixels

ROWS = [
    Estimate("This run", 0.874, 0.821, 0.918, note="3 seeds"),
    Estimate("Published", 0.901, kind="quoted"),
    Estimate("Replication", 0.889, 0.87, 0.9, kind="quoted"),
    Estimate("Majority", 0.5, kind="floor"),
]


def values_at(chart: Chart, pixels: list[float]) -> list[float]:
    slope, offset = ruler(tick_pixels(chart, "middle", "x"))
    return [(pixel - offset) / slope for pixel in pixels]


def test_each_kind_has_its_own_mark_at_its_value() -> None:
    chart = interval_chart("AUC", ROWS, Axis("AUC", high=1))
    dots = [number(each, "cx") for each in find(chart, "circle", "measured")]
    diamonds = [runs(each)[0][0][0] + 6 for each in find(chart, "path", "quoted")]
    floors = [number(each, "x1") for each in find(chart, "line", "floor-line")]
    assert values_at(chart, dots) == pytest.approx([0.874], abs=5e-4)
    assert values_at(chart, diamonds) == pytest.approx([0.901, 0.889], abs=5e-4)
    assert values_at(chart, floors) == pytest.approx([0.5], abs=5e-4)


def test_whiskers_span_the_interval() -> None:
    chart = interval_chart("AUC", ROWS, Axis("AUC", high=1))
    whiskers = find(chart, "line", "whisker")
    assert len(whiskers) == 6
    bars = [each for each in whiskers if number(each, "y1") == number(each, "y2")]
    ends = [
        value for bar in bars for value in values_at(chart, [number(bar, "x1"), number(bar, "x2")])
    ]
    assert ends == pytest.approx([0.821, 0.918, 0.87, 0.9], abs=5e-4)


def test_the_floor_runs_through_all_rows() -> None:
    chart = interval_chart("AUC", ROWS, Axis("AUC"))
    (floor,) = find(chart, "line", "floor-line")
    rows = [number(each, "y") for each in find(chart, "text", "value")]
    assert number(floor, "y1") < min(rows)
    assert number(floor, "y2") > max(rows)
    assert rows == sorted(rows)


def test_values_are_written_with_their_interval() -> None:
    chart = interval_chart("AUC", ROWS, Axis("AUC"), digits=2)
    assert texts(chart, "value") == ["0.87 [0.82, 0.92]", "0.90", "0.89 [0.87, 0.90]", "0.50"]
    assert (root(chart).findtext("desc") or "").startswith("This run: 0.87 [0.82, 0.92]; Publ")
    assert texts(chart, "note") == ["3 seeds"]


def test_a_missing_value_is_a_dash_without_a_mark() -> None:
    chart = interval_chart("AUC", [Estimate("a", math.nan), Estimate("b", 0.7)], Axis("AUC"))
    assert texts(chart, "value") == ["–", "0.700"]  # noqa: RUF001
    assert len(find(chart, "circle")) == 1


@pytest.mark.parametrize("rows", [[], [Estimate("a", math.nan)], [Estimate("a", 0.5)]])
def test_next_to_nothing_can_be_drawn(rows: list[Estimate]) -> None:
    chart = interval_chart("AUC", rows, Axis("AUC"))
    assert len(find(chart, "circle")) == sum(math.isfinite(row.value) for row in rows)


@pytest.mark.parametrize(("low", "high"), [(0.8, math.nan), (math.nan, 0.9), (0.9, 0.8)])
def test_half_an_interval_is_refused(low: float, high: float) -> None:
    with pytest.raises(ReportError, match="'This run' has the interval"):
        Estimate("This run", 0.85, low, high)


def test_an_unknown_kind_is_refused() -> None:
    with pytest.raises(ReportError, match=r"unknown kind 'guess'\.\n  -> Choose one of: measured"):
        Estimate("x", 0.5, kind="guess")  # type: ignore[arg-type]

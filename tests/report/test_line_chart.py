"""Curves lie where the data say."""

from __future__ import annotations

import math

import numpy as np
import pytest

from medshelf.core.errors import ReportError
from medshelf.report.charts.lines import Mark, Series, line_chart
from medshelf.report.charts.scale import Axis
from medshelf.report.charts.svg import Chart
from tests.report.drawing import find, number, root, ruler, runs, texts, tick_pixels, titles

EPOCH = Axis("epoch", whole=True)
LOSS = Axis("loss", low=0)
UNIT = Axis("rate", 0, 1)


def pixels(chart: Chart, x: list[float], y: list[float]) -> list[tuple[float, float]]:
    """Where the tick labels say that the points are."""
    x_slope, x_offset = ruler(tick_pixels(chart, "middle", "x"))
    y_slope, y_offset = ruler(tick_pixels(chart, "end", "y"))
    return [(x_slope * a + x_offset, y_slope * b + y_offset) for a, b in zip(x, y, strict=True)]


def curves(chart: Chart) -> list[list[list[tuple[float, float]]]]:
    return [runs(path) for path in find(chart, "path", "curve")]


def assert_close(found: list[tuple[float, float]], expected: list[tuple[float, float]]) -> None:
    assert np.asarray(found) == pytest.approx(np.asarray(expected), abs=0.05)


def test_points_lie_where_the_ticks_say() -> None:
    x, y = [1, 2, 3, 7, 10], [0.9, 0.5, 0.62, 0.31, 0.07]
    chart = line_chart("Loss", [Series("train", x, y)], EPOCH, LOSS)
    assert_close(curves(chart)[0][0], pixels(chart, x, y))
    xs, ys = zip(*curves(chart)[0][0], strict=True)
    assert list(xs) == sorted(xs)
    assert np.argsort(ys).tolist() == np.argsort([-each for each in y]).tolist()


def test_the_x_axis_ends_where_the_data_end() -> None:
    chart = line_chart("Loss", [Series("a", [1, 60], [1, 0])], EPOCH, LOSS)
    base = find(chart, "line", "axis")[-1]
    first, last = curves(chart)[0][0]
    assert (number(base, "x1"), number(base, "x2")) == pytest.approx((first[0], last[0]))
    assert last[1] == pytest.approx(number(base, "y1"))


@pytest.mark.parametrize("gap", [math.nan, math.inf, -math.inf])
def test_a_gap_splits_the_curve(gap: float) -> None:
    y = [4, 3, gap, gap, 2, 1, 0]
    chart = line_chart("Loss", [Series("val", range(7), y)], EPOCH, LOSS)
    (parts,) = curves(chart)
    assert [len(part) for part in parts] == [2, 3]
    assert_close(parts[0] + parts[1], pixels(chart, [0, 1, 4, 5, 6], [4, 3, 2, 1, 0]))
    assert len(find(chart, "circle", "hit")) == 5


def test_a_point_between_gaps_is_a_dot() -> None:
    chart = line_chart("x", [Series("a", [1, 2, 3, 4], [1, 2, math.nan, 3])], EPOCH, LOSS)
    (dot,) = find(chart, "circle", "dot")
    assert_close([(number(dot, "cx"), number(dot, "cy"))], pixels(chart, [4], [3]))


def test_a_single_epoch_is_a_dot_in_the_middle() -> None:
    chart = line_chart("Loss", [Series("train", [1], [0.7])], EPOCH, LOSS, mark=Mark("best", 1))
    assert not curves(chart)
    base = find(chart, "line", "axis")[-1]
    middle = (number(base, "x1") + number(base, "x2")) / 2
    dots = [number(dot, "cx") for dot in find(chart, "circle", "dot")]
    assert dots == pytest.approx([middle] * len(dots), abs=0.01)
    assert [text for text in texts(chart, "tick") if text == "1"] == ["1"]


@pytest.mark.parametrize("series", [[], [Series("a", [], [])], [Series("a", [1], [math.nan])]])
def test_nothing_to_draw_leaves_empty_axes(series: list[Series]) -> None:
    chart = line_chart("Loss", series, EPOCH, LOSS)
    assert not find(chart, "path")
    assert not find(chart, "circle")
    assert "↑ loss" in texts(chart, "label")


def test_a_marked_epoch_has_a_line_and_a_dot_on_each_curve() -> None:
    series = [Series("train", [1, 2, 3], [3, 2, 1]), Series("val", [1, 2, 3], [5, 4, 6])]
    chart = line_chart("Loss", series, EPOCH, LOSS, mark=Mark("selected: epoch 2", 2))
    (rule,) = find(chart, "line", "mark")
    dots = [(number(dot, "cx"), number(dot, "cy")) for dot in find(chart, "circle", "dot")]
    assert_close(dots, pixels(chart, [2, 2], [2, 4]))
    assert number(rule, "x1") == number(rule, "x2") == dots[0][0]
    assert "selected: epoch 2" in texts(chart, "name")


def test_a_marked_point_has_a_ring_and_the_axes_reach_it() -> None:
    series = [Series("roc", [0, 0.5], [0, 0.5])]
    chart = line_chart("x", series, Axis("fpr"), Axis("tpr"), mark=Mark("here", 0.9, 0.8))
    (ring,) = find(chart, "circle", "ring")
    assert_close([(number(ring, "cx"), number(ring, "cy"))], pixels(chart, [0.9], [0.8]))
    assert number(ring, "cx") <= chart.width


def test_the_diagonal_joins_equal_values_in_a_square() -> None:
    series = [Series("AUC 0.87", [0, 0.2, 1], [0, 0.9, 1])]
    chart = line_chart("ROC", series, UNIT, UNIT, diagonal="chance")
    line = find(chart, "line", "reference")[-1]
    ends = [(number(line, "x1"), number(line, "y1")), (number(line, "x2"), number(line, "y2"))]
    assert_close(ends, pixels(chart, [0, 1], [0, 1]))
    assert ends[1][0] - ends[0][0] == pytest.approx(ends[0][1] - ends[1][1])
    assert texts(chart, "name") == ["AUC 0.87", "chance"]


def test_axes_widen_for_data_beyond_them() -> None:
    chart = line_chart("x", [Series("a", [0, 1], [-0.5, 1.7])], UNIT, UNIT)
    ticks = tick_pixels(chart, "end", "y")
    assert min(ticks) <= -0.5
    assert max(ticks) >= 1.5
    assert all(0 <= y <= number(root(chart), "height") for _, y in curves(chart)[0][0])


def test_a_curve_of_many_points_is_drawn_in_pixels_and_100_tooltips() -> None:
    x = np.linspace(0, 1, 50_000)
    chart = line_chart("ROC", [Series("a", x, x**0.2)], UNIT, UNIT, diagonal="chance")
    assert len(find(chart, "circle", "hit")) == 100
    path = curves(chart)[0][0]
    assert len(path) == len(set(path))
    assert_close([path[0], path[-1]], pixels(chart, [0, 1], [0, 1]))


def test_tooltips_tell_the_values() -> None:
    chart = line_chart("Loss", [Series("train", [1, 2], [0.51234, 0.25])], EPOCH, LOSS)
    assert titles(chart) == ["train\nepoch 1, loss 0.5123", "train\nepoch 2, loss 0.25"]
    assert root(chart).findtext("desc") == "train: 2 points, (1, 0.5123) to (2, 0.25)"


def test_dots_mark_every_point() -> None:
    chart = line_chart("x", [Series("a", [1, 2, 3], [1, math.nan, 3], dots=True)], EPOCH, LOSS)
    assert len(find(chart, "circle", "dot")) == 2


@pytest.mark.parametrize(("x", "y"), [([1, 2], [1]), ([[1, 2]], [[1, 2]])])
def test_unequal_lengths_are_refused(x: list[float], y: list[float]) -> None:
    with pytest.raises(ReportError, match=r"'val' has x of shape .*\n  -> Give one x for each y"):
        line_chart("Loss", [Series("val", x, y)], EPOCH, LOSS)


@pytest.mark.parametrize(("x", "y"), [(math.nan, None), (1, math.inf)])
def test_a_mark_nowhere_is_refused(x: float, y: float | None) -> None:
    with pytest.raises(ReportError, match="The mark 'best' lies at"):
        Mark("best", x, y)


def test_many_legend_entries_stay_inside_the_chart() -> None:
    names = [f"class with a rather long name {index}, AUC 0.9" for index in range(14)]
    series = [Series(name, [0, 1], [0, 1]) for name in names]
    chart = line_chart("ROC", series, UNIT, UNIT, diagonal="chance")
    entries = find(chart, "text", "name")
    assert len({number(each, "y") for each in entries}) == 15
    top_of_plot = min(y for _, y in curves(chart)[0][0])
    assert max(number(each, "y") for each in entries) < top_of_plot

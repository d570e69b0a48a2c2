"""Bars of a histogram stand where the ticks say, and bubbles too."""

from __future__ import annotations

import math

import pytest

from medshelf.core.errors import ReportError
from medshelf.report.charts.bubbles import bubble_chart
from medshelf.report.charts.histogram import histogram
from medshelf.report.charts.scale import Axis
from tests.report.drawing import find, number, ruler, texts, tick_pixels, titles

AGE, N = Axis("age (years)"), Axis("samples")


def test_bars_stand_between_their_edges_and_are_as_high_as_their_counts() -> None:
    edges, counts = [0.0, 10.0, 20.0, 40.0], [4, 0, 8]
    chart = histogram("Age", edges, counts, AGE, N)
    slope, offset = ruler(tick_pixels(chart, "middle", "x"))
    y_slope, y_offset = ruler(tick_pixels(chart, "end", "y"))
    bars = find(chart, "rect", "bar")
    assert len(bars) == 2
    for bar, low, high, count in ((bars[0], 0, 10, 4), (bars[1], 20, 40, 8)):
        assert number(bar, "x") == pytest.approx(slope * low + offset, abs=0.6)
        right = number(bar, "x") + number(bar, "width")
        assert right == pytest.approx(slope * high + offset, abs=0.6)
        assert number(bar, "y") == pytest.approx(y_slope * count + y_offset, abs=0.1)
    assert "20 to 40: 8" in titles(chart)


def test_a_logarithmic_axis_has_round_numbers_at_their_logarithms() -> None:
    edges = [10.0 ** (each / 2) for each in range(9)]
    chart = histogram("Size", edges, [1] * 8, Axis("bytes"), N, logarithmic=True)
    ticks = tick_pixels(chart, "middle", "x")
    slope, offset = ruler({math.log10(value): pixel for value, pixel in ticks.items()})
    bars = find(chart, "rect", "bar")
    assert number(bars[4], "x") == pytest.approx(slope * 2 + offset, abs=0.6)
    widths = [number(each, "width") for each in find(chart, "rect", "bar")]
    assert max(widths) == pytest.approx(min(widths), abs=0.05)


@pytest.mark.parametrize(
    ("edges", "counts"),
    [([0, 1], []), ([0, 1, 1], [1, 2]), ([0, 1, 2], [1]), ([0, 1], [-1]), ([1, 0], [1])],
)
def test_bins_that_are_none_are_refused(edges, counts) -> None:
    with pytest.raises(ReportError):
        histogram("x", edges, counts, AGE, N)


def test_a_logarithm_of_nothing_is_refused() -> None:
    with pytest.raises(ReportError, match="above 0"):
        histogram("x", [0, 1], [3], AGE, N, logarithmic=True)


def test_hostile_names_are_text() -> None:
    chart = histogram("x", [0, 1], [3], Axis("</svg><script>"), N)
    assert any("script" in each for each in texts(chart))
    assert not find(chart, "script")


def test_bubbles_lie_where_the_ticks_say_and_grow_with_their_counts() -> None:
    chart = bubble_chart("Sizes", [(512, 512), (1024, 768)], [100, 25], Axis("X"), Axis("Y"))
    slope, offset = ruler(tick_pixels(chart, "middle", "x"))
    y_slope, y_offset = ruler(tick_pixels(chart, "end", "y"))
    large, small = find(chart, "circle", "bubble")
    assert number(large, "cx") == pytest.approx(slope * 512 + offset, abs=0.1)
    assert number(small, "cy") == pytest.approx(y_slope * 768 + y_offset, abs=0.1)
    assert number(large, "r") == pytest.approx(2 * number(small, "r"))
    with pytest.raises(ReportError):
        bubble_chart("x", [(1, 1)], [0], Axis("X"), Axis("Y"))

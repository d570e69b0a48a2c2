"""Bars are as long as their counts."""

from __future__ import annotations

import math

import numpy as np
import pytest

from medshelf.core.errors import ReportError
from medshelf.report.charts.bars import bar_chart
from medshelf.report.charts.svg import Chart
from tests.report.drawing import find, number, root, texts, titles


def lengths(chart: Chart, series: int) -> list[float]:
    """Bar lengths of one series; the legend's sample has no tooltip."""
    return [number(bar, "width") for bar in find(chart, "rect", f"s{series}") if len(bar)]


def test_lengths_are_proportional_to_counts_over_all_series() -> None:
    train, test = [400, 100, 0], [50, 200, 7]
    chart = bar_chart("Balance", ["a", "b", "c"], {"train": train, "test": test})
    found = lengths(chart, 0) + lengths(chart, 1)
    unit = found[0] / 400
    assert unit > 0.5
    assert found == pytest.approx([count * unit for count in train + test], abs=0.01)


def test_counts_are_written_and_bars_start_on_the_axis() -> None:
    chart = bar_chart("Balance", ["a", "b"], {"train": [89_996, 12], "test": [3, 0]})
    assert texts(chart, "value") == ["89,996", "3", "12", "0"]
    axis = number(find(chart, "line", "axis")[0], "x1")
    assert {number(bar, "x") for bar in find(chart, "rect") if len(bar)} == {axis}


def test_groups_and_series_run_from_top_to_bottom() -> None:
    chart = bar_chart("Balance", ["a", "b"], {"train": [1, 2], "val": [3, 4], "test": [5, 6]})
    tops = [number(bar, "y") for bar in find(chart, "rect") if len(bar)]
    assert tops == sorted(tops)
    assert len(set(tops)) == 6
    assert titles(chart) == [
        "a\ntrain: 1 of 3 (33.3%)",
        "a\nval: 3 of 7 (42.9%)",
        "a\ntest: 5 of 11 (45.5%)",
        "b\ntrain: 2 of 3 (66.7%)",
        "b\nval: 4 of 7 (57.1%)",
        "b\ntest: 6 of 11 (54.5%)",
    ]


def test_a_missing_count_is_a_dash_without_a_bar() -> None:
    chart = bar_chart("Balance", ["a", "b"], {"train": np.array([math.nan, 2.0])})
    assert len(lengths(chart, 0)) == 1
    assert texts(chart, "value") == ["–", "2"]  # noqa: RUF001


def test_fourteen_long_names_stay_inside_and_keep_their_full_name() -> None:
    names = [f"a class with a very long and winding name, number {n}" for n in range(14)]
    splits = {split: range(1, 15) for split in ("train", "val", "test")}
    chart = bar_chart("Balance", names, splits)
    height = number(root(chart), "height")
    assert all(0 < number(bar, "y") < height - 11 for bar in find(chart, "rect") if len(bar))
    assert all(number(b, "x") + number(b, "width") < 420 for b in find(chart, "rect"))
    assert set(names) <= set(titles(chart))
    assert any(text.endswith("…") for text in texts(chart, "name"))


@pytest.mark.parametrize(
    ("groups", "series"),
    [
        ([], {}),
        ([], {"train": []}),
        (["a"], {}),
        (["a"], {"train": [0]}),
        (["a"], {"t": [math.nan]}),
    ],
)
def test_next_to_nothing_can_be_drawn(groups: list[str], series: dict[str, list[float]]) -> None:
    chart = bar_chart("Balance", groups, series)
    assert lengths(chart, 0) in ([], [0.0])


def test_a_single_series_needs_no_legend() -> None:
    assert texts(bar_chart("Balance", ["a"], {"train": [1]}), "name") == ["a"]


def test_the_description_tells_all_counts() -> None:
    chart = bar_chart("Balance", ["a", "b"], {"train": [1, 2], "test": [3, 4]})
    assert root(chart).findtext("desc") == "train: a 1, b 2; test: a 3, b 4"


@pytest.mark.parametrize(
    ("values", "message"),
    [([1], r"has values of shape \(1,\), not \(2,\)"), ([1, -2], r"a negative value \(-2\)")],
)
def test_wrong_values_are_refused(values: list[float], message: str) -> None:
    with pytest.raises(ReportError, match=message):
        bar_chart("Balance", ["a", "b"], {"train": values})

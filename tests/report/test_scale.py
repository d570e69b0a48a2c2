"""Round ticks and the map from data to pixels."""

from __future__ import annotations

import math
from itertools import pairwise

import pytest
from hypothesis import example, given
from hypothesis import strategies as st

from medshelf.report.charts.scale import Axis, Scale, extent, tick_texts, ticks

finite = st.floats(-1e6, 1e6)


def test_the_ends_of_the_data_lie_on_the_ends_of_the_pixels() -> None:
    scale = Scale(-1, 3, 200, 40)
    assert [scale(-1), scale(1), scale(3)] == [200, 120, 40]


@pytest.mark.parametrize(
    ("low", "high", "whole", "expected"),
    [
        (0, 1, False, [0, 0.2, 0.4, 0.6, 0.8, 1]),
        (1, 60, True, [20, 40, 60]),
        (1, 4, True, [1, 2, 3, 4]),
        (0.5, 1.5, True, [1]),
        (0.71, 0.93, False, [0.75, 0.8, 0.85, 0.9]),
        (-1, 1, False, [-1, -0.5, 0, 0.5, 1]),
        (0, 89_996, False, [0, 20_000, 40_000, 60_000, 80_000]),
    ],
)
def test_ticks_are_round(low: float, high: float, *, whole: bool, expected: list[float]) -> None:
    assert ticks(low, high, whole=whole) == pytest.approx(expected)


@given(finite, finite)
def test_ticks_lie_inside_ascending_and_evenly_spaced(one: float, other: float) -> None:
    low, high = extent(Axis("x"), [one, other])
    found = ticks(low, high)
    step = (high - low) * 1e-6
    assert 2 <= len(found) <= 7
    assert low - step <= found[0]
    assert found[-1] <= high + step
    gaps = [b - a for a, b in pairwise(found)]
    assert min(gaps) > 0
    assert gaps == pytest.approx([gaps[0]] * len(gaps), rel=1e-6)


@pytest.mark.parametrize(
    ("values", "expected"),
    [
        ([0, 0.5, 1], ["0.0", "0.5", "1.0"]),
        ([0.7, 0.75, 0.8], ["0.70", "0.75", "0.80"]),
        ([0, 20_000], ["0", "20,000"]),
        ([0, 2e9], ["0", "2e+09"]),
        ([0, 1e-9, 2e-9], ["0", "1e-09", "2e-09"]),
        ([], []),
    ],
)
def test_tick_texts_share_their_decimals(values: list[float], expected: list[str]) -> None:
    assert tick_texts(values) == expected


@given(finite, finite)
@example(0.0, 5e-324)
def test_tick_texts_are_all_different(one: float, other: float) -> None:
    low, high = extent(Axis("x"), [one, other])
    if high - low > 1e-4 * max(abs(low), abs(high)):
        found = tick_texts(ticks(low, high))
        assert len(set(found)) == len(found)


@pytest.mark.parametrize(
    ("axis", "values", "nice", "expected"),
    [
        (Axis("x"), [1, 60], False, (1, 60)),
        (Axis("x"), [0.63, 0.98], True, (0.6, 1.0)),
        (Axis("x", low=0), [0.2, 0.77], True, (0, 0.8)),
        (Axis("x", high=1), [0.71, 0.93], True, (0.7, 1)),
        (Axis("x", low=0, high=1), [], True, (0, 1)),
        (Axis("x", low=0, high=1), [-0.2, 1.3], False, (-0.2, 1.3)),
        (Axis("x"), [math.nan, 2, math.inf, 4], False, (2, 4)),
        (Axis("x"), [5], False, (4.5, 5.5)),
        (Axis("x"), [0, 0], False, (-0.5, 0.5)),
        (Axis("x"), [], False, (0, 1)),
        (Axis("x"), [math.nan], True, (0, 1)),
    ],
)
def test_extent_holds_axis_and_data(
    axis: Axis, values: list[float], *, nice: bool, expected: tuple[float, float]
) -> None:
    assert extent(axis, values, nice=nice) == pytest.approx(expected)


@given(st.lists(st.floats(allow_nan=True, allow_infinity=True, width=32), max_size=5))
def test_extent_is_never_empty_and_holds_all_finite_values(values: list[float]) -> None:
    low, high = extent(Axis("x"), values, nice=True)
    assert low < high
    inside = [value for value in values if math.isfinite(value)]
    slack = (high - low) * 1e-6
    assert all(low - slack <= value <= high + slack for value in inside)

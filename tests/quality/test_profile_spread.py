"""Quantiles and histograms from counts are those of the values themselves."""

from __future__ import annotations

import numpy as np
import polars as pl
import pytest
from hypothesis import given
from hypothesis import strategies as st

from medshelf.quality.profiling.sampling import sampled
from medshelf.quality.profiling.spread import spread, spreads_by, tally

_VALUES = st.lists(
    st.one_of(st.integers(-50, 50).map(float), st.floats(-1e6, 1e6, width=32)), min_size=1
)


@given(_VALUES)
def test_a_spread_is_that_of_numpy(values: list[float]) -> None:
    found = spread(pl.LazyFrame({"v": values}), pl.col("v"))
    array = np.array(values)
    assert found is not None
    assert found.n == len(values)
    assert (found.minimum, found.maximum) == (array.min(), array.max())
    quantiles = np.quantile(array, [0.05, 0.25, 0.5, 0.75, 0.95])
    ours = (found.p5, found.p25, found.median, found.p75, found.p95)
    assert ours == pytest.approx(quantiles.tolist(), rel=1e-9, abs=1e-6)
    assert found.mean == pytest.approx(array.mean(), rel=1e-9, abs=1e-6)
    assert found.sd == pytest.approx(array.std(), rel=1e-6, abs=1e-3)
    assert sum(found.counts) == len(values)
    assert len(found.edges) == len(found.counts) + 1
    assert list(found.edges) == sorted(set(found.edges))


def test_what_is_not_finite_is_left_out_and_nothing_is_null() -> None:
    frame = pl.LazyFrame({"v": [1.0, None, float("nan"), float("inf"), 3.0]})
    found = spread(frame, pl.col("v"))
    assert found is not None
    assert (found.n, found.median) == (2, 2.0)
    assert spread(frame.filter(pl.col("v").is_null()), pl.col("v")) is None


def test_whole_numbers_have_bins_around_them() -> None:
    found = spread(pl.LazyFrame({"v": [1, 1, 2, 4]}), pl.col("v"))
    assert found is not None
    assert found.edges == (0.5, 1.5, 2.5, 3.5, 4.5)
    assert found.counts == (2, 1, 0, 1)


def test_bins_of_skewed_values_widen() -> None:
    found = spread(pl.LazyFrame({"v": [1] * 99 + [10_000]}), pl.col("v"))
    assert found is not None
    assert found.scale == "log"
    assert (found.counts[0], found.counts[-1]) == (99, 1)


def test_spreads_of_groups_are_in_order() -> None:
    frame = pl.LazyFrame({"g": ["b", "a", "b"], "v": [1, 2, 3]})
    found = spreads_by(tally(frame, pl.col("v"), "g").collect(), "g")
    assert {name: each.mean for name, each in found.items()} == {"a": 2, "b": 2}
    assert list(found) == ["a", "b"]


def test_a_sample_is_seeded_in_order_and_without_repeats() -> None:
    frame = pl.LazyFrame({"v": range(1000)})
    drawn = [sampled(frame, 1000, 50).collect()["v"].to_list() for _ in range(2)]
    assert drawn[0] == drawn[1] == sorted(set(drawn[0]))
    assert len(drawn[0]) == 50
    assert sampled(frame, 1000, 1000).collect().height == 1000

"""Statistics of values, against numpy."""

from __future__ import annotations

import hypothesis.extra.numpy as arrays
import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from medshelf.imaging.hashing import reduced
from medshelf.quality.measures import PERCENTILES
from medshelf.quality.measuring import counting, looks, values
from medshelf.quality.measuring.digests import pixel_digest

KINDS = ["uint8", "int8", "bool", "uint16", "int16", "int32", "uint32", "int64", "float32"]


@pytest.mark.parametrize("dtype", KINDS)
@pytest.mark.parametrize("channels", [1, 2, 3, 4])
def test_statistics_are_those_of_numpy(dtype, channels):
    random = np.random.default_rng(3)
    shape = (37, 23, channels) if channels > 1 else (37, 23)
    low, high = (0, 2) if dtype == "bool" else (-90, 100) if dtype[0] in "if" else (3, 200)
    array = random.integers(low, high, shape).astype(dtype)
    found = values.value_columns(array, "YXC"[: array.ndim])
    plain = array.astype(np.float64)
    assert (found["minimum"], found["maximum"]) == (plain.min(), plain.max())
    assert found["mean"] == pytest.approx(plain.mean(), rel=1e-14)
    assert found["sd"] == pytest.approx(plain.std(), rel=1e-12)
    assert found["n_not_finite"] == 0
    assert found["percentiles"] == pytest.approx(np.percentile(plain, PERCENTILES), rel=1e-12)
    flat = plain.reshape(-1, channels)
    assert found["channel_means"] == pytest.approx(flat.mean(axis=0), rel=1e-12)
    assert found["channel_sds"] == pytest.approx(flat.std(axis=0), rel=1e-12)


@pytest.mark.parametrize("low", [-(1 << 40), -32768, 0, 40000, (1 << 62)])
def test_integers_far_from_zero_are_counted_exactly(low):
    array = np.array([[low, low + 1], [low + 1, low + 2]], np.int64)
    found = values.value_columns(array, "YX")
    assert found["mean"] == float(low + 1)
    assert found["sd"] == pytest.approx(np.sqrt(0.5), rel=1e-15)
    assert found["percentiles"][3] == float(low + 1)


def test_wide_integers_are_not_counted_but_right():
    array = np.array([[-5, 10_000_000], [7, 20_000_000]], np.int32)
    found = values.value_columns(array, "YX")
    assert found["mean"] == array.mean()
    assert found["sd"] == pytest.approx(array.std(), rel=1e-14)


def test_what_is_not_finite_is_counted_and_left_out():
    array = np.array([[1, np.nan, 3], [np.inf, -np.inf, 5]], np.float32)
    found = values.value_columns(array, "YX")
    assert found["n_not_finite"] == 3
    assert (found["minimum"], found["maximum"], found["mean"]) == (1, 5, 3)
    assert found["percentiles"][3] == 3
    assert found["sd"] == pytest.approx(np.std([1, 3, 5]))


def test_nothing_finite_has_no_statistics():
    assert values.value_columns(np.full((2, 2), np.nan), "YX") == {"n_not_finite": 4}


def test_percentiles_of_many_floats_come_from_a_sample_across_all_columns():
    array = np.tile(np.arange(2048, dtype=np.float32), (2048, 1))
    found = values.value_columns(array, "YX")
    exact = np.percentile(array, PERCENTILES)
    assert found["percentiles"] == pytest.approx(exact, abs=4)
    assert found["mean"] == pytest.approx(1023.5, rel=1e-13)


@given(
    arrays.arrays(
        st.sampled_from([np.uint8, np.uint16]),
        st.tuples(st.integers(1, 40), st.integers(1, 5)),
    )
)
def test_compiled_counts_are_the_plain_ones(flat):
    n_values = 1 << (8 * flat.dtype.itemsize)
    found = counting.counts_of(flat, n_values)
    plain = counting._plain_counts_of(flat, n_values)
    assert found.dtype == plain.dtype == np.int64
    assert np.array_equal(found, plain)


@given(arrays.arrays(np.uint8, st.tuples(st.integers(1, 80), st.integers(1, 20))))
def test_small_pictures_are_reduced_ones_and_the_same_without_numba(picture):
    starts, stops, _, _ = looks._bands(len(picture))
    found = counting.row_sums(picture, starts, stops)
    assert np.array_equal(found, counting._plain_row_sums(picture, starts, stops))
    small = looks.small_picture(picture, "YX")
    assert small.dtype == np.float32
    np.testing.assert_allclose(small, reduced(picture), rtol=1e-5, atol=1e-4)


@pytest.mark.parametrize("channels", [2, 3, 4])
@pytest.mark.parametrize("dtype", [np.uint8, np.uint16])
def test_small_pictures_of_colours_are_their_luminance(channels, dtype):
    picture = np.random.default_rng(1).integers(0, 256, (45, 70, channels)).astype(dtype)
    weights = [0.299, 0.587, 0.114] if channels > 2 else [0.5, 0.5]
    grey = picture[..., : len(weights)].astype(np.float64) @ np.array(weights)
    np.testing.assert_allclose(looks.small_picture(picture, "YXC"), reduced(grey), rtol=1e-5)


def test_thumb_is_stretched_and_null_where_constant():
    small = np.linspace(-3, 9, 1024, dtype=np.float32).reshape(32, 32)
    thumb = np.frombuffer(looks.thumb_of(small), np.uint8)
    assert (len(thumb), thumb[0], thumb[-1]) == (1024, 0, 255)
    assert np.all(np.diff(thumb.astype(int)) >= 0)
    assert looks.thumb_of(np.full((32, 32), 7, np.float32)) is None


@pytest.mark.parametrize("dtype", [np.uint8, np.uint16, np.float32])
@pytest.mark.parametrize("channels", [1, 3, 5])
def test_border_is_the_share_of_one_value_per_edge(dtype, channels):
    picture = np.random.default_rng(0).permuted(
        np.arange(60 * 60 * channels, dtype=np.uint16).reshape(60, 60, channels) % 251, axis=0
    )
    picture = picture.astype(dtype)
    picture[:, :10] = 0
    picture[50:] = 255
    plane = picture if channels > 1 else picture[..., 0]
    left, top, right, bottom = looks.border_of(plane)
    assert left == pytest.approx(50 / 60)
    assert top == pytest.approx(10 / 60)
    assert 10 / 60 <= right < 0.3
    assert bottom == 1


def test_the_slice_shown_of_a_volume_is_the_middle_one_of_the_widest_spacing():
    volume = np.arange(4 * 6 * 8).reshape(4, 6, 8)
    plane, axes = looks.plane_of(volume, "ZYX", (1.0, 1.0, 1.0))
    assert axes == "YX"
    assert np.array_equal(plane, volume[2])
    plane, axes = looks.plane_of(volume, "ZYX", (1.0, 3.0, 2.0))
    assert axes == "ZX"
    assert np.array_equal(plane, volume[:, 3])
    plane, _ = looks.plane_of(np.stack([volume] * 3), "TZYX", None)
    assert np.array_equal(plane, volume[2])


def test_a_digest_tells_values_shape_dtype_and_axes_apart():
    array = np.arange(12, dtype=np.uint8).reshape(3, 4)
    others = [array + 1, array.reshape(4, 3), array.astype(np.int8), array.T.copy()]
    digests = {pixel_digest(each, "YX") for each in [array, *others]}
    assert len(digests) == 5
    assert pixel_digest(array, "YX") == pixel_digest(array.copy(), "YX")
    assert pixel_digest(array, "YX") != pixel_digest(array, "ZX")

"""New grids against plain definitions and against other libraries."""

from __future__ import annotations

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st
from PIL import Image
from skimage.measure import block_reduce

from medshelf.imaging.regridding import Axis, regrid

_KINDS = ("uint8", "uint16", "int16", "int32", "float32", "float64")


def _noise(shape: tuple[int, ...], kind: str = "uint8", seed: int = 0) -> np.ndarray:
    return np.random.default_rng(seed).integers(0, 200, shape).astype(kind)


def _scaled(n_old: int, n: int) -> Axis:
    return Axis(n, 0.0, n_old / n, 0, n)


def _covered_mean(row: np.ndarray, n: int) -> np.ndarray:
    """Return the mean of what each new pixel covers, on a grid fine enough for both."""
    return np.repeat(row.astype(np.float64), n).reshape(n, -1).mean(axis=1)


@given(st.integers(1, 40), st.integers(1, 40), st.sampled_from(_KINDS))
def test_area_is_the_mean_of_what_a_pixel_covers(n_old: int, n: int, kind: str) -> None:
    if n > n_old:
        n, n_old = n_old, n
    array = _noise((n_old, 3, 2), kind, seed=n_old * 41 + n)
    found = regrid(array, {0: _scaled(n_old, n)}, "area")
    wanted = np.stack(
        [[_covered_mean(array[:, i, j], n) for j in range(2)] for i in range(3)]
    ).transpose(2, 0, 1)
    assert found.dtype == array.dtype
    tolerance = 0.5001 if found.dtype.kind in "ui" else 1e-4
    np.testing.assert_allclose(found, wanted, atol=tolerance)


def test_whole_factors_are_block_means() -> None:
    volume = _noise((12, 9, 8), "float64")
    axes = {0: _scaled(12, 4), 1: _scaled(9, 3), 2: _scaled(8, 4)}
    np.testing.assert_allclose(
        regrid(volume, axes, "area"), block_reduce(volume, (3, 3, 2), np.mean), atol=1e-12
    )


@pytest.mark.parametrize("size", [(10, 7), (90, 50), (33, 80)])
def test_bilinear_is_that_of_pillow(size: tuple[int, int]) -> None:
    array = _noise((60, 40), "float32")
    axes = {0: _scaled(60, size[0]), 1: _scaled(40, size[1])}
    wanted = Image.fromarray(array).resize(size[::-1], Image.Resampling.BILINEAR)
    np.testing.assert_allclose(regrid(array, axes, "bilinear"), np.asarray(wanted), atol=2e-3)


@pytest.mark.parametrize("shape", [(64, 48), (64, 48, 3)])
@pytest.mark.parametrize("mode", ["area", "bilinear"])
@pytest.mark.parametrize("size", [(20, 30), (100, 20), (128, 96)])
def test_pictures_of_8_bits_are_as_others(shape, mode, size) -> None:
    array = _noise(shape)
    axes = {0: _scaled(64, size[0]), 1: _scaled(48, size[1])}
    found = regrid(array, axes, mode)
    wide = regrid(array.astype(np.uint16), axes, mode)
    assert found.dtype == np.uint8
    assert np.abs(found.astype(int) - wide).max() <= 1


@pytest.mark.parametrize("n", [1, 7, 20, 31])
def test_nearest_takes_the_pixel_below_the_middle(n: int) -> None:
    row = np.arange(20, dtype=np.int64)
    wanted = [int((i + 0.5) * 20 / n) for i in range(n)]
    assert regrid(row, {0: _scaled(20, n)}, "nearest").tolist() == wanted


@pytest.mark.parametrize("mode", ["area", "bilinear", "nearest"])
def test_a_cut_keeps_values_bit_by_bit(mode: str) -> None:
    array = _noise((30, 20), "float32") + np.float32(0.1)
    axes = {0: Axis(10, 5.0, 1.0, 0, 10), 1: Axis(4, 3.0, 1.0, 0, 4)}
    np.testing.assert_array_equal(regrid(array, axes, mode), array[5:15, 3:7])


def test_the_same_grid_is_the_same_array() -> None:
    array = _noise((5, 4))
    found = regrid(array, {0: Axis.of(5), 1: Axis.of(4)}, "area")
    assert np.shares_memory(found, array)
    np.testing.assert_array_equal(found, array)


def test_a_frame_is_filled() -> None:
    array = _noise((4, 8)) + np.uint8(1)
    found = regrid(array, {0: Axis(8, 0.0, 1.0, 2, 4)}, "area", fill=7)
    assert (found[[0, 1, 6, 7]] == 7).all()
    np.testing.assert_array_equal(found[2:6], array)


def test_what_lies_beyond_the_image_does_not_count() -> None:
    row = np.array([10.0, 20.0, 30.0])
    found = regrid(row, {0: Axis(3, -1.0, 5 / 3, 0, 3)}, "area")
    wanted = [10, (10 / 3 + 20 + 30 / 3) / (5 / 3), 30]
    np.testing.assert_allclose(found, wanted)


def test_positions_move_with_the_pixels() -> None:
    axis = Axis(10, 4.0, 2.0, 1, 8)
    assert axis.moved(4.0) == 1
    assert axis.moved(20.0) == 9


def test_masks_keep_to_their_values() -> None:
    mask = np.zeros((17, 13), np.uint8)
    mask[5:9, 3:8] = 200
    found = regrid(mask, {0: _scaled(17, 40), 1: _scaled(13, 5)}, "nearest")
    assert set(np.unique(found)) == {0, 200}

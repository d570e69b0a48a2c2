"""Montages, compared pixel by pixel."""

from __future__ import annotations

import numpy as np
import pytest

from medshelf.core.errors import SettingError
from medshelf.imaging.montage import montage


def numbered(n: int, *shape: int) -> np.ndarray:
    """Images that are all 1, all 2, ..."""
    values = np.arange(1, n + 1, dtype=np.uint8).reshape(n, *(1,) * len(shape))
    return np.broadcast_to(values, (n, *shape))


def test_tiles_lie_row_by_row_with_gaps() -> None:
    found = montage(numbered(3, 1, 2), 2, gap=1, background=9)
    assert found.dtype == np.uint8
    np.testing.assert_array_equal(
        found,
        [
            [1, 1, 9, 2, 2],
            [9, 9, 9, 9, 9],
            [3, 3, 9, 9, 9],
        ],
    )


def test_tiles_are_not_turned_or_mirrored() -> None:
    images = np.arange(12, dtype=np.uint8).reshape(2, 2, 3)
    np.testing.assert_array_equal(montage(images, 1, gap=0), np.arange(12).reshape(4, 3))


def test_by_default_gaps_are_two_white_pixels() -> None:
    found = montage(numbered(2, 4, 4), 2)
    assert found.shape == (4, 10)
    assert (found[:, 4:6] == 255).all()


def test_rgb_keeps_its_channels() -> None:
    images = np.zeros((2, 2, 2, 3), np.uint8)
    images[1, ..., 2] = 7
    found = montage(images, 2, gap=1, background=5)
    assert found.shape == (2, 5, 3)
    np.testing.assert_array_equal(found[0, :, 2], [0, 0, 5, 7, 7])
    np.testing.assert_array_equal(found[0, :, 0], [0, 0, 5, 0, 0])


def volumes(depth: int) -> np.ndarray:
    """Two volumes 2 x 2 in plane whose voxels say 10 * volume + slice."""
    values = 10 * np.arange(1, 3)[:, None] + np.arange(depth)
    return np.broadcast_to(values[..., None, None], (2, depth, 2, 2)).astype(np.uint8)


def test_a_volume_shows_its_middle_slice() -> None:
    found = montage(volumes(7), 2, gap=0)
    np.testing.assert_array_equal(found, [[13, 13, 23, 23]] * 2)


def test_a_volume_shows_a_row_of_slices() -> None:
    found = montage(volumes(9), 1, n_slices=3, gap=0)
    np.testing.assert_array_equal(found[0], [11, 11, 14, 14, 17, 17])
    np.testing.assert_array_equal(found[2], [21, 21, 24, 24, 27, 27])


def test_all_slices_of_a_volume() -> None:
    np.testing.assert_array_equal(
        montage(volumes(4)[:1], 1, n_slices=4, gap=0)[0], [10, 10, 11, 11, 12, 12, 13, 13]
    )


@pytest.mark.parametrize(
    "images",
    [
        np.zeros((2, 4, 4)),
        np.zeros((4, 4), np.uint8),
        np.zeros((2, 4, 4, 4, 3), np.uint8),
        np.zeros((0, 4, 4), np.uint8),
    ],
)
def test_other_arrays_are_refused(images: np.ndarray) -> None:
    with pytest.raises(SettingError, match="cannot be tiled") as caught:
        montage(images, 2)
    assert "x".join(map(str, images.shape)) in caught.value.problem
    assert "uint8" in caught.value.remedy


@pytest.mark.parametrize(
    ("wrong", "limits"),
    [
        ({"n_columns": 0}, "Choose 1 or more"),
        ({"n_columns": 1, "gap": -1}, "Choose 0 or more"),
        ({"n_columns": 1, "background": 256}, "Choose a number from 0 to 255"),
        ({"n_columns": 1, "n_slices": 0}, "Choose a number from 1 to 5"),
        ({"n_columns": 1, "n_slices": 6}, "Choose a number from 1 to 5"),
    ],
)
def test_numbers_out_of_range_are_refused(wrong: dict[str, int], limits: str) -> None:
    with pytest.raises(SettingError, match="out of range") as caught:
        montage(np.zeros((1, 5, 4, 4), np.uint8), **wrong)
    assert caught.value.remedy == limits

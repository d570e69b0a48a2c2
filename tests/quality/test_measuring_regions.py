"""What is drawn in masks, against scikit-image."""

from __future__ import annotations

import numpy as np
import pytest
from skimage import measure as skimage

from medshelf.formats.raster import Raster
from medshelf.quality.measuring import regions
from medshelf.quality.measuring.decoded import MismatchError

LEGEND = {"background": (0,), "liver": (1,), "tumour": (2,), "whole": (1, 2), "spleen": (9,)}


def rows_of(array, axes, legend, label=None, image=None, spacing_mm=None):
    mask = Raster(array, axes, spacing_mm=spacing_mm)
    rows = regions.regions_of(mask, legend, label, image)
    return {each["structure"]: each for each in rows}


def holes(where, connectivity):
    """Count background components clear of the border, by scikit-image."""
    outside = np.pad(~where, 1, constant_values=True)
    return int(skimage.label(outside, connectivity=connectivity).max()) - 1


@pytest.mark.parametrize("shape", [(40, 50), (14, 15, 16)])
@pytest.mark.parametrize("dtype", [np.uint8, np.int16, np.float32])
def test_structures_are_those_that_scikit_image_sees(shape, dtype):
    random = np.random.default_rng(1)
    array = (random.random(shape) < 0.25).astype(dtype) + (random.random(shape) < 0.1)
    array = array.astype(dtype)
    image = random.random(shape)
    rows = rows_of(array, "ZYX"[-len(shape) :], LEGEND, image=image)
    assert list(rows) == ["liver", "tumour", "whole", "spleen"]
    for name, row in rows.items():
        where = np.isin(array, LEGEND[name])
        assert row["in_legend"] is True
        assert row["n_pixels"] == where.sum()
        if name == "spleen":
            assert row["touches_border"] is False
            assert "box" not in row
            continue
        assert row["n_components"] == skimage.label(where, connectivity=len(shape)).max()
        assert row["n_holes"] == holes(where, 1)
        assert row["intensity_mean"] == pytest.approx(image[where].mean())
        places = np.argwhere(where)[:, ::-1]
        ends = np.stack([places.min(axis=0), places.max(axis=0)], axis=1).ravel()
        assert row["box"] == ends.tolist()


def test_a_ring_has_one_hole_and_one_at_the_border_has_none():
    array = np.zeros((12, 12), np.uint8)
    array[2:7, 2:7] = 1
    array[4, 4] = 0
    row = rows_of(array, "YX", {"ring": (1,)})["ring"]
    assert (row["n_components"], row["n_holes"], row["touches_border"]) == (1, 1, False)
    array[...] = 0
    array[0:5, 0:5] = 1
    array[0:3, 2] = 0
    row = rows_of(array, "YX", {"ring": (1,)})["ring"]
    assert (row["n_components"], row["n_holes"], row["touches_border"]) == (1, 0, True)


def test_parts_that_touch_at_a_corner_are_one():
    row = rows_of(np.eye(5, dtype=np.uint8), "YX", {"line": (1,)})["line"]
    assert row["n_components"] == 1


def test_area_and_volume_follow_the_spacing():
    flat = np.ones((4, 5), np.uint8)
    assert rows_of(flat, "YX", {"a": (1,)}, spacing_mm=(0.5, 0.2))["a"]["area_mm2"] == 2.0
    deep = np.ones((2, 4, 5), np.uint8)
    row = rows_of(deep, "ZYX", {"a": (1,)}, spacing_mm=(0.5, 0.5, 3.0))["a"]
    assert row["volume_mm3"] == 30.0
    assert "area_mm2" not in row
    assert "area_mm2" not in rows_of(flat, "YX", {"a": (1,)})["a"]


def test_values_outside_the_legend_are_rows_of_their_own():
    array = np.array([[0, 1, 7], [0, 255, 7]], np.uint8)
    rows = rows_of(array, "YX", {"liver": (1,)})
    assert {name: (row["values"], row["in_legend"]) for name, row in rows.items()} == {
        "liver": ("1", True),
        "7": ("7", False),
        "255": ("255", False),
    }
    assert rows["7"]["n_pixels"] == 2


def test_without_a_legend_it_is_not_known_whether_a_value_is_in_it():
    array = np.array([[0, 0.5], [3, -1]], np.float32)
    rows = rows_of(array, "YX", {})
    assert list(rows) == ["-1", "0.5", "3"]
    assert {row["in_legend"] for row in rows.values()} == {None}


@pytest.mark.parametrize("value", [1, 255])
def test_a_file_with_a_label_shows_that_structure(value):
    array = np.array([[0, value]], np.uint8)
    rows = rows_of(array, "YX", {}, label="spleen")
    assert list(rows) == ["spleen"]
    assert (rows["spleen"]["values"], rows["spleen"]["n_pixels"]) == (str(value), 1)


def test_an_empty_file_with_a_label_has_a_row_without_pixels():
    rows = rows_of(np.zeros((3, 3), np.uint8), "YX", {}, label="spleen")
    assert (rows["spleen"]["n_pixels"], rows["spleen"]["values"]) == (0, "")


def test_the_label_of_a_file_wins_where_the_legend_knows_it():
    legend = {"liver": (1,), "spleen": (2,)}
    rows = rows_of(np.array([[0, 1]], np.uint8), "YX", legend, label="spleen")
    assert list(rows) == ["spleen"]


def test_channels_are_structures_the_first_included():
    array = np.zeros((4, 4, 3), np.uint8)
    array[:2, :, 0] = 5
    array[3, 3, 2] = 1
    rows = rows_of(array, "YXC", {"cell": (0,), "dead": (1,)})
    assert {name: row["n_pixels"] for name, row in rows.items()} == {"cell": 8, "dead": 0, "2": 1}
    assert rows["2"]["in_legend"] is False


def test_frames_are_looked_at_one_by_one():
    array = np.zeros((3, 5, 5), np.uint8)
    array[:, 1:4, 1:4] = 1
    array[1, 2, 2] = 0
    row = rows_of(array, "TYX", {"a": (1,)})["a"]
    assert (row["n_components"], row["n_holes"], row["n_pixels"]) == (3, 1, 26)
    assert row["box"] == [1, 3, 1, 3]


def test_booleans_are_a_mask():
    assert rows_of(np.eye(3, dtype=bool), "YX", {"a": (1,)})["a"]["n_pixels"] == 3


def test_a_map_of_probabilities_is_no_mask():
    array = np.random.default_rng(0).random((100, 100))
    with pytest.raises(MismatchError, match="10,000 different values"):
        rows_of(array, "YX", {})

"""Images, masks, shapes and geometry stay together whatever is done to them."""

from __future__ import annotations

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from medshelf.conversion.moving import moved_shapes, prepared_image, prepared_mask
from medshelf.conversion.preparation import Preparation
from medshelf.core.errors import SettingError
from medshelf.dataset.fields import Shape
from medshelf.formats.raster import Raster


def _shape(kind: str, *points: float, unit: str = "pixel") -> Shape:
    return Shape(kind, "nodule", points, unit, "image", None, None, {})


def _picture(n_y: int = 60, n_x: int = 80) -> Raster:
    ramp = np.add.outer(np.arange(n_y), np.arange(n_x)).astype(np.uint8)
    return Raster(ramp, "YX", "grey", (0.5, 0.25))


def _volume() -> Raster:
    affine = np.array([[0, 2, 0, 5], [-1.5, 0, 0, 7], [0, 0, 3, -9], [0, 0, 0, 1.0]])
    array = np.random.default_rng(0).normal(size=(20, 30, 16)).astype(np.float32)
    return Raster(array, "XYZ", spacing_mm=(1.5, 2.0, 3.0), affine=affine)


_PREPARATIONS = (
    Preparation(size=(32,)),
    Preparation(size=(40, 32), resize="bilinear"),
    Preparation(size=(64, 64), resize="pad"),
    Preparation(crop="10,70,5,45"),
    Preparation(crop="centre:40", size=(20,)),
    Preparation(spacing_mm=(1.0, 0.5)),
    Preparation(spacing_mm=(0.4,), size=(33, 17)),
)


@pytest.mark.parametrize("preparation", _PREPARATIONS, ids=str)
def test_a_box_stays_around_what_it_was_drawn_around(preparation: Preparation) -> None:
    blank = np.zeros((60, 80), np.uint8)
    blank[16:40, 24:56] = 1
    picture = Raster(blank, "YX", spacing_mm=(0.5, 0.5))
    moved = prepared_image(Raster(blank * 200, "YX", spacing_mm=(0.5, 0.5)), preparation)
    mask = prepared_mask(picture, preparation)
    (box,) = moved_shapes([_shape("box", 24, 16, 56, 40)], moved)
    rows, columns = np.nonzero(mask.array)
    found = (columns.min(), rows.min(), columns.max() + 1, rows.max() + 1)
    assert mask.array.shape == moved.raster.array.shape
    np.testing.assert_allclose(found, box.points, atol=0.51)


@pytest.mark.parametrize(
    "preparation",
    [
        Preparation(size=(10, 15, 8)),
        Preparation(size=(7,), resize="pad"),
        Preparation(crop="2,18,3,27,4,12"),
        Preparation(crop="centre:10", spacing_mm=(2.0,)),
        Preparation(spacing_mm=(1.0, 1.0, 1.0)),
    ],
    ids=str,
)
def test_the_world_position_of_what_is_seen_stays(preparation: Preparation) -> None:
    volume = _volume()
    where = np.stack(np.meshgrid(*map(np.arange, volume.array.shape), indexing="ij"), -1)
    for axis in range(3):
        positions = Raster(
            where[..., axis].astype(np.float64), "XYZ", None, volume.spacing_mm, volume.affine
        )
        moved = prepared_image(positions, preparation)
        new = moved.raster
        index = [n // 2 for n in new.array.shape]
        seen = [n // 2 for n in volume.array.shape]
        world = new.affine @ [*index, 1]
        old = np.linalg.solve(volume.affine, world)
        seen[axis] = new.array[tuple(index)]
        # the mean of pixels that are partly covered is a little off the middle
        np.testing.assert_allclose(old[axis], seen[axis], atol=0.13)
        lengths = np.linalg.norm(new.affine[:3, :3], axis=0)
        np.testing.assert_allclose(new.spacing_mm, lengths, atol=1e-9)


@given(st.tuples(*[st.floats(0, 79)] * 2), st.tuples(*[st.floats(0, 59)] * 2), st.integers(8, 90))
def test_shapes_that_are_cut_lie_inside(xs, ys, edge: int) -> None:
    moved = prepared_image(_picture(), Preparation(crop="20,60,10,50", size=(edge,)))
    corners = [min(xs), min(ys), max(xs) + 1, max(ys) + 1]
    polygon = [corners[each] for each in (0, 1, 2, 1, 2, 3, 0, 3)]
    boxes = moved_shapes([_shape("box", *corners)], moved)
    polygons = moved_shapes([_shape("polygon", *polygon)], moved)
    assert len(boxes) == len(polygons)
    for box, cut in zip(boxes, polygons, strict=True):
        assert all(0 <= each <= edge for each in box.points)
        points = np.reshape(cut.points, (-1, 2))
        found = [*points.min(axis=0), *points.max(axis=0)]
        np.testing.assert_allclose(found, box.points, atol=1e-9)


def test_shapes_outside_are_left_out_and_those_in_mm_stay() -> None:
    moved = prepared_image(_picture(), Preparation(crop="40,60,10,50"))
    outside = [_shape("box", 0, 0, 10, 10), _shape("point", 1, 1), _shape("ellipse", 2, 2, 5, 5)]
    world = _shape("sphere", -300, 20, 4, 8, unit="mm")
    assert moved_shapes([*outside, world], moved) == (world,)


def test_an_ellipse_is_scaled_and_refused_where_it_would_be_stretched() -> None:
    even = prepared_image(_picture(), Preparation(size=(40, 30)))
    (found,) = moved_shapes([_shape("ellipse", 20, 30, 8, 4, 30)], even)
    np.testing.assert_allclose(found.points, (10, 15, 4, 2, 30))
    uneven = prepared_image(_picture(), Preparation(size=(40, 60)))
    (upright,) = moved_shapes([_shape("ellipse", 20, 30, 8, 4)], uneven)
    np.testing.assert_allclose(upright.points, (10, 30, 4, 4))
    with pytest.raises(SettingError, match="stretched"):
        moved_shapes([_shape("ellipse", 20, 30, 8, 4, 30)], uneven)


def test_values_are_windowed_and_cast() -> None:
    raster = Raster(np.array([[-1000, 0], [50, 3000]], np.int16), "YX", unit="HU")
    windowed = prepared_image(raster, Preparation(window=(50, 400))).raster
    assert windowed.array.tolist() == [[0, 96], [128, 255]]
    assert windowed.unit is None
    assert prepared_image(raster, Preparation(dtype="float32")).raster.array.dtype == np.float32
    with pytest.raises(SettingError, match="-1000 to 3000 do not fit uint8"):
        prepared_image(raster, Preparation(dtype="uint8"))
    with pytest.raises(SettingError, match="no dtype"):
        prepared_image(raster, Preparation(dtype="U8"))


def test_colours() -> None:
    rgb = Raster(np.array([[[255, 0, 0], [0, 255, 0], [0, 0, 255]]], np.uint8), "YXC", "rgb")
    grey = prepared_image(rgb, Preparation(channels="grey")).raster
    assert (grey.axes, grey.array.tolist()) == ("YX", [[76, 150, 29]])
    back = prepared_image(grey, Preparation(channels="rgb")).raster
    assert (back.axes, back.array.shape) == ("YXC", (1, 3, 3))
    rgba = Raster(np.zeros((2, 2, 4), np.uint8), "YXC", "rgba")
    assert prepared_image(rgba, Preparation(channels="rgb")).raster.array.shape == (2, 2, 3)


@pytest.mark.parametrize(
    "preparation",
    [
        Preparation(crop="0,90,0,10"),
        Preparation(crop="1,2,3"),
        Preparation(crop="a,b,c,d"),
        Preparation(crop="centre:100"),
        Preparation(size=(1, 2, 3)),
        Preparation(spacing_mm=(1.0,)),
    ],
    ids=str,
)
def test_what_does_not_go_with_an_image_is_refused(preparation: Preparation) -> None:
    raster = Raster(np.zeros((60, 80), np.uint8), "YX")
    with pytest.raises(SettingError):
        prepared_image(raster, preparation)


def test_a_mask_is_never_mixed() -> None:
    mask = Raster(np.random.default_rng(1).choice([0, 3, 250], (60, 80)).astype(np.uint8), "YX")
    found = prepared_mask(mask, Preparation(size=(33, 21), window=(1, 2), dtype="float32"))
    assert found.array.dtype == np.uint8
    assert set(np.unique(found.array)) <= {0, 3, 250}


def test_nothing_is_done_that_is_not_asked_for() -> None:
    volume = _volume()
    assert prepared_image(volume, Preparation()).raster.array is volume.array

"""Masks and shapes on pictures."""

from __future__ import annotations

import numpy as np
from PIL import Image

from medshelf.imaging.overlay import COLOURS, as_rgb, colour_of, draw_shape, tint

RED = (255, 0, 0)


def test_mask_has_a_full_outline_and_a_tinted_inside() -> None:
    picture = np.full((7, 7, 3), 100, np.uint8)
    mask = np.zeros((7, 7), np.uint8)
    mask[1:6, 1:6] = 9
    tint(picture, mask, RED, 0.5)
    assert picture[0, 0].tolist() == [100, 100, 100]
    assert picture[1, 1].tolist() == list(RED)
    assert picture[3, 3].tolist() == [178, 50, 50]


def test_one_pixel_is_seen() -> None:
    picture = np.zeros((3, 3, 3), np.uint8)
    tint(picture, np.eye(3), RED)
    assert picture[1, 1].tolist() == list(RED)


def test_colours_differ_and_repeat() -> None:
    assert len(set(COLOURS)) == len(COLOURS)
    assert colour_of(len(COLOURS)) == colour_of(0)


def test_grey_becomes_rgb_without_touching_it() -> None:
    grey = np.array([[1, 2]], np.uint8)
    found = as_rgb(grey)
    found[:] = 0
    assert grey.tolist() == [[1, 2]]


def test_box_covers_the_pixels_between_its_corners() -> None:
    image = Image.new("RGB", (40, 40))
    assert draw_shape(image, "box", [10, 12, 30, 20], RED)
    rows, columns = np.nonzero(np.asarray(image)[..., 0])
    assert (columns.min(), columns.max(), rows.min(), rows.max()) == (10, 29, 12, 19)


def test_shapes_are_scaled() -> None:
    image = Image.new("RGB", (40, 40))
    draw_shape(image, "box", [5, 6, 15, 10], RED, 2)
    rows, columns = np.nonzero(np.asarray(image)[..., 0])
    assert (columns.min(), columns.max(), rows.min(), rows.max()) == (10, 29, 12, 19)


def test_each_kind_that_lies_on_a_picture() -> None:
    for kind, points in (
        ("polygon", [5, 5, 30, 5, 30, 30]),
        ("contour", [5, 5, 30, 5, 30, 30]),
        ("point", [20, 20]),
        ("ellipse", [20, 20, 10, 5]),
    ):
        image = Image.new("RGB", (40, 40))
        assert draw_shape(image, kind, points, RED)
        assert np.asarray(image)[..., 0].any(), kind


def test_what_cannot_be_drawn_says_so() -> None:
    image = Image.new("RGB", (40, 40))
    assert not draw_shape(image, "box3d", [1, 2, 3, 4, 5, 6], RED)
    assert not draw_shape(image, "sphere", [1, 2, 3, 4], RED)
    assert not np.asarray(image).any()

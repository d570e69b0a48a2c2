"""The compiled and the plain way to fill a batch, against a pixel-by-pixel definition."""

from __future__ import annotations

from collections.abc import Callable

import numpy as np
import pytest

from medshelf.dataset.batching import filling
from medshelf.dataset.batching.augmentation import Augmentation, Draw
from medshelf.dataset.batching.filling import Moments

SHAPES = [(8, 8, 1), (8, 8, 3), (5, 9, 3), (28, 28, 3), (9, 5, 1)]


def compiled() -> Callable[..., None]:
    return pytest.importorskip("medshelf.dataset.batching.compiled").fill  # type: ignore[no-any-return]


FILLS = [pytest.param(lambda: filling.fill, id="plain"), pytest.param(compiled, id="compiled")]


def defined(image: np.ndarray, flip: bool, down: int, right: int) -> np.ndarray:
    """A window of the image's size, moved, then mirrored; 0 outside."""
    height, width, _ = image.shape
    window = np.zeros_like(image)
    for y in range(height):
        for x in range(width):
            if 0 <= y + down < height and 0 <= x + right < width:
                window[y, x] = image[y + down, x + right]
    return window[:, ::-1] if flip else window


@pytest.mark.parametrize("std", [(0.3, 0.5, 2), (0.5, 1, 4)], ids=["any", "powers of two"])
@pytest.mark.parametrize("shape", SHAPES, ids=str)
@pytest.mark.parametrize("get_fill", FILLS)
def test_every_pixel_is_what_the_definition_says(
    get_fill: Callable[[], Callable[..., None]], shape: tuple[int, ...], std: tuple[float, ...]
) -> None:
    rng = np.random.default_rng(0)
    pixels = rng.integers(0, 256, (20, *shape), dtype=np.uint8)
    rows = rng.integers(0, 20, 40)
    channels = 3 if shape[2] == 1 else shape[2]
    mean, spread = np.float32([0.1, 0.5, 0.9])[:channels], np.float32(std)[:channels]
    draw = Augmentation(padding=4, flip=0.5).draw(40, rng)
    assert set(draw.flips) == {True, False}
    assert set(draw.shifts.ravel()) == set(range(-4, 5))
    for used in (draw, None):
        out = np.full((40, channels, *shape[:2]), np.nan, np.float32)
        get_fill()(pixels, rows, Moments.make(mean, spread, channels), used, out)
        for sample, row in enumerate(rows):
            image = pixels[row]
            if used is not None:
                image = defined(image, used.flips[sample], *used.shifts[sample])
            for channel in range(channels):
                plane = image[..., min(channel, shape[2] - 1)].astype(np.float32)
                expected = (plane / np.float32(255) - mean[channel]) / spread[channel]
                np.testing.assert_array_equal(out[sample, channel], expected)


@pytest.mark.parametrize("get_fill", FILLS)
def test_a_shift_beyond_the_image_leaves_nothing(
    get_fill: Callable[[], Callable[..., None]],
) -> None:
    pixels = np.full((1, 4, 4, 3), 255, np.uint8)
    draw = Draw(np.array([False, True]), np.array([[5, 0], [0, -7]]))
    out = np.full((2, 3, 4, 4), np.nan, np.float32)
    get_fill()(pixels, np.array([0, 0]), Moments.make(0, 1, 3), draw, out)
    assert (out == 0).all()


def test_draws_follow_the_probabilities() -> None:
    draw = Augmentation(padding=2, flip=0.25).draw(20_000, np.random.default_rng(1))
    assert draw.flips.mean() == pytest.approx(0.25, abs=0.01)
    _, counts = np.unique(draw.shifts, return_counts=True)
    assert counts / 40_000 == pytest.approx([0.2] * 5, abs=0.01)

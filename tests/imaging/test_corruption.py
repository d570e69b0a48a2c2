"""Every corruption on every form of picture: what it keeps, what it depends on, how it grows."""

from __future__ import annotations

import io

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from PIL import Image

from medshelf.core.errors import SettingError, UnknownNameError
from medshelf.imaging.corruption.corruptions import (
    COLOUR_ONLY,
    PICTURES_ONLY,
    SEVERITIES,
    corrupt,
    corruptions,
    find_corruption,
)
from medshelf.imaging.phantom import make_phantom

NAMES = tuple(corruptions())
GREY, RGB, VOLUMES = "phantom-grey-binary", "phantom-rgb-multi-class", "phantom-3d-binary"
CASES = [
    (name, phantom)
    for name, each in corruptions().items()
    for phantom in (GREY, RGB, VOLUMES)
    if each.suits(channels=3 if phantom == RGB else 1, volumes=phantom == VOLUMES)
]
PER_CHANNEL = {"gaussian-noise", "speckle-noise", "impulse-noise", "shot-noise"}


def pictures(phantom: str, n_samples: int = 12, size: int = 28) -> np.ndarray:
    return make_phantom(phantom, "test", size=size, n_samples=n_samples)[0]


def distance(one: np.ndarray, other: np.ndarray) -> float:
    return float(np.abs(one.astype(np.int32) - other).mean())


@pytest.mark.parametrize(("name", "phantom"), CASES)
def test_shape_input_growth_and_what_is_left(name: str, phantom: str) -> None:
    images = pictures(phantom)
    before = images.copy()
    results = [corrupt(images, name, severity) for severity in SEVERITIES]
    assert np.array_equal(images, before)
    for each in results:
        assert each.shape == images.shape
        assert each.dtype == np.uint8
        assert not np.shares_memory(each, images)
    growing = [distance(each, images) for each in results]
    assert growing[0] > 0
    assert growing == sorted(set(growing))
    worst = results[-1].reshape(len(images), -1)
    assert (worst.max(axis=1) > worst.min(axis=1)).all()
    assert len(np.unique(worst, axis=0)) == len(images)


@pytest.mark.parametrize(("name", "phantom"), CASES)
def test_a_sample_depends_on_itself_alone(name: str, phantom: str) -> None:
    images = pictures(phantom, 9)
    rows = np.arange(100, 109)
    whole = corrupt(images, name, 4, seed=3, rows=rows)
    order = np.random.default_rng(0).permutation(9)
    assert np.array_equal(corrupt(images[order], name, 4, seed=3, rows=rows[order]), whole[order])
    alone = corrupt(images[5:6], name, 4, seed=3, rows=rows[5:6])
    assert np.array_equal(alone[0], whole[5])
    assert np.array_equal(corrupt(images, name, 4, seed=3, rows=rows), whole)


def test_a_sample_is_the_same_however_many_are_done_at_once() -> None:
    images = pictures(GREY, 700)
    for name in ("gaussian-blur", "jpeg-compression", "shot-noise", "motion-blur"):
        whole = corrupt(images, name, 3)
        last = corrupt(images[-3:], name, 3, rows=np.arange(697, 700))
        assert np.array_equal(last, whole[-3:])


@pytest.mark.parametrize("name", sorted(PER_CHANNEL | {"characters", "bubble", "motion-blur"}))
def test_seed_and_row_change_what_is_drawn(name: str) -> None:
    images = np.repeat(pictures(GREY, 1), 20, axis=0)
    drawn = corrupt(images, name, 5)
    assert len(np.unique(drawn.reshape(20, -1), axis=0)) > 5
    assert not np.array_equal(drawn, corrupt(images, name, 5, seed=1))


@pytest.mark.parametrize(
    "name", [each for each in NAMES if each not in PER_CHANNEL | {*COLOUR_ONLY}]
)
def test_grey_stays_grey(name: str) -> None:
    grey = pictures(GREY)
    rgb = np.repeat(grey[..., None], 3, axis=-1)
    out = corrupt(rgb, name, 5)
    assert np.array_equal(out[..., 0], out[..., 1])
    assert np.array_equal(out[..., 0], out[..., 2])
    if name != "jpeg-compression":
        assert np.array_equal(out[..., 0], corrupt(grey, name, 5))


@settings(max_examples=40)
@given(
    name=st.sampled_from(NAMES),
    form=st.sampled_from(("grey", "rgb", "volume")),
    edges=st.tuples(st.integers(28, 70), st.integers(28, 70)),
    n_samples=st.integers(0, 3),
    severity=st.sampled_from(SEVERITIES),
    seed=st.integers(0, 2**32),
)
def test_any_shape(
    name: str, form: str, edges: tuple[int, int], n_samples: int, severity: int, seed: int
) -> None:
    shape = {"grey": edges, "rgb": (*edges, 3), "volume": (5, *edges)}[form]
    images = np.random.default_rng(seed).integers(0, 256, (n_samples, *shape), dtype=np.uint8)
    suits = find_corruption(name).suits(
        channels=3 if form == "rgb" else 1, volumes=form == "volume"
    )
    if not suits:
        with pytest.raises(SettingError, match=r"is for (colour pictures|pictures, not volumes)"):
            corrupt(images, name, severity)
        return
    out = corrupt(images, name, severity, seed=seed)
    assert out.shape == images.shape
    assert out.dtype == np.uint8


@pytest.mark.parametrize("name", ["gaussian-blur", "defocus-blur", "motion-blur", "black-corner"])
def test_lengths_are_shares_of_the_edge(name: str) -> None:
    small, large = (pictures(GREY, 20, size) for size in (32, 128))
    smooth = large.reshape(20, 32, 4, 32, 4).mean(axis=(2, 4)).round().astype(np.uint8)
    shrunk = corrupt(smooth.repeat(4, 1).repeat(4, 2), name, 5)
    shrunk = shrunk.reshape(20, 32, 4, 32, 4).mean(axis=(2, 4)).round()
    near = distance(corrupt(smooth, name, 5), shrunk)
    assert small.shape == smooth.shape
    assert near < 0.5 * distance(corrupt(smooth, name, 5), smooth)


@pytest.mark.parametrize("phantom", [GREY, RGB])
@pytest.mark.parametrize("size", [28, 33])
def test_jpeg_is_that_of_the_picture_alone(phantom: str, size: int) -> None:
    images = pictures(phantom, 7, size)
    out = corrupt(images, "jpeg-compression", 5)
    for image, got in zip(images, out, strict=True):
        file = io.BytesIO()
        Image.fromarray(image).save(file, "JPEG", quality=7, subsampling=0)
        assert np.array_equal(np.asarray(Image.open(file)), got)


def test_noise_is_as_strong_as_it_says() -> None:
    images = np.full((40, 64, 64), 100, np.uint8)
    changes = {
        name: corrupt(images, name, 3).astype(np.float64) - 100
        for name in ("gaussian-noise", "speckle-noise", "shot-noise")
    }
    expected = {
        "gaussian-noise": 0.12 * 255,
        "speckle-noise": 0.2 * 100,
        "shot-noise": 255 * (100 / 255 / 18) ** 0.5,
    }
    for name, change in changes.items():
        assert change.mean() == pytest.approx(0, abs=0.5)
        assert change.std() == pytest.approx(expected[name], rel=0.02)
    impulses = corrupt(images, "impulse-noise", 5)
    assert (impulses == 0).mean() == pytest.approx(0.085, abs=0.003)
    assert (impulses == 255).mean() == pytest.approx(0.085, abs=0.003)


@pytest.mark.parametrize("name", ["gaussian-blur", "defocus-blur", "motion-blur", "pixelate"])
def test_filters_keep_a_flat_picture_and_the_mean(name: str) -> None:
    flat = np.full((2, 40, 30), 93, np.uint8)
    assert np.array_equal(corrupt(flat, name, 5), flat)
    framed = np.pad(pictures(GREY, 4), ((0, 0), (16, 16), (16, 16)))
    out = corrupt(framed, name, 5)
    assert out.mean() == pytest.approx(framed.mean(), rel=0.01)


def test_a_volume_is_corrupted_as_a_whole() -> None:
    volumes = pictures(VOLUMES, 2)
    still = np.repeat(volumes[:, 14:15], 28, axis=1)
    moved = corrupt(still, "motion-blur", 5)
    assert (moved == moved[:, :1]).all()
    noisy = corrupt(still, "gaussian-noise", 1)
    assert not np.array_equal(noisy[:, 0], noisy[:, 1])
    point = np.zeros((1, 28, 28, 28), np.uint8)
    point[0, 14, 14, 14] = 255
    blurred = corrupt(point, "gaussian-blur", 3)[0]
    assert blurred[13, 14, 14] == blurred[14, 13, 14] == blurred[14, 14, 13] > 0


def test_markers_are_readable_and_the_first_ones_stay() -> None:
    dark = np.full((30, 28, 28), 40, np.uint8)
    one, six = corrupt(dark, "characters", 1), corrupt(dark, "characters", 5)
    assert set(np.unique(one)) == {40, 255}
    assert (six[one == 255] == 255).all()
    rows = (one == 255).any(axis=2).sum(axis=1)
    assert (rows == 5).all()
    assert set(np.unique(corrupt(255 - dark, "characters", 1))) == {0, 215}
    large = np.full((30, 224, 224), 40, np.uint8)
    assert ((corrupt(large, "characters", 1) == 255).any(axis=2).sum(axis=1) == 20).all()


def test_black_corners_are_black_and_the_middle_stays() -> None:
    images = np.full((1, 224, 224, 3), 200, np.uint8)
    for severity, radius in zip(SEVERITIES, find_corruption("black-corner").levels, strict=True):
        out = corrupt(images, "black-corner", severity)[0]
        assert (out[0, 0] == 0).all()
        seen = (out[..., 0] > 100).mean()
        if radius <= 1:
            assert seen == pytest.approx(np.pi / 4 * radius**2, rel=0.01)
        assert (out[100:124, 100:124] == 200).all()


@pytest.mark.parametrize("name", [*COLOUR_ONLY, *PICTURES_ONLY])
def test_what_does_not_suit_is_refused(name: str) -> None:
    form = VOLUMES if name in PICTURES_ONLY else GREY
    with pytest.raises(SettingError, match=f"Corruption '{name}' is for"):
        corrupt(pictures(form, 1), name, 1)


@pytest.mark.parametrize(
    ("images", "severity", "options", "message"),
    [
        (np.zeros((1, 28, 28)), 1, {}, "An array of float64 with 3 axes"),
        (np.zeros((28, 28), np.uint8), 1, {}, "An array of uint8 with 2 axes"),
        (np.zeros((1, 8, 28), np.uint8), 1, {}, "Images of 8x28 pixels cannot be corrupted"),
        (np.zeros((1, 28, 28), np.uint8), 6, {}, "There is no severity 6"),
        (np.zeros((1, 28, 28), np.uint8), 0, {}, "There is no severity 0"),
        (np.zeros((2, 28, 28), np.uint8), 1, {"rows": np.arange(3)}, r"shape \(3,\) do not fit 2"),
        (np.zeros((1, 28, 28), np.uint8), 1, {"rows": np.array([-1])}, "do not fit 1 images"),
    ],
)
def test_bad_input(images: np.ndarray, severity: int, options: dict, message: str) -> None:
    with pytest.raises(SettingError, match=message):
        corrupt(images, "gaussian-noise", severity, **options)


def test_an_unknown_corruption_gets_near_names() -> None:
    with pytest.raises(UnknownNameError, match=r"(?s)'gausian-noise'.*gaussian-noise"):
        corrupt(np.zeros((1, 28, 28), np.uint8), "gausian-noise", 1)

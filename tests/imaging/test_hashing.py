"""Perceptual hashes, compared with their definition and with the peer."""

from __future__ import annotations

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st
from hypothesis.extra import numpy as arrays

from medshelf.core.errors import SettingError
from medshelf.imaging import hashing
from medshelf.imaging.phantom import make_phantom


def noise(n: int, seed: int = 0) -> np.ndarray:
    return np.random.default_rng(seed).integers(0, 256, (n, 32, 32), dtype=np.uint8)


def chests(n: int, size: int = 100) -> np.ndarray:
    return make_phantom("phantom-grey-binary", "test", size=size, n_samples=n)[0]


def reduced(images: np.ndarray) -> np.ndarray:
    return np.stack([hashing.reduced(each) for each in images])


def area_mean(array: np.ndarray) -> np.ndarray:
    """The definition: repeat every pixel 32 times along both axes, and average blocks."""
    height, width = array.shape
    fine = np.repeat(np.repeat(array.astype(np.float64), 32, axis=0), 32, axis=1)
    return fine.reshape(32, height, 32, width).mean(axis=(1, 3))


shapes = st.tuples(st.integers(1, 70), st.integers(1, 70))
kinds = st.sampled_from([np.uint8, np.int16, np.uint16, np.int32, np.float32, np.float64, np.bool_])


@given(st.data(), shapes, kinds)
def test_reduced_is_the_mean_of_the_area(
    data: st.DataObject, shape: tuple[int, int], kind: type
) -> None:
    seed = data.draw(st.integers(0, 1000))
    values = np.random.default_rng(seed).normal(0, 100, shape)
    array = np.clip(values, *((0, 255) if kind is np.uint8 else (-300, 300)))
    array = np.abs(array).astype(kind) if kind is np.uint16 else array.astype(kind)
    found = hashing.reduced(array)
    assert found.dtype == np.float32
    np.testing.assert_allclose(found, area_mean(array), rtol=1e-5, atol=1e-4)


def test_reduced_of_whole_blocks_is_exact() -> None:
    image = np.random.default_rng(1).integers(0, 256, (1024, 512), dtype=np.uint8)
    blocks = image.reshape(32, 32, 32, 16).mean(axis=(1, 3))
    np.testing.assert_array_equal(hashing.reduced(image), blocks.astype(np.float32))


def test_reduced_takes_any_memory_layout() -> None:
    image = np.random.default_rng(2).integers(0, 4096, (90, 70), dtype=np.uint16)
    straight = hashing.reduced(image)
    np.testing.assert_array_equal(hashing.reduced(np.asfortranarray(image)), straight)
    np.testing.assert_array_equal(hashing.reduced(image[::-1, ::-1]), straight[::-1, ::-1])
    np.testing.assert_array_equal(hashing.reduced(image.astype(">u2")), straight)


def test_reduced_does_not_overflow() -> None:
    assert (hashing.reduced(np.full((70_000, 2), 255, np.uint8)) == 255).all()
    assert (hashing.reduced(np.full((64, 64), 2**63, np.uint64)) == 2.0**63).all()


@pytest.mark.parametrize("kind", [np.float16, np.float32, np.float64])
def test_what_is_not_finite_counts_as_the_lowest_value(kind: type) -> None:
    image = np.arange(64 * 64).reshape(64, 64).astype(kind) % 1000 + 5
    holes, lowest = image.copy(), image.copy()
    holes[3:6, 7], holes[20, 20:30], holes[9, 9] = np.nan, np.inf, -np.inf
    lowest[3:6, 7] = lowest[20, 20:30] = lowest[9, 9] = 5
    np.testing.assert_array_equal(hashing.reduced(holes), hashing.reduced(lowest))
    assert (hashing.reduced(np.full((5, 5), np.nan, kind)) == 0).all()


def test_values_beyond_float32_do_not_spoil_the_hash() -> None:
    image = chests(1)[0].astype(np.float64)
    image[0, 0] = 1e300
    assert np.isfinite(hashing.reduced(image)).all()


@pytest.mark.parametrize(
    "array",
    [
        np.zeros((3, 4, 5)),
        np.zeros(7),
        np.zeros((0, 5)),
        np.zeros((5, 5), complex),
        np.array([["a", "b"]]),
    ],
)
def test_what_is_no_picture_is_refused(array: np.ndarray) -> None:
    with pytest.raises(SettingError, match="one channel of one picture"):
        hashing.reduced(array)


def test_phash_refuses_other_shapes() -> None:
    with pytest.raises(SettingError, match="Stack what hashing"):
        hashing.phash(np.zeros((32, 32)))


def by_definition(picture: np.ndarray) -> int:
    fft = pytest.importorskip("scipy.fft")
    low = fft.dctn(picture.astype(np.float64), type=2)[:8, :8]
    bits = "".join("01"[int(each)] for each in (low > np.median(low)).ravel())
    return int(bits, 2)


def test_phash_is_the_definition() -> None:
    pictures = np.concatenate([noise(300), np.rint(reduced(chests(60))).astype(np.uint8)])
    assert [int(each) for each in hashing.phash(pictures)] == [by_definition(p) for p in pictures]


def test_phash_is_that_of_imagehash() -> None:
    imagehash = pytest.importorskip("imagehash")
    image = pytest.importorskip("PIL.Image")
    pictures = np.concatenate([noise(100, 1), np.rint(reduced(chests(30))).astype(np.uint8)])
    theirs = [str(imagehash.phash(image.fromarray(each))) for each in pictures]
    assert [f"{int(each):016x}" for each in hashing.phash(pictures)] == theirs


def test_a_batch_is_hashed_as_one_by_one() -> None:
    pictures = noise(600, 2)
    single = [hashing.phash(each[None])[0] for each in pictures]
    np.testing.assert_array_equal(hashing.phash(pictures), single)
    assert hashing.phash(pictures[:0]).shape == (0,)


@given(arrays.arrays(np.uint8, (2, 32, 32), elements=st.integers(0, 255)))
def test_the_eight_hashes_are_those_of_the_turned_pictures(pictures: np.ndarray) -> None:
    found = hashing.phash_dihedral(pictures)
    for name, hashes in zip(hashing.DIHEDRAL, found, strict=True):
        np.testing.assert_array_equal(hashes, hashing.phash(hashing.dihedral(pictures, name)))


def test_orientations_are_what_their_names_say() -> None:
    picture = noise(1, 3)
    first = picture[0]
    expected = {
        "as it is": first,
        "mirrored": np.fliplr(first),
        "upside down": np.flipud(first),
        "half turn": np.rot90(first, 2),
        "transposed": first.T,
        "quarter turn left": np.rot90(first, 1),
        "quarter turn right": np.rot90(first, -1),
        "anti-transposed": np.rot90(first, 2).T,
    }
    assert tuple(expected) == hashing.DIHEDRAL
    for name, turned in expected.items():
        np.testing.assert_array_equal(hashing.dihedral(picture, name)[0], turned)
    assert len(set(hashing.phash_dihedral(picture)[:, 0].tolist())) == 8


@pytest.mark.parametrize("value", [0, 255, -1000.0, 0.1, np.nan, np.inf])
def test_a_picture_without_structure_has_no_hash(value: float) -> None:
    flat = np.full((1, 32, 32), value, np.float32)
    assert hashing.phash(flat)[0] == hashing.NO_HASH
    assert (hashing.phash_dihedral(flat) == hashing.NO_HASH).all()


def test_rounding_alone_is_no_structure() -> None:
    flat = np.random.default_rng(4).normal(1e4, 1e-3, (5, 32, 32)).astype(np.float32)
    assert (hashing.phash(flat) == hashing.NO_HASH).all()
    assert hashing.phash(hashing.reduced(np.full((1000, 777), 0.3))[None])[0] == hashing.NO_HASH


@given(arrays.arrays(np.uint8, (32, 32), elements=st.integers(0, 3)))
def test_what_has_structure_never_gets_the_hash_of_nothing(picture: np.ndarray) -> None:
    found = int(hashing.phash(picture[None])[0])
    assert found == 0 or found >> 63 == 1


def test_brightness_and_contrast_do_not_change_the_hash() -> None:
    pictures = reduced(chests(50))
    plain = hashing.phash(pictures)
    np.testing.assert_array_equal(hashing.phash(pictures * 0.3 + 40), plain)
    np.testing.assert_array_equal(hashing.phash(pictures * 8 - 1024), plain)


def test_resampling_by_nothing_changes_nothing() -> None:
    pictures = noise(3, 5)
    np.testing.assert_allclose(hashing.resampled(pictures, hashing.View()), pictures, atol=1e-3)


def test_resampled_turns_counterclockwise_about_the_centre() -> None:
    pictures = noise(2, 6)
    turned = hashing.resampled(pictures, hashing.View(turn_deg=90))
    np.testing.assert_allclose(turned, hashing.dihedral(pictures, "quarter turn left"), atol=0.01)


def test_resampled_enlarges_the_middle() -> None:
    ramp = np.broadcast_to(np.arange(32, dtype=np.float32), (1, 32, 32))
    expected = 15.5 + (np.arange(32) - 15.5) / 1.25
    found = hashing.resampled(ramp, hashing.View(zoom=1.25))
    np.testing.assert_allclose(found[0, 7], expected, atol=1e-4)


def test_resampled_moves_what_is_shown_and_fills_what_is_not() -> None:
    pictures = reduced(chests(2)) + 10
    moved = hashing.resampled(pictures, hashing.View(down=2, right=-3))
    np.testing.assert_allclose(moved[:, :-2, 3:], pictures[:, 2:, :-3], atol=1e-3)
    np.testing.assert_allclose(moved[:, -1, 3:], pictures[:, -1, :-3], atol=1e-3)
    moved = hashing.resampled(pictures, hashing.View(down=2, right=-3, dark_corners=True))
    np.testing.assert_allclose(moved[:, :-2, 3:], pictures[:, 2:, :-3], atol=1e-3)
    darkest = pictures.min(axis=(1, 2))[:, None]
    np.testing.assert_allclose(moved[:, -1], np.repeat(darkest, 32, axis=1), atol=1e-3)
    np.testing.assert_allclose(moved[:, :, 0], np.repeat(darkest, 32, axis=1), atol=1e-3)


def test_hashes_of_real_ultrasounds_bear_resizing_and_jpeg(real_data) -> None:
    image = pytest.importorskip("PIL.Image")
    with np.load(real_data / "breastmnist.npz") as file:
        originals = file["val_images"]
    larger = [
        np.asarray(image.fromarray(each).resize((224, 224), image.Resampling.BILINEAR))
        for each in originals
    ]
    differing = np.bitwise_count(
        hashing.phash(reduced(originals)) ^ hashing.phash(reduced(np.stack(larger)))
    )
    assert (differing <= 4).all()

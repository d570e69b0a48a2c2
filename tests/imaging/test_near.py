"""Near pairs, compared with brute force; and which of them are twins."""

from __future__ import annotations

import subprocess
import sys
from itertools import combinations

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from medshelf.core.errors import SettingError, UnknownNameError
from medshelf.imaging import hashing, near
from medshelf.imaging.hashing import View
from medshelf.imaging.near import search
from medshelf.imaging.phantom import make_phantom

Found = tuple[np.ndarray, np.ndarray, np.ndarray]


def all_within(hashes: np.ndarray, radius: int) -> Found:
    distances = np.bitwise_count(hashes[:, None] ^ hashes)
    i, j = np.nonzero(np.triu(distances <= radius, 1))
    return i, j, distances[i, j]


def all_between(a: np.ndarray, b: np.ndarray, radius: int) -> Found:
    distances = np.bitwise_count(a[:, None] ^ b)
    i, j = np.nonzero(distances <= radius)
    return i, j, distances[i, j]


def assert_equal(found: near.Pairs, expected: Found) -> None:
    for own, other in zip(found, expected, strict=True):
        np.testing.assert_array_equal(own, other)
    assert [each.dtype for each in found] == [np.int64, np.int64, np.uint8]


def flipped(hashes: np.ndarray, n_bits: int, random: np.random.Generator) -> np.ndarray:
    """Each hash with so many bits changed at most."""
    masks = np.zeros(len(hashes), np.uint64)
    for _ in range(n_bits):
        masks |= np.uint64(1) << random.integers(0, 64, len(hashes), dtype=np.uint64)
    return hashes ^ masks


def hashes_of(kind: str, n: int, seed: int) -> np.ndarray:
    """Hashes that are uniform, mostly zeros, a few values, or clouds about a few values."""
    random = np.random.default_rng(seed)
    if kind == "skewed":
        bits = random.random((n, 64)) < random.choice([0.02, 0.1, 0.5], 64)
        return np.packbits(bits, axis=1).view(np.uint64).ravel()
    uniform = random.integers(0, 2**64, n, dtype=np.uint64)
    if kind == "uniform":
        half = n // 2
        uniform[:half] = flipped(uniform[n - half :], 5, random)
        return uniform
    few = random.choice(uniform[:7], n) if n else uniform
    return few if kind == "identical" else flipped(few, 4, random)


kinds = st.sampled_from(["uniform", "skewed", "identical", "clustered"])
radii = st.integers(0, 6)
seeds = st.integers(0, 10_000)


@settings(max_examples=80)
@given(kinds, st.integers(0, 300), radii, seeds)
def test_pairs_within_are_those_of_brute_force(kind: str, n: int, radius: int, seed: int) -> None:
    hashes = hashes_of(kind, n, seed)
    assert_equal(near.pairs_within(hashes, radius), all_within(hashes, radius))


@settings(max_examples=60)
@given(kinds, kinds, st.integers(0, 200), st.integers(0, 200), radii, seeds)
def test_pairs_between_are_those_of_brute_force(
    kind: str, other: str, n: int, m: int, radius: int, seed: int
) -> None:
    a, b = hashes_of(kind, n, seed), hashes_of(other, m, seed + 1)
    k = min(n, m) // 2
    b[:k] = flipped(a[:k], 3, np.random.default_rng(seed))
    assert_equal(near.pairs_between(a, b, radius), all_between(a, b, radius))


@pytest.mark.parametrize("radius", [7, 12, 20, 33, 64])
def test_large_radii_are_exact_too(radius: int) -> None:
    hashes = hashes_of("skewed", 200, radius)
    assert_equal(near.pairs_within(hashes, radius), all_within(hashes, radius))


@pytest.mark.parametrize("n_bands", [0, 1, 2, 3, 4])
@pytest.mark.parametrize("radius", [1, 4, 6])
def test_every_number_of_bands_gives_the_same(
    n_bands: int, radius: int, monkeypatch: pytest.MonkeyPatch
) -> None:
    random = np.random.default_rng(n_bands)
    hashes = np.unique(hashes_of("clustered", 1500, radius))
    bands = search._bands(random.permutation(64), radius + n_bands)
    monkeypatch.setattr(search, "_plan", lambda *_: search._Plan(bands, n_bands))
    assert_equal(near.pairs_within(hashes, radius), all_within(hashes, radius))


def test_runs_longer_than_a_tile_lose_nothing() -> None:
    random = np.random.default_rng(5)
    common = np.uint64(0xABCDEF) << np.uint64(40)
    hashes = np.unique(common | random.integers(0, 1 << 15, 6000, dtype=np.uint64))
    found = near.pairs_within(hashes, 1)
    assert_equal(found, all_within(hashes, 1))


def test_the_plan_takes_more_bands_where_bits_say_less() -> None:
    uniform = hashes_of("uniform", 20_000, 1)
    random = np.random.default_rng(2)
    skewed = np.packbits(random.random((20_000, 64)) < 0.12, axis=1).view(np.uint64).ravel()
    few, many = (len(search._plan(np.unique(each), 4).bands) for each in (uniform, skewed))
    assert 4 < few < many


def test_every_pair_is_found_once_whatever_the_order() -> None:
    hashes = hashes_of("clustered", 2000, 8)
    found = near.pairs_within(hashes, 4)
    order = np.random.default_rng(3).permutation(len(hashes))
    again = near.pairs_within(hashes[order], 4)
    i, j = np.sort([order[again.i], order[again.j]], axis=0)
    sorted_again = np.lexsort((j, i))
    np.testing.assert_array_equal(i[sorted_again], found.i)
    np.testing.assert_array_equal(j[sorted_again], found.j)
    assert_equal(near.pairs_within(hashes, 4), found)


def test_groups_tell_who_has_the_same_hash() -> None:
    hashes = np.array([7, 3, 7, 9, 3, 7], np.uint64)
    found = near.groups(hashes)
    assert found.values.tolist() == [3, 7, 9]
    assert found.first.tolist() == [1, 0, 3]
    assert found.counts.tolist() == [2, 3, 1]
    np.testing.assert_array_equal(found.values[found.group], hashes)


def test_a_crowd_of_equal_hashes_is_an_error_that_says_what_to_do() -> None:
    with pytest.raises(SettingError, match=r"more than 20,000,000 pairs.*\n.*near\.groups"):
        near.pairs_within(np.zeros(10_000, np.uint64))
    with pytest.raises(SettingError, match=r"near\.groups"):
        near.pairs_between(np.zeros(10_000, np.uint64), np.zeros(10_000, np.uint64))
    assert len(near.pairs_within(np.zeros(100, np.uint64), at_most=4950).i) == 4950
    with pytest.raises(SettingError):
        near.pairs_within(np.zeros(100, np.uint64), at_most=4949)


def test_pairs_of_near_crowds_count_as_well() -> None:
    hashes = np.repeat(np.array([0, 1], np.uint64), 100)
    assert len(near.pairs_within(hashes, 1, at_most=19_900).i) == 19_900
    with pytest.raises(SettingError):
        near.pairs_within(hashes, 1, at_most=19_899)
    between = near.pairs_between(hashes, hashes[:50], 1, at_most=10_000)
    assert np.bincount(between.distance).tolist() == [5000, 5000]
    with pytest.raises(SettingError):
        near.pairs_between(hashes, hashes[:50], 1, at_most=9_999)


@pytest.mark.parametrize("radius", [-1, 65])
def test_a_radius_out_of_range_is_refused(radius: int) -> None:
    with pytest.raises(SettingError, match="Choose 0 to 64 bits"):
        near.pairs_within(np.zeros(3, np.uint64), radius)


@pytest.mark.parametrize("hashes", [np.zeros(3, np.int64), np.zeros((3, 1), np.uint64)])
def test_what_is_no_hashes_is_refused(hashes: np.ndarray) -> None:
    for search_in in (near.groups, near.pairs_within, lambda h: near.pairs_between(h, h)):
        with pytest.raises(SettingError, match="holds no hashes"):
            search_in(hashes)


CROWDED = """
import resource
import numpy as np
from medshelf.imaging import near

random = np.random.default_rng(0)
crowd = random.integers(0, 1 << 40, 30_000, dtype=np.uint64) & np.uint64(0x5555555555)
equal = np.repeat(np.uint64(1 << 63), 1000)
before = resource.getrusage(resource.RUSAGE_SELF).ru_maxrss
found = near.pairs_within(np.concatenate((crowd, equal)), 1)
after = resource.getrusage(resource.RUSAGE_SELF).ru_maxrss
print(len(found.i), after - before)
"""


@pytest.mark.skipif(sys.platform != "linux", reason="ru_maxrss is in kB on Linux")
def test_crowded_hashes_do_not_fill_the_memory() -> None:
    ran = subprocess.run(
        [sys.executable, "-c", CROWDED], capture_output=True, text=True, check=True
    )
    n_pairs, grown_kb = map(int, ran.stdout.split())
    assert n_pairs > 499_500
    assert grown_kb < 400_000  # all with all of 30,000 would be 7 GB


def chests(n: int, seed: int = 0) -> np.ndarray:
    """Reduced pictures of coarse and fine structure, every one another."""
    images, _ = make_phantom("phantom-grey-binary", "test", size=128, n_samples=n)
    random = np.random.default_rng(seed)
    coarse = np.kron(random.normal(0, 12, (n, 16, 16)), np.ones((1, 8, 8)))
    return np.clip(images * 0.6 + 50 + coarse, 0, 255).astype(np.uint8)


def reduced(images: np.ndarray) -> np.ndarray:
    return np.stack([hashing.reduced(each) for each in images])


def turned(images: np.ndarray, degrees: float) -> np.ndarray:
    image = pytest.importorskip("PIL.Image")
    how = image.Resampling.BILINEAR
    return np.stack([np.asarray(image.fromarray(each).rotate(degrees, how)) for each in images])


@pytest.mark.parametrize(
    "change",
    [
        lambda images: images[:, 3:-3, 3:-3],
        lambda images: images[:, 6:, :-6],
        lambda images: turned(images, 3),
        lambda images: turned(images, -5),
        lambda images: (images * 0.7 + 20).astype(np.uint8),
        lambda images: images[:, ::2, ::2],
    ],
    ids=["crop", "crop of a corner", "turn 3", "turn -5", "darker", "half the size"],
)
def test_a_changed_copy_is_the_same_picture_and_a_stranger_is_not(change) -> None:
    images = chests(40)
    small, copies = reduced(images), reduced(change(images))
    scores, same = near.same_picture(small, copies)
    assert scores.dtype == np.float32
    assert same.dtype == np.bool_
    assert same.all()
    np.testing.assert_array_equal(same, scores >= near.SAME_FROM)
    strangers, taken = near.same_picture(small, np.roll(copies, 1, axis=0))
    assert not taken.any()
    assert strangers.max() < 0.9


def test_which_of_two_pictures_comes_first_is_all_one() -> None:
    small = reduced(chests(30))
    other = np.concatenate(
        [hashing.resampled(small[:15], View(turn_deg=4, zoom=1.1)), np.roll(small[15:], 1, axis=0)]
    )
    np.testing.assert_array_equal(
        near.same_picture(small, other)[0], near.same_picture(other, small)[0]
    )


def test_small_integers_do_as_well_as_floats() -> None:
    small = reduced(chests(20))
    rounded = np.rint(small).astype(np.uint8)
    turned_by_3 = np.rint(hashing.resampled(small, View(turn_deg=3))).astype(np.uint8)
    assert near.same_picture(rounded, small)[1].all()
    assert near.same_picture(rounded, turned_by_3)[1].all()


def test_a_flat_picture_is_like_no_other() -> None:
    small = reduced(chests(3))
    for value in (0, 17.5, np.nan, np.inf):
        flat = np.full_like(small, value)
        assert (near.same_picture(small, flat)[0] == 0).all()
        assert not near.same_picture(flat, flat)[1].any()


def test_same_picture_of_nothing_is_nothing() -> None:
    scores, same = near.same_picture(np.zeros((0, 32, 32)), np.zeros((0, 32, 32)))
    assert scores.shape == same.shape == (0,)


def test_pictures_of_other_shapes_are_refused() -> None:
    with pytest.raises(SettingError, match="no pairs of reduced pictures"):
        near.same_picture(np.zeros((2, 32, 32)), np.zeros((3, 32, 32)))


def test_twins_finds_the_copies_and_in_which_way_they_are_turned() -> None:
    small = reduced(chests(24))
    at = {name: n for n, name in enumerate(hashing.DIHEDRAL)}
    copies = {
        24: (0, small[0] * 0.5 + 7, "as it is"),
        25: (1, np.fliplr(small[1]), "mirrored"),
        26: (2, np.rot90(small[2]), "quarter turn right"),
        27: (3, hashing.resampled(small[3:4], View(turn_deg=5, dark_corners=True))[0], "as it is"),
        28: (4, small[4].T, "transposed"),
    }
    pictures = np.concatenate([small, [copy for _, copy, _ in copies.values()]])
    expected = [(i, j, at[name]) for j, (i, _, name) in copies.items()]
    found = near.twins(pictures, orientations=hashing.DIHEDRAL)
    assert list(zip(*(each.tolist() for each in found[:3]), strict=True)) == expected
    assert (found.score >= near.SAME_FROM).all()
    # With the rows the other way round a quarter turn is undone by the other quarter turn.
    expected = sorted(
        (28 - j, 28 - i, at[name.replace("right", "left")]) for j, (i, _, name) in copies.items()
    )
    found = near.twins(pictures[::-1], orientations=hashing.DIHEDRAL)
    assert list(zip(*(each.tolist() for each in found[:3]), strict=True)) == expected
    plain = near.twins(pictures, orientations=(), views=())
    assert list(zip(plain.i.tolist(), plain.j.tolist(), strict=True)) == [(0, 24)]


def test_equal_pictures_are_paired_with_the_first_and_flat_ones_with_none() -> None:
    small = reduced(chests(5))
    pictures = np.concatenate([np.zeros_like(small), np.repeat(small[:1], 300, axis=0), small[1:]])
    found = near.twins(pictures)
    np.testing.assert_array_equal(found.i, np.full(299, 5))
    np.testing.assert_array_equal(found.j, np.arange(6, 305))
    assert (found.score > 0.999).all()


def test_twins_between_two_sets_are_those_of_both_together() -> None:
    small = reduced(chests(70))
    ours, strangers = small[:40], small[40:]
    theirs = np.concatenate([strangers, ours[:10], hashing.dihedral(ours[10:20], "mirrored")])
    found = near.twins_between(ours, theirs)
    pairs = set(zip(found.i.tolist(), found.j.tolist(), strict=True))
    assert pairs == {(n, 30 + n) for n in range(20)}
    mirrored = found.orientation[found.j >= 40]
    assert set(mirrored.tolist()) == {hashing.DIHEDRAL.index("mirrored")}
    together = near.twins(np.concatenate([ours, theirs]))
    across = {(i, j - 40) for i, j in zip(together.i.tolist(), together.j.tolist(), strict=True)}
    assert pairs == {(i, j) for i, j in across if i < 40 and j >= 0}


def test_no_pictures_have_no_twins() -> None:
    for n in (0, 1, 2):
        assert len(near.twins(np.zeros((n, 32, 32), np.float32)).i) == 0


def test_twins_refuses_what_it_does_not_know() -> None:
    small = np.zeros((1, 32, 32), np.float32)
    with pytest.raises(UnknownNameError, match="mirrored"):
        near.twins(small, orientations=["mirored"])
    with pytest.raises(UnknownNameError, match="turned left by 3 degrees"):
        near.twins(small, views=["turned by 3 degree"])


def test_real_ultrasounds_released_twice_are_found(real_data) -> None:
    with np.load(real_data / "breastmnist.npz") as file:
        images = np.concatenate([file[f"{split}_images"] for split in ("train", "val", "test")])
    small = reduced(images)
    found = near.twins(small)
    assert 150 < len(found.i) < 250
    difference = np.abs(small[found.i] - small[found.j]).mean(axis=(1, 2))
    random = np.random.default_rng(0)
    strangers = np.abs(small - small[random.permutation(len(small))]).mean(axis=(1, 2))
    assert np.median(difference) < np.quantile(strangers, 0.01)


def test_strangers_of_one_set_are_no_twins() -> None:
    images = chests(60)
    i, j = np.array(list(combinations(range(60), 2))).T
    small = reduced(images)
    assert not near.same_picture(small[i], small[j])[1].any()

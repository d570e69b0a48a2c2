"""Phantoms: the same everywhere, with labels that the pixels bear out."""

from __future__ import annotations

import hashlib
import itertools

import numpy as np
import pytest

from medshelf.catalog.shelf import dataset_ids, find_record
from medshelf.core.errors import SettingError, UnknownNameError
from medshelf.core.tasks import TaskKind
from medshelf.imaging.drawing import interpolate, outline_distance, pixel_axes, smooth_step
from medshelf.imaging.phantom import N_SAMPLES, make_phantom

IDS = [each for each in dataset_ids() if each.startswith("phantom-")]

# Of the pixels and labels of 12 training samples, 28 pixels wide; computed once and never changed:
# another digest means another set under an old name, so its record needs a new version.
DIGESTS = {
    "phantom-grey-binary": "bdf06fbce567daa7d29bcc5992acb469",
    "phantom-rgb-multi-label": "25bb5be303de9a9b93fe8098cb51ffeb",
    "phantom-rgb-ordinal": "a49f37e0bc7a80faa29b73d78c735ab9",
    "phantom-3d-multi-class": "7346951b3f31e4e7dd549c53314c46a9",
}


def digest(*arrays: np.ndarray) -> str:
    return hashlib.sha256(b"".join(each.tobytes() for each in arrays)).hexdigest()[:32]


@pytest.mark.parametrize("name", DIGESTS)
def test_bytes_are_pinned(name: str) -> None:
    assert digest(*make_phantom(name, "train", n_samples=12)) == DIGESTS[name]


def test_there_are_twelve_sets() -> None:
    assert len(IDS) == 12


@pytest.mark.parametrize("name", IDS)
def test_every_set_is_as_its_record_says(name: str) -> None:
    record = find_record(name)
    assert N_SAMPLES[record.n_spatial] == record.splits
    task = record.label_tasks[0]
    shape = (28,) * record.n_spatial + ((3,) if record.channels == 3 else ())
    for split, n_samples in record.splits.items():
        images, labels = make_phantom(name, split)
        assert images.dtype == labels.dtype == np.uint8
        assert images.shape == (n_samples, *shape)
        if task.kind is TaskKind.MULTI_LABEL:
            assert labels.shape == (n_samples, len(task.classes))
            share = labels.mean(axis=0)
            assert (share > 0.2).all()
            assert (share < 0.4).all()
        else:
            counts = np.bincount(labels[:, 0])
            assert labels.shape == (n_samples, 1)
            assert len(counts) == len(task.classes)
            assert (np.diff(counts) < 0).all()  # mildly unequal, none empty
            assert counts.min() > counts.max() / 3


@pytest.mark.parametrize("name", IDS)
def test_no_sample_is_in_two_splits(name: str) -> None:
    splits = [make_phantom(name, split)[0] for split in ("train", "val", "test")]
    seen = [digest(image) for images in splits for image in images]
    assert len(set(seen)) == len(seen)


@pytest.mark.parametrize("name", ["phantom-grey-multi-label", "phantom-rgb-binary"])
def test_large_images_show_the_same_samples(name: str) -> None:
    small, labels = make_phantom(name, "val", size=16)
    large, large_labels = make_phantom(name, "val", size=64)
    np.testing.assert_array_equal(labels, large_labels)
    blocks = large.reshape(len(large), 16, 4, 16, 4, -1).mean(axis=(2, 4)).reshape(len(large), -1)
    flat = small.reshape(len(small), -1).astype(float)
    likeness = np.corrcoef(flat, blocks)[: len(flat), len(flat) :]
    np.testing.assert_array_equal(likeness.argmax(axis=1), np.arange(len(flat)))


def brightest_patch(images: np.ndarray) -> np.ndarray:
    """Mean of the brightest 5 x 5 patch within the body, less the body's median."""
    inner = images[:, 6:-6, 6:-6].astype(float)
    windows = np.lib.stride_tricks.sliding_window_view(inner, (5, 5), axis=(1, 2))
    return windows.mean(axis=(3, 4)).max(axis=(1, 2)) - np.median(inner, axis=(1, 2))


def test_images_with_a_lesion_have_a_brighter_patch() -> None:
    images, labels = make_phantom("phantom-grey-binary", "test")
    with_lesion = brightest_patch(images)[labels[:, 0] == 1]
    without = brightest_patch(images)[labels[:, 0] == 0]
    larger = (with_lesion[:, None] > without).mean()  # the area under the ROC curve
    assert 0.75 < larger < 0.999


def test_each_grade_has_more_lesion_than_the_one_before() -> None:
    images, labels = make_phantom("phantom-3d-ordinal", "train")
    bright = (images > 150).mean(axis=(1, 2, 3))
    means = [bright[labels[:, 0] == grade].mean() for grade in range(5)]
    assert (np.diff(means) > 0.002).all()


def test_each_label_of_several_adds_brightness() -> None:
    images, labels = make_phantom("phantom-grey-multi-label", "train")
    bright = images.reshape(len(images), -1).mean(axis=1)
    design = np.column_stack([np.ones(len(labels)), labels])
    effect = np.linalg.lstsq(design, bright, rcond=None)[0][1:]
    assert (effect > 1).all()


def test_labels_of_several_are_independent() -> None:
    _, labels = make_phantom("phantom-grey-multi-label", "train")
    correlation = np.corrcoef(labels.T)[np.triu_indices(4, 1)]
    assert np.abs(correlation).max() < 0.15


def test_colour_tells_lesion_from_body() -> None:
    images, labels = make_phantom("phantom-rgb-ordinal", "train", n_samples=100)
    red, _, blue = images.reshape(100, -1, 3).mean(axis=1).T
    share = blue / red
    assert share[labels[:, 0] == 4].mean() > share[labels[:, 0] == 0].mean() + 0.03


def test_shapes_are_told_apart_by_area() -> None:
    axes = pixel_axes(np.zeros((1, 2), np.float32), np.zeros(1, np.float32), 200)
    area = {
        shape: (outline_distance(shape, axes) < 0).mean() * 4
        for shape in ("disc", "ring", "square", "cross")
    }
    assert area["disc"] == pytest.approx(np.pi, rel=0.01)
    assert area["ring"] == pytest.approx(np.pi * (1 - 0.5**2), rel=0.01)
    assert area["square"] == pytest.approx(1.7**2, rel=0.02)
    assert area["cross"] == pytest.approx(2 * 2 * 0.64 - 0.64**2, rel=0.03)


def test_volume_shapes_are_told_apart_by_content() -> None:
    axes = pixel_axes(np.zeros((1, 3), np.float32), np.zeros(1, np.float32), 80)
    content = {
        shape: (outline_distance(shape, axes) < 0).mean() * 8
        for shape in ("disc", "ring", "square", "cross")
    }
    assert content["disc"] == pytest.approx(4 / 3 * np.pi, rel=0.02)
    assert content["ring"] == pytest.approx(4 / 3 * np.pi * (1 - 0.5**3), rel=0.02)
    assert content["square"] == pytest.approx(1.7**3, rel=0.05)
    assert content["cross"] == pytest.approx(3 * 2 * 0.64**2 - 2 * 0.64**3, rel=0.06)


def test_axes_turn_about_the_centre() -> None:
    quarter = np.ones(1, np.float32)  # tangent of half a right angle
    plain = pixel_axes(np.array([[0.2, -0.1]], np.float32), np.zeros(1, np.float32), 10)
    turned = pixel_axes(np.array([[0.2, -0.1]], np.float32), quarter, 10)
    down, right = np.broadcast_arrays(*plain)
    assert down[0, 0, 0] == pytest.approx(-0.9 - 0.2)
    assert right[0, 0, 9] == pytest.approx(0.9 + 0.1)
    np.testing.assert_allclose(turned[0], right, atol=1e-6)
    np.testing.assert_allclose(turned[1], -down, atol=1e-6)


def test_interpolation_meets_the_knots_and_stays_between_them() -> None:
    grid = np.array([[[0, 1], [2, 5]]], np.float32)
    found = interpolate(grid, 256)
    assert found.shape == (1, 256, 256)
    corners = [found[0, row, column] for row, column in itertools.product((0, -1), (0, -1))]
    np.testing.assert_allclose(corners, [0, 1, 2, 5], atol=1e-3)
    assert found[0, 127:129, 127:129].mean() == pytest.approx(2, abs=1e-3)
    assert found.min() >= 0
    assert found.max() <= 5


def test_smooth_step_is_flat_outside_and_half_in_the_middle() -> None:
    found = smooth_step(np.array([-3, 0, 0.25, 0.5, 1, 7], np.float32))
    np.testing.assert_array_equal(found, [0, 0, 0.15625, 0.5, 1, 1])


@pytest.mark.parametrize("name", ["phantom-grey", "phantom-4d-binary", "breastmnist", ""])
def test_unknown_sets_are_refused(name: str) -> None:
    with pytest.raises(UnknownNameError, match="Unknown phantom"):
        make_phantom(name, "train")


def test_unknown_split_is_refused() -> None:
    with pytest.raises(UnknownNameError, match="Unknown split 'valid'"):
        make_phantom("phantom-grey-binary", "valid")


@pytest.mark.parametrize("wrong", [{"size": 15}, {"size": 513}, {"n_samples": 0}])
def test_numbers_out_of_range_are_refused(wrong: dict[str, int]) -> None:
    with pytest.raises(SettingError, match=f"{next(iter(wrong))} = .* out of range"):
        make_phantom("phantom-grey-binary", "train", **wrong)

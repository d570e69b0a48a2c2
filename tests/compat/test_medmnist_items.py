"""Items, targets, attributes and text of the datasets, beside the peer's on the same files."""

from __future__ import annotations

from pathlib import Path
from types import ModuleType
from typing import Any

import numpy as np
import pytest
from PIL import Image

from medshelf.compat import medmnist as ours
from tests.compat.medmnist_sets import KINDS, write_set
from tests.medmnist_files import COUNTS

ATTRIBUTES = ("flag", "size", "size_flag", "split", "root", "as_rgb", "available_sizes")


def open_both(peer: ModuleType, flag: str, *args: Any, **keywords: Any) -> tuple[Any, Any]:
    name = peer.INFO[flag]["python_class"]
    return getattr(ours, name)(*args, **keywords), getattr(peer, name)(*args, **keywords)


def assert_same_image(mine: Any, theirs: Any) -> None:
    assert type(mine) is type(theirs)
    if isinstance(mine, Image.Image):
        assert (mine.mode, mine.size) == (theirs.mode, theirs.size)
        assert mine.tobytes() == theirs.tobytes()
    else:
        assert_same_array(mine, theirs)


def assert_same_array(mine: np.ndarray, theirs: np.ndarray) -> None:
    assert (type(mine), mine.dtype, mine.shape) == (type(theirs), theirs.dtype, theirs.shape)
    assert mine.tobytes() == theirs.tobytes()
    assert mine.flags.c_contiguous == theirs.flags.c_contiguous
    assert mine.flags.writeable == theirs.flags.writeable


def assert_same_items(mine: Any, theirs: Any, indices: Any) -> None:
    for index in indices:
        (image, target), (their_image, their_target) = mine[index], theirs[index]
        assert_same_image(image, their_image)
        assert_same_array(target, their_target)


@pytest.mark.parametrize("flag", KINDS)
@pytest.mark.parametrize("as_rgb", [False, True])
@pytest.mark.parametrize("split", ["train", "val", "test"])
def test_items_are_the_peers(
    peer: ModuleType, root: Path, flag: str, as_rgb: bool, split: str
) -> None:
    write_set(root, flag)
    mine, theirs = open_both(peer, flag, split, as_rgb=as_rgb, root=root)
    assert_same_items(mine, theirs, [*range(-COUNTS[split], COUNTS[split]), np.int64(2)])
    assert_same_array(mine.imgs, theirs.imgs)
    assert_same_array(mine.labels, theirs.labels)
    for each in (mine, theirs):
        with pytest.raises(IndexError):
            each[COUNTS[split]]


@pytest.mark.parametrize("flag", KINDS)
@pytest.mark.parametrize("size", [28, 64])
def test_attributes_and_text_are_the_peers(
    peer: ModuleType, root: Path, monkeypatch: pytest.MonkeyPatch, flag: str, size: int
) -> None:
    write_set(root, flag, size)
    for module in (ours, peer):
        monkeypatch.setitem(module.INFO[flag], "n_samples", COUNTS)  # the peer asserts them
        monkeypatch.setitem(module.INFO[flag], "description", "the authors' prose is not here")
    mine, theirs = open_both(peer, flag, "val", root=str(root), size=size)
    assert repr(mine) == repr(theirs)
    assert str(mine) == str(theirs)
    assert len(mine) == len(theirs) == COUNTS["val"]
    for name in ATTRIBUTES:
        assert getattr(mine, name) == getattr(theirs, name), name
        assert type(getattr(mine, name)) is type(getattr(theirs, name)), name
    assert mine.info is ours.INFO[flag]
    assert_same_items(mine, theirs, range(COUNTS["val"]))


@pytest.mark.parametrize("flag", ["breastmnist", "adrenalmnist3d"])
@pytest.mark.parametrize("split", ["train", "val", "test"])
def test_the_real_files_give_the_same(
    peer: ModuleType, real_data: Path, flag: str, split: str
) -> None:
    mine, theirs = open_both(peer, flag, split, root=real_data)
    assert len(mine) == len(theirs)
    assert_same_items(mine, theirs, range(len(mine) if mine.imgs.ndim == 3 else 40))
    assert_same_array(mine.imgs, theirs.imgs)
    assert_same_array(mine.labels, theirs.labels)
    lines, their_lines = (
        [line for line in repr(each).splitlines() if not line.startswith("    Description: ")]
        for each in (mine, theirs)
    )
    assert lines == their_lines


def test_positional_arguments_are_the_peers(peer: ModuleType, root: Path) -> None:
    write_set(root, "breastmnist", 64)
    arguments = ("test", np.array, np.negative, False, True, root, 64, None)
    mine, theirs = open_both(peer, "breastmnist", *arguments)
    assert mine.transform is np.array
    assert mine.target_transform is np.negative
    assert mine.as_rgb is True
    assert_same_items(mine, theirs, range(3))
    assert mine[0][0].shape == (64, 64, 3)


@pytest.mark.parametrize("flag", ["breastmnist", "pathmnist", "nodulemnist3d"])
def test_transforms_get_what_the_peers_get(peer: ModuleType, root: Path, flag: str) -> None:
    write_set(root, flag)
    seen: list[list[Any]] = []
    for module in (ours, peer):
        given: list[Any] = []

        def keep(value: Any, given: list[Any] = given) -> tuple[str, Any]:
            given.append(value)
            return "made of", value

        dataset = getattr(module, peer.INFO[flag]["python_class"])(
            "test", transform=keep, target_transform=keep, root=root
        )
        image, target = dataset[4]
        assert image == ("made of", given[0])
        assert target == ("made of", given[1])
        seen.append(given)
    (image, target), (their_image, their_target) = seen
    assert_same_image(image, their_image)
    assert_same_array(target, their_target)


def test_iteration_ends(root: Path) -> None:
    write_set(root, "breastmnist")
    dataset = ours.BreastMNIST("val", root=root)
    assert [int(target[0]) for _, target in dataset] == dataset.labels[:, 0].tolist()


def test_slices_of_volumes_are_the_peers(peer: ModuleType, root: Path) -> None:
    write_set(root, "nodulemnist3d")
    mine, theirs = open_both(peer, "nodulemnist3d", "train", root=root)
    assert_same_items(mine, theirs, [slice(2, 5)])


def test_len_counts_what_is_there(peer: ModuleType, root: Path) -> None:
    write_set(root, "breastmnist")
    mine, theirs = open_both(peer, "breastmnist", "train", root=root)
    assert len(mine) == COUNTS["train"]
    with pytest.raises(AssertionError):
        len(theirs)
    assert f"    Number of datapoints: {COUNTS['train']}\n" in repr(mine)


@pytest.mark.parametrize("mmap_mode", [None, "r", "c", "r+"])
def test_images_are_mapped_and_the_file_is_never_written(root: Path, mmap_mode: str | None) -> None:
    path = write_set(root, "breastmnist")
    before = path.read_bytes()
    dataset = ours.BreastMNIST("train", root=root, mmap_mode=mmap_mode)
    mapped = dataset.imgs if mmap_mode else dataset.imgs.base
    assert isinstance(mapped, np.memmap)
    assert dataset.imgs.flags.writeable == (mmap_mode != "r")
    if dataset.imgs.flags.writeable:
        dataset.imgs[0] = 77
        assert set(np.asarray(dataset[0][0]).ravel()) == {77}
    dataset.labels[0] = 1
    del dataset, mapped
    assert path.read_bytes() == before
    again = ours.BreastMNIST("train", root=root)
    assert set(again.imgs[0].ravel()) != {77}
    assert again.labels[0] == 0


def test_a_read_only_map_gives_the_peers_items(peer: ModuleType, root: Path) -> None:
    for flag in ("pathmnist", "nodulemnist3d"):
        write_set(root, flag)
        mine, theirs = open_both(peer, flag, "test", root=root, mmap_mode="r")
        assert_same_items(mine, theirs, range(COUNTS["test"]))


def test_they_are_torchs_datasets(root: Path) -> None:
    data = pytest.importorskip("torch.utils.data")
    write_set(root, "breastmnist")
    one = ours.BreastMNIST("val", root=root)
    assert isinstance(one, data.Dataset)
    both = one + ours.BreastMNIST("test", root=root)
    assert len(both) == COUNTS["val"] + COUNTS["test"]

"""Workers, pickles, and files that are replaced while a dataset is open."""

from __future__ import annotations

import copy
import os
import pickle
import shutil
from collections.abc import Callable
from pathlib import Path

import numpy as np
import pytest

from medshelf.compat import medmnist as ours
from medshelf.compat.medmnist import arrays
from medshelf.core.errors import FormatError
from tests.compat.medmnist_sets import write_set
from tests.medmnist_files import COUNTS

SMALL_BYTES = 4000
MODES = [None, "r", "c"]


def replace(path: Path, seed: int) -> None:
    """Put another file of the same form, and other pixels, in the place of `path`."""
    other = write_set(path.parent / "other", "breastmnist", seed=seed)
    os.utime(other, (1, 1))
    other.replace(path)


@pytest.mark.filterwarnings("ignore:This process .* is multi-threaded:DeprecationWarning")
@pytest.mark.parametrize("context", ["fork", "spawn"])
def test_workers_give_every_item(root: Path, context: str) -> None:
    data = pytest.importorskip("torch.utils.data")
    write_set(root, "pathmnist")
    dataset = ours.PathMNIST("train", transform=np.array, root=root, mmap_mode="r")
    loader = data.DataLoader(dataset, 5, num_workers=1, multiprocessing_context=context)
    batches = list(loader)
    assert [len(images) for images, _ in batches] == [5, 5, 2]
    for position, kind in enumerate((dataset.imgs, dataset.labels)):
        np.testing.assert_array_equal(np.concatenate([each[position] for each in batches]), kind)


@pytest.mark.parametrize("mmap_mode", MODES)
def test_a_pickle_holds_no_images(root: Path, mmap_mode: str | None) -> None:
    write_set(root, "breastmnist")
    dataset = ours.BreastMNIST("train", root=root, as_rgb=True, mmap_mode=mmap_mode)
    text = pickle.dumps(dataset)
    assert len(text) < SMALL_BYTES < dataset.imgs.nbytes
    again = pickle.loads(text)
    assert type(again.imgs) is type(dataset.imgs)
    assert again.imgs.flags.writeable == (mmap_mode != "r")
    assert again[3][0].tobytes() == dataset[3][0].tobytes()
    assert repr(again) == repr(dataset)


def test_read_only_images_are_not_compared(root: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    write_set(root, "breastmnist")
    dataset = ours.BreastMNIST("train", root=root, mmap_mode="r")
    monkeypatch.setattr(np, "array_equal", lambda *_: pytest.fail("it read all of them"))
    assert len(pickle.dumps(dataset)) < SMALL_BYTES


@pytest.mark.parametrize(
    "change",
    [
        lambda each: each.imgs.__setitem__((7, 3, 3), each.imgs[7, 3, 3] ^ 1),
        lambda each: setattr(each, "imgs", each.imgs[::-1]),
        lambda each: setattr(each, "imgs", each.imgs[[4, 2]]),
        lambda each: setattr(each, "imgs", each.imgs.astype(np.int16)),
        lambda each: setattr(each, "imgs", 255 - each.imgs),
        lambda each: each.labels.__setitem__(0, 9),
    ],
    ids=["pixel", "order", "choice", "dtype", "values", "label"],
)
@pytest.mark.parametrize("mmap_mode", MODES)
def test_what_the_user_changed_is_pickled(
    root: Path,
    mmap_mode: str | None,
    change: Callable[[ours.BreastMNIST], None],
    request: pytest.FixtureRequest,
) -> None:
    if mmap_mode == "r" and "pixel" in request.node.callspec.id:
        pytest.skip("a read-only map cannot be changed")
    write_set(root, "breastmnist")
    dataset = ours.BreastMNIST("train", root=root, mmap_mode=mmap_mode)
    change(dataset)
    for again in (pickle.loads(pickle.dumps(dataset)), copy.deepcopy(dataset)):
        np.testing.assert_array_equal(again.imgs, dataset.imgs)
        assert again.imgs.dtype == dataset.imgs.dtype
        np.testing.assert_array_equal(again.labels, dataset.labels)


@pytest.mark.parametrize("mmap_mode", MODES)
def test_a_file_that_is_replaced_changes_no_open_dataset(root: Path, mmap_mode: str | None) -> None:
    path = write_set(root, "breastmnist")
    dataset = ours.BreastMNIST("train", root=root, mmap_mode=mmap_mode)
    before = dataset.imgs.copy()
    text = pickle.dumps(dataset)
    replace(path, seed=4)
    np.testing.assert_array_equal(dataset.imgs, before)
    np.testing.assert_array_equal(pickle.loads(text).imgs, before)
    assert (ours.BreastMNIST("train", root=root).imgs != before).any()


def test_without_the_cache_a_pickle_is_opened_again_or_refused(root: Path, tmp_path: Path) -> None:
    path = write_set(root, "breastmnist")
    dataset = ours.BreastMNIST("train", root=root)
    text = pickle.dumps(dataset)
    shutil.rmtree(tmp_path / "cache")
    np.testing.assert_array_equal(pickle.loads(text).imgs, dataset.imgs)
    shutil.rmtree(tmp_path / "cache")
    assert len(pickle.dumps(dataset)) > dataset.imgs.nbytes  # nothing is left to map
    replace(path, seed=4)
    with pytest.raises(FormatError, match="replaced or removed after it had been opened"):
        pickle.loads(text)
    path.unlink()
    with pytest.raises(FormatError, match="replaced or removed"):
        pickle.loads(text)


@pytest.mark.parametrize("member", ["train_images", "train_labels"])
def test_images_and_labels_are_never_of_two_files(
    root: Path, monkeypatch: pytest.MonkeyPatch, member: str
) -> None:
    path = write_set(root, "breastmnist")
    open_array = arrays.open_array

    def replaced_before(path: Path, name: str) -> np.ndarray:
        if name == member:
            replace(path, seed=5)
        return open_array(path, name)

    monkeypatch.setattr(arrays, "open_array", replaced_before)
    with pytest.raises(FormatError, match="replaced while it was being opened"):
        ours.BreastMNIST("train", root=root)
    monkeypatch.undo()
    assert len(ours.BreastMNIST("train", root=path.parent)) == COUNTS["train"]

"""Saved pictures and montages, beside the peer's."""

from __future__ import annotations

import importlib.util
from pathlib import Path
from types import ModuleType
from typing import Any

import numpy as np
import pytest
from PIL import Image

from medshelf.compat import medmnist as ours
from medshelf.formats.picture import read_gif
from tests.compat.medmnist_sets import write_set
from tests.medmnist_files import COUNTS

HAS_SKIMAGE = importlib.util.find_spec("skimage") is not None


def opened(module: ModuleType, flag: str, split: str, root: Path, **options: Any) -> Any:
    return getattr(module, ours.INFO[flag]["python_class"])(split, root=root, **options)


def content(folder: Path) -> dict[str, bytes]:
    return {
        str(path.relative_to(folder)): path.read_bytes()
        for path in sorted(folder.rglob("*"))
        if path.is_file()
    }


def seed() -> None:
    np.random.seed(11)  # noqa: NPY002 - the generator that the peer draws from


@pytest.mark.parametrize(
    ("flag", "size", "options"),
    [
        ("breastmnist", 28, {}),
        ("breastmnist", 28, {"write_csv": False}),
        ("pathmnist", 28, {"postfix": "jpg"}),
        ("chestmnist", 28, {"postfix": "bmp"}),
        ("retinamnist", 64, {}),
        ("nodulemnist3d", 28, {}),
    ],
)
def test_every_saved_file_is_the_peers(
    peer: ModuleType, root: Path, tmp_path: Path, flag: str, size: int, options: dict[str, Any]
) -> None:
    write_set(root, flag, size)
    for name, module in (("mine", ours), ("theirs", peer)):
        for split in ("val", "train", "test"):
            opened(module, flag, split, root, size=size).save(tmp_path / name / "new", **options)
    mine, theirs = content(tmp_path / "mine"), content(tmp_path / "theirs")
    assert list(mine) == list(theirs)
    assert mine == theirs
    assert len(mine) == sum(COUNTS.values()) + options.get("write_csv", True)


def test_saving_twice_lists_a_sample_once(root: Path, tmp_path: Path) -> None:
    write_set(root, "breastmnist")
    for split in ("train", "test", "train"):
        opened(ours, "breastmnist", split, root).save(tmp_path / "out")
    lines = (tmp_path / "out" / "breastmnist.csv").read_text().splitlines()
    assert len(lines) == len(set(lines)) == COUNTS["train"] + COUNTS["test"]
    assert lines[0] == "TEST,test0_0.png,0"
    assert lines[-1] == "TRAIN,train11_1.png,1"


def test_volumes_are_saved_as_gif_only(root: Path, tmp_path: Path) -> None:
    write_set(root, "nodulemnist3d")
    with pytest.raises(AssertionError, match="gif"):
        opened(ours, "nodulemnist3d", "val", root).save(tmp_path / "out", postfix="png")
    assert not (tmp_path / "out").exists()


def test_the_changed_images_are_saved(root: Path, tmp_path: Path) -> None:
    write_set(root, "breastmnist")
    dataset = opened(ours, "breastmnist", "val", root)
    dataset.imgs = 255 - dataset.imgs
    dataset.save(tmp_path)
    with Image.open(tmp_path / "breastmnist" / "val3_1.png") as picture:
        np.testing.assert_array_equal(np.asarray(picture), dataset.imgs[3])


@pytest.mark.parametrize("flag", ["breastmnist", "pathmnist"])
def test_a_montage_is_a_square_of_drawn_images(root: Path, tmp_path: Path, flag: str) -> None:
    write_set(root, flag, 64)
    dataset = opened(ours, flag, "train", root, size=64)
    seed()
    picture = dataset.montage(3, save_folder=tmp_path / "new")
    seed()
    chosen = dataset.imgs[np.random.choice(12, size=9, replace=False)]  # noqa: NPY002
    rows = [np.concatenate(list(chosen[start : start + 3]), axis=1) for start in (0, 3, 6)]
    np.testing.assert_array_equal(np.asarray(picture), np.concatenate(rows))
    (path,) = (tmp_path / "new").iterdir()
    assert path.name == f"{flag}_64_train_montage.jpg"


def test_a_montage_of_volumes_has_a_frame_per_slice(root: Path, tmp_path: Path) -> None:
    write_set(root, "nodulemnist3d")
    dataset = opened(ours, "nodulemnist3d", "test", root)
    seed()
    frames = dataset.montage(2, save_folder=tmp_path / "new")
    seed()
    chosen = dataset.imgs[np.random.choice(9, size=4, replace=False)]  # noqa: NPY002
    assert len(frames) == 28
    np.testing.assert_array_equal(
        np.asarray(frames[5]),
        np.block([[chosen[0][5], chosen[1][5]], [chosen[2][5], chosen[3][5]]]),
    )
    shown = read_gif(tmp_path / "new" / "nodulemnist3d_test_montage.gif")
    np.testing.assert_array_equal(shown, np.stack([np.asarray(each) for each in frames]))


@pytest.mark.skipif(not HAS_SKIMAGE, reason="scikit-image draws the peer's montage")
@pytest.mark.parametrize("flag", ["breastmnist", "pathmnist", "nodulemnist3d"])
@pytest.mark.parametrize("options", [(2, False), (4, True)])
def test_montages_are_the_peers(
    peer: ModuleType,
    root: Path,
    tmp_path: Path,
    monkeypatch: pytest.MonkeyPatch,
    flag: str,
    options: tuple[int, bool],
) -> None:
    length, replace = options
    write_set(root, flag)
    monkeypatch.setitem(peer.INFO[flag], "n_samples", COUNTS)  # it asserts them
    made = []
    for name, module in (("mine", ours), ("theirs", peer)):
        seed()
        montage = opened(module, flag, "test", root).montage(length, replace, tmp_path / name)
        frames = montage if isinstance(montage, list) else [montage]
        made.append([(each.mode, each.size, each.tobytes()) for each in frames])
    assert made[0] == made[1]
    assert content(tmp_path / "mine") == content(tmp_path / "theirs")


def test_more_images_than_there_are_need_replace(root: Path) -> None:
    write_set(root, "breastmnist")
    dataset = opened(ours, "breastmnist", "val", root)
    with pytest.raises(ValueError, match="larger sample"):
        dataset.montage()
    assert dataset.montage(replace=True).size == (560, 560)

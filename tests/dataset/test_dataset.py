"""What `medshelf.load` gives, on miniatures of every kind and on the real files."""

from __future__ import annotations

import pickle
import subprocess
import sys
from pathlib import Path

import numpy as np
import pytest

import medshelf
from medshelf.catalog.shelf import find_record
from medshelf.core.errors import SettingError
from medshelf.dataset.batching.augmentation import Augmentation
from medshelf.dataset.labelled_images import LabelledImages
from tests.medmnist_files import COUNTS, grey_value, make_arrays, make_file

KINDS = {
    "breastmnist": (28, 28),
    "retinamnist": (28, 28, 3),
    "chestmnist": (28, 28),
    "organmnist3d": (28, 28, 28),
}


@pytest.fixture
def folder(tmp_path: Path) -> Path:
    for dataset in KINDS:
        make_file(tmp_path / "raw", dataset)
    return tmp_path / "raw"


def opened(folder: Path, dataset: str, split: str = "train", **options: object) -> LabelledImages:
    found = medshelf.load(dataset, split, root=folder, allow_modified=True, **options)  # type: ignore[arg-type]
    assert isinstance(found, LabelledImages)
    return found


@pytest.mark.parametrize("split", ["train", "val", "test"])
@pytest.mark.parametrize("dataset", KINDS)
def test_items_are_the_stored_samples(folder: Path, dataset: str, split: str) -> None:
    found = opened(folder, dataset, split)
    labels = make_arrays(find_record(dataset))[f"{split}_labels"]
    assert len(found) == COUNTS[split]
    for index, (image, target) in enumerate(found):
        assert image.dtype == np.uint8
        assert image.shape == KINDS[dataset]
        assert (image == grey_value(split, index)).all()
        if dataset == "chestmnist":
            assert target.dtype == np.float32
            np.testing.assert_array_equal(target, labels[index])
        else:
            assert type(target) is int
            assert target == labels[index, 0]


def test_negative_indices_slices_and_bounds(folder: Path) -> None:
    found = opened(folder, "breastmnist")
    assert (found[-1][0] == grey_value("train", 11)).all()
    part = found[2:9:3]
    assert [int(image[0, 0]) for image, _ in part] == [12, 15, 18]
    assert part.targets.tolist() == [0, 1, 0]
    assert part.manifest.n_samples() == 3
    assert [int(image[0, 0]) for image, _ in found[::-1]] == [*range(21, 9, -1)]
    for index in (12, -13):
        with pytest.raises(IndexError, match=f"Sample {index} of 12 in breastmnist"):
            found[index]
    assert len(found[5:5]) == 0


def test_all_splits_at_once(folder: Path) -> None:
    found = opened(folder, "breastmnist", "all")
    values = [int(image[0, 0]) for image, _ in found]
    assert values == [grey_value(s, i) for s in ("test", "train", "val") for i in range(COUNTS[s])]
    mixed = found.images(np.array([26, 0, 10, 5]))
    assert mixed[:, 0, 0].tolist() == [105, 200, 11, 205]


@pytest.mark.parametrize("alias", ["val", "validation", "valid", "dev"])
def test_split_aliases(folder: Path, alias: str) -> None:
    assert len(opened(folder, "breastmnist", alias)) == COUNTS["val"]


def test_rgb_and_transforms(folder: Path) -> None:
    grey = opened(folder, "breastmnist", as_rgb=True)
    assert grey[3][0].shape == (28, 28, 3)
    assert (grey[3][0] == 13).all()
    assert opened(folder, "retinamnist", as_rgb=True)[0][0].shape == (28, 28, 3)
    assert opened(folder, "organmnist3d", as_rgb=True)[0][0].shape == (28, 28, 28, 3)
    changed = opened(
        folder, "breastmnist", transform=lambda image: image[:3, :2] + 1.5, target_transform=str
    )
    image, target = changed[1]
    assert (image == 12.5).all()
    assert image.shape == (3, 2)
    assert target == "1"


def test_a_transform_that_fails_names_the_sample(folder: Path) -> None:
    def fussy(image: np.ndarray) -> np.ndarray:
        if image[0, 0] == 13:
            raise ZeroDivisionError
        return image

    found = opened(folder, "breastmnist", transform=fussy)
    with pytest.raises(ZeroDivisionError) as caught:
        list(found.batches(4))
    assert caught.value.__notes__ == ["This was sample 3 of breastmnist."]


@pytest.mark.parametrize("dataset", KINDS)
def test_batches_are_to_tensor_and_normalise(folder: Path, dataset: str) -> None:
    """The expected value is torchvision's: float32(pixel) / 255, minus mean, over std."""
    found = opened(folder, dataset)
    batches = list(found.batches(5, normalise=(0.5, 0.25)))
    assert [len(targets) for _, targets in batches] == [5, 5, 2]
    channels = 3 if dataset == "retinamnist" else 1
    spatial = (28,) * (3 if dataset.endswith("3d") else 2)
    for number, (images, targets) in enumerate(batches):
        assert images.shape == (len(targets), channels, *spatial)
        assert images.dtype == np.float32
        for offset, image in enumerate(images):
            value = np.float32(grey_value("train", number * 5 + offset))
            expected = (value / np.float32(255) - np.float32(0.5)) / np.float32(0.25)
            assert (image == expected).all()
    np.testing.assert_array_equal(np.concatenate([t for _, t in batches]), found.targets)


def test_channels_go_first_and_have_their_own_mean(tmp_path: Path) -> None:
    images = np.random.default_rng(0).integers(0, 256, (12, 28, 28, 3), dtype=np.uint8)
    make_file(tmp_path, "retinamnist", train_images=images)
    found = opened(tmp_path, "retinamnist")
    (batch, _), *_ = found.batches(12, normalise=((0.1, 0.2, 0.3), (1, 2, 4)))
    expected = (np.moveaxis(images, -1, 1).astype(np.float32) / 255).reshape(12, 3, -1)
    for channel, (mean, std) in enumerate(((0.1, 1), (0.2, 2), (0.3, 4))):
        expected[:, channel] = (expected[:, channel] - np.float32(mean)) / np.float32(std)
    np.testing.assert_array_equal(batch.reshape(12, 3, -1), expected)


def test_shuffling_is_a_permutation_that_the_seed_decides(folder: Path) -> None:
    found = opened(folder, "breastmnist")

    def order(**options: object) -> list[int]:
        batches = found.batches(5, **options)  # type: ignore[arg-type]
        return [
            round(value * 255) for images, _ in batches for value in images[:, 0, 0, 0].tolist()
        ]

    assert order() == [*range(10, 22)]
    assert order(shuffle=True, seed=1) == order(shuffle=True, seed=1)
    assert order(shuffle=True, seed=(0, 1)) != order(shuffle=True, seed=(0, 2))
    assert sorted(order(shuffle=True)) == order()
    assert len(found.batches(5)) == 3


def test_shuffled_targets_stay_with_their_images(folder: Path) -> None:
    for images, targets in opened(folder, "breastmnist").batches(4, shuffle=True, seed=3):
        codes = [(round(value * 255) - 10) % 2 for value in images[:, 0, 0, 0].tolist()]
        assert codes == targets.tolist()


def test_augmented_batches_repeat_with_the_seed_and_move_pixels(folder: Path) -> None:
    found = opened(folder, "retinamnist")
    augment = Augmentation(padding=3)

    def images(seed: int) -> np.ndarray:
        return np.concatenate(
            [each.copy() for each, _ in found.batches(5, augment=augment, seed=seed)]
        )

    assert np.array_equal(images(1), images(1))
    assert not np.array_equal(images(1), images(2))
    assert (images(1) == 0).any()
    inner = images(1)[:, :, 5:-5, 5:-5]
    assert (inner * 255).round()[:, 0, 0, 0].tolist() == [*range(10, 22)]


def test_augmentation_is_for_pictures_without_a_transform(folder: Path) -> None:
    for dataset, options in (("organmnist3d", {}), ("breastmnist", {"transform": np.asarray})):
        with pytest.raises(SettingError, match="augment cannot be used"):
            opened(folder, dataset, **options).batches(augment=Augmentation())


@pytest.mark.parametrize("device", [None, "cpu"])
def test_kept_batches_are_never_overwritten(folder: Path, device: str | None) -> None:
    if device:
        pytest.importorskip("torch")
    found = opened(folder, "breastmnist", "all")
    kept = [images for images, _ in found.batches(2, device=device)]
    views = [images[:1, 0, 3] for images, _ in found.batches(2, device=device)]
    for number, (images, view) in enumerate(zip(kept, views, strict=True)):
        expected = found.images(slice(2 * number, 2 * number + 2)) / np.float32(255)
        np.testing.assert_array_equal(np.asarray(images)[:, 0], expected)
        np.testing.assert_array_equal(np.asarray(view)[0], expected[0, 3])


def test_dropped_batches_leave_their_memory_to_the_next(folder: Path) -> None:
    found = opened(folder, "breastmnist", "all")
    addresses = set()
    for images, _ in found.batches(3):
        addresses.add(images.ctypes.data)
    assert len(addresses) == 2


def test_batches_with_a_transform_stack_its_results(folder: Path) -> None:
    found = opened(folder, "breastmnist", transform=lambda image: image[:2, :2] * 2.0)
    images, targets = next(iter(found.batches(4, normalise=(9, 9))))
    assert images[:, 0, 0].tolist() == [20, 22, 24, 26]
    assert targets.tolist() == [0, 1, 0, 1]


def test_a_batch_size_of_nothing_is_refused(folder: Path) -> None:
    with pytest.raises(SettingError, match="batch_size is 0"):
        opened(folder, "breastmnist").batches(0)


def test_repr_and_card_say_what_must_be_known(folder: Path) -> None:
    found = opened(folder, "retinamnist", "all")
    lines = repr(found).splitlines()
    assert lines[:5] == [
        "RetinaMNIST (retinamnist) MODIFIED: not the published files",
        "  task     ordinal: 0, 1, 2, 3, 4",
        "  samples  27 (train 12, val 6, test 9)",
        "  images   uint8 28 x 28 x 3",
        "  licence  CC-BY-4.0",
    ]
    assert lines[5].startswith("  labels   clinical record")
    notes = [f"  note     {each}" for each in found.manifest.meta.limitations]
    assert notes
    assert lines[6:] == [*notes, "  Not for clinical use."]
    card = found.card()
    assert "12 samples, 1080 are published" in card
    assert found.licence == "CC-BY-4.0"
    assert "@article{medmnist-v2" in found.cite()
    assert "10.1016/j.patter.2022.100512" in found.cite()  # DeepDRiD, the source
    assert found.cite() in card


def test_montage_and_save(folder: Path, tmp_path: Path) -> None:
    found = opened(folder, "retinamnist")
    picture = found.montage(9)
    assert picture.mode == "RGB"
    shown = set(np.unique(np.asarray(picture)))
    assert len(shown & {grey_value("train", i) for i in range(12)}) == 9
    table = found[:2].save(tmp_path / "out")
    assert table.read_text() == "TRAIN,train0_0.png,0\nTRAIN,train1_1.png,1\n"


def test_a_dataset_is_pickled_without_its_pixels(folder: Path) -> None:
    found = opened(folder, "breastmnist")
    found.images()
    copy = pickle.loads(pickle.dumps(found))
    assert len(pickle.dumps(found)) < 40_000
    np.testing.assert_array_equal(copy.images(), found.images())


def test_torch_loader_takes_it_as_it_is(folder: Path) -> None:
    torch = pytest.importorskip("torch")
    found = opened(folder, "chestmnist")
    loader = torch.utils.data.DataLoader(found, batch_size=8)
    images, targets = next(iter(loader))
    assert images.dtype == torch.uint8
    assert images.shape == (8, 28, 28)
    assert targets.dtype == torch.float32
    np.testing.assert_array_equal(images.numpy(), found.images(slice(0, 8)))
    np.testing.assert_array_equal(targets.numpy(), found.targets[:8])


def test_torch_loader_with_workers(folder: Path) -> None:
    torch = pytest.importorskip("torch")
    loader = torch.utils.data.DataLoader(
        opened(folder, "breastmnist"), 4, num_workers=2, multiprocessing_context="spawn"
    )
    values = [int(value) for images, _ in loader for value in images[:, 0, 0]]
    assert values == [*range(10, 22)]


def test_tensors_equal_arrays_to_the_bit(folder: Path) -> None:
    torch = pytest.importorskip("torch")
    found = opened(folder, "retinamnist")
    options = {"shuffle": True, "seed": 4, "normalise": ((0.1, 0.2, 0.3), (0.5, 0.6, 0.7))}
    pairs = zip(found.batches(5, **options), found.batches(5, device="cpu", **options), strict=True)  # type: ignore[arg-type]
    for (images, targets), (image_tensor, target_tensor) in pairs:
        assert isinstance(image_tensor, torch.Tensor)
        np.testing.assert_array_equal(images, image_tensor.numpy())
        np.testing.assert_array_equal(targets, target_tensor.numpy())
        assert target_tensor.dtype == torch.int64


def test_everything_but_tensors_works_without_torch(folder: Path) -> None:
    """A finder that hides torch stands for an environment where it is not installed."""
    script = (
        "import sys\n"
        "sys.modules['torch'] = None\n"
        "import medshelf\n"
        f"d = medshelf.load('breastmnist', 'train', root={str(folder)!r}, allow_modified=True)\n"
        "assert len(list(d.batches(4))) == 3 and d[0] and len(d.montage().tobytes())\n"
        "try:\n    next(iter(d.batches(4, device='cpu')))\n"
        "except medshelf.core.errors.MissingExtraError as error:\n    print(error)\n"
    )
    done = subprocess.run(
        [sys.executable, "-c", script], capture_output=True, text=True, check=True
    )
    assert 'pip install "medshelf[train]"' in done.stdout


def test_real_images(real_data: Path) -> None:
    found = medshelf.load("breastmnist", "val", root=real_data)
    with np.load(real_data / "breastmnist.npz") as archive:
        np.testing.assert_array_equal(found.images(), archive["val_images"])
    assert "MODIFIED" not in repr(found)
    volumes = medshelf.load("adrenalmnist3d", "test", root=real_data)
    assert volumes[0][0].shape == (28, 28, 28)

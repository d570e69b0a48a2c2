"""The form for GPUs, run on the CPU: the same bits as the one for CPUs."""

from __future__ import annotations

from pathlib import Path

import numpy as np
import pytest

import medshelf
from medshelf.dataset.batching.augmentation import Augmentation
from medshelf.dataset.batching.filling import Moments
from tests.medmnist_files import make_file

torch = pytest.importorskip("torch")


@pytest.mark.parametrize("augment", [None, Augmentation(padding=3)], ids=["as stored", "augmented"])
@pytest.mark.parametrize("as_rgb", [False, True], ids=["own channels", "as RGB"])
@pytest.mark.parametrize("dataset", ["retinamnist", "breastmnist", "chestmnist", "organmnist3d"])
def test_equal_to_the_bit(
    tmp_path: Path, dataset: str, as_rgb: bool, augment: Augmentation | None
) -> None:
    from medshelf.dataset.batching.resident import Resident

    n_spatial = 3 if dataset.endswith("3d") else 2
    if n_spatial == 3 and augment:
        pytest.skip("volumes are not augmented")
    rng = np.random.default_rng(0)
    shape = (12, *(28,) * n_spatial, *((3,) if dataset == "retinamnist" else ()))
    make_file(tmp_path, dataset, train_images=rng.integers(0, 256, shape, dtype=np.uint8))
    found = medshelf.load(dataset, "train", root=tmp_path, allow_modified=True, as_rgb=as_rgb)
    options = {"shuffle": True, "seed": (3, 1), "augment": augment}
    batches = found.batches(5, device="cpu", normalise=(0.3, 0.7), **options)  # type: ignore[arg-type]
    expected = [(images.clone(), targets) for images, targets in batches]
    resident = Resident.load(found._pixels, found.targets, n_spatial, "cpu")
    assert resident is not None
    moments = Moments.make(0.3, 0.7, 3 if as_rgb or dataset == "retinamnist" else 1)
    visited = list(resident.visit(batches.visit, moments, augment, (3, 1)))
    assert len(visited) == len(expected) == 3
    for (images, targets), (other_images, other_targets) in zip(visited, expected, strict=True):
        assert torch.equal(images, other_images)
        assert torch.equal(targets, other_targets)


@pytest.mark.skipif(not torch.cuda.is_available(), reason="there is no CUDA device")
def test_batches_on_a_gpu_are_resident_and_equal(tmp_path: Path) -> None:
    make_file(tmp_path, "retinamnist")
    found = medshelf.load("retinamnist", "train", root=tmp_path, allow_modified=True)
    options = {"augment": Augmentation(), "normalise": (0.5, 0.5), "seed": 2}
    on_gpu = found.batches(5, device="cuda", **options)  # type: ignore[arg-type]
    assert on_gpu.resident is not None
    pairs = zip(on_gpu, found.batches(5, device="cpu", **options), strict=True)  # type: ignore[arg-type]
    for (images, targets), (other_images, other_targets) in pairs:
        assert images.device.type == "cuda"
        assert torch.equal(images.cpu(), other_images)
        assert torch.equal(targets.cpu(), other_targets)

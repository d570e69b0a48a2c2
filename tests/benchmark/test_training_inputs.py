"""What a network sees of stored images."""

from __future__ import annotations

from pathlib import Path

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st
from PIL import Image

import medshelf
from medshelf.benchmark.protocol import DataRecipe, Resize, find_protocol
from medshelf.catalog.shelf import find_record
from medshelf.core.errors import RunError
from tests.medmnist_files import COUNTS, make_arrays, make_file

torch = pytest.importorskip("torch")

from medshelf.benchmark.fits.inputs import Inputs, enlarged  # noqa: E402 - needs torch

UPSAMPLED = DataRecipe(
    size=28, dimensions=2, channels=3, resize=Resize(edge=224, method="nearest"), mean=0.5, std=0.5
)
UNEVEN = UPSAMPLED.model_copy(update={"resize": None, "mean": 0.3, "std": 0.7})
VOLUMES = find_protocol("medmnist3d-28").data


def noisy(folder: Path, dataset: str) -> Path:
    random = np.random.default_rng(0)
    arrays = make_arrays(find_record(dataset))
    images = {
        name: random.integers(0, 256, each.shape, np.uint8)
        for name, each in arrays.items()
        if name.endswith("images")
    }
    make_file(folder, dataset, **images)
    return folder


def opened(folder: Path, dataset: str, split: str = "val", **options: object) -> object:
    return medshelf.load(dataset, split, root=folder, allow_modified=True, **options)


def whole(batches: object) -> torch.Tensor:
    return torch.cat([each[0] if isinstance(each, tuple) else each for each in batches])


@given(length=st.integers(1, 300), edge=st.integers(1, 300))
def test_enlarging_takes_the_pixels_that_pillow_takes(length: int, edge: int) -> None:
    line = np.arange(length, dtype=np.int32)[None]
    expected = np.asarray(Image.fromarray(line).resize((edge, 1), Image.Resampling.NEAREST))
    places = enlarged(torch.arange(length).reshape(1, 1, -1), edge)
    np.testing.assert_array_equal(places[0, 0].numpy(), expected[0])


@pytest.mark.parametrize("edge", [224, 64, 20])
def test_a_picture_is_enlarged_as_pillow_does(edge: int) -> None:
    picture = np.random.default_rng(1).integers(0, 256, (28, 28, 3), np.uint8)
    expected = Image.fromarray(picture).resize((edge, edge), Image.Resampling.NEAREST)
    found = enlarged(torch.from_numpy(picture).permute(2, 0, 1)[None], edge)
    np.testing.assert_array_equal(found[0].permute(1, 2, 0).numpy(), np.asarray(expected))


@pytest.mark.parametrize(
    ("dataset", "recipe", "as_rgb"),
    [
        ("breastmnist", UPSAMPLED, False),
        ("breastmnist", UNEVEN, True),
        ("retinamnist", UPSAMPLED, False),
        ("retinamnist", UNEVEN, False),
        ("adrenalmnist3d", VOLUMES, False),
        ("adrenalmnist3d", VOLUMES.model_copy(update={"mean": 0.4, "std": 0.3}), False),
        ("organmnist3d", VOLUMES.model_copy(update={"channels": 3}), False),
    ],
)
def test_arrays_and_datasets_look_alike_to_the_bit(
    tmp_path: Path, dataset: str, recipe: DataRecipe, as_rgb: bool
) -> None:
    data = opened(noisy(tmp_path, dataset), dataset, as_rgb=as_rgb)
    inputs = Inputs(recipe, 4, "cpu", dataset)
    seen, stored = whole(inputs.evaluation(data)), data.images()
    assert seen.shape == (COUNTS["val"], recipe.channels, *(recipe.edge,) * recipe.dimensions)
    assert torch.equal(seen, whole(inputs.arrays(stored)))
    factor = 0.5 if dataset == "adrenalmnist3d" else 1
    corner = (stored.reshape(len(stored), -1)[:, 0] / 255 * factor - recipe.mean) / recipe.std
    np.testing.assert_allclose(seen[(slice(None), 0, *(0,) * recipe.dimensions)], corner, atol=1e-6)


def factors(data: object, seed: tuple[int, int]) -> dict[int, float]:
    """Factor of each volume, which is of one grey value that it alone has."""
    batches = Inputs(VOLUMES, 5, "cpu").training(data, seed)
    order = np.random.default_rng(seed).permutation(len(data))
    values = whole(batches)[:, 0, 0, 0, 0].numpy()
    return {int(row): values[i] / (10 + row) * 255 for i, row in enumerate(order)}


def test_volumes_that_hold_shapes_get_a_new_factor_each_epoch(tmp_path: Path) -> None:
    make_file(tmp_path, "adrenalmnist3d")
    data = opened(tmp_path, "adrenalmnist3d", "train")
    first, again, later, other = (factors(data, each) for each in ((3, 0), (3, 0), (3, 1), (4, 0)))
    assert first == again
    for each in (first, later, other):
        assert len(set(each.values())) == COUNTS["train"]
        assert 0 <= min(each.values()) < max(each.values()) < 1
    assert all(first[row] != later[row] and first[row] != other[row] for row in first)


def test_other_volumes_keep_their_grey_values(tmp_path: Path) -> None:
    make_file(tmp_path, "organmnist3d")
    data = opened(tmp_path, "organmnist3d", "train")
    assert list(factors(data, (0, 0)).values()) == pytest.approx([1] * COUNTS["train"])


def test_images_of_other_channels_are_refused(tmp_path: Path) -> None:
    data = opened(noisy(tmp_path, "retinamnist"), "retinamnist")
    inputs = Inputs(UPSAMPLED.model_copy(update={"channels": 1}), 4, "cpu")
    with pytest.raises(RunError, match=r"(?s)3 channels, the protocol has 1.*Choose a protocol"):
        whole(inputs.evaluation(data))

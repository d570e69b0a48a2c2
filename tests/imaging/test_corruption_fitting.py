"""Which corruptions fit what, their numbers, and the sheet of pictures."""

from __future__ import annotations

import re
from pathlib import Path

import numpy as np
import pytest

from medshelf.catalog.shelf import dataset_ids, find_record
from medshelf.catalog.vocabulary import terms
from medshelf.imaging.corruption.corruptions import FAMILIES, SEVERITIES, corrupt, corruptions
from medshelf.imaging.corruption.fitting import OF_MODALITY, OF_SET, fitting
from medshelf.imaging.corruption.sheet import corruption_sheet
from medshelf.imaging.phantom import make_phantom


@pytest.mark.parametrize("name", corruptions())
def test_each_corruption_says_what_it_is(name: str) -> None:
    found = corruptions()[name]
    text = found.function.__doc__ or ""
    assert found.family in FAMILIES
    assert len(found.levels) == len(SEVERITIES)
    assert len(set(found.levels)) == len(SEVERITIES)
    assert list(found.levels) in (sorted(found.levels), sorted(found.levels, reverse=True))
    assert found.summary.endswith(".")
    assert "Severity: " in text
    assert "Source:" in text + (FAMILIES[found.family].__doc__ or "")


def test_the_documented_numbers_are_those_of_the_code() -> None:
    text = (Path(__file__).parents[2] / "docs" / "robustness.md").read_text("utf-8")
    rows = re.findall(r"^\| `([\w-]+)` \| (\w+) \|.*\| ([\d., ]+) \|$", text, re.M)
    assert rows == [
        (name, each.family, ", ".join(f"{level:g}" for level in each.levels))
        for name, each in corruptions().items()
    ]


def test_every_name_is_used_and_every_term_exists() -> None:
    used = {name for listed in (*OF_SET.values(), *OF_MODALITY.values()) for name in listed}
    assert used == set(corruptions())
    assert set(OF_MODALITY) <= set(terms("modalities"))
    assert set(OF_SET) <= set(dataset_ids())


def test_published_lists_of_medmnist() -> None:
    def of(name: str) -> tuple[str, ...]:
        record = find_record(name)
        return fitting(name, record.modalities, channels=record.channels or 1, volumes=False)

    assert {name: len(of(name)) for name in OF_SET} == {
        "bloodmnist": 11,
        "breastmnist": 7,
        "chestmnist": 13,
        "dermamnist": 15,
        "octmnist": 6,
        "organamnist": 13,
        "organcmnist": 13,
        "organsmnist": 13,
        "pathmnist": 11,
        "pneumoniamnist": 13,
        "retinamnist": 8,
        "tissuemnist": 8,
    }
    assert of("breastmnist") == (
        *("pixelate", "jpeg-compression", "speckle-noise", "motion-blur"),
        *("brightness-up", "brightness-down", "contrast-down"),
    )


def test_other_sets_follow_their_modality() -> None:
    assert "acoustic-shadow" in fitting("x", ["ultrasound"], channels=1, volumes=False)
    assert "saturate" in fitting("x", ["histopathology"], channels=3, volumes=False)
    assert "saturate" not in fitting("x", ["histopathology"], channels=1, volumes=False)
    both = fitting("x", ["ct", "mri"], channels=1, volumes=True)
    assert {"bias-field", "shot-noise"} <= set(both)
    assert "characters" not in fitting("x", ["x-ray"], channels=1, volumes=True)
    assert fitting("x", ["text"], channels=1, volumes=False) == fitting(
        "x", [], channels=1, volumes=False
    )


def volumetric_sets() -> list[str]:
    return [each for each in dataset_ids() if each.endswith("mnist3d")]


@pytest.mark.parametrize("name", volumetric_sets())
def test_volumes_get_only_what_suits_them(name: str) -> None:
    volume = make_phantom("phantom-3d-binary", "test", n_samples=1)[0]
    chosen = fitting(name, find_record(name).modalities, channels=1, volumes=True)
    assert len(chosen) >= 7
    for each in chosen:
        assert corrupt(volume, each, 3).shape == volume.shape


@pytest.mark.parametrize("phantom", ["phantom-rgb-multi-class", "phantom-3d-binary"])
def test_a_sheet_shows_clean_and_corrupted(phantom: str) -> None:
    images = make_phantom(phantom, "test", n_samples=2)[0]
    names = ("gaussian-noise", "contrast-down")
    sheet = corruption_sheet(images, names, (1, 5))
    assert sheet.shape == (22 + 2 * 112 + 4, 150 + 3 * 112 + 2 * 4, 3)
    tile = sheet[22 : 22 + 112 : 4, 150 : 150 + 112 : 4]
    middle = images[0] if phantom.startswith("phantom-rgb") else images[0, 14][..., None]
    assert np.array_equal(tile, np.broadcast_to(middle, tile.shape))
    worst = sheet[22 + 116 :: 4, 150 + 2 * 116 :: 4][:28, :28]
    corrupted = corrupt(images[:1], "contrast-down", 5)[0]
    middle = corrupted if corrupted.shape[-1] == 3 else corrupted[14][..., None]
    assert np.array_equal(worst, np.broadcast_to(middle, worst.shape))

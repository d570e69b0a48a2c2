"""Pictures of samples: what is drawn, and what cannot be is said."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import numpy as np
import pytest
from PIL import Image

from medshelf.core.errors import SettingError
from medshelf.dataset.looking import look as module
from medshelf.dataset.looking.look import look
from medshelf.dataset.looking.panels import Drawing, panels, regions
from medshelf.dataset.sample import Sample
from medshelf.imaging.overlay import COLOURS
from tests.contract.making import mask, mask_volume, picture, volume
from tests.dataset.trees import fixture, medium, table

FIRST, SECOND = COLOURS[:2]


def drawn(sample: Sample, edge: int = 128) -> tuple[list[np.ndarray], Drawing]:
    """Return the pictures of a sample's first image, and what was noted."""
    drawing = Drawing()
    found = list(regions(sample, drawing))
    name = sample.images[0]
    pictures = panels(sample, name, found, drawing, window=None, edge=edge)
    return [np.asarray(each) for each in pictures], drawing


def made(root: Path, *media: dict[str, Any], legend: str = "", **row: Any) -> Sample:
    options = {"legend": legend} if legend else {}
    rows = [{"sample_id": "a", "media": list(media), **row}]
    return table(rows, root, options=options, licence="CC0-1.0", dimensions=2).sample(0)


def box(*points: float, **fields: Any) -> dict[str, Any]:
    given = {"kind": "box", "label": "cell", "unit": "pixel", "media": "image"}
    return {**given, "points": list(points), **fields}


def count(array: np.ndarray, colour: tuple[int, int, int]) -> int:
    return int((array == np.array(colour)).all(axis=-1).sum())


def test_mask_and_box_have_their_colours(tmp_path: Path) -> None:
    picture(tmp_path / "a.png", 60, (16, 16))
    mask(tmp_path / "m.png", 64)
    media = (medium("a.png"), medium("m.png", "mask"))
    sample = made(tmp_path, *media, legend="0=background; 255=polyp", shapes=[box(2, 10, 12, 14)])
    (shown,), drawing = drawn(sample)
    assert drawing.colours == {"polyp": FIRST, "cell": SECOND}
    assert not drawing.notes
    assert shown.shape == (128, 128, 3)
    assert count(shown, FIRST) > 100
    assert shown[8 * 10, 8 * 2 : 8 * 12].tolist() == [list(SECOND)] * 80
    assert shown[8 * 9, 8 * 5].tolist() == [60, 60, 60]


def test_volume_is_three_planes_through_its_mask(tmp_path: Path) -> None:
    volume(tmp_path / "a.nii.gz", 50, shape=(8, 8, 8))
    mask_volume(tmp_path / "m.nii.gz", 20)
    media = (medium("a.nii.gz"), medium("m.nii.gz", "mask"))
    pictures, drawing = drawn(made(tmp_path, *media, legend="1=liver"))
    assert len(pictures) == 3
    assert all(count(each, FIRST) for each in pictures)
    axial, coronal, _ = pictures
    assert axial.shape[1] < coronal.shape[0] * 2
    assert list(drawing.colours) == ["liver"]


def test_spacing_is_seen(tmp_path: Path) -> None:
    """Voxels are 1 x 1 x 2 mm: a cube of voxels is twice as high as wide in coronal planes."""
    volume(tmp_path / "a.nii.gz", 50, shape=(8, 8, 8))
    (axial, coronal, sagittal), _ = drawn(made(tmp_path, medium("a.nii.gz")))
    caption = 22
    assert axial.shape[0] - caption == axial.shape[1]
    for tall in (coronal, sagittal):
        assert tall.shape[0] - caption == 2 * tall.shape[1]


def test_values_without_legend_get_a_colour_each(tmp_path: Path) -> None:
    picture(tmp_path / "a.png", 60, (4, 4))
    values = np.array([[0, 1, 2, 2]] * 4, np.uint8)
    Image.fromarray(values).save(tmp_path / "m.png")
    _, drawing = drawn(made(tmp_path, medium("a.png"), medium("m.png", "mask")))
    assert list(drawing.colours) == ["mask 1", "mask 2"]


def test_what_cannot_be_drawn_is_noted(tmp_path: Path) -> None:
    picture(tmp_path / "a.png", 60, (8, 8))
    mask(tmp_path / "m.png", 5)
    shapes = [box(1, 2, 3, 4, 5, 6, kind="box3d"), box(1, 2, 3, 4, unit="mm")]
    sample = made(tmp_path, medium("a.png"), medium("m.png", "mask"), shapes=shapes)
    _, drawing = drawn(sample)
    assert len(drawing.notes) == 2
    assert "not as its image" in drawing.notes[0]
    assert "2 shapes" in drawing.notes[1]


def test_damaged_image_is_noted(tmp_path: Path) -> None:
    (tmp_path / "a.png").write_bytes(b"no picture")
    sample = made(tmp_path, medium("a.png"))
    pictures, drawing = drawn(sample)
    assert not pictures
    assert "a.png" in drawing.notes[0]
    assert look(sample).size[0] > 700


def paragraphs(sample: Sample) -> list[str]:
    return list(module._texts(sample))


def test_question_shows_options_and_answer(tmp_path: Path) -> None:
    row = {"question": "Which?", "options": ["lung", "liver"], "answers": ["liver"]}
    found = paragraphs(made(tmp_path, **row))
    assert found[0] == "Question: Which?"
    assert "* B. liver" in found[2]
    assert "*" not in found[1]
    assert found[3] == "Answer: liver"


def test_unpublished_answer_is_not_a_blank(tmp_path: Path) -> None:
    assert paragraphs(made(tmp_path, question="Why?"))[-1] == "Answer: not published"


def test_facts(tmp_path: Path) -> None:
    entry = {"task": "t", "name": "Mass"}
    row = {"label": "ill", "age_years": 58.0, "view": "PA", "labels": [{**entry, "value": 1.0}]}
    assert module._facts(made(tmp_path, **row)) == "ill | Mass | 58 years | PA"
    row = {"labels": [{**entry, "value": 0.0}]}
    assert module._facts(made(tmp_path, **row)) == "none of 1 labels"
    row = {"labels": [{**entry, "value": 4.0}, {**entry, "name": "Edema", "value": -1.0}]}
    assert module._facts(made(tmp_path, **row)) == "Edema uncertain | Mass 4"


@pytest.mark.parametrize("text", ["患者男 45岁 咳嗽三天。" * 50, "word " * 5000, "x" * 9000])
def test_long_and_chinese_text(tmp_path: Path, text: str) -> None:
    shown = look(made(tmp_path, text={"report": text}))
    assert shown.size[0] > 700
    assert shown.size[1] < 4000


@pytest.mark.parametrize("edge", [0, 63, 4097])
def test_edges_that_make_no_sense(tmp_path: Path, edge: int) -> None:
    with pytest.raises(SettingError, match="64 to 4096"):
        look(made(tmp_path), edge=edge)


@pytest.mark.parametrize(
    "name",
    ["msd_prostate", "image_masks_channels", "nih_chest_xray_kaggle", "rsna_pneumonia_mapped"],
)
def test_every_sample_of_a_fixture_can_be_drawn(name: str, tmp_path: Path) -> None:
    for sample in fixture(name, tmp_path):
        shown = look(sample, edge=64)
        assert shown.mode == "RGB"
        assert np.asarray(shown).std() > 5

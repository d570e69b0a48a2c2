"""What a dataset shows of itself, in a terminal and in a notebook."""

from __future__ import annotations

import base64
import io
import re
from html.parser import HTMLParser
from pathlib import Path

import numpy as np
import pytest
from PIL import Image

import medshelf
from medshelf.core.errors import SettingError
from medshelf.core.issues import Issue
from medshelf.core.tasks import Task, TaskKind
from medshelf.formats import nifti_writer
from medshelf.formats.raster import Raster
from tests.contract import making
from tests.dataset.trees import fixture, medium, patients, segmented, table
from tests.medmnist_files import make_file

HOSTILE = "<script>alert('1')</script>\"&"


class Tags(HTMLParser):
    """Collects the tags and checks that they are closed."""

    def __init__(self, html: str) -> None:
        super().__init__()
        self.open: list[str] = []
        self.seen: set[str] = set()
        self.feed(html)

    def handle_starttag(self, tag: str, attrs: object) -> None:  # noqa: ARG002
        self.seen.add(tag)
        if tag != "img":
            self.open.append(tag)

    def handle_endtag(self, tag: str) -> None:
        assert self.open.pop() == tag


def picture_in(html: str) -> np.ndarray:
    (data,) = re.findall(r"data:image/png;base64,([^']+)", html)
    return np.asarray(Image.open(io.BytesIO(base64.b64decode(data))))


def test_a_terminal_sees_what_must_be_known(tmp_path: Path) -> None:
    issue = Issue("patient-leakage", "warning", "official split", "2 patients are shared", "Split")
    found = patients(
        8,
        tmp_path,
        licence="CC-BY-4.0",
        label_origin="consensus",
        limitations=("one scanner",),
        issues=(issue,),
        unit="study",
        modified=True,
    )
    assert repr(found).splitlines() == [
        "Made (made) MODIFIED: not the published files",
        "  task     state, binary: ill, well",
        "  samples  8 (train 4, val 2, test 2), one per study",
        "  licence  CC-BY-4.0",
        "  labels   consensus",
        "  note     one scanner",
        "  warning  official split: 2 patients are shared",
        "  Not for clinical use.",
    ]
    bare = table([{"sample_id": "a"}], tmp_path, synthetic=True)
    assert repr(bare).splitlines() == [
        "Made (made) GENERATED: no medical data",
        "  samples  1 (no official split), one per image",
        "  licence  not stated",
        "  labels   origin not stated",
        "  Not for clinical use.",
    ]


def test_a_notebook_sees_it_with_pictures(tmp_path: Path) -> None:
    html = segmented(tmp_path)._repr_html_()
    tags = Tags(html)
    assert not tags.open
    assert {"img", "table"} <= tags.seen
    assert picture_in(html).shape == (96, 6 * 96 + 5 * 2, 3)
    assert "Not for clinical use." in html


def test_everything_is_escaped(tmp_path: Path) -> None:
    task = Task(HOSTILE, TaskKind.BINARY, (HOSTILE, "b"))
    issue = Issue("x", "warning", HOSTILE, HOSTILE, HOSTILE)
    making.picture(tmp_path / "a.png", 5)
    rows = [
        {"sample_id": "a", "media": [medium("a.png")]},
        {"sample_id": HOSTILE, "media": [medium(f"{HOSTILE.replace('/', '')}.png")]},
    ]
    found = table(
        rows,
        tmp_path,
        name=HOSTILE,
        licence=HOSTILE,
        label_origin=HOSTILE,
        limitations=(HOSTILE,),
        tasks=(task,),
        issues=(issue,),
        options={"derived_split": HOSTILE},
    )
    html = found._repr_html_()
    assert "script" not in Tags(html).seen
    assert "<script" not in html
    assert html.count("&lt;script&gt;") >= 8
    assert "alert('1')" not in html


def test_a_sample_that_cannot_be_shown_is_grey_and_said(tmp_path: Path) -> None:
    making.picture(tmp_path / "a.png", 250, shape=(96, 96))
    rows = [{"sample_id": n, "media": [medium(f"{n}.png")]} for n in ("a", "gone")]
    html = table(rows, tmp_path)._repr_html_()
    shown = picture_in(html)
    assert (shown[48, 48].tolist(), shown[48, 98 + 48].tolist()) == ([250] * 3, [200] * 3)
    assert "gone.png: No such file" in html
    nothing = table([{"sample_id": "a"}], tmp_path)
    assert "None of 1 samples can be shown" in nothing._repr_html_()
    with pytest.raises(SettingError, match=r"None of 1 samples can be shown \(a: Sample a has no"):
        nothing.montage()
    assert "0 (no official split)" in nothing[:0]._repr_html_()


def test_a_volume_is_shown_as_a_radiologist_sees_it(tmp_path: Path) -> None:
    """Bright where the patient's right and front are: top left, whatever the file's axes."""
    array = np.zeros((96, 96, 3), np.int16)
    array[80:, 80:, 1] = 1000
    nifti_writer.write(tmp_path / "ras.nii.gz", Raster(array, "XYZ", affine=np.eye(4)))
    flipped = Raster(array[::-1, ::-1], "XYZ", affine=np.diag([-1.0, -1.0, 1.0, 1.0]))
    nifti_writer.write(tmp_path / "lps.nii.gz", flipped)
    for name in ("ras", "lps"):
        row = {"sample_id": name, "media": [medium(f"{name}.nii.gz")]}
        shown = np.asarray(table([row], tmp_path).montage(1))
        assert shown.shape == (96, 96 * 2 + 2, 3)
        assert (shown[5, 5].min(), shown[90, 90].max()) == (255, 0), name


def test_montages_of_any_kind(tmp_path: Path) -> None:
    for name in ("msd_prostate", "image_masks_one_folder", "class_folders_by_patient"):
        found = fixture(name, tmp_path / name)
        assert found.montage(2, seed=1).mode == "RGB"
    make_file(tmp_path, "retinamnist")
    images = medshelf.load("retinamnist", "train", root=tmp_path, allow_modified=True)
    assert picture_in(images._repr_html_()).shape == (2 * 96 + 2, 6 * 96 + 5 * 2, 3)


def test_the_word_of_the_authors(tmp_path: Path) -> None:
    found = table([{"sample_id": "a"}], tmp_path, citation="@article{a}", licence="MIT")
    assert (found.cite(), found.licence) == ("@article{a}", "MIT")

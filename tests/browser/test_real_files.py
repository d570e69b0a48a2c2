"""Releases as they are, where they are at hand: pixels, masks, boxes, questions and reports.

Their folders are linked into the server's home. Images that are not at hand are made, so that a
table's places are seen on a picture of the true size.
"""

from __future__ import annotations

import csv
import json
import shutil
from pathlib import Path
from typing import Any

import pytest

pytest.importorskip("playwright.sync_api")

import nibabel as nib
import numpy as np
from playwright.sync_api import expect

from medshelf.imaging.overlay import colour_of
from tests.browser.conftest import Open, Site
from tests.browser.looking import canvas, colours_of, corners, goto, slice_of
from tests.conftest import shared_data_folder
from tests.explorer.pictured import save

EDGE = 1024


def real(name: str) -> Path:
    """Return a folder of real files; the test is skipped where there is none."""
    medmnist = shared_data_folder()
    if medmnist is None or not (medmnist.parent / name).is_dir():
        pytest.skip(f"There is no folder {name} beside the real MedMNIST files")
    return medmnist.parent / name


def raw(site: Site, dataset: str) -> Path:
    """Return the folder of the server's home that a dataset is read from."""
    found = site.folder / "home" / "raw" / dataset
    found.mkdir(parents=True, exist_ok=True)
    return found


def row_of(page: Any, dataset: str, sample: str) -> str:
    """Return the address of a sample that is searched by its id."""
    goto(page, f"/en/datasets/{dataset}/samples?where=sample_id+%3D+%27{sample}%27")
    found = page.locator(".tiles a").first.get_attribute("href")
    assert found
    return str(found).replace("/zh/", "/en/")


def left_posterior_superior(path: Path) -> np.ndarray:
    """Return voxels along left, posterior, superior, as nibabel turns them."""
    image = nib.load(path)
    wanted = nib.orientations.axcodes2ornt("LPS")
    change = nib.orientations.ornt_transform(nib.io_orientation(image.affine), wanted)
    return np.asarray(image.as_reoriented(change).dataobj)


def both(labels: np.ndarray, axis: int) -> int:
    """Return the slice across an axis that has most of both labels."""
    others = tuple(each for each in range(3) if each != axis)
    return int(np.minimum(*((labels == each).sum(others) for each in (1, 2))).argmax())


def test_a_hippocampus_with_its_two_labels(visit: Open, site: Site) -> None:
    task = real("msd/Task04_Hippocampus")
    shutil.copytree(task, raw(site, "msd-hippocampus") / task.name, dirs_exist_ok=True)
    page = visit("/en/datasets/msd-hippocampus/samples")
    expect(page.locator("#count")).to_contain_text("10 of 10")
    values, labels = (
        left_posterior_superior(task / folder / "hippocampus_001.nii.gz")
        for folder in ("imagesTr", "labelsTr")
    )
    low, high = float(values.min()), float(values.max())
    window = f"{(low + high) / 2},{high - low}"
    page.locator(".tiles a").first.click()
    goto(page, page.url.partition("?")[0] + f"?window={window}")
    expect(page.locator("main")).to_contain_text("Anterior")
    expect(page.locator("main")).to_contain_text("Posterior")
    turned = {
        "axial": lambda volume, k: volume[:, :, k].T,
        "coronal": lambda volume, k: volume[:, k, ::-1].T,
        "sagittal": lambda volume, k: volume[k, :, ::-1].T,
    }
    places = {axis: both(labels, 2 - number) for number, axis in enumerate(turned)}
    page.locator(".opacity").fill("100")
    for axis, k in places.items():
        truth = turned[axis](labels, k)
        page.locator(f'figure[data-axis="{axis}"] .slice').fill(f"{k}")
        found = colours_of(page, axis, k)
        for number in (1, 2):
            assert (found[truth == number] == colour_of(number - 1)).all(), axis
    page.locator(".mask-toggle").uncheck()
    for axis, k in places.items():
        expected = (turned[axis](values, k).astype(float) - low) * 255 / (high - low)
        assert np.abs(slice_of(page, axis, k) - expected).max() <= 1, axis


def test_boxes_of_the_table_on_a_chest_xray(visit: Open, site: Site) -> None:
    source, root = real("nih_chest_xray"), raw(site, "nih-chest-xray")
    for each in sorted(source.glob("*.*")):
        shutil.copy(each, root)
    boxes: dict[str, list[list[float]]] = {}
    with (source / "BBox_List_2017.csv").open(newline="") as file:
        for name, _, *numbers in list(csv.reader(file))[1:]:
            x, y, width, height = map(float, numbers[:4])
            boxes.setdefault(name, []).append([x, y, x + width, y + height])
    chosen = ("00010277_000.png", "00013118_008.png")
    for name in chosen:
        save(root / "images" / name, np.full((EDGE, EDGE), 90, np.uint8))
    page = visit("/en/about", viewport={"width": 1500, "height": 1000})
    for name in chosen:
        goto(page, row_of(page, "nih-chest-xray", name.removesuffix(".png")))
        page.locator(".zoom").select_option("1")
        edge = canvas(page).evaluate("(each) => each.getBoundingClientRect().toJSON()")
        assert (edge["width"], edge["height"]) == (EDGE, EDGE)
        drawn = [corners(each) for each in page.locator(".shapes rect").all()]
        found = sorted([x - edge["x"], y - edge["y"], *rest] for x, y, *rest in drawn)
        found = [[*each[:2], each[2] - edge["x"], each[3] - edge["y"]] for each in found]
        expected = sorted(boxes[name])
        assert len(found) == len(expected)
        assert np.abs(np.array(found) - np.array(expected)).max() <= 1, name


def test_a_question_whose_answer_is_asked_for(visit: Open, site: Site) -> None:
    source, root = real("slake"), raw(site, "slake") / "Slake1.0"
    shutil.copytree(source / "Slake1.0", root, dirs_exist_ok=True)
    first = json.loads((root / "test.json").read_text("utf-8"))[0]
    save(root / "imgs" / Path(first["img_name"]), np.full((64, 80), 150, np.uint8))
    page = visit("/en/about")
    goto(page, row_of(page, "slake", f"test/{first['qid']}"))
    expect(page.locator(".question")).to_have_text(first["question"])
    answer = page.locator("details p", has_text=first["answer"])
    expect(answer).to_be_hidden()
    page.keyboard.press("a")
    expect(answer).to_be_visible()
    assert abs(int(slice_of(page, "image", 0)[32, 40]) - 150) <= 3


def test_a_report_in_its_sections_and_no_image(visit: Open, site: Site) -> None:
    source, root = real("iu_xray"), raw(site, "iu-xray")
    for name in ("indiana_reports.csv", "indiana_projections.csv"):
        shutil.copy(source / name, root)
    with (source / "indiana_reports.csv").open(newline="") as file:
        first = next(csv.DictReader(file))
    page = visit("/en/datasets/iu-xray/samples?q=cardiac+silhouette")
    goto(page, row_of(page, "iu-xray", "1_IM-0001-4001"))
    for name in ("findings", "impression"):
        heading = page.get_by_role("heading", name=name.capitalize(), exact=True)
        expect(heading.locator("xpath=following-sibling::p[1]")).to_have_text(first[name])
    expect(page.locator(".pictures")).to_contain_text("no image")

"""Counts agree with the records, are named in both languages, and become pictures."""

from __future__ import annotations

import io
import xml.etree.ElementTree as ET

import pytest
from PIL import Image

from medshelf.api.catalog_pictures import statistics_picture
from medshelf.catalog.shelf import all_records
from medshelf.catalog.statistics import FACETS, Statistics, catalog_statistics
from medshelf.core.errors import UnknownNameError
from medshelf.report.raster import png
from tests.catalog.made import make_record

SVG = "{http://www.w3.org/2000/svg}"


@pytest.fixture(scope="module")
def counted() -> Statistics:
    return catalog_statistics(all_records())


def test_counts_add_up_to_the_records(counted: Statistics) -> None:
    records = list(all_records())
    n_phantoms = sum(each.synthetic for each in records)
    assert counted.n_phantoms == n_phantoms > 0
    assert counted.n_datasets == len(records) - n_phantoms
    for facet in ("group", "access", "year", "licence"):
        assert sum(counted.counts[facet].values()) == counted.n_datasets, facet
    with_ct = sum("ct" in each.modalities for each in records if not each.synthetic)
    assert counted.counts["modalities"]["ct"] == with_ct


def test_a_dataset_counts_once_under_each_of_its_terms() -> None:
    records = [
        make_record("a", modalities=["ct", "mri", "ct"], released="2020-05"),
        make_record("b", modalities=["mri"], released="2019"),
        make_record("c", modalities=["x-ray"], domain="synthetic"),
    ]
    counted = catalog_statistics(records)
    assert (counted.n_datasets, counted.n_phantoms) == (2, 1)
    assert counted.counts["modalities"] == {"mri": 2, "ct": 1}
    assert list(counted.counts["modalities"]) == ["mri", "ct"]
    assert counted.counts["year"] == {"2019": 1, "2020": 1}
    assert counted.counts["anatomy"] == {"unknown": 2}
    assert counted.counts["licence"] == {"unknown": 2}


def test_no_record_gives_no_counts() -> None:
    assert catalog_statistics([]) == Statistics(0, 0, {facet: {} for facet in FACETS})


def test_tables_are_named_in_both_languages(counted: Statistics) -> None:
    english, chinese = (counted.table("tasks", language) for language in ("en", "zh"))
    assert english.header == ("Task", "Number")
    assert chinese.header == ("任务", "数量")
    assert english.rows[0][0] == "Segmentation"
    assert chinese.rows[0] == ("分割", english.rows[0][1])
    assert len(english.rows) == len(chinese.rows) == len(counted.counts["tasks"])


def test_terms_of_one_name_stay_apart() -> None:
    counted = Statistics(3, 0, {"licence": {"not known": 2, "unknown": 1}})
    assert counted.named("licence", "en") == {"not known": 2, "unknown": 1}


@pytest.mark.parametrize("language", ["en", "zh"])
def test_the_picture_says_every_count_that_it_shows(counted: Statistics, language: str) -> None:
    tree = ET.fromstring(statistics_picture(counted, language))
    written = [each.text or "" for each in tree.iter(f"{SVG}text")]
    assert str(counted.counts["modalities"]["ct"]) in written
    assert {"en": "Head and neck", "zh": "头颈"}[language] in written
    assert any(str(counted.n_datasets) in each for each in written)


def test_no_text_leaves_the_picture(counted: Statistics) -> None:
    tree = ET.fromstring(statistics_picture(counted, "zh"))
    width, height = (float(tree.attrib[key]) for key in ("width", "height"))
    shift = {tree: (0.0, 0.0)}
    for parent in tree.iter():
        for child in parent:
            x, y = shift[parent]
            moved = child.get("transform", "")
            if moved.startswith("translate("):
                dx, dy = map(float, moved[10:-1].split())
                x, y = x + dx, y + dy
            shift[child] = (x, y)
            if child.tag == f"{SVG}text":
                assert 0 <= x + float(child.get("x", 0)) <= width
                assert 0 <= y + float(child.get("y", 0)) <= height


def test_the_picture_as_png_is_drawn_in_colour(counted: Statistics) -> None:
    pytest.importorskip("resvg_py")
    picture = Image.open(io.BytesIO(png(statistics_picture(counted), 1))).convert("RGB")
    tree = ET.fromstring(statistics_picture(counted))
    assert picture.size == (int(tree.attrib["width"]), int(tree.attrib["height"]))
    colours = {colour: n for n, colour in picture.getcolors(1 << 20) or []}
    assert colours[(255, 255, 255)] > colours[(0x0B, 0x5C, 0xAD)] > 5000


def test_other_languages_are_refused(counted: Statistics) -> None:
    with pytest.raises(UnknownNameError, match="Unknown language 'fr'"):
        statistics_picture(counted, "fr")

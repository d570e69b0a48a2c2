"""A schematic shows of what kind the data are, says that it is none, and is drawn by us."""

from __future__ import annotations

import hashlib
import io
import itertools
import re
import xml.etree.ElementTree as ET
from importlib.resources import files

import pytest
from PIL import Image

from medshelf.catalog.vocabulary import terms
from medshelf.core.errors import ReportError
from medshelf.report.charts.labels import text_width
from medshelf.report.raster import png
from medshelf.report.schematic import HEIGHT, WIDTH, schematic

SVG = "{http://www.w3.org/2000/svg}"
MARKS = ("Schematic, not data", "示意图，非真实数据")  # noqa: RUF001
GLYPHS = sorted(files("medshelf.report").joinpath("glyphs").iterdir(), key=lambda each: each.name)


def drawn(*facts: list[str]) -> ET.Element:
    dimensions, modalities, tasks = facts
    return ET.fromstring(schematic(dimensions, modalities, tasks, mark=MARKS[0]))


def n_frames(picture: ET.Element) -> int:
    return sum("data-finding" in each.attrib for each in picture.iter(f"{SVG}svg"))


def colours(picture: ET.Element) -> set[str]:
    return {each.get("stroke", "") for each in picture.iter()} | {
        each.get("fill", "") for each in picture.iter()
    }


@pytest.mark.parametrize("mark", MARKS)
def test_it_says_in_words_that_it_is_no_data(mark: str) -> None:
    picture = ET.fromstring(schematic(["2D"], ["ct"], ["segmentation"], mark=mark))
    assert [each.text for each in picture.iter(f"{SVG}text")] == [mark]
    assert picture.findtext(f"{SVG}title") == mark
    assert text_width(mark) < WIDTH


def test_every_term_of_the_catalog_can_be_drawn() -> None:
    dimensions, modalities, tasks = (
        list(terms(name)) for name in ("dimensions", "modalities", "tasks")
    )
    for facts in itertools.chain(
        ((each, "ct", "classification") for each in dimensions),
        (("2D", each, "segmentation") for each in modalities),
        (("2D", "mri", each) for each in tasks),
    ):
        picture = drawn(*([each] for each in facts))
        assert (picture.get("width"), picture.get("height")) == (str(WIDTH), str(HEIGHT)), facts


def test_modalities_look_different() -> None:
    looks = {
        hashlib.sha256(ET.tostring(drawn(["2D"], [each], []))).digest()
        for each in ("ct", "mri", "x-ray", "fundus", "histopathology", "ultrasound", "endoscopy")
    }
    assert len(looks) == 7


def test_the_first_modality_with_a_picture_of_its_own_counts() -> None:
    assert schematic(["2D"], ["no-such", "mri"], [], mark="x") == schematic(
        ["2D"], ["mri"], [], mark="x"
    )


def test_media_are_laid_out_each_in_its_way() -> None:
    assert n_frames(drawn(["2D"], ["ct"], [])) == 1
    assert n_frames(drawn(["video"], ["endoscopy"], [])) == 3
    assert n_frames(drawn(["text"], ["text"], ["dialogue"])) == 0
    flat, deep = (len(list(drawn([each], ["ct"], []).iter())) for each in ("2D", "3D"))
    assert deep == flat + 4
    assert len(list(drawn(["4D"], ["ct"], []).iter())) > deep


def test_what_was_marked_is_marked() -> None:
    mask, box, point = "#12c2b0", "#ffb52e", "#ff4f87"
    assert mask in colours(drawn(["2D"], ["ct"], ["segmentation"]))
    assert box in colours(drawn(["2D"], ["ct"], ["detection"]))
    assert point in colours(drawn(["2D"], ["ct"], ["keypoints"]))
    assert not {mask, box, point} & colours(drawn(["2D"], ["ct"], ["regression"]))


def test_the_same_facts_give_the_same_bytes() -> None:
    one, other = (
        schematic(["3D", "text"], ["ct", "mri"], tasks, mark="x")
        for tasks in (["detection", "vqa"], {"vqa", "detection"})
    )
    assert one == other


def test_marks_that_are_no_text_stay_text() -> None:
    mark = '</text><script>alert(1)</script>"&\x00'
    picture = ET.fromstring(schematic(["2D"], ["ct"], [], mark=mark))
    assert not list(picture.iter(f"{SVG}script"))
    assert [each.text for each in picture.iter(f"{SVG}text")] == [mark.replace("\0", "\ufffd")]


def test_no_mark_is_refused() -> None:
    with pytest.raises(ReportError, match="has no mark"):
        schematic(["2D"], ["ct"], [], mark=" ")


@pytest.mark.parametrize("glyph", GLYPHS, ids=lambda each: each.name)
def test_glyphs_are_drawings_of_lines_and_areas_only(glyph: object) -> None:
    text = glyph.read_text("utf-8")  # type: ignore[attr-defined]
    picture = ET.fromstring(text)
    assert picture.get("viewBox") == "0 0 100 100"
    x, y, rx, ry = map(float, picture.attrib["data-finding"].split())
    assert 0 <= x - rx < x + rx <= 100
    assert 0 <= y - ry < y + ry <= 100
    tags = {each.tag.removeprefix(SVG) for each in picture.iter()}
    assert tags <= {"svg", "g", "path", "rect", "circle", "ellipse", "line", "polygon", "polyline"}
    assert not re.search(r"href|url\(|data:|style=|\bon\w+=", text)


def test_a_schematic_is_seen_on_any_ground() -> None:
    pytest.importorskip("resvg_py")
    content = png(schematic(["2D"], ["ct"], ["segmentation"], mark=MARKS[1]), 1)
    picture = Image.open(io.BytesIO(content)).convert("RGBA")
    assert picture.size == (WIDTH, HEIGHT)
    inner = picture.crop((6, 6, WIDTH - 6, HEIGHT - 6))
    assert inner.getchannel("A").getextrema() == (255, 255)
    assert len(inner.getcolors(1 << 17) or []) > 10

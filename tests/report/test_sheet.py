"""Several charts in one file: none over another, none cut off; and as PNG."""

from __future__ import annotations

import io
import re
import sys
import xml.etree.ElementTree as ET

import pytest
from PIL import Image

from medshelf.core.errors import MissingExtraError, ReportError
from medshelf.report.charts.bars import bar_chart
from medshelf.report.charts.svg import Chart
from medshelf.report.raster import png
from medshelf.report.sheet import sheet

SVG = "{http://www.w3.org/2000/svg}"


def bars(n: int) -> Chart:
    names = [f"name {number}" for number in range(n)]
    return bar_chart(f"{n} <bars>", names, {"count": list(range(n))})


def boxes(text: str) -> list[tuple[float, float, float, float]]:
    """Left, top, right and bottom of each chart with its title."""
    found = []
    for group in ET.fromstring(text).findall(f"{SVG}g"):
        left, top = map(float, re.findall(r"[\d.]+", group.attrib["transform"]))
        inner = next(group.iter(f"{SVG}svg"))
        width, height = (float(inner.attrib[key]) for key in ("width", "height"))
        found.append((left, top, left + width, top + 30 + height))
    return found


@pytest.mark.parametrize(("heights", "columns"), [((3,), 3), ((9, 2, 4, 1, 7), 3), ((2, 5), 1)])
def test_charts_do_not_overlap_and_lie_inside(heights: tuple[int, ...], columns: int) -> None:
    text = sheet("Title", [bars(each) for each in heights], columns=columns)
    root = ET.fromstring(text)
    found = boxes(text)
    assert len(found) == len(heights)
    assert len({each[0] for each in found}) == min(columns, len(heights))
    for place, (left, top, right, bottom) in enumerate(found):
        assert 0 < left < right < float(root.attrib["width"])
        assert 0 < top < bottom < float(root.attrib["height"])
        for other in found[:place]:
            assert left >= other[2] or right <= other[0] or top >= other[3] or bottom <= other[1]


def test_titles_and_note_are_written_as_text() -> None:
    root = ET.fromstring(sheet("A & B", [bars(2)], note="<note>"))
    written = [each.text for each in root.iter(f"{SVG}text")]
    assert written[:3] == ["A & B", "<note>", "2 <bars>"]
    assert root.findtext(f"{SVG}title") == "A & B"


def test_colours_follow_the_theme() -> None:
    assert "prefers-color-scheme: dark" in sheet("A", [bars(2)])


@pytest.mark.parametrize(("charts", "columns"), [([], 3), ([bars(1)], 0)])
def test_a_sheet_of_nothing_is_refused(charts: list[Chart], columns: int) -> None:
    with pytest.raises(ReportError, match="A sheet of no charts"):
        sheet("A", charts, columns=columns)


def test_png_has_the_colours_of_the_light_theme() -> None:
    pytest.importorskip("resvg_py")
    text = sheet("A", [bar_chart("B", ["x", "y"], {"one": [1, 2], "two": [2, 1]})])
    picture = Image.open(io.BytesIO(png(text))).convert("RGB")
    root = ET.fromstring(text)
    assert picture.size == (2 * int(root.attrib["width"]), 2 * int(root.attrib["height"]))
    found = {colour for _, colour in picture.getcolors(1 << 20) or []}
    assert {(255, 255, 255), (0x0B, 0x5C, 0xAD), (0xC4, 0x50, 0x0A), (0x1A, 0x22, 0x30)} <= found


@pytest.mark.parametrize("text", ["", "no picture", "<svg", "<html/>"])
def test_what_is_no_svg_is_refused(text: str) -> None:
    pytest.importorskip("resvg_py")
    with pytest.raises(ReportError, match="cannot be drawn"):
        png(text)


def test_a_missing_package_is_named(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setitem(sys.modules, "resvg_py", None)
    with pytest.raises(MissingExtraError, match="resvg-py"):
        png("<svg/>")

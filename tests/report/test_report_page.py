"""A page is one closed, safe, well-formed file."""

from __future__ import annotations

import base64
import io
import json
import math
import re
import xml.etree.ElementTree as ET
from html.parser import HTMLParser
from pathlib import Path

import numpy as np
import pytest
from PIL import Image

from medshelf import __version__
from medshelf.core.errors import ReportError, StorageError
from medshelf.report.charts.bars import bar_chart
from medshelf.report.charts.heatmap import Names, heat_map
from medshelf.report.charts.intervals import Estimate, interval_chart
from medshelf.report.charts.lines import Mark, Series, line_chart
from medshelf.report.charts.scale import Axis
from medshelf.report.page import Card, Link, Page, Picture, Table

VOID = {"meta", "img", "br", "hr", "link", "input"}
NASTY = "<script>alert('1')</script>\"&\x00\x1b"


class Reader(HTMLParser):
    """Collects elements and text, and insists that tags are balanced."""

    def __init__(self, text: str) -> None:
        super().__init__()
        self.open: list[str] = []
        self.elements: list[tuple[str, dict[str, str | None]]] = []
        self.texts: list[str] = []
        self.feed(text)
        self.close()
        assert not self.open

    def handle_starttag(self, tag: str, attrs: list[tuple[str, str | None]]) -> None:
        self.elements.append((tag, dict(attrs)))
        if tag not in VOID:
            self.open.append(tag)

    def handle_startendtag(self, tag: str, attrs: list[tuple[str, str | None]]) -> None:
        self.elements.append((tag, dict(attrs)))

    def handle_endtag(self, tag: str) -> None:
        assert self.open.pop() == tag

    def handle_data(self, data: str) -> None:
        if self.open and self.open[-1] != "style":
            self.texts.append(data)

    def all(self, tag: str) -> list[dict[str, str | None]]:
        return [attributes for name, attributes in self.elements if name == tag]


def png_bytes(width: int = 28, height: int = 14) -> bytes:
    file = io.BytesIO()
    grey = np.arange(width * height, dtype=np.uint8).reshape(height, width)
    Image.fromarray(grey).save(file, "PNG")
    return file.getvalue()


def full_page(word: str, lang: str = "en") -> Page:
    """Every kind of block and chart, with `word` wherever text may stand."""
    axis = Axis(word)
    page = Page(word, word, lang=lang)
    page.notice(word, word, "warning")
    page.cards([Card(word, word, word)])
    for _ in range(3):
        page.heading(word, word)
    page.subheading(word)
    page.paragraph(word)
    page.table(
        Table([word, "n"], [[word, 1], [Link(word, "https://example.org/?a=1&b=<"), None]], word)
    )
    page.charts(
        line_chart(
            word, [Series(word, [0, 1], [0, 1])], axis, axis, diagonal=word, mark=Mark(word, 1)
        ),
        line_chart(word, [], axis, axis, mark=Mark(word, 1, 1)),
        bar_chart(word, [word], {word: [1], "b": [2]}),
        heat_map(word, np.ones((1, 1)), Names(word, (word,)), Names(word, (word,))),
        interval_chart(word, [Estimate(word, 1, note=word), Estimate(word, 1, kind="floor")], axis),
        caption=word,
    )
    page.picture(Picture(png_bytes(), word, word))
    page.details(word, word)
    return page


def test_tags_are_balanced_and_ids_unique() -> None:
    reader = Reader(full_page("plain").html())
    ids = [attributes["id"] for _, attributes in reader.elements if "id" in attributes]
    assert ids == ["section-1", "section-2", "section-3"]
    anchors = [each["href"] for each in reader.all("a")]
    assert anchors[:3] == [f"#{each}" for each in ids]


def test_no_text_becomes_markup() -> None:
    html = full_page(NASTY).html()
    reader = Reader(html)
    assert "script" not in {tag for tag, _ in reader.elements}
    assert "<script" not in html
    assert "\x00" not in html
    assert "\x1b" not in html
    assert not [
        name for _, attributes in reader.elements for name in attributes if name[:2] == "on"
    ]
    assert {tag for tag, _ in reader.elements} == {
        tag for tag, _ in Reader(full_page("plain").html()).elements
    }
    shown = NASTY.replace("\x00", "\ufffd").replace("\x1b", "\ufffd")
    assert reader.texts.count(shown) > 20


def test_charts_of_hostile_texts_are_still_xml() -> None:
    html = full_page(NASTY).html()
    drawings = re.findall(r"<svg .*?</svg>", html, re.DOTALL)
    assert len(drawings) == 5
    for drawing in drawings:
        tree = ET.fromstring(drawing)
        assert tree.get("aria-label") == NASTY.replace("\x00", "\ufffd").replace("\x1b", "\ufffd")


def test_a_language_cannot_break_out_of_its_attribute() -> None:
    reader = Reader(Page("x", lang='en"><script>').html())
    assert reader.all("html") == [{"lang": 'en"><script>'}]
    assert not reader.all("script")


def test_nothing_is_fetched_and_nothing_runs() -> None:
    html = full_page("plain").html()
    reader = Reader(html)
    for tag, attributes in reader.elements:
        for name in ("src", "href", "xlink:href", "srcset", "data", "action", "poster"):
            value = attributes.get(name)
            if value is not None and tag != "a":
                assert value.startswith("data:image/png;base64,"), (tag, name)
    css = html[html.index("<style>") : html.index("</style>")]
    assert "url(" not in css
    assert "@import" not in css
    tags = {tag for tag, _ in reader.elements}
    assert not tags & {
        "script",
        "link",
        "iframe",
        "object",
        "embed",
        "form",
        "base",
        "foreignobject",
    }


def test_the_policy_forbids_all_but_style_and_data_images() -> None:
    head = Reader(Page("x").html()).all("meta")
    (policy,) = [each["content"] for each in head if "http-equiv" in each]
    assert policy == (
        "default-src 'none'; style-src 'unsafe-inline'; img-src data:; base-uri 'none'; "
        "form-action 'none'"
    )


def test_the_same_input_gives_the_same_bytes() -> None:
    assert full_page("plain").html() == full_page("plain").html()


def test_a_page_states_its_language_version_and_limits() -> None:
    reader = Reader(Page("BreastMNIST", "Three seeds", lang="en").html())
    said = "".join(reader.texts)
    assert "Not for clinical use." in said
    assert f"medshelf {__version__}." in said
    assert reader.all("html") == [{"lang": "en"}]
    assert said.count("BreastMNIST") == 2
    chinese = Page("乳腺超声", lang="zh-Hans").html()
    assert "不得用于临床。" in chinese
    assert "乳腺超声" in chinese


def test_contents_are_listed_from_three_sections_on() -> None:
    page = Page("x")
    page.heading("One")
    page.heading("Two")
    assert not Reader(page.html()).all("nav")
    page.heading("Three")
    assert len(Reader(page.html()).all("nav")) == 1


def test_charts_have_a_name_and_a_description() -> None:
    reader = Reader(full_page("plain").html())
    charts = reader.all("svg")
    assert len(charts) == 5
    assert all(each["role"] == "img" and each["aria-label"] == "plain" for each in charts)
    assert len(reader.all("desc")) == 5


def test_a_picture_travels_unchanged_and_is_sized() -> None:
    png = png_bytes(28, 14)
    page = Page("x")
    page.picture(Picture(png, "two eyes", zoom=4, pixelated=True))
    (image,) = Reader(page.html()).all("img")
    source = image["src"] or ""
    assert base64.b64decode(source.removeprefix("data:image/png;base64,")) == png
    assert (image["width"], image["height"], image["alt"]) == ("112", "56", "two eyes")
    assert image["class"] == "pixelated"


@pytest.mark.parametrize("data", [b"", b"\xff\xd8\xff\xe0 JPEG", png_bytes()[:9]])
def test_what_is_no_png_is_refused(data: bytes) -> None:
    with pytest.raises(ReportError, match="The picture 'eye' is no PNG"):
        Picture(data, "eye")


def test_table_cells_are_aligned_and_written_by_kind() -> None:
    table = Table(
        ["class", "n", "AUC", "interval"],
        [
            ["a", 12_345, np.float32(0.87412), "[0.82, 0.92]"],
            ["b", np.int64(7), math.nan, None],
        ],
        numeric={3},
        emphasised=1,
    )
    page = Page("x")
    page.table(table)
    reader = Reader(page.html())
    said = [text.strip() for text in reader.texts if text.strip()]
    start = said.index("class")
    assert said[start : start + 12] == [
        *("class", "n", "AUC", "interval"),
        *("a", "12,345", "0.874", "[0.82, 0.92]"),
        *("b", "7", "–", "–"),  # noqa: RUF001
    ]
    assert [each.get("class") for each in reader.all("td")] == ["number"] * 6
    assert [each.get("scope") for each in reader.all("th")] == ["col"] * 4 + ["row"] * 2
    assert [each.get("class") for each in reader.all("tr")] == [None, None, "emphasised"]


def test_text_columns_stay_left_and_pairs_have_no_head() -> None:
    page = Page("x")
    page.table(Table([], [["Dataset", "breastmnist"], ["Seeds", 3]]))
    reader = Reader(page.html())
    assert not reader.all("thead")
    assert all("class" not in each for each in reader.all("td"))


def test_an_empty_table_has_a_head_only() -> None:
    page = Page("x")
    page.table(Table(["a", "b"], []))
    reader = Reader(page.html())
    assert len(reader.all("th")) == 2
    assert not reader.all("td")


def test_a_ragged_table_is_refused() -> None:
    with pytest.raises(ReportError, match="Row 1 of the table has 1 cells, not 2"):
        Table(["a", "b"], [[1, 2], [3]])


@pytest.mark.parametrize(
    "url", ["javascript:alert(1)", "data:text/html,x", "file:///x", " https://x"]
)
def test_links_lead_to_the_web_only(url: str) -> None:
    with pytest.raises(ReportError, match="Use an http or https address"):
        Link("x", url)


def test_an_unknown_notice_is_refused() -> None:
    with pytest.raises(ReportError, match="Unknown kind of notice 'danger'"):
        Page("x").notice("x", kind="danger")  # type: ignore[arg-type]


def test_details_keep_their_lines() -> None:
    text = json.dumps({"seeds": [0, 1], "note": "<&>"}, indent=2)
    page = Page("x")
    page.details("run.json", text)
    assert text in "".join(Reader(page.html()).texts)


def test_a_page_is_written_whole_or_not_at_all(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    target = tmp_path / "run" / "report.html"
    Page("First", lang="zh").write(target)
    assert target.read_text(encoding="utf-8") == Page("First", lang="zh").html()

    def full(*_: object, **__: object) -> None:
        raise OSError(28, "No space left on device")

    monkeypatch.setattr(Path, "write_text", full)
    with pytest.raises(StorageError):
        Page("Second").write(target)
    assert "<title>First</title>" in target.read_bytes().decode()
    assert [each.name for each in target.parent.iterdir()] == ["report.html"]


def test_every_class_of_a_chart_is_known_to_the_style_sheet() -> None:
    html = full_page("plain").html()
    css = html[html.index("<style>") : html.index("</style>")]
    used = {
        each
        for tag, attributes in Reader(html).elements
        for each in (attributes.get("class") or "").split()
    }
    known = set(re.findall(r"\.([a-z][a-z0-9-]*)", css))
    assert used - known <= {"name", "d0", "charts"}

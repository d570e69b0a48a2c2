"""A printed page is complete, and holds nothing that only a screen needs."""

from __future__ import annotations

import io
import re
import unicodedata
from typing import Any

import pytest

pytest.importorskip("playwright.sync_api")
pytest.importorskip("pypdf")

import pypdf
from playwright.sync_api import expect

from medshelf.explorer.language import strings
from tests.browser.conftest import Open
from tests.browser.looking import TILES

_CONTROLS = ("site.skip", "site.theme", "site.keys", "site.json", "samples.apply", "sample.zoom")
_TEXTS = """() => [...document.querySelectorAll("main :is(h1, h2, h3, p, td, th, dt, dd, li, pre)")]
  .filter((each) => each.checkVisibility({ contentVisibilityAuto: true }))
  .map((each) => each.innerText)"""


def letters(text: str) -> str:
    """Return a text without what a line break on paper changes."""
    return re.sub(r"[\s\u00ad\u2013▲▼●■-]", "", unicodedata.normalize("NFKC", text))


def printed(page: Any) -> str:
    """Return what is on the paper; nothing may lie beside it."""
    document = pypdf.PdfReader(io.BytesIO(page.pdf(format="A4", margin={"left": "1cm"})))
    found = []
    for sheet in document.pages:
        width = float(sheet.mediabox.width)

        def read(text: str, matrix: Any, place: Any, *_: Any, width: float = width) -> None:
            x = matrix[0] * place[4] + matrix[4]
            assert not text.strip() or 0 <= x < width, text

        found.append(sheet.extract_text(visitor_text=read))
    return letters("".join(found))


@pytest.mark.parametrize(
    "address", ["/datasets/breastmnist", "/datasets/breastmnist/leaderboard", f"{TILES}/0"]
)
def test_a_printed_page_is_complete(visit: Open, address: str) -> None:
    page = visit(f"/en{address}")
    page.emulate_media(color_scheme="dark")
    expect(page.locator("h1")).to_be_visible()
    on_screen = [
        each for each in page.locator("table tbody tr").all_text_contents() if each.strip()
    ]
    page.emulate_media(media="print")
    wanted = page.evaluate(_TEXTS)
    paper = printed(page)
    missing = [each for each in wanted if letters(each) not in paper]
    assert missing == []
    rows = [row for row in on_screen if not all(letters(each) in paper for each in row.split("\n"))]
    assert rows == []
    for name in _CONTROLS:
        assert letters(strings()[name]["en"]) not in paper, name
    expect(page.locator("header")).to_be_hidden()
    for control in page.locator("button, input, select").all():
        expect(control).to_be_hidden()
    ground = page.evaluate("getComputedStyle(document.body).backgroundColor")
    assert ground == "rgb(255, 255, 255)"

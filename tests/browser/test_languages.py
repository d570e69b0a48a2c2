"""Every page in English and Chinese, without an error."""

from __future__ import annotations

import re
import shutil
import subprocess

import pytest

pytest.importorskip("playwright.sync_api")

from playwright.sync_api import expect

from medshelf.explorer.language import strings
from tests.browser.conftest import Open
from tests.browser.looking import PAGES, goto


def words_of_one_language(language: str) -> set[str]:
    """Return texts of the interface that the other language does not have."""
    other = {"en": "zh", "zh": "en"}[language]
    found = set()
    for texts in strings().values():
        here, there = texts[language], texts[other]
        if isinstance(here, str) and here != there and "{" not in here and len(here) > 3:
            found.add(here)
    return found


def test_every_page_in_both_languages_without_an_error(visit: Open) -> None:
    """The fixture `watched` adds: no request elsewhere, no console error, no violation of CSP."""
    # The link to the other language is named in that language.
    english = words_of_one_language("en") - {strings()["site.language"]["zh"]}
    page = visit("/en/about")
    for address in PAGES:
        goto(page, f"/en{address}")
        state = page.url.partition("/en")[2]
        expect(page.locator("html")).to_have_attribute("lang", "en")
        expect(page.locator("h1")).to_have_count(1)
        assert page.evaluate("document.documentElement.scrollWidth - innerWidth") <= 0, address
        page.locator("#elsewhere").click()
        page.wait_for_url(re.compile("/zh"))
        assert page.url.partition("/zh")[2] == state
        expect(page.locator("html")).to_have_attribute("lang", "zh-Hans")
        lines = {line.strip() for line in page.locator("body").inner_text().splitlines()}
        assert lines & english == set(), address


def test_chinese_is_drawn_and_not_as_boxes(visit: Open) -> None:
    fonts = shutil.which("fc-list")
    if (
        fonts is None
        or not subprocess.run([fonts, ":lang=zh-cn"], capture_output=True, check=True).stdout
    ):
        pytest.skip("This machine has no Chinese font")
    page = visit("/zh/about")
    drawn = page.locator("h1").evaluate(
        """(title) => [...'乳腺影像肺\uffff'].map((letter) => {
          const canvas = new OffscreenCanvas(40, 40);
          const context = canvas.getContext("2d");
          context.font = "32px " + getComputedStyle(title).fontFamily;
          context.fillText(letter, 2, 32);
          return [...context.getImageData(0, 0, 40, 40).data].join();
        })"""
    )
    assert len(set(drawn)) == len(drawn)

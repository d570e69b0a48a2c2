"""The keyboard alone is enough, and it is never lost."""

from __future__ import annotations

import re
from typing import Any

import pytest

pytest.importorskip("playwright.sync_api")

from playwright.sync_api import expect

from tests.browser.conftest import Open
from tests.browser.looking import TILES, goto


def test_a_journey_by_keys_alone(visit: Open) -> None:
    page = visit(f"/en{TILES}")

    def press(key: str) -> None:
        page.wait_for_load_state("load")  # a page that is still on its way hears no key
        page.keyboard.press(key)

    press("Tab")
    expect(page.locator(".skip")).to_be_focused()
    press("g")
    page.wait_for_url(re.compile("layout=table"))
    press("g")
    expect(page.locator(".tiles")).to_be_visible()
    press("n")
    expect(page.locator('[aria-current="page"]')).to_have_text("2")
    first = page.locator(".tiles a").first
    first.focus()
    press("Enter")
    expect(page.locator("h1")).to_have_text("t0060")
    press("j")
    expect(page.locator("h1")).to_have_text("t0061")
    press("k")
    expect(page.locator("h1")).to_have_text("t0060")
    press("?")
    expect(page.locator("#keys")).to_be_visible()
    press("Escape")
    expect(page.locator("#keys")).to_be_hidden()
    press("Escape")
    page.wait_for_url(re.compile(r"samples\?.*page=2"))
    press("l")
    expect(page.locator("html")).to_have_attribute("lang", "zh-Hans")


def test_live_search_keeps_the_keyboard(visit: Open) -> None:
    page = visit(f"/en{TILES}")
    if not page.locator('script[src*="htmx"]').count():
        pytest.skip("htmx is not installed: medshelf serve --fetch-assets")
    page.locator("#q").press_sequentially("t000")
    expect(page.locator("#count")).to_contain_text("10 of 600")
    expect(page.locator("#q")).to_be_focused()
    expect(page.locator("#announcement")).to_contain_text("10 of 600")
    expect(page).to_have_url(re.compile("q=t000"))


def tab_to(page: Any, target: Any) -> None:
    """Press Tab until an element has the focus."""
    page.wait_for_load_state("load")
    for _ in range(150):
        page.keyboard.press("Tab")
        if target.evaluate("(each) => each === document.activeElement"):
            return
    raise AssertionError(f"Tab does not reach {target}")


def test_from_the_catalog_to_a_sample_without_a_mouse(visit: Open) -> None:
    page = visit("/en/")
    page.keyboard.press("/")
    expect(page.locator("#q")).to_be_focused()
    page.keyboard.type("breast ultrasound")
    page.keyboard.press("Enter")
    page.wait_for_url(re.compile("q=breast"))
    card = page.get_by_role("link", name="BreastMNIST", exact=True)
    tab_to(page, card)
    page.keyboard.press("Enter")
    expect(page.locator("h1")).to_contain_text("BreastMNIST")
    page.go_back()
    page.wait_for_url(re.compile("q=breast"))
    expect(page.locator("#q")).to_have_value("breast ultrasound")
    goto(page, "/en/")
    tab_to(page, page.get_by_role("link", name="tiles", exact=True))
    page.keyboard.press("Enter")
    facet = page.locator(".facets a", has_text="malignant")
    tab_to(page, facet)
    page.keyboard.press("Enter")
    expect(page.locator("#count")).to_contain_text("300 of 600")
    tile = page.locator(".tiles a", has_text="t0001")
    tab_to(page, tile)
    page.keyboard.press("Enter")
    expect(page.locator("h1")).to_have_text("t0001")
    page.wait_for_load_state("load")
    page.keyboard.press("Escape")
    expect(page.locator("#count")).to_contain_text("300 of 600")


def test_the_keyboard_stays_where_it_was(visit: Open) -> None:
    """After what htmx swaps and after a page that a link of a list leads to."""
    page = visit(f"/en{TILES}")

    def press(target: Any, key: str, where: str) -> None:
        page.wait_for_load_state("load")
        target.focus()
        page.keyboard.press(key)
        page.wait_for_url(re.compile(where))
        page.wait_for_load_state("load")
        expect(target).to_be_focused()

    if page.locator('script[src*="htmx"]').count():
        press(page.locator("#sort"), "ArrowDown", "sort=age_years")
    press(page.locator(".facets a", has_text="malignant"), "Enter", "label=malignant")
    press(page.locator(".facets a", has_text="test"), "Enter", "split=test")
    press(page.locator(".facets a", has_text="malignant"), "Enter", "samples[?](?!.*label)")
    press(page.locator('a[rel="next"]'), "Enter", "page=2")
    press(page.locator('a[rel="next"]'), "Enter", "page=3")
    goto(page, "/en/")
    press(page.locator(".facets").get_by_role("link", name="Chest").first, "Enter", "group=chest")

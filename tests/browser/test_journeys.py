"""Journeys: there and back, with everything as it was."""

from __future__ import annotations

import re

import pytest

pytest.importorskip("playwright.sync_api")

from playwright.sync_api import expect

from tests.browser.conftest import Open
from tests.browser.looking import TILES
from tests.conftest import shared_data_folder


def test_back_leads_to_the_same_choice_at_the_same_place(visit: Open) -> None:
    page = visit(f"/en{TILES}", viewport={"width": 1200, "height": 700})
    page.get_by_role("link", name=re.compile("^malignant")).first.click()
    expect(page.locator("#count")).to_contain_text("300 of 600")
    page.locator('a[rel="next"]').click()
    expect(page.locator('[aria-current="page"]')).to_have_text("2")
    chosen = page.url
    tile = page.locator(".tiles a", has_text="t0201")
    tile.scroll_into_view_if_needed()
    place = page.evaluate("scrollY")
    assert place > 0
    tile.click()
    expect(page.locator("h1")).to_have_text("t0201")
    expect(page.locator("figure[data-ready]")).to_be_visible()
    page.locator('a[rel="next"]').click()
    expect(page.locator("h1")).to_have_text("t0203")
    page.go_back()
    expect(page.locator("h1")).to_have_text("t0201")
    page.go_back()
    page.wait_for_url(chosen)
    expect(page.locator("#count")).to_contain_text("300 of 600")
    expect(page.locator(".tiles a", has_text="t0201")).to_be_in_viewport()
    assert abs(page.evaluate("scrollY") - place) <= 2


def test_from_the_catalog_to_a_card_in_chinese(visit: Open) -> None:
    page = visit("/zh/")
    page.locator('input[type="search"]').fill("乳腺 超声")
    page.wait_for_url(re.compile("q="))
    link = page.locator('main a[href*="/datasets/breastmnist"]').first
    link.click()
    expect(page.locator("h1")).to_contain_text("BreastMNIST")
    page.go_back()
    expect(page.locator('input[type="search"]')).to_have_value("乳腺 超声")
    expect(page.locator('main a[href*="/datasets/breastmnist"]').first).to_be_visible()


def test_a_real_dataset_from_card_to_pixels(visit: Open) -> None:
    folder = shared_data_folder()
    if folder is None or not (folder / "breastmnist.npz").is_file():
        pytest.skip("MEDSHELF_DATA has no breastmnist.npz")
    page = visit("/en/datasets/breastmnist/samples?split=test")
    expect(page.locator("#count")).to_contain_text("156 of 780")
    page.locator(".tiles a").first.click()
    expect(page.locator("figure[data-ready]")).to_be_visible()

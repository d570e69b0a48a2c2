"""Pages work without scripts."""

from __future__ import annotations

from typing import Any

import pytest

pytest.importorskip("playwright.sync_api")

from playwright.sync_api import expect

from tests.browser.conftest import Open
from tests.browser.looking import TILES, goto


def test_pages_work_without_scripts(visit: Open) -> None:
    page = visit(f"/en{TILES}", java_script_enabled=False)
    page.locator("#q").fill("t0003")
    page.locator("form.toolbar button").first.click()
    expect(page.locator("#count")).to_contain_text("1 of 600")
    expect(page.locator(".tiles li")).to_have_count(1)
    goto(page, f"/en{TILES}")
    page.locator('a[rel="next"]').click()
    expect(page.locator('[aria-current="page"]')).to_have_text("2")
    page.locator(".tiles a").first.click()
    expect(page.locator("h1")).to_have_text("t0060")
    goto(page, "/en/manifests/scans/samples/0")
    pictures = page.locator(".plane img")
    expect(pictures).to_have_count(3)
    for number in range(3):
        box = pictures.nth(number).bounding_box()
        assert box["width"] > 100
        assert httpx_like(page, pictures.nth(number).get_attribute("src")) == 200
    expect(page.locator(".slice").first).to_be_hidden()


def httpx_like(page: Any, address: str) -> int:
    status: int = page.request.get(address).status
    return status

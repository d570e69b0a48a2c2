"""Nothing is cut off at 200 % zoom, or with letters of twice the size."""

from __future__ import annotations

import pytest

pytest.importorskip("playwright.sync_api")

from playwright.sync_api import expect

from tests.browser.conftest import Open
from tests.browser.looking import PAGES, SCANS, goto, nothing_is_cut

_LARGER = """() => {
  const sizes = [...document.body.querySelectorAll("*")].map((each) => {
    const { fontSize, lineHeight } = getComputedStyle(each);
    return [each, fontSize, lineHeight];
  });
  for (const [each, size, height] of sizes) {
    each.style.fontSize = `${2 * parseFloat(size)}px`;
    if (height.endsWith("px")) each.style.lineHeight = `${2 * parseFloat(height)}px`;
  }
}"""


def test_nothing_is_cut_at_200_percent(visit: Open) -> None:
    """A window of 1280 pixels is 640 CSS pixels wide, each of which has two; then the letters."""
    page = visit("/en/about", device_scale_factor=2)
    for address in PAGES:
        page.set_viewport_size({"width": 640, "height": 450})
        goto(page, f"/en{address}")
        expect(page.locator("h1")).to_be_visible()
        nothing_is_cut(page, address)
        page.set_viewport_size({"width": 1280, "height": 900})
        page.evaluate(_LARGER)
        nothing_is_cut(page, address)


@pytest.mark.parametrize("row", [0, 3])
def test_pictures_fit_a_telephone(visit: Open, row: int) -> None:
    page = visit(f"/en{SCANS}/{row}", viewport={"width": 360, "height": 800})
    expect(page.locator("figure[data-ready] canvas")).to_have_count(3)
    for picture in page.locator("figure canvas").all():
        box = picture.bounding_box()
        assert box["x"] >= 0
        assert box["x"] + box["width"] <= 360

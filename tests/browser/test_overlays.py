"""Boxes and masks lie where they belong, on every zoom and screen."""

from __future__ import annotations

import pytest

pytest.importorskip("playwright.sync_api")

from playwright.sync_api import expect

from medshelf.imaging.overlay import colour_of
from tests.browser.conftest import Open
from tests.browser.looking import TILES, canvas, corners, pixel


@pytest.mark.parametrize("ratio", [1, 2])
def test_boxes_and_masks_lie_where_they_belong(visit: Open, ratio: int) -> None:
    options = {"device_scale_factor": ratio} if ratio > 1 else {}
    page = visit(f"/en{TILES}/0", viewport={"width": 1500, "height": 900}, **options)
    picture = canvas(page)
    truth = {"R1": (20, 30, 80, 90), "R2": (160, 40, 260, 180)}
    for zoom, scale in (("0", 512 / 300), ("1", 1), ("2", 2)):
        page.locator(".zoom").select_option(zoom)
        edge = picture.evaluate("(each) => each.getBoundingClientRect().toJSON()")
        assert (edge["width"], edge["height"]) == pytest.approx((300 * scale, 200 * scale), abs=1)
        for annotator, box in truth.items():
            drawn = page.locator(f'.shapes g[data-annotator="{annotator}"] rect')
            found = corners(drawn)
            expected = [
                edge["x"] + scale * box[0],
                edge["y"] + scale * box[1],
                edge["x"] + scale * box[2],
                edge["y"] + scale * box[3],
            ]
            assert found == pytest.approx(expected, abs=1), (zoom, annotator)
    # The mask: outline in full colour, inside mixed, gone when it is not wanted.
    outline, inside = (40, 130), (80, 130)
    assert tuple(pixel(page, outline)) == colour_of(0)
    mixed = [round(0.35 * each) for each in colour_of(0)]
    assert pixel(page, inside) == pytest.approx(mixed, abs=1)
    page.keyboard.press("m")
    expect(page.locator(".mask-toggle")).not_to_be_checked()
    assert pixel(page, outline) == pixel(page, inside) == [0, 0, 0]
    page.keyboard.press("m")
    page.locator(".opacity").fill("100")
    assert tuple(pixel(page, inside)) == colour_of(0)
    # Two readers, apart.
    first, second = (page.locator(f'.shapes g[data-annotator="{each}"]') for each in truth)
    page.get_by_label("R1").uncheck()
    expect(first).to_be_hidden()
    expect(second).to_be_visible()
    page.keyboard.press("b")
    expect(first).to_be_visible()
    expect(second).to_be_hidden()

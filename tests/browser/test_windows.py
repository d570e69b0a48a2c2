"""A window by preset, key, number and dragging, to the grey value."""

from __future__ import annotations

import re
from typing import Any

import pytest

pytest.importorskip("playwright.sync_api")

import numpy as np
from playwright.sync_api import expect

from tests.browser.conftest import Open
from tests.browser.looking import CT, SCANS, canvas, pixel
from tests.browser.shelf import CT_SHAPE, hu_of

MIDDLE = CT_SHAPE[2] // 2


def grey(value: float, centre: float, width: float) -> float:
    return float(np.clip((value - centre + width / 2) * 255 / width, 0, 255))


def shows(page: Any, centre: float, width: float) -> None:
    """Require that controls and pixels agree on a window."""
    expect(page.locator(".centre")).to_have_value(f"{centre:g}")
    expect(page.locator(".width")).to_have_value(f"{width:g}")
    for x, y in ((0, 0), (8, 3), (15, 20), (31, 23)):
        expected = grey(hu_of(x, y, MIDDLE), centre, width)
        assert pixel(page, (x, y), "axial")[0] == pytest.approx(expected, abs=1)


def test_a_window_by_preset_and_by_key(visit: Open) -> None:
    page = visit(f"/en{SCANS}/{CT}")
    page.locator(".preset").select_option("-600,1500")
    shows(page, -600, 1500)
    expect(page).to_have_url(re.compile("window=-600%2C1500"))
    page.locator(".preset").blur()
    page.keyboard.press("w")
    shows(page, 50, 350)
    page.keyboard.press("i")
    inverted = 255 - grey(hu_of(31, 0, MIDDLE), 50, 350)
    assert pixel(page, (31, 0), "axial")[0] == pytest.approx(inverted, abs=1)
    page.keyboard.press("i")
    shows(page, 50, 350)


def test_a_window_shows_one_unit_and_stays(visit: Open) -> None:
    page = visit(f"/en{SCANS}/{CT}")
    for name, value in (("centre", "0"), ("width", "2")):
        page.locator(f".{name}").fill(value)
        page.locator(f".{name}").press("Enter")
    shows(page, 0, 2)
    # One unit is a step that is seen: 16 bits arrive.
    zero = next(
        (x, y) for x in range(CT_SHAPE[0]) for y in range(1, 24) if hu_of(x, y, MIDDLE) == 0
    )
    found = [pixel(page, (zero[0], zero[1] + step), "axial")[0] for step in (-1, 0, 1)]
    assert found == [0, 128, 255]
    # The next sample keeps it, as does the other language, and the address restores it.
    page.locator('a[rel="next"]').click()
    expect(page.locator("h1")).to_have_text("9-ct")
    shows(page, 0, 2)
    page.reload()
    shows(page, 0, 2)
    page.keyboard.press("l")
    expect(page.locator("html")).to_have_attribute("lang", "zh-Hans")
    shows(page, 0, 2)


def test_a_window_by_dragging(visit: Open) -> None:
    page = visit(f"/en{SCANS}/{CT}")
    edge = canvas(page, "axial").bounding_box()
    before = [float(page.locator(f".{name}").input_value()) for name in ("centre", "width")]
    x, y = edge["x"] + 50, edge["y"] + 50
    page.mouse.move(x, y)
    page.mouse.down()
    page.mouse.move(x + 20, y)
    page.mouse.move(x + 20, y + 10)
    assert page.evaluate("location.search") == ""
    page.mouse.up()
    expect(page).to_have_url(re.compile("window="))
    centre, width = (float(page.locator(f".{name}").input_value()) for name in ("centre", "width"))
    assert centre > before[0]
    assert width > before[1]
    for at in ((0, 0), (15, 20), (31, 23)):
        expected = grey(hu_of(*at, MIDDLE), centre, width)
        assert pixel(page, at, "axial")[0] == pytest.approx(expected, abs=1)

"""A volume lies as radiologists expect, slice by slice, and in 3D."""

from __future__ import annotations

from typing import Any

import pytest

pytest.importorskip("playwright.sync_api")

import numpy as np
from playwright.sync_api import expect

from medshelf.imaging.overlay import colour_of
from tests.browser.conftest import CHROMIUM, Open
from tests.browser.looking import CT, SCANS, canvas, pixel, slice_of
from tests.browser.shelf import CT_SHAPE
from tests.explorer.pictured import MARKER, ORIENTATIONS, SHAPE_LPS, phantom


@pytest.mark.parametrize("row", range(len(ORIENTATIONS)), ids=ORIENTATIONS)
def test_a_volume_lies_as_radiologists_expect(visit: Open, row: int) -> None:
    page = visit(f"/en{SCANS}/{row}?window=1000,4000")
    volume, (x, y, z) = phantom(), MARKER
    n_z = SHAPE_LPS[2]
    # The slider of one plane, then a click on the marker, which the other planes follow.
    page.locator('figure[data-axis="axial"] .slice').fill(f"{z}")
    axial = canvas(page, "axial", z)
    edge = axial.bounding_box()
    axial.click(
        position={
            "x": edge["width"] * (x + 0.5) / SHAPE_LPS[0],
            "y": edge["height"] * (y + 0.5) / SHAPE_LPS[1],
        }
    )
    page.locator(".mask-toggle").uncheck()
    shown = {
        ("axial", z): (volume[:, :, z].T, (y, x)),
        ("coronal", y): (volume[:, y, ::-1].T, (n_z - 1 - z, x)),
        ("sagittal", x): (volume[x, :, ::-1].T, (n_z - 1 - z, y)),
    }
    for (axis, k), (truth, marker) in shown.items():
        found = slice_of(page, axis, k)
        expected = np.clip((truth.astype(float) + 1000) * 255 / 4000, 0, 255)
        assert np.abs(found - expected).max() <= 1, axis
        assert np.unravel_index(found.argmax(), found.shape) == marker
    letters = {
        axis: "".join(page.locator(f'figure[data-axis="{axis}"] .edge').all_inner_texts())
        for axis, _ in shown
    }
    assert letters == {"axial": "RLAP", "coronal": "RLSI", "sagittal": "APSI"}
    sizes = {axis: canvas(page, axis).bounding_box() for axis, _ in shown}
    ratios = {axis: each["width"] / each["height"] for axis, each in sizes.items()}
    assert ratios == pytest.approx(
        {"axial": 12 / 20, "coronal": 12 / 24, "sagittal": 20 / 24}, rel=0.02
    )
    # The mask is on the marker in all three planes, and nowhere else.
    page.locator(".mask-toggle").check()
    for (axis, k), (_, (down, across)) in shown.items():
        assert tuple(pixel(page, (across, down), axis, k)) == colour_of(0)
    expect(page.locator("p.muted", has_text="right is on the left")).to_be_visible()


def test_slices_by_key_and_wheel(visit: Open) -> None:
    page = visit(f"/en{SCANS}/{CT}")
    last = CT_SHAPE[2] - 1
    canvas(page, "axial", 6)
    page.keyboard.press("]")
    canvas(page, "axial", 7)
    expect(page.locator('figure[data-axis="axial"] output')).to_have_text(f"8 / {last + 1}")
    page.keyboard.press("PageDown")
    canvas(page, "axial", last)
    page.keyboard.press("PageUp")
    canvas(page, "axial", last - 10)
    canvas(page, "coronal").focus()
    page.keyboard.press("[")
    canvas(page, "coronal", CT_SHAPE[1] // 2 - 1)
    canvas(page, "sagittal").hover()
    place = page.evaluate("scrollY")
    page.mouse.wheel(0, 100)
    canvas(page, "sagittal", CT_SHAPE[0] // 2 + 1)
    assert page.evaluate("scrollY") == place


def test_a_slice_that_does_not_come_is_said(visit: Open, watched: Any) -> None:
    page = visit(f"/en{SCANS}/{CT}", alone=True)
    canvas(page, "axial", 6)
    page.route("**/slice/axial/7.i16", lambda route: route.abort())
    page.keyboard.press("]")
    expect(page.locator(".not-loaded")).to_be_visible()
    page.keyboard.press("[")
    expect(page.locator(".not-loaded")).to_be_hidden()
    page.close()  # no later message of what was provoked
    watched.errors.clear()


def test_3d_opens_and_the_slices_stay(visit: Open) -> None:
    page = visit(f"/en{SCANS}/0")
    canvas(page, "axial")
    page.locator(".three-d").click()
    stage, sentence = page.locator(".three-d-stage[data-ready]"), page.locator(".no-three-d")
    expect(stage.or_(sentence).first).to_be_visible()
    expect(page.locator(".viewer")).to_have_css("background-color", "rgba(0, 0, 0, 0)")
    canvas(page, "axial")


def test_without_webgl_it_is_said_why(visit: Open, playwright: Any, watched: Any) -> None:
    plain = playwright.chromium.launch(executable_path=CHROMIUM, args=["--disable-3d-apis"])
    try:
        page = visit(f"/en{SCANS}/0", within=plain)
        page.locator(".three-d").click()
        expect(page.locator(".no-three-d")).to_contain_text("WebGL")
        assert slice_of(page, "axial", 4).shape == (SHAPE_LPS[1], SHAPE_LPS[0])
        page.context.close()
    finally:
        plain.close()
    page.close()  # no later message of what was provoked
    watched.errors.clear()

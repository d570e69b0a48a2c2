"""What is on the screen is what the files hold: tiles, windows, masks, boxes, planes."""

from __future__ import annotations

import re
from typing import Any

import pytest

pytest.importorskip("playwright.sync_api")

import numpy as np
from playwright.sync_api import expect

from medshelf.imaging.overlay import colour_of
from tests.browser.conftest import CHROMIUM, Open
from tests.browser.shelf import CT_SHAPE, N_TILES, age_of, grey_of, hu_of
from tests.explorer.pictured import MARKER, ORIENTATIONS, SHAPE_LPS, phantom

TILES = "/en/manifests/tiles/samples"
SCANS = "/en/manifests/scans/samples"
CT = 6
_CENTRES = """async (images) => Promise.all(images.map(async (image) => {
  image.loading = "eager";
  await image.decode();
  const canvas = new OffscreenCanvas(image.naturalWidth, image.naturalHeight);
  const context = canvas.getContext("2d");
  context.drawImage(image, 0, 0);
  const at = [image.naturalWidth >> 1, image.naturalHeight >> 1];
  return context.getImageData(...at, 1, 1).data[0];
}))"""
_PIXEL = (
    """(canvas, [x, y]) => [...canvas.getContext("2d").getImageData(x, y, 1, 1).data.slice(0, 3)]"""
)
_ALL = """(canvas) => {
  const { data } = canvas.getContext("2d").getImageData(0, 0, canvas.width, canvas.height);
  return { width: canvas.width, red: [...data].filter((_, i) => i % 4 === 0) };
}"""


def canvas(page: Any, axis: str = "image", k: int | None = None) -> Any:
    """Return the canvas of a plane once it shows a slice."""
    figure = page.locator(f'figure[data-axis="{axis}"]')
    ready = re.compile(r"\d") if k is None else f"{k}"
    expect(figure).to_have_attribute("data-ready", ready)
    return figure.locator("canvas")


def pixel(page: Any, at: tuple[int, int], axis: str = "image", k: int | None = None) -> list[int]:
    found: list[int] = canvas(page, axis, k).evaluate(_PIXEL, list(at))
    return found


def slice_of(page: Any, axis: str, k: int) -> np.ndarray:
    found = canvas(page, axis, k).evaluate(_ALL)
    return np.array(found["red"]).reshape(-1, found["width"])


def grey(value: float, centre: float, width: float) -> float:
    return float(np.clip((value - centre + width / 2) * 255 / width, 0, 255))


@pytest.mark.parametrize(
    ("query", "chosen", "key"),
    [
        ("", lambda row: row >= 0, lambda row: row),
        ("?page=2", lambda row: row >= 0, lambda row: row),
        ("?page=10", lambda row: row >= 0, lambda row: row),
        ("?sex=F&sort=-sample_id", lambda row: row % 3 == 0, lambda row: -row),
        ("?where=age_years+%3E+70&page=2", lambda row: (age_of(row) or 0) > 70, lambda row: row),
    ],
)
def test_each_tile_shows_its_row(visit: Open, query: str, chosen: Any, key: Any) -> None:
    number = int((re.findall(r"page=(\d+)", query) or ["1"])[0])
    rows = sorted((row for row in range(N_TILES) if chosen(row)), key=key)
    page = visit(TILES + query)
    expect(page.locator("#count")).to_contain_text(f"{len(rows)} of {N_TILES}")
    tiles = page.locator(".tiles li")
    shown = rows[60 * (number - 1) : 60 * number]
    expect(tiles).to_have_count(len(shown))
    assert tiles.locator(".name").all_inner_texts() == [f"t{row:04}" for row in shown]
    centres = tiles.locator("img").evaluate_all(_CENTRES)
    plain = [(found, grey_of(row)) for found, row in zip(centres, shown, strict=True) if row]
    assert all(abs(found - promised) <= 2 for found, promised in plain), plain


@pytest.mark.parametrize("ratio", [1, 2])
def test_boxes_and_masks_lie_where_they_belong(visit: Open, ratio: int) -> None:
    page = visit(f"{TILES}/0", device_scale_factor=ratio, viewport={"width": 1500, "height": 900})
    picture = canvas(page)
    truth = {"R1": (20, 30, 80, 90), "R2": (160, 40, 260, 180)}
    for zoom, scale in (("0", 512 / 300), ("1", 1), ("2", 2)):
        page.locator(".zoom").select_option(zoom)
        edge = picture.evaluate("(each) => each.getBoundingClientRect().toJSON()")
        assert (edge["width"], edge["height"]) == pytest.approx((300 * scale, 200 * scale), abs=1)
        for annotator, corners in truth.items():
            drawn = page.locator(f'.shapes g[data-annotator="{annotator}"] rect')
            found = drawn.evaluate(
                "(each) => { const m = each.getScreenCTM(); const b = each.getBBox();"
                " return [m.e + b.x * m.a, m.f + b.y * m.d,"
                " m.e + (b.x + b.width) * m.a, m.f + (b.y + b.height) * m.d]; }"
            )
            expected = [
                edge["x"] + scale * corners[0],
                edge["y"] + scale * corners[1],
                edge["x"] + scale * corners[2],
                edge["y"] + scale * corners[3],
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


MIDDLE = CT_SHAPE[2] // 2


def shows(page: Any, centre: float, width: float) -> None:
    """Require that controls and pixels agree on a window."""
    expect(page.locator(".centre")).to_have_value(f"{centre:g}")
    expect(page.locator(".width")).to_have_value(f"{width:g}")
    for x, y in ((0, 0), (8, 3), (15, 20), (31, 23)):
        expected = grey(hu_of(x, y, MIDDLE), centre, width)
        assert pixel(page, (x, y), "axial")[0] == pytest.approx(expected, abs=1)


def test_a_window_by_preset_and_by_key(visit: Open) -> None:
    page = visit(f"{SCANS}/{CT}")
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
    page = visit(f"{SCANS}/{CT}")
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
    page = visit(f"{SCANS}/{CT}")
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


@pytest.mark.parametrize("row", range(len(ORIENTATIONS)), ids=ORIENTATIONS)
def test_a_volume_lies_as_radiologists_expect(visit: Open, row: int) -> None:
    page = visit(f"{SCANS}/{row}?window=1000,4000")
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
    page = visit(f"{SCANS}/{CT}")
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
    page = visit(f"{SCANS}/{CT}")
    canvas(page, "axial", 6)
    page.route("**/slice/axial/7.i16", lambda route: route.abort())
    page.keyboard.press("]")
    expect(page.locator(".not-loaded")).to_be_visible()
    page.keyboard.press("[")
    expect(page.locator(".not-loaded")).to_be_hidden()
    page.close()  # no later message of what was provoked
    watched.errors.clear()


def test_3d_opens_and_the_slices_stay(visit: Open) -> None:
    page = visit(f"{SCANS}/0")
    canvas(page, "axial")
    page.locator(".three-d").click()
    stage, sentence = page.locator(".three-d-stage[data-ready]"), page.locator(".no-three-d")
    expect(stage.or_(sentence).first).to_be_visible()
    expect(page.locator(".viewer")).to_have_css("background-color", "rgba(0, 0, 0, 0)")
    canvas(page, "axial")


def test_without_webgl_it_is_said_why(visit: Open, playwright: Any, watched: Any) -> None:
    plain = playwright.chromium.launch(executable_path=CHROMIUM, args=["--disable-3d-apis"])
    try:
        page = visit(f"{SCANS}/0", within=plain)
        page.locator(".three-d").click()
        expect(page.locator(".no-three-d")).to_contain_text("WebGL")
        assert slice_of(page, "axial", 4).shape == (SHAPE_LPS[1], SHAPE_LPS[0])
        page.context.close()
    finally:
        plain.close()
    page.close()  # no later message of what was provoked
    watched.errors.clear()

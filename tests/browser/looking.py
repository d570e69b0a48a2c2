"""What tests here ask of a page: go there, and read the pixels of what it drew."""

from __future__ import annotations

import re
from typing import Any

import numpy as np
from playwright.sync_api import expect

TILES = "/manifests/tiles/samples"
SCANS = "/manifests/scans/samples"
CT = 6
PAGES = (
    *("/?q=pneumonia", "/?q=pneumonia&layout=table", "/leaderboards", "/compare", "/lineage"),
    *("/datasets/breastmnist", "/datasets/breastmnist/leaderboard", "/lineage?id=breastmnist"),
    *("/about", "/compare?id=rsna-pneumonia-detection-challenge&id=nih-chest-xray"),
    *("/manifests/tiles/quality", f"{TILES}?label=benign&page=2", f"{TILES}?layout=table&q=t000"),
    *(f"{TILES}/0?window=40,80", f"{TILES}/3", f"{SCANS}/0"),
)
"""Every kind of page, without its language, and none much longer than it must be."""

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
  return { width: canvas.width, values: [...data] };
}"""

_CUT = """() => [...document.body.querySelectorAll("*")].filter((each) => {
  const style = getComputedStyle(each);
  const own = [...each.childNodes].some((node) => node.nodeType === 3 && node.data.trim());
  const box = each.getBoundingClientRect();
  if (!own || !box.width || each.closest(".unseen, .skip, svg, option, dialog")) return false;
  const hides = ["hidden", "clip"].includes(style.overflowY);
  const down = hides && each.scrollHeight > each.clientHeight + 1;
  const across = hides && style.textOverflow !== "ellipsis" &&
    each.scrollWidth > each.clientWidth + 1;
  return down || across || box.left < -1 ||
    (!each.closest(".scrolls, .tree, .graph, .command") && box.right > innerWidth + 1);
}).map((each) => each.outerHTML.slice(0, 200))"""


def goto(page: Any, address: str) -> None:
    """Go to an address that must be there."""
    answer = page.goto(address)
    assert answer.status == 200, (address, page.locator("main").inner_text())


def canvas(page: Any, axis: str = "image", k: int | None = None) -> Any:
    """Return the canvas of a plane once it shows a slice."""
    figure = page.locator(f'figure[data-axis="{axis}"]')
    ready = re.compile(r"\d") if k is None else f"{k}"
    expect(figure).to_have_attribute("data-ready", ready)
    return figure.locator("canvas")


def pixel(page: Any, at: tuple[int, int], axis: str = "image", k: int | None = None) -> list[int]:
    """Return the colour at a column and a row of a plane."""
    found: list[int] = canvas(page, axis, k).evaluate(_PIXEL, list(at))
    return found


def colours_of(page: Any, axis: str, k: int) -> np.ndarray:
    """Return a slice as it is drawn: uint8, rows x columns x RGB."""
    found = canvas(page, axis, k).evaluate(_ALL)
    return np.array(found["values"], np.uint8).reshape(-1, found["width"], 4)[..., :3]


def slice_of(page: Any, axis: str, k: int) -> np.ndarray:
    """Return the greys of a slice as it is drawn, rows x columns."""
    return colours_of(page, axis, k)[..., 0].astype(int)


def greys(tiles: Any) -> list[int]:
    """Return the grey in the middle of each tile's picture."""
    found: list[int] = tiles.locator("img").evaluate_all(_CENTRES)
    return found


def corners(shape: Any) -> list[float]:
    """Return left, top, right and bottom of a drawn box, in CSS pixels of the window."""
    found: list[float] = shape.evaluate(
        "(each) => { const m = each.getScreenCTM(); const b = each.getBBox();"
        " return [m.e + b.x * m.a, m.f + b.y * m.d,"
        " m.e + (b.x + b.width) * m.a, m.f + (b.y + b.height) * m.d]; }"
    )
    return found


def nothing_is_cut(page: Any, address: str) -> None:
    """Require that no text is cut, and that the page does not scroll sideways."""
    wide = page.evaluate("document.documentElement.scrollWidth - innerWidth")
    assert wide <= 0, (address, page.viewport_size, wide)
    cut = page.evaluate(_CUT)
    assert cut == [], (address, page.viewport_size, cut)

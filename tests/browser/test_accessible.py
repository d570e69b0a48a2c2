"""No page breaks a serious rule of axe-core, or is cut: both themes and languages, all widths."""

from __future__ import annotations

from functools import cache
from importlib.resources import files

import pytest

pytest.importorskip("playwright.sync_api")
pytest.importorskip("axe_playwright_python")

from tests.browser.conftest import Open
from tests.browser.looking import PAGES, goto, nothing_is_cut

SIGHTS = {
    "en": ((1440, "light"), (360, "dark")),
    "zh": ((1440, "dark"), (360, "light")),
}
"""Each width with each theme, each language with each of both: all pairs in half of the runs.

The narrow one is the last, and nothing is cut there either.
"""

_RUN = """async () => {
  const { violations } = await axe.run(document, { resultTypes: ["violations"] });
  return violations.filter(({ impact }) => ["serious", "critical"].includes(impact))
    .flatMap(({ id, nodes }) => nodes.map(({ html }) => `${id}: ${html.slice(0, 200)}`));
}"""


@cache
def axe() -> str:
    return files("axe_playwright_python").joinpath("axe.min.js").read_text("utf-8")


@pytest.mark.parametrize("address", PAGES)
def test_no_serious_rule_is_broken(visit: Open, address: str) -> None:
    page = visit(f"/en{address}")
    page.emulate_media(reduced_motion="reduce")
    for language, sights in SIGHTS.items():
        if language == "zh":
            goto(page, f"/zh{address}")
        page.evaluate(axe())
        for width, theme in sights:
            page.set_viewport_size({"width": width, "height": 900})
            page.emulate_media(color_scheme=theme, reduced_motion="reduce")
            assert page.evaluate(_RUN) == [], (language, width, theme)
        nothing_is_cut(page, address)

"""Pictures of the explorer for people to look at: its pages, two themes, two languages.

python -m tests.browser.screenshots FOLDER [--width 1280]
"""

from __future__ import annotations

import argparse
import sys
import tempfile
from pathlib import Path

from playwright.sync_api import Browser, sync_playwright

from tests.browser.conftest import CHROMIUM, Site, serving

PAGES = {
    "catalog": "/",
    "dataset": "/datasets/breastmnist",
    "compare": "/compare?id=rsna-pneumonia-detection-challenge&id=nih-chest-xray",
    "samples": "/manifests/tiles/samples",
    "sample": "/manifests/tiles/samples/0",
    "volume": "/manifests/scans/samples/6?window=-300,1500",
    "quality": "/manifests/tiles/quality",
    "about": "/about",
    "lineage": "/lineage?id=breastmnist",
    "table": "/manifests/tiles/samples?layout=table&label=benign",
    "leaderboards": "/leaderboards",
    "leaderboard": "/datasets/breastmnist/leaderboard",
}


def take(browser: Browser, site: Site, folder: Path, width: int) -> None:
    """Take all pictures, named `page-language-theme.png`."""
    for theme in ("light", "dark"):
        size = {"width": width, "height": 900}
        context = browser.new_context(
            base_url=site.origin, viewport=size, color_scheme=theme, reduced_motion="reduce"
        )
        context.add_cookies(site.cookies)
        page = context.new_page()
        for name, address in PAGES.items():
            for language in ("en", "zh"):
                page.set_viewport_size(size)
                page.goto(f"/{language}{address}")
                # As high as the page, so that all that is drawn only when seen is drawn.
                height = page.evaluate("document.documentElement.scrollHeight")
                page.set_viewport_size({"width": width, "height": max(900, height)})
                page.wait_for_load_state("networkidle")
                page.screenshot(path=folder / f"{name}-{language}-{theme}.png", full_page=True)
        context.close()


def main() -> None:
    """Serve what the tests serve, and take the pictures."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("folder", type=Path)
    parser.add_argument("--width", type=int, default=1280)
    given = parser.parse_args()
    if CHROMIUM is None:
        sys.exit("There is no chromium on PATH")
    given.folder.mkdir(parents=True, exist_ok=True)
    with (
        tempfile.TemporaryDirectory() as made,
        serving(Path(made)) as site,
        sync_playwright() as playwright,
    ):
        browser = playwright.chromium.launch(executable_path=CHROMIUM)
        take(browser, site, given.folder, given.width)
        browser.close()


if __name__ == "__main__":
    main()

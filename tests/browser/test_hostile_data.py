"""Hostile words do nothing, and damage is named."""

from __future__ import annotations

import pytest

pytest.importorskip("playwright.sync_api")

from playwright.sync_api import expect

from tests.browser.conftest import Open, Watched
from tests.browser.looking import goto
from tests.browser.shelf import HOSTILE


def test_hostile_words_do_nothing_and_damage_is_named(visit: Open, watched: Watched) -> None:
    page = visit("/en/manifests/odd/samples", alone=True)
    expect(page.locator(".tiles li")).to_have_count(8)
    assert page.title() != "taken"
    said = {}
    for row in range(8):
        goto(page, f"/en/manifests/odd/samples/{row}")
        expect(page.locator(".report").first).to_contain_text("<script>document.title='taken'")
        assert page.title() != "taken"
        said[row] = page.locator(".pictures").inner_text()
        assert page.evaluate("document.documentElement.scrollWidth - innerWidth") <= 0
    for row in (3, 4, 5, 6, 7):
        assert "cannot be shown" in said[row], row
    for row in (0, 1, 2):
        assert "cannot be shown" not in said[row], row
    assert "missing.png" in said[5]
    assert HOSTILE.replace("\u202e", "")[:40] in said[3]
    # Thumbnails that do not exist are told by their status; nothing else went wrong.
    assert all("/thumb.jpg" in each for each in watched.errors), watched.errors
    page.close()  # no later message of what was provoked
    watched.errors.clear()

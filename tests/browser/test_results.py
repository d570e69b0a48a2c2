"""Lineage, quality and leaderboards: what is said, where it leads, and in which order."""

from __future__ import annotations

import re
from typing import Any

import pytest

pytest.importorskip("playwright.sync_api")

from playwright.sync_api import expect

from medshelf.explorer.language import say
from tests.browser.conftest import Open, Site
from tests.browser.looking import goto

BOARD = "/en/datasets/breastmnist/leaderboard"


@pytest.fixture
def measured(site: Site) -> None:
    """Skip a test where the server has no runs."""
    if not (site.folder / "home" / "runs").is_dir():
        pytest.skip("MEDSHELF_DATA has no breastmnist.npz")


def test_shared_images_are_said_before_anything_else(visit: Open) -> None:
    page = visit("/en/compare?id=rsna-pneumonia-detection-challenge&id=nih-chest-xray")
    said = page.locator("main .notice.bad")
    expect(said).to_contain_text("do not train on one and test on the other")
    expect(said).to_contain_text("RSNA Pneumonia")
    expect(said).to_contain_text("NIH")
    table = page.locator("main table")
    assert said.bounding_box()["y"] < table.bounding_box()["y"]
    goto(page, "/en/lineage?id=rsna-pneumonia-detection-challenge")
    expect(page.locator("main .notice.bad")).to_contain_text("NIH")


def test_an_issue_leads_to_its_samples(visit: Open) -> None:
    page = visit("/en/manifests/tiles/quality")
    page.locator('main a[href*="issue=near-duplicate"]').first.click()
    expect(page.locator("#count")).to_contain_text("2 of 600")
    assert page.locator(".tiles .name").all_inner_texts() == ["t0003", "t0254"]


def column(page: Any, name: str) -> list[str]:
    """Return the texts of a column of the leaderboard."""
    heads = [
        re.sub(r"[▲▼]", "", each).strip() for each in page.locator("thead th").all_inner_texts()
    ]
    rows = page.locator(".board tbody tr").all()
    return [each.locator("th, td").nth(heads.index(name)).inner_text() for each in rows]


def numbers(texts: list[str]) -> list[float | None]:
    found = [re.match(r"[\d.]+", each.replace(",", "")) for each in texts]
    return [None if each is None else float(each.group()) for each in found]


def is_sorted(texts: list[str], *, falling: bool) -> bool:
    """Say whether numbers are in order, and what is not stated comes last."""
    found = numbers(texts)
    stated = [each for each in found if each is not None]
    return found == sorted(stated, reverse=falling) + [None] * (len(found) - len(stated))


@pytest.mark.usefixtures("measured")
@pytest.mark.parametrize("how", ["mouse", "keyboard"])
def test_columns_sort(visit: Open, how: str) -> None:
    page = visit(BOARD)

    def choose(name: str) -> None:
        link = page.locator("thead").get_by_role("link", name=name, exact=True)
        if how == "mouse":
            link.click()
        else:
            link.focus()
            page.keyboard.press("Enter")

    # Seeds and training are stated for few: null is last in both orders.
    for name, first, second in (
        ("AUC", "descending", "ascending"),
        ("Seeds", "descending", "ascending"),
        ("Training", "ascending", "descending"),
    ):
        for order in (first, second):
            choose(name)
            head = page.locator("thead th[aria-sort]")
            expect(head).to_have_text(name)
            expect(head).to_have_attribute("aria-sort", order)
            texts = column(page, name)
            assert is_sorted(texts, falling=order == "descending"), texts
            if how == "keyboard":
                expect(head.get_by_role("link")).to_be_focused()
            if name != "AUC":
                assert numbers(texts)[0] is not None
                assert numbers(texts)[-1] is None


@pytest.mark.usefixtures("measured")
def test_published_measured_and_floor_differ_by_words(visit: Open) -> None:
    page = visit(BOARD)
    kinds = column(page, "Kind")
    assert {"published (quoted)", "replication (quoted)", "measured", "floor"} == set(kinds)
    for kind, row in zip(kinds, page.locator(".board tbody tr").all(), strict=True):
        assert row.get_attribute("class") == kind.split()[0]
    goto(page, BOARD.replace("/en/", "/zh/"))
    assert {
        say(f"leaderboards.kind_{each}", "zh")
        for each in ("published", "replication", "measured", "floor")
    } <= set(column(page, say("leaderboards.kind", "zh")))


def test_every_leaderboard_is_reached_from_the_list(visit: Open) -> None:
    page = visit("/en/leaderboards")
    rows = page.locator(".board tbody tr")
    assert rows.count() >= 18
    page.get_by_role("link", name="BreastMNIST", exact=True).click()
    expect(page.locator("h1")).to_contain_text("BreastMNIST")

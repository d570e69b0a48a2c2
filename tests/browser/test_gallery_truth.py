"""Each tile shows its row, in a small manifest and in one of a million rows."""

from __future__ import annotations

import re
from typing import Any

import pytest

pytest.importorskip("playwright.sync_api")

import polars as pl
from playwright.sync_api import expect

from tests.browser.conftest import Open
from tests.browser.looking import TILES, goto, greys
from tests.browser.shelf import N_MILLION, N_TILES, age_of, grey_of, million_rows


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
    page = visit(f"/en{TILES}{query}")
    expect(page.locator("#count")).to_contain_text(f"{len(rows)} of {N_TILES}")
    tiles = page.locator(".tiles li")
    shown = rows[60 * (number - 1) : 60 * number]
    expect(tiles).to_have_count(len(shown))
    assert tiles.locator(".name").all_inner_texts() == [f"t{row:04}" for row in shown]
    centres = greys(tiles)
    plain = [(found, grey_of(row)) for found, row in zip(centres, shown, strict=True) if row]
    assert all(abs(found - promised) <= 2 for found, promised in plain), plain


@pytest.fixture(scope="module")
def million() -> pl.DataFrame:
    return million_rows()


@pytest.mark.parametrize(
    ("query", "pages", "where", "sort"),
    [
        ("", (1, 2, 16_667), pl.lit(value=True), pl.col("row")),
        (
            "where=age_years+%3E+70&sort=-sample_id",
            (1, 2, 2_500),
            pl.col("age_years") > 70,
            -pl.col("row"),
        ),
        ("label=malignant&split=test&sort=age_years", (1, 2, 2_778), None, pl.col("age_years")),
    ],
    ids=["all", "condition", "facets, by age"],
)
def test_a_million_rows(
    visit: Open, million: pl.DataFrame, query: str, pages: tuple[int, ...], where: Any, sort: Any
) -> None:
    if where is None:
        where = (pl.col("label") == "malignant") & (pl.col("split") == "test")
    rows = million.filter(where).sort(sort, nulls_last=True, maintain_order=True)["row"]
    page = visit(f"/en/manifests/million/samples?{query}")
    for number in pages:
        if number > 1:
            goto(page, f"/en/manifests/million/samples?{query}&page={number}")
        expect(page.locator("#count")).to_contain_text(f"{len(rows):,} of {N_MILLION:,}")
        shown = rows[60 * (number - 1) : 60 * number].to_list()
        tiles = page.locator(".tiles li")
        assert tiles.locator(".name").all_inner_texts() == [f"m{row:06}" for row in shown]
        pairs = list(zip(greys(tiles), map(grey_of, shown), strict=True))
        assert all(abs(found - promised) <= 2 for found, promised in pairs), pairs
    assert number == -(-len(rows) // 60)
    counts = page.locator(".facets li a", has_text=re.compile("^(train|val|test)"))
    told = dict(each.split() for each in counts.all_inner_texts())
    others = million.filter(where if "split" not in query else pl.col("label") == "malignant")
    expected = dict(others["split"].value_counts().iter_rows())
    assert {name: int(each.replace(",", "")) for name, each in told.items()} == expected

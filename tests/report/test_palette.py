"""Text on colours is legible, and series can be told apart."""

from __future__ import annotations

import math
import re
from importlib.resources import files
from itertools import pairwise

import pytest

from medshelf.report.charts.palette import (
    LEVELS,
    Colour,
    contrast,
    heat_class,
    heat_colours,
    heat_css,
    series_class,
)

CSS = files("medshelf.report").joinpath("charts/charts.css").read_text(encoding="utf-8")


def theme_colours(theme: str) -> dict[str, Colour]:
    light, dark = CSS.split("@media screen", 1)
    found = re.findall(r"--([\w-]+): #([0-9a-f]{6})", light if theme == "light" else dark)
    return {name: (int(v[:2], 16), int(v[2:4], 16), int(v[4:], 16)) for name, v in found}


def test_contrast_is_that_of_wcag() -> None:
    assert contrast((0, 0, 0), (255, 255, 255)) == pytest.approx(21)
    assert contrast((118, 118, 118), (255, 255, 255)) == pytest.approx(4.54, abs=0.005)
    assert contrast((9, 9, 9), (9, 9, 9)) == 1


@pytest.mark.parametrize("theme", ["light", "dark"])
def test_text_is_legible_on_every_level_of_a_heat_map(theme: str) -> None:
    for level in range(LEVELS + 1):
        ground, text = heat_colours(theme, level)
        assert contrast(ground, text) >= 4.5


@pytest.mark.parametrize("theme", ["light", "dark"])
def test_levels_go_steadily_away_from_the_ground(theme: str) -> None:
    paper = theme_colours(theme)["ground"]
    steps = [contrast(heat_colours(theme, level)[0], paper) for level in range(LEVELS + 1)]
    assert all(a < b for a, b in pairwise(steps))


@pytest.mark.parametrize("theme", ["light", "dark"])
def test_colours_of_the_style_sheet_have_contrast(theme: str) -> None:
    colours = theme_colours(theme)
    for ground in ("ground", "surface"):
        for name in ("text", "muted", "accent"):
            assert contrast(colours[name], colours[ground]) >= 4.5, (name, ground)
        for name in ("control", *(f"c{number}" for number in range(7))):
            assert contrast(colours[name], colours[ground]) >= 3, (name, ground)
    assert contrast(colours["text"], colours["warn-ground"]) >= 4.5
    assert contrast(colours["warn"], colours["warn-ground"]) >= 4.5


@pytest.mark.parametrize(
    ("share", "level"),
    [(0, 0), (1e-9, 1), (0.05, 1), (0.5, 10), (1, 20), (1.5, 20), (-1, 0), (math.nan, 0)],
)
def test_a_share_has_a_level(share: float, level: int) -> None:
    assert heat_class(share) == f"h{level}"


def test_both_themes_have_a_rule_for_each_level() -> None:
    light, dark = heat_css().split("@media screen and (prefers-color-scheme: dark)")
    for level in range(LEVELS + 1):
        assert f".h{level} rect" in light
        assert f".h{level} rect" in dark


def test_28_series_look_different_and_neighbours_differ_in_colour_and_dash() -> None:
    looks = [series_class(index) for index in range(28)]
    assert len(set(looks)) == 28
    for one, other in pairwise(looks):
        assert not set(one.split()) & set(other.split())

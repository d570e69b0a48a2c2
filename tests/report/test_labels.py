"""Text that fits, and numbers as they are written."""

from __future__ import annotations

import math

import pytest
from hypothesis import given
from hypothesis import strategies as st

from medshelf.report.charts.labels import number_text, shorten, text_width, wrap


def test_a_han_character_is_one_em_wide() -> None:
    assert text_width("乳腺", 10) == 20
    assert text_width("ab", 10) < text_width("MM", 10) <= 20


@given(st.text(max_size=60), st.integers(20, 300))
def test_shortened_text_fits(name: str, width: int) -> None:
    cut = shorten(name, width)
    assert cut == name or (cut.endswith("…") and name.startswith(cut[:-1]))
    assert text_width(cut) <= width


@given(st.text(max_size=60), st.integers(40, 300))
def test_wrapped_lines_fit_and_lose_nothing_but_the_end(name: str, width: int) -> None:
    lines = wrap(name, width)
    assert len(lines) <= 2
    assert all(text_width(line) <= width for line in lines)
    whole = "".join("".join(lines).removesuffix("…").split())
    assert "".join(name.split()).startswith(whole)


@pytest.mark.parametrize(
    ("name", "lines"),
    [
        ("adipose", ["adipose"]),
        ("cancer-associated stroma", ["cancer-", "associated str…"]),
        ("heart-left-ventricle", ["heart-left-", "ventricle"]),
        ("需要进一步活检确认的病变", ["需要进一步活检确", "认的病变"]),
    ],
)
def test_lines_break_at_spaces_and_hyphens(name: str, lines: list[str]) -> None:
    assert wrap(name, 115) == lines


@pytest.mark.parametrize(
    ("value", "expected"),
    [
        (12_345, "12,345"),
        (0, "0"),
        (0.87412, "0.8741"),
        (-2.5, "-2.5"),
        (math.nan, "–"),  # noqa: RUF001 - the dash of an empty cell
        (math.inf, "–"),  # noqa: RUF001
    ],
)
def test_numbers_are_written_short(value: float, expected: str) -> None:
    assert number_text(value) == expected

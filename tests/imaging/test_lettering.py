"""Text broken into lines, in English and Chinese."""

from __future__ import annotations

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from medshelf.imaging.lettering import chinese_font, font, is_chinese, wrapped

LETTERS = font(15)


@given(st.text(max_size=300), st.integers(20, 400))
@settings(max_examples=100, deadline=None)
def test_lines_fit_and_nothing_is_lost(text: str, width: int) -> None:
    lines = wrapped(text, LETTERS, width)
    assert "".join("".join(lines).split()) == "".join(text.split())
    assert all(len(each) <= 1 or LETTERS.getlength(each) <= width for each in lines)


def test_words_stay_whole() -> None:
    assert wrapped("one two three", LETTERS, round(LETTERS.getlength("one two "))) == [
        "one two",
        "three",
    ]


def test_paragraphs_stay_apart() -> None:
    assert wrapped("a\n\nb", LETTERS, 100) == ["a", "", "b"]


def test_chinese_breaks_anywhere() -> None:
    letters = chinese_font(15)
    if letters is None:
        pytest.skip("this machine has no Chinese font")
    lines = wrapped("胸部" * 40, letters, 200)
    assert len(lines) > 4
    assert "".join(lines) == "胸部" * 40


def test_chinese_is_noticed() -> None:
    assert is_chinese("a 肺 b")
    assert not is_chinese("Ödem ≥ 3 µm")

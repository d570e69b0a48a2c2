"""Options of questions and which of them are right, however a release writes them."""

from __future__ import annotations

import json

import polars as pl

from medshelf.core.errors import LayoutError
from medshelf.core.issues import Issue

_LETTERS = "ABCDEFGHIJKLMNOPQRSTUVWXYZ"
_BEYOND = 1 << 20  # where no list of options has one; a place below 0 would count from the end
_SHOWN = 5


def option_lists(texts: pl.Series) -> pl.Series:
    """Turn the options of questions from JSON text into lists of text.

    Args:
        texts: `["x", "y"]`, `{"A": "x", "B": "y"}` or `[{"key": "A", "value": "x"}, ...]`, which
            differ in length and keys from row to row; empty text is no option.

    Returns:
        List(String): by letter, null where one has no option; by place where they have none.

    Raises:
        LayoutError: A text is none of these.
    """
    return pl.Series(texts.name, [_options(each) for each in texts], pl.List(pl.String))


def letter_places(letters: pl.Expr) -> pl.Expr:
    """Return the places, from 0, that letters stand for: `ABD` is 0, 1, 3; null where empty.

    What is no letter has the place 99.
    """
    places = {letter: place for place, letter in enumerate(_LETTERS)}
    single = letters.str.strip_chars().str.to_uppercase().str.extract_all(r"[^\s,;]")
    found = single.list.eval(pl.element().replace_strict(places, default=99, return_dtype=pl.Int64))
    return pl.when(found.list.len() > 0).then(found)


def right_answers(
    options: pl.Series, places: pl.Series, where: str
) -> tuple[pl.Series, tuple[Issue, ...]]:
    """Take the right answers out of the options by their places.

    Args:
        options: List(String).
        places: Of the right ones in it, from 0, List(Int64); null where none is stated.
        where: The table that names them.

    Returns:
        List(String), null where no place is stated or one has no option; and what to report.
    """
    from_start = pl.when(pl.element() >= 0).then(pl.element()).otherwise(_BEYOND)
    wanted = pl.lit(places).list.eval(from_start)
    right = pl.lit(options).list.gather(wanted, null_on_oob=True)
    answers = pl.select(pl.when(~right.list.contains(None)).then(right)).to_series()
    wrong = places.filter(places.is_not_null() & answers.is_null())
    if not len(wrong):
        return answers, ()
    shown = ", ".join(str(each.to_list()) for each in wrong[:_SHOWN])
    message = f"{len(wrong):,} answers are none of their options; their places, from 0: {shown}"
    return answers, (Issue("row-malformed", "error", where, message, "They have no answers"),)


def _options(text: str | None) -> list[str | None] | None:
    if text is None:
        return None
    try:
        found = json.loads(text)
        if isinstance(found, list) and found and isinstance(found[0], dict):
            found = {each["key"]: each["value"] for each in found}
        if isinstance(found, dict):
            last = max((_LETTERS.index(each) for each in found), default=-1)
            found = [found.get(each) for each in _LETTERS[: last + 1]]
        return [None if each in (None, "") else str(each) for each in found]
    except (ValueError, KeyError, TypeError, RecursionError) as error:
        problem = f"{text[:80]!r} is no list of options, and no mapping from letters to them"
        raise LayoutError(problem, "Compare the release with its layout") from error

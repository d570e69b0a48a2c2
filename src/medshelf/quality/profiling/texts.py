"""How long the texts are, and of what words.

A word is a run of letters and digits, joined by hyphens or apostrophes; each Chinese character
counts as one. Capitals do not matter.
"""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass

import polars as pl

from medshelf.core.manifest import SCHEMA
from medshelf.dataset.overview import Overview
from medshelf.quality.case import Case
from medshelf.quality.profiling.sampling import sampled
from medshelf.quality.profiling.spread import Spread, spread, spread_of

MOST_TEXTS = 200_000
"""Texts of a column whose words are counted; of more, a seeded sample is."""

_PARTS = tuple(each.name for each in SCHEMA["text"].fields)  # type: ignore[attr-defined]
_HAN = r"\p{Han}"
_LETTER = r"[\p{L}\p{M}\p{N}--\p{Han}]"
_WORD = rf"{_HAN}|{_LETTER}+(?:[-'\u2019]{_LETTER}+)*"
_N_FREQUENT = 50
_FUNCTION_WORDS = (
    *("a an and are as at be been but by can could did do does for from had has have he her his",),
    *("how i if in into is it its may more of on or other she should so than that the",),
    *("their then there these they this to was we were what when which who will with would you",),
    *("的 了 是 在 和 有 不 这 我 个 上 中 为 与 及 或 您 你 吗 什 么 哪 些 以 可 会",),
)
_LEFT_OUT = tuple(word for line in _FUNCTION_WORDS for word in line.split())


@dataclass(frozen=True, slots=True)
class Word:
    """A word and how often it occurs.

    Attributes:
        word: In lower case.
        n: Occurrences in the texts that were read.
    """

    word: str
    n: int


@dataclass(frozen=True, slots=True)
class Texts:
    """The texts of one column.

    Attributes:
        column: `report`, `findings`, `question`, `answers` ...
        n: Samples that have it.
        characters: Length of a text, over all.
        n_read: Texts whose words were counted; fewer than `n` where a sample was drawn.
        words: Words of a text, over those that were read.
        n_words: Words in them.
        n_unique: Different words in them.
        han_share: Part of the words that are Chinese characters, 0 to 1; null without words.
        frequent: The most frequent words, at most 50; numbers, articles and the like left out.
    """

    column: str
    n: int
    characters: Spread | None
    n_read: int
    words: Spread | None
    n_words: int
    n_unique: int
    han_share: float | None
    frequent: tuple[Word, ...]


def describe_texts(case: Case, seen: Overview) -> tuple[Texts, ...]:
    """Return one entry per column of text that the manifest states."""
    return tuple(
        _described(name, case.rows.select(text=value).drop_nulls(), seen.stated[name])
        for name, value in _columns()
        if name in seen.stated
    )


def _columns() -> Iterator[tuple[str, pl.Expr]]:
    for name in _PARTS:
        yield name, pl.col("text").struct.field(name)
    yield "question", pl.col("question")
    for name in ("options", "answers"):
        yield name, pl.col(name).list.join("\n", ignore_nulls=True)
    yield "explanation", pl.col("explanation")
    contents = pl.col("turns").list.eval(pl.element().struct.field("content"))
    yield "turns", contents.list.join("\n", ignore_nulls=True)


def _described(name: str, texts: pl.LazyFrame, n: int) -> Texts:
    drawn = sampled(texts, n, MOST_TEXTS)
    words = drawn.select(word=pl.col("text").str.to_lowercase().str.extract_all(_WORD))
    lengths, counted = pl.collect_all(
        [
            words.group_by(value=pl.col("word").list.len().cast(pl.Float64)).agg(n=pl.len()),
            words.explode("word").drop_nulls().group_by("word").agg(n=pl.len()),
        ],
        engine="streaming",
    )
    n_words = int(counted["n"].sum())
    han = int(counted.filter(pl.col("word").str.contains(rf"^{_HAN}$"))["n"].sum())
    number = pl.col("word").str.contains(r"^\p{N}+$")
    telling = counted.filter(~pl.col("word").is_in(_LEFT_OUT) & ~number)
    order = telling.sort("n", "word", descending=[True, False]).head(_N_FREQUENT)
    return Texts(
        column=name,
        n=n,
        characters=spread(texts, pl.col("text").str.len_chars()),
        n_read=int(lengths["n"].sum()),
        words=spread_of(lengths),
        n_words=n_words,
        n_unique=counted.height,
        han_share=han / n_words if n_words else None,
        frequent=tuple(Word(word, count) for word, count in order.iter_rows()),
    )

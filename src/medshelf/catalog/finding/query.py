"""Understand the text of a search: which terms, years and names its words mean."""

from __future__ import annotations

import re
from collections.abc import Sequence
from dataclasses import dataclass, field

from medshelf.catalog.finding import bitset, words
from medshelf.catalog.finding.index import Index
from medshelf.catalog.finding.spelling import correct
from medshelf.catalog.finding.years import read_years

LONGEST_TEXT = 1000
"""Characters of a text that are read."""
MOST_WORDS = 64
"""Words and Chinese characters of a text that are read."""

# What must be met first where no record meets all: what a set is about, then how it was made.
_IMPORTANCE = {"condition": 5, "anatomy": 4, "modality": 3, "name": 4, "language": 3}
_USUAL_IMPORTANCE = 2
_FILTERS = ("access", "licence", "licence_allows", "since", "until")

_OF_FREE_WORD, _OF_TERM, _OF_BEGINNING = 1.0, 1.0, 0.5
_SHORTEST_BEGINNING = 3
_MOST_BEGINNINGS = 16

# A word makes a wish of names if at most one record in so many has it, or so few.
_RARE, _FEWEST = 16, 8


@dataclass(frozen=True, slots=True)
class Wish:
    """Something that the text asks for.

    Attributes:
        means: Facets and values; any of them is meant. The facet `name` holds words of names.
        rows: The rows that have one of them, as a `bitset`.
    """

    means: tuple[tuple[str, str], ...]
    rows: int

    @property
    def importance(self) -> int:
        """Weight against other wishes, where no record meets all."""
        if self.is_number:
            return 1
        return _IMPORTANCE.get(self.means[0][0], _USUAL_IMPORTANCE)

    @property
    def is_number(self) -> bool:
        """Whether it is a number in names, as a year, which says something beside names only."""
        facet, value = self.means[0]
        return facet == "name" and value.isdecimal()

    @property
    def is_named(self) -> bool:
        """Whether it is a name of a set or of where it lies."""
        return self.means[0][0] in {"name", "platform"} and not self.is_number

    @property
    def is_filter(self) -> bool:
        """Whether it is a condition rather than a subject."""
        return self.means[0][0] in _FILTERS


@dataclass(slots=True)
class Query:
    """A text as it was understood.

    Attributes:
        wishes: What it asks for.
        weights: Words to score by.
        corrections: Words that nothing is called, with the near word that was taken for each.
        unknown: Words that no record has.
        named: The rows that the whole text is an id, a name or an alias of, as a `bitset`.
    """

    corrections: dict[str, str]
    wishes: list[Wish] = field(default_factory=list)
    weights: dict[str, float] = field(default_factory=dict)
    unknown: list[str] = field(default_factory=list)
    named: int = 0

    def weigh(self, parts: Sequence[str], weight: float) -> None:
        """Score by words that share a weight; of several weights of a word the largest counts."""
        for word in parts:
            self.weights[word] = max(weight / len(parts), self.weights.get(word, 0))


def read_query(index: Index, text: str) -> Query:
    """Return what a text asks for. Every text can be read."""
    text = text[:LONGEST_TEXT]
    capitals = {word.casefold() for word in re.findall(r"\b[A-Z]{2,5}\b", text)}
    years = read_years(words.fold(text))
    rest, corrections = correct(index, years.rest)
    named = bitset.from_rows(index.tables.exact.get(words.compact(text), ()), index.size)
    query = Query(corrections, named=named)
    for facet, year in (("since", years.since), ("until", years.until)):
        if year is not None:
            rows = index.released(years.since, years.until)
            query.wishes.append(Wish(((facet, str(year)),), rows))
    spelt = {words.stem(word): word for word in words.words(rest)}
    for phrase, is_term in _phrases(index, words.units(rest)[:MOST_WORDS], capitals):
        if is_term:
            _add_term(index, query, phrase)
        else:
            _add_word(index, query, phrase, spelt.get(phrase, phrase))
    if not any(wish.is_named for wish in query.wishes):
        query.wishes = [wish for wish in query.wishes if not wish.is_number]
    return query


def _phrases(index: Index, parts: list[str], capitals: set[str]) -> list[tuple[str, bool]]:
    """Return the longest known phrases from left to right, true, and what lies between, false."""
    found: list[tuple[str, bool]] = []
    loose, place = "", 0
    while place < len(parts):
        phrase, length = _longest(index, parts, place, capitals)
        if length == 0 and words.is_ideograph(parts[place][0]):
            loose += parts[place]
        else:
            found.extend(_loose(index, loose))
            loose = ""
            if length == 0:
                found.append((parts[place], False))
            elif phrase:
                found.append((phrase, True))
        place += max(1, length)
    return found + _loose(index, loose)


def _longest(index: Index, parts: list[str], place: int, capitals: set[str]) -> tuple[str, int]:
    """Return the longest phrase at `place`, empty if it says nothing, and its length."""
    for length in range(min(index.longest_phrase, len(parts) - place), 0, -1):
        phrase = " ".join(parts[place : place + length])
        lone = len(phrase) == 1 and words.is_ideograph(phrase)
        as_written = phrase not in index.tables.capitals or phrase in capitals
        if phrase in index.tables.phrases and as_written and not lone:
            return phrase, length
        if phrase in index.ignored:
            return "", length
    return "", 0


def _loose(index: Index, run: str) -> list[tuple[str, bool]]:
    """Return the Chinese characters between two phrases: one alone may be a term."""
    if len(run) == 1:
        return [(run, run in index.tables.phrases)]
    return [(run, False)] if run else []


def _add_term(index: Index, query: Query, phrase: str) -> None:
    said = [word for word in phrase.split() if word not in index.ignored]
    query.weigh(words.regroup(said), _OF_TERM)
    meanings = index.tables.phrases[phrase]
    wordings = index.tables.synonyms.get(phrase, ())
    for wording in wordings:
        for word in wording:
            query.weigh([word], _OF_FREE_WORD)
    if not meanings:
        _add_wordings(index, query, phrase, wordings)
    for meaning in meanings:
        means = tuple((facet, value) for facet, value in meaning)
        rows = 0
        for facet, value in means:
            rows |= index.holders(facet, [value])
        wish = Wish(means, rows)
        if wish not in query.wishes:
            query.wishes.append(wish)
            for language in () if wish.is_filter else ("en", "zh"):
                query.weigh(words.tokens(index.label(*means[0], language)), _OF_TERM)


def _add_word(index: Index, query: Query, word: str, spelt: str) -> None:
    parts = words.regroup(word) if words.is_ideograph(word[0]) else [word]
    known = False
    for part in parts:
        query.weigh([part], _OF_FREE_WORD)
        if part not in index.terminology:
            _add_name(index, query, part, spelt)
        known |= len(index.postings(part)[0]) > 0
    if not known and not _add_beginnings(index, query, word) and spelt not in query.unknown:
        query.unknown.append(spelt)


def _add_beginnings(index: Index, query: Query, word: str) -> bool:
    """Score by the words that begin with one, and return whether there are any."""
    if len(word) < _SHORTEST_BEGINNING:
        return False
    longer = index.beginning_with(word, _MOST_BEGINNINGS)
    for each in longer:
        query.weigh([each], _OF_BEGINNING)
    return bool(longer)


def _add_wordings(
    index: Index, query: Query, phrase: str, wordings: Sequence[Sequence[str]]
) -> None:
    """Ask for names that have all words of one of the wordings, where there are such names."""
    rows = 0
    for wording in wordings:
        held = index.everything
        for word in wording:
            held &= bitset.from_rows(index.postings(f"={word}")[0], index.size)
        rows |= held
    if rows:
        name = phrase if phrase.isascii() else words.compact(phrase)
        query.wishes.append(Wish((("name", name),), rows))


def _add_name(index: Index, query: Query, word: str, spelt: str) -> None:
    named, _ = index.postings(f"={word}")
    if 0 < len(named) <= max(_FEWEST, index.size // _RARE):
        rows = bitset.from_rows(named, index.size)
        query.wishes.append(Wish((("name", spelt),), rows))

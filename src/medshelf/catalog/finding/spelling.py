"""Correct words of a search that nothing is called."""

from __future__ import annotations

import re
from bisect import bisect_left
from collections.abc import Iterator
from string import ascii_lowercase

from medshelf.catalog.finding import words
from medshelf.catalog.finding.index import Index

_SHORTEST, _LONGEST = 4, 32
_MOST_TRIED = 6
_ALIKE = 0.8


def correct(index: Index, text: str) -> tuple[str, dict[str, str]]:
    """Return a folded text with unknown words replaced by near ones, and the near word of each."""
    unknown = dict.fromkeys(word for word in words.words(text) if not _is_known(index, word))
    tried = ((word, _near(index, word)) for word in list(unknown)[:_MOST_TRIED])
    found = {word: near for word, near in tried if near is not None}
    for word, near in found.items():
        text = re.sub(rf"(?<![a-z]){re.escape(word)}(?![a-z])", near, text)
    return text, found


def _is_known(index: Index, word: str) -> bool:
    stem = words.stem(word)
    if not _SHORTEST <= len(word) <= _LONGEST:
        return True
    if not word.isascii() or not word.isalpha() or stem in index.terminology:
        return True
    return stem in index.ignored or bool(index.beginning_with(stem, 1))


def _near(index: Index, word: str) -> str | None:
    """Return the known word one edit away that most records have, else the one most alike."""
    near = sorted({each for each in _one_edit_away(word) if _is_spelt(index, each)})
    if near:
        return max(near, key=lambda each: len(index.postings(words.stem(each))[0]))
    import difflib

    held = index.tables.spellings
    begin, end = bisect_left(held, word[0]), bisect_left(held, chr(ord(word[0]) + 1))
    alike = [each for each in held[begin:end] if abs(len(each) - len(word)) <= 2]  # noqa: PLR2004
    return next(iter(difflib.get_close_matches(word, alike, 1, _ALIKE)), None)


def _one_edit_away(word: str) -> Iterator[str]:
    """Yield what a word may be a slip for; its first letter is right.

    The shortest words only lack a letter or have two swapped: `dose` is not `nose`.
    """
    for place in range(1, len(word) + 1):
        left, right = word[:place], word[place:]
        yield left + right[1:2] + right[:1] + right[2:]
        for letter in ascii_lowercase:
            yield left + letter + right
        if len(word) > _SHORTEST:
            yield left + right[1:]
            for letter in ascii_lowercase:
                yield left + letter + right[1:]


def _is_spelt(index: Index, word: str) -> bool:
    held = index.tables.spellings
    place = bisect_left(held, word)
    return place < len(held) and held[place] == word

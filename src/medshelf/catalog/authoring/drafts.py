"""Record files as rules see them: each one as it is written, and what all of them say together."""

from __future__ import annotations

import re
from collections.abc import Iterable, Iterator
from dataclasses import dataclass
from pathlib import Path

from medshelf.catalog.marked_yaml import Document, Place

_ENTRY = re.compile(r"@\w+\s*[{(]\s*([^\s,{}()@]+)\s*,")
_UPWARD = {"derived_from", "part_of"}


@dataclass(frozen=True, slots=True)
class Draft:
    """A record file that is being checked; it may break the model."""

    path: Path
    document: Document

    @property
    def id(self) -> str:
        """The id that it states, else the one that its file name gives."""
        return self.text("id") or self.path.stem

    def text(self, *pattern: str) -> str:
        """Return the text at one place; empty where there is none."""
        return next((text for _, text in self.document.texts(*pattern)), "")

    def doubts(self, *words: str) -> bool:
        """Return whether a listed doubt speaks of one of `words`."""
        listed = [text.casefold() for _, text in self.document.texts("doubts", "*")]
        return any(word in each for each in listed for word in words)

    def upward(self) -> Iterator[tuple[Place, str]]:
        """Yield the place and the id of every set that it was made from, or is part of."""
        for place, link in self.document.each("lineage", "*"):
            if isinstance(link, dict) and link.get("relation") in _UPWARD:
                yield from _text_only((*place, "id"), link.get("id"))

    def entries(self) -> Iterator[tuple[str, str]]:
        """Yield key and text of its BibTeX entries; capitals and spacing are set aside."""
        for _, text in self.document.texts("bibtex"):
            found = list(_ENTRY.finditer(text))
            ends = [each.start() for each in found[1:]] + [len(text)]
            for each, end in zip(found, ends, strict=False):
                yield each[1].casefold(), " ".join(text[each.start() : end].split())


class Drafts:
    """What rules ask of all records at once.

    Attributes:
        paths: Files by the id that they state.
        entries: By BibTeX key, its texts and for each the first record that has it.
    """

    def __init__(self, drafts: Iterable[Draft]) -> None:
        self.paths: dict[str, list[Path]] = {}
        self.entries: dict[str, dict[str, str]] = {}
        self._parents: dict[str, list[str]] = {}
        for draft in drafts:
            self.paths.setdefault(draft.id, []).append(draft.path)
            self._parents.setdefault(draft.id, []).extend(parent for _, parent in draft.upward())
            for key, text in draft.entries():
                self.entries.setdefault(key, {}).setdefault(text, draft.id)

    def way(self, start: str, goal: str) -> list[str]:
        """Return the ids on the shortest way up from one record to another, both included.

        Empty where there is no way.
        """
        below: dict[str, str] = {start: start}
        queue = [start]
        for current in queue:
            for parent in self._parents.get(current, []):
                if parent not in below:
                    below[parent] = current
                    queue.append(parent)
        if goal not in below:
            return []
        way = [goal]
        while way[-1] != start:
            way.append(below[way[-1]])
        return way[::-1]


def _text_only(place: Place, value: object) -> Iterator[tuple[Place, str]]:
    if isinstance(value, str):
        yield place, value

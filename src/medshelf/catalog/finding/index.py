"""The search index: what a search needs of all records, in one checked file.

Nothing here reads records: a search on a ready index imports no YAML and no pydantic.
"""

from __future__ import annotations

import hashlib
import json
from array import array
from bisect import bisect_left
from collections.abc import Sequence
from dataclasses import dataclass
from functools import cached_property
from itertools import accumulate, pairwise
from pathlib import Path
from typing import Any

FACETS = (
    "group", "domain", "dimension", "modality", "task", "anatomy", "condition", "access",
    "licence", "language", "format", "platform", "year", "readable",
)  # fmt: skip
"""The facets that are counted."""

SORTS = ("name", "samples", "year")

Meaning = list[tuple[str, str]]
"""A facet and a value each; a record that has one of them is meant."""


@dataclass(frozen=True)
class Tables:
    """The parts that are stored as JSON.

    Attributes:
        facets: Rows of every value of every facet, as `bitset`; a term holds its narrower terms.
        labels: English and Chinese name of values, by facet; `unit` is what is counted, `field`
            names the fields of a record, `facet` the facets and filters, `phrase` holds sentences.
        names: Values that a folded id, label or synonym stands for, by facet.
        phrases: What words joined by a space mean: all of the meanings.
        synonyms: Words to search for in place of a phrase, for each of several wordings.
        capitals: Phrases that are acronyms only in capital letters.
        ignored: Phrases that say nothing.
        exact: Rows that a compact id, name or alias names.
        spellings: Words as they are spelt in names and vocabulary, sorted.
        terminology: Words in their common form that the vocabulary uses.
        samples: Number of samples as `bitset.planes`.
        counted: Rows whose number of samples is known.
    """

    facets: dict[str, dict[str, int]]
    labels: dict[str, dict[str, tuple[str, str]]]
    names: dict[str, dict[str, list[str]]]
    phrases: dict[str, list[Meaning]]
    synonyms: dict[str, list[list[str]]]
    capitals: list[str]
    ignored: list[str]
    exact: dict[str, list[int]]
    spellings: list[str]
    terminology: list[str]
    samples: list[int]
    counted: int


@dataclass(frozen=True)
class Index:
    """An inverted index with BM25 weights worked out, facets, and what a result line shows.

    Attributes:
        entries: A record's fields for a result line, as JSON, by row; rows are sorted by id.
        words: Indexed words, sorted. `=word` lists the records that have it in a name, or in the
            name of an institution or a challenge.
        starts: Where each word's postings begin; one more at the end.
        rows: Rows of the postings, uint32.
        impacts: What the word adds to the row's score, float32.
        points: For each of `SORTS` a number per row, uint32, that is higher for what comes first.
        tables: Facets, names and phrases.
    """

    entries: list[bytes]
    words: list[str]
    starts: Sequence[int]
    rows: memoryview[int]
    impacts: memoryview[float]
    points: dict[str, memoryview[int]]
    tables: Tables

    @property
    def size(self) -> int:
        """Number of records."""
        return len(self.entries)

    @property
    def everything(self) -> int:
        """The set of all rows."""
        return (1 << self.size) - 1

    @cached_property
    def longest_phrase(self) -> int:
        """Number of words of the longest phrase."""
        held = (*self.tables.phrases, *self.tables.ignored)
        return max((phrase.count(" ") + 1 for phrase in held), default=0)

    @cached_property
    def ignored(self) -> frozenset[str]:
        """Phrases that say nothing."""
        return frozenset(self.tables.ignored)

    @cached_property
    def terminology(self) -> frozenset[str]:
        """Words in their common form that the vocabulary uses."""
        return frozenset(self.tables.terminology)

    def entry(self, row: int) -> dict[str, Any]:
        """Return the fields of a result line."""
        fields: dict[str, Any] = json.loads(self.entries[row])
        return fields

    def postings(self, word: str) -> tuple[memoryview[int], memoryview[float]]:
        """Return rows and impacts of a word; both are empty where no record has it."""
        place = bisect_left(self.words, word)
        if place == len(self.words) or self.words[place] != word:
            return self.rows[:0], self.impacts[:0]
        begin, end = self.starts[place], self.starts[place + 1]
        return self.rows[begin:end], self.impacts[begin:end]

    def beginning_with(self, prefix: str, limit: int) -> list[str]:
        """Return the first words that begin with `prefix`."""
        place = bisect_left(self.words, prefix)
        near = self.words[place : place + limit]
        return [word for word in near if word.startswith(prefix)]

    def holders(self, facet: str, values: Sequence[str]) -> int:
        """Return the rows that have one of the values."""
        held, rows = self.tables.facets[facet], 0
        for value in values:
            rows |= held.get(value, 0)
        return rows

    def released(self, since: int | None, until: int | None) -> int:
        """Return the rows released in the years from `since` to `until`, both included."""
        if since is None and until is None:
            return self.everything
        years = [
            year
            for year in self.tables.facets["year"]
            if (since is None or since <= int(year)) and (until is None or int(year) <= until)
        ]
        return self.holders("year", years)

    def label(self, facet: str, value: str, language: str = "en") -> str:
        """Return the name of a value; one without a name names itself."""
        labels = self.tables.labels.get(facet, {}).get(value)
        return value if labels is None else labels[language == "zh"]


def write_index(index: Index, path: Path, key: str) -> None:
    """Write an index: a line with a hash of the rest and the key, the lengths of parts, the parts.

    Args:
        index: What to write.
        path: A file that does not exist yet, or may be overwritten.
        key: What the index was made of; `read_index` asks for the same.
    """
    tables = vars(index.tables) | {
        "facets": {
            facet: {value: hex(rows) for value, rows in values.items()}
            for facet, values in index.tables.facets.items()
        },
        "samples": [hex(plane) for plane in index.tables.samples],
        "counted": hex(index.tables.counted),
    }
    parts = {
        "tables": json.dumps(
            tables, ensure_ascii=False, separators=(",", ":"), sort_keys=True
        ).encode(),
        "entries": b"\n".join(index.entries),
        "words": "\n".join(index.words).encode(),
        "starts": array("I", index.starts).tobytes(),
        "rows": index.rows.tobytes(),
        "impacts": index.impacts.tobytes(),
        **{sort: points.tobytes() for sort, points in index.points.items()},
    }
    lengths = {name: len(content) for name, content in parts.items()}
    rest = json.dumps(lengths).encode() + b"\n" + b"".join(parts.values())
    path.write_bytes(_first_line(rest, key) + b"\n" + rest)


def read_index(path: Path, key: str) -> Index:
    """Read an index and check every byte of it.

    Raises:
        OSError: The file cannot be read.
        ValueError: It is damaged, or was made of something else than `key`.
    """
    first, _, rest = path.read_bytes().partition(b"\n")
    if first != _first_line(rest, key):
        msg = f"{path} is damaged, or was made of other records"
        raise ValueError(msg)
    head, _, content = rest.partition(b"\n")
    lengths: dict[str, int] = json.loads(head)
    places = zip(lengths, pairwise(accumulate(lengths.values(), initial=0)), strict=True)
    return _index({name: content[begin:end] for name, (begin, end) in places})


def _first_line(rest: bytes, key: str) -> bytes:
    return f"{hashlib.sha256(rest).hexdigest()} {key}".encode()


def _index(parts: dict[str, bytes]) -> Index:
    fields = json.loads(parts["tables"])
    fields["facets"] = {
        facet: {value: int(rows, 16) for value, rows in values.items()}
        for facet, values in fields["facets"].items()
    }
    fields["samples"] = [int(plane, 16) for plane in fields["samples"]]
    fields["counted"] = int(fields["counted"], 16)
    return Index(
        entries=parts["entries"].split(b"\n") if parts["entries"] else [],
        words=parts["words"].decode().split("\n"),
        starts=memoryview(parts["starts"]).cast("I"),
        rows=memoryview(parts["rows"]).cast("I"),
        impacts=memoryview(parts["impacts"]).cast("f"),
        points={sort: memoryview(parts[sort]).cast("I") for sort in SORTS},
        tables=Tables(**fields),
    )

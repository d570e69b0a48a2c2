"""How many datasets there are of each kind; generated phantoms are counted apart."""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterable
from dataclasses import dataclass

from medshelf.catalog.cards.parts import Table
from medshelf.catalog.record import Record
from medshelf.catalog.vocabulary import label
from medshelf.catalog.wording import field_name, number_text, phrase

UNKNOWN = "unknown"
"""The key of what a record does not say."""

FACETS = {
    "group": "groups",
    "tasks": "tasks",
    "modalities": "modalities",
    "access": "access",
    "year": None,
    "dimensions": "dimensions",
    "anatomy": "anatomy",
    "conditions": "conditions",
    "licence": None,
}
"""What is counted, by field, and the section of the vocabulary that names the terms."""


@dataclass(frozen=True, slots=True)
class Statistics:
    """Counts of datasets.

    Attributes:
        n_datasets: Datasets, without the phantoms.
        n_phantoms: Sets that medshelf generates; they are in no other count.
        counts: For each facet the datasets of each term, most frequent first, years in order. A
            dataset with several terms is counted under each.
    """

    n_datasets: int
    n_phantoms: int
    counts: dict[str, dict[str, int]]

    def named(self, facet: str, language: str) -> dict[str, int]:
        """Return the counts of a facet by the names of its terms.

        Two terms of one name stay apart: the second keeps its id.
        """
        named: dict[str, int] = {}
        for key, count in self.counts[facet].items():
            name = _name(facet, key, language)
            named[key if name in named else name] = count
        return named

    def table(self, facet: str, language: str) -> Table:
        """Return the counts of a facet as a table."""
        header = (field_name(facet, language), phrase("count", language))
        named = self.named(facet, language).items()
        rows = tuple((name, number_text(count)) for name, count in named)
        return Table(header, rows, frozenset({1}))


def catalog_statistics(records: Iterable[Record]) -> Statistics:
    """Count datasets by group, task, modality, access, year and so on."""
    counted: dict[str, Counter[str]] = {facet: Counter() for facet in FACETS}
    n_datasets = n_phantoms = 0
    for record in records:
        if record.synthetic:
            n_phantoms += 1
            continue
        n_datasets += 1
        for facet, counter in counted.items():
            counter.update(_keys(record, facet))
    return Statistics(
        n_datasets,
        n_phantoms,
        {facet: _ordered(facet, counter) for facet, counter in counted.items()},
    )


def _keys(record: Record, facet: str) -> set[str]:
    if facet == "licence":
        return {record.licence.id if record.licence else UNKNOWN}
    value = getattr(record, facet)
    if isinstance(value, tuple):
        return set(value) or {UNKNOWN}
    return {UNKNOWN if value is None else str(value)}


def _ordered(facet: str, counter: Counter[str]) -> dict[str, int]:
    if facet == "year":
        return dict(sorted(counter.items()))
    return dict(sorted(counter.items(), key=lambda each: (-each[1], each[0])))


def _name(facet: str, key: str, language: str) -> str:
    section = FACETS[facet]
    if key == UNKNOWN:
        return phrase("unknown", language)
    return key if section is None else label(section, key, language)

"""Make the tables of the search index: facets, names, and what phrases mean."""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Iterable, Iterator, Mapping, Sequence

from medshelf.catalog.finding import bitset, words
from medshelf.catalog.finding.facets import FIELDS, SEARCHED, SECTIONS, Values, narrower_terms
from medshelf.catalog.finding.index import FACETS, Tables
from medshelf.catalog.finding.phrasing import Phrases, all_phrases
from medshelf.catalog.licence import USES, licences
from medshelf.catalog.record import Record
from medshelf.catalog.vocabulary import terms

_SHORTEST_SPELLING = 4
_SPOKEN = "search-"  # begins the phrases that a search says


def make_tables(shelf: Sequence[Record], held: Sequence[Values]) -> Tables:
    """Return facets, names and phrases for the index of some records.

    Args:
        shelf: The records by row.
        held: Their values by facet.
    """
    known = all_phrases()
    counts = [each.n_samples for each in shelf]
    counted = (row for row, count in enumerate(counts) if count is not None)
    exact: dict[str, list[int]] = defaultdict(list)
    for row, record in enumerate(shelf):
        for name in {words.compact(name) for name in (record.id, record.name, *record.aliases)}:
            exact[name].append(row)
    facets = _facets(shelf, held)
    return Tables(
        facets=facets,
        labels=_labels(),
        names=_names(facets, known),
        phrases=known.means,
        synonyms=known.synonyms,
        capitals=known.capitals,
        ignored=known.ignored,
        exact=exact,
        spellings=sorted(_spellings(shelf)),
        terminology=sorted({word for phrase in known.terms for word in phrase.split()}),
        samples=bitset.planes(counts),
        counted=bitset.from_rows(counted, len(shelf)),
    )


def _facets(shelf: Sequence[Record], held: Sequence[Values]) -> dict[str, dict[str, int]]:
    rows: dict[str, dict[str, list[int]]] = {facet: defaultdict(list) for facet in (*FACETS, "has")}
    for row, values in enumerate(held):
        for facet, chosen in values.items():
            for value in chosen:
                rows[facet][value].append(row)
    own = {
        facet: {value: bitset.from_rows(listed, len(shelf)) for value, listed in values.items()}
        for facet, values in rows.items()
    }
    own["licence_allows"] = {
        use: _union(
            own["licence"].get(each.id, 0) for each in licences().values() if each.allows(use)
        )
        for use in USES
    }
    return own | {facet: _with_narrower(facet, own[facet]) for facet in SECTIONS}


def _with_narrower(facet: str, own: Mapping[str, int]) -> dict[str, int]:
    found = {
        term: _union(own.get(each, 0) for each in narrower_terms(facet, term))
        for term in terms(SECTIONS[facet])
    }
    return {value: rows for value, rows in (*own.items(), *found.items()) if rows}


def _union(sets: Iterable[int]) -> int:
    rows = 0
    for each in sets:
        rows |= each
    return rows


def _labels() -> dict[str, dict[str, tuple[str, str]]]:
    labels = {
        facet: {term.id: (term.en, term.zh) for term in terms(section).values()}
        for facet, section in SECTIONS.items()
    }
    labels["unit"] = {term.id: (term.en, term.zh) for term in terms("sample_units").values()}
    labels["licence"] = {each.id: (each.en, each.zh) for each in licences().values()}
    field = {term.id: (term.en, term.zh) for term in terms("fields").values()}
    phrase = {
        term.id.removeprefix(_SPOKEN): (term.en, term.zh)
        for term in terms("phrases").values()
        if term.id.startswith(_SPOKEN)
    }
    filters = {name.replace("-", "_"): names for name, names in phrase.items()}
    facet = {facet: field[name] for facet, name in FIELDS.items()}
    labels["readable"] = {value: phrase[value] for value in ("yes", "no")}
    labels["licence_allows"] = {use: field[use] for use in USES}
    return labels | {"field": field, "phrase": phrase, "facet": filters | facet}


def _names(
    facets: Mapping[str, Mapping[str, int]], known: Phrases
) -> dict[str, dict[str, list[str]]]:
    """Return the values that a folded name stands for, as `vocabulary.resolve` finds them."""
    names = {facet: _names_of_terms(section) for facet, section in SECTIONS.items()}
    names["licence"] = {
        words.fold(name): [each.id]
        for each in licences().values()
        for name in (each.id, each.en, each.zh)
    }
    names["format"] = {value: [value] for value in facets["format"]} | known.formats
    for facet in ("licence_allows", "has"):
        names[facet] = {value: [value] for value in facets[facet]}
    return names


def _names_of_terms(section: str) -> dict[str, list[str]]:
    """Return the term of every name: ids come before labels, labels before synonyms."""
    found: dict[str, list[str]] = {}
    for rank in (slice(0, 1), slice(1, 3), slice(3, None)):
        for term in terms(section).values():
            for name in term.names[rank]:
                found.setdefault(words.fold(name).strip(), [term.id])
    return found


def _spellings(shelf: Sequence[Record]) -> Iterator[str]:
    texts = [name for record in shelf for name in (record.name, *record.aliases)]
    for facet in SEARCHED:
        for term in terms(SECTIONS[facet]).values():
            texts.extend((term.en, *term.synonyms_en))
    for text in texts:
        yield from (word for word in words.words(text) if len(word) >= _SHORTEST_SPELLING)

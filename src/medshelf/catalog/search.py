"""Find datasets by words in English or Chinese, and by facets.

The words of a text are looked up in an inverted index with BM25 weights; what they mean (terms,
years, ways of access) decides which records are hits, and the words decide their order.
"""

from __future__ import annotations

from array import array
from collections.abc import Iterable
from dataclasses import dataclass, field, fields
from typing import Literal

from medshelf.catalog.filters import Filters, rows_meeting
from medshelf.catalog.finding import bitset
from medshelf.catalog.finding.index import FACETS, SORTS, Index
from medshelf.catalog.finding.loosening import Loosened, loosen
from medshelf.catalog.finding.query import LONGEST_TEXT, Query, Wish, read_query
from medshelf.catalog.finding.ranking import best, rows_above_zero, scores
from medshelf.catalog.finding.remarks import Remarks
from medshelf.catalog.finding.stored import open_index
from medshelf.core.errors import UnknownNameError

Sort = Literal["relevance", "samples", "year", "name"]

_NAMED = 1000.0
_SHOWN = {
    "group": "group",
    "dimensions": "dimension",
    "modalities": "modality",
    "tasks": "task",
    "anatomy": "anatomy",
    "conditions": "condition",
    "unit": "unit",
    "access": "access",
    "licence": "licence",
}


@dataclass(frozen=True, slots=True)
class Hit:
    """A dataset as a line of a result; what is not known is null.

    Attributes:
        score: How well it fits the words; 0 where there are none. Comparable within one result.
        unit: What `n_samples` counts.
        licence: Id of the licence.
        readable: Whether medshelf has a reader.
    """

    id: str
    name: str
    score: float
    group: str
    dimensions: tuple[str, ...]
    modalities: tuple[str, ...]
    tasks: tuple[str, ...]
    anatomy: tuple[str, ...]
    conditions: tuple[str, ...]
    n_samples: int | None
    unit: str | None
    access: str
    licence: str | None
    year: int | None
    readable: bool


@dataclass(frozen=True, slots=True)
class FacetCount:
    """How many hits have a value of a facet.

    Attributes:
        label: Its name in the language of the search.
    """

    value: str
    label: str
    count: int


@dataclass(frozen=True, slots=True)
class Results:
    """What a search found.

    Attributes:
        hits: In order, as many as were asked for.
        total: How many there are.
        facets: Values that hits have, by facet, the most frequent first; years newest first.
        understood: What the text was taken to ask, by facet; `since` and `until` hold years,
            `name` words that only names have.
        unmet: What of it no hit meets, because no record meets all.
        labels: Names of what the hits hold, by facet, in the language of the search; `unit` is what
            is counted, `field` names the fields themselves, `facet` the facets.
        suggestions: Words that nothing is called, with the near word that was searched for.
        unknown: Words that no record has.
        blocking: Where there is no hit: filters each of which alone leaves nothing.
        without: Where there is no hit: how many there are without each filter that keeps some
            out, without the `text`, or, where none of these is enough, without all `filters`.
        remarks: All of this in sentences.
    """

    hits: tuple[Hit, ...]
    total: int
    facets: dict[str, tuple[FacetCount, ...]]
    understood: dict[str, tuple[str, ...]] = field(default_factory=dict)
    unmet: dict[str, tuple[str, ...]] = field(default_factory=dict)
    labels: dict[str, dict[str, str]] = field(default_factory=dict)
    suggestions: dict[str, str] = field(default_factory=dict)
    unknown: tuple[str, ...] = ()
    blocking: tuple[str, ...] = ()
    without: dict[str, int] = field(default_factory=dict)
    remarks: tuple[str, ...] = ()


def search(
    text: str = "",
    filters: Filters | None = None,
    *,
    sort: Sort = "relevance",
    limit: int | None = 20,
    language: str = "en",
) -> Results:
    """Find datasets; the first search after a change of the records makes the index anew.

    Args:
        text: Words in English, Chinese or both; empty for all datasets. Every text is allowed.
        filters: Conditions that every hit meets.
        sort: `relevance` is by name where the text is empty.
        limit: How many hits at most; null for all.
        language: `en` or `zh`, of the labels of facets.

    Raises:
        UnknownNameError: A filter has a name that does not exist, or there is no such order.
        FormatError: A record file is damaged.
        LayoutError: A folder of records does not exist, or two records have one id.
    """
    return search_index(
        open_index(), text, filters or Filters(), sort=sort, limit=limit, language=language
    )


def search_index(
    index: Index,
    text: str,
    filters: Filters,
    *,
    sort: Sort = "relevance",
    limit: int | None = 20,
    language: str = "en",
) -> Results:
    """Search a given index; see `search`."""
    _check("order", sort, ("relevance", *SORTS))
    _check("language", language, ("en", "zh"))
    text = text[:LONGEST_TEXT]
    query = read_query(index, text)
    points = scores(index, query.weights)
    for row in bitset.rows_of(query.named):
        points[row] += _NAMED
    allowed = rows_meeting(index, filters)
    rows = _matching(query, allowed, points)
    by_words = sort == "relevance" and (query.weights or query.named)
    order = points if by_words else index.points["name" if sort == "relevance" else sort]
    best_rows = best(order, rows, None if limit is None else max(0, limit))
    hits = tuple(_hit(index, row, points[row]) for row in best_rows)
    loosened = Loosened()
    if not rows:
        loosened = loosen(
            filters,
            lambda fewer: _matching(query, rows_meeting(index, fewer), points).bit_count(),
            allowed.bit_count(),
        )
    return Results(
        hits=hits,
        total=rows.bit_count(),
        facets={facet: _counts(index, facet, rows, language) for facet in FACETS},
        understood=_listed(query.wishes),
        unmet=_listed([wish for wish in query.wishes if not wish.rows & rows]),
        labels=_labels(index, hits, language),
        suggestions=query.corrections,
        unknown=tuple(query.unknown),
        blocking=loosened.blocking,
        without=loosened.without,
        remarks=tuple(Remarks(index, language).on(query, rows, len(hits), loosened)),
    )


def _check(what: str, name: str, known: tuple[str, ...]) -> None:
    if name not in known:
        raise UnknownNameError(what, name, known)


def _matching(query: Query, allowed: int, points: array[float]) -> int:
    """Return the hits; years and conditions of the text are set aside where they leave none."""
    narrowed = allowed
    for wish in query.wishes:
        if wish.is_filter:
            narrowed &= wish.rows
    related = _related(query, narrowed, points) or _related(query, allowed, points)
    return related | query.named & allowed


def _related(query: Query, among: int, points: array[float]) -> int:
    """Return the rows that meet all wishes; where none does, those that meet the weightiest."""
    subjects = [wish for wish in query.wishes if not wish.is_filter]
    rows, weight = bitset.heaviest(among, ((each.rows, each.importance) for each in subjects))
    if weight or not query.weights:
        return rows
    return among & rows_above_zero(points)


def _hit(index: Index, row: int, score: float) -> Hit:
    entry = index.entry(row)
    lists = {name: tuple(value) for name, value in entry.items() if isinstance(value, list)}
    return Hit(**(entry | lists), score=round(float(score), 4))


def _labels(index: Index, hits: Iterable[Hit], language: str) -> dict[str, dict[str, str]]:
    held: dict[str, set[str]] = {facet: set() for facet in _SHOWN.values()}
    for hit in hits:
        for name, facet in _SHOWN.items():
            value = getattr(hit, name)
            held[facet].update((value,) if isinstance(value, str) else value or ())
    held["field"] = {each.name for each in fields(Hit)} - {"score"}
    held["facet"] = set(FACETS)
    return {
        facet: {value: index.label(facet, value, language) for value in sorted(values)}
        for facet, values in held.items()
    }


def _counts(index: Index, facet: str, rows: int, language: str) -> tuple[FacetCount, ...]:
    counted = [
        FacetCount(value, index.label(facet, value, language), count)
        for value, holders in index.tables.facets[facet].items()
        if (count := (holders & rows).bit_count())
    ]
    if facet == "year":
        return tuple(sorted(counted, key=lambda each: each.value, reverse=True))
    return tuple(sorted(counted, key=lambda each: (-each.count, each.label)))


def _listed(wishes: Iterable[Wish]) -> dict[str, tuple[str, ...]]:
    found: dict[str, dict[str, None]] = {}
    for wish in wishes:
        for facet, value in wish.means:
            found.setdefault(facet, {})[value] = None
    return {facet: tuple(values) for facet, values in found.items()}

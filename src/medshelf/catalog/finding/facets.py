"""What a search can be narrowed by: the facets of a record."""

from __future__ import annotations

from collections.abc import Iterator
from functools import cache, lru_cache

from medshelf.catalog.record import Record
from medshelf.catalog.vocabulary import Term, terms, with_narrower

Values = dict[str, tuple[str, ...]]
"""The values of a record by facet."""

SECTIONS = {
    "group": "groups",
    "domain": "domains",
    "dimension": "dimensions",
    "modality": "modalities",
    "task": "tasks",
    "anatomy": "anatomy",
    "condition": "conditions",
    "access": "access",
    "language": "languages",
    "platform": "platforms",
}
"""The facets whose values are terms, with their section of the vocabulary."""

FIELDS = {
    "group": "group",
    "domain": "domain",
    "dimension": "dimensions",
    "modality": "modalities",
    "task": "tasks",
    "anatomy": "anatomy",
    "condition": "conditions",
    "access": "access",
    "licence": "licence",
    "language": "languages",
    "format": "file_formats",
    "platform": "platform",
    "year": "year",
    "name": "name",
}
"""The field of a record that gives a facet its name."""

SEARCHED = ("group", "dimension", "modality", "task", "anatomy", "condition", "language")
"""The facets whose terms are searched by all their names."""

MANY_ORGANS = 5
"""A record of at least so many terms of anatomy counts as `multi-organ` too."""


def facet_values(record: Record) -> Values:
    """Return the values of a record by facet, without the wider terms of its terms."""
    return {
        "group": (record.group,),
        "domain": (record.domain,),
        "dimension": record.dimensions,
        "modality": record.modalities,
        "task": record.tasks,
        "anatomy": _anatomy(record),
        "condition": record.conditions,
        "access": (record.access,),
        "licence": (record.licence.id,) if record.licence else (),
        "language": record.languages,
        "format": record.file_formats,
        "platform": _platforms(record),
        "year": (str(record.year),) if record.year else (),
        "readable": ("yes" if record.reader else "no",),
        "has": tuple(_has(record)),
    }


@cache
def term_of(facet: str, value: str) -> Term:
    """Return a term; one that the vocabulary does not hold names itself."""
    return terms(SECTIONS[facet]).get(value) or Term(id=value, en=value, zh=value)


@cache
def narrower_terms(facet: str, term: str) -> frozenset[str]:
    """Return a term and every term below it."""
    return frozenset(with_narrower(SECTIONS[facet], term))


@lru_cache(maxsize=4096)
def wider_terms(facet: str, values: tuple[str, ...]) -> tuple[Term, ...]:
    """Return the terms above some terms that are not among them."""
    return tuple(
        term
        for term in terms(SECTIONS[facet]).values()
        if term.id not in values and not narrower_terms(facet, term.id).isdisjoint(values)
    )


def forget_vocabulary() -> None:
    """Forget what was worked out of the vocabulary, which may have been edited."""
    for cached in (term_of, narrower_terms, wider_terms):
        cached.cache_clear()


def _anatomy(record: Record) -> tuple[str, ...]:
    many = len(record.anatomy) >= MANY_ORGANS and "multi-organ" not in record.anatomy
    return (*record.anatomy, "multi-organ") if many else record.anatomy


def _platforms(record: Record) -> tuple[str, ...]:
    named = (record.platform, *record.download_platforms)
    return tuple(dict.fromkeys(each for each in named if each))


def _has(record: Record) -> Iterator[str]:
    held = {
        "bibtex": record.bibtex,
        "class-counts": any(each.cases is not None for each in record.label_stats),
        "lineage": record.lineage,
        "patient-key": record.patient_key,
        "splits": record.splits,
    }
    return (name for name, value in held.items() if value)

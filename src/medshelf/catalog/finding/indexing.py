"""Make the search index of records: words with their weights, facets, and what phrases mean."""

from __future__ import annotations

import json
import math
import re
from array import array
from collections import defaultdict
from collections.abc import Callable, Iterable, Mapping, Sequence
from functools import lru_cache
from typing import Any

from medshelf.catalog.finding import words
from medshelf.catalog.finding.facets import (
    SEARCHED,
    Values,
    facet_values,
    forget_vocabulary,
    term_of,
    wider_terms,
)
from medshelf.catalog.finding.index import SORTS, Index
from medshelf.catalog.finding.tables import make_tables
from medshelf.catalog.record import Record

# Weight of a word by where it stands, and how much a long field lowers it (the b of BM25).
_FIELDS = {
    "names": (5.0, 0.3),
    "terms": (3.0, 0.5),
    "origin": (2.0, 0.5),
    "title": (1.5, 0.5),
    "classes": (1.0, 0.75),
    "wording": (1.0, 0.75),
    "synonyms": (0.7, 0.5),
    "wider": (0.5, 0.5),
}
_NAMES = ("names", "origin")
_SATURATION = 1.2
_OUTSIDE_MEDICINE = 0.5  # of the score; such sets are companions of medical ones, or phantoms
_TITLE = re.compile(r"\btitle\s*=\s*[{\"](.{1,400}?)[}\"]\s*,?\s*\n", re.IGNORECASE | re.DOTALL)

_CAMEL = re.compile(r"(?<=[a-z]{2})(?=[A-Z])")  # PneumoniaMNIST, ChestX-ray14
_YEAR = re.compile(r"(?<!\d)(?:20)?([012]\d)(?!\d)")  # BraTS21, ISIC 2018

Fields = dict[str, tuple[str, ...]]


def make_index(records: Iterable[Record]) -> Index:
    """Return the index of some records.

    Args:
        records: In the order of their ids.
    """
    forget_vocabulary()
    shelf = list(records)
    held = [facet_values(each) for each in shelf]
    documents = [_fields(*each) for each in zip(shelf, held, strict=True)]
    merits = [1.0 if each.domain == "medical" else _OUTSIDE_MEDICINE for each in shelf]
    rows, impacts = _postings(documents, merits)
    listed = sorted(rows)
    starts = [0]
    for word in listed:
        starts.append(starts[-1] + len(rows[word]))
    return Index(
        entries=[_entry(each) for each in shelf],
        words=listed,
        starts=starts,
        rows=_joined("I", (rows[word] for word in listed)),
        impacts=_joined("f", (impacts[word] for word in listed)),
        points={sort: _joined("I", [_points(shelf, sort)]) for sort in SORTS},
        tables=make_tables(shelf, held),
    )


def _postings(
    documents: Sequence[Fields], merits: Sequence[float]
) -> tuple[dict[str, array[int]], dict[str, array[float]]]:
    """Return the rows and the BM25F impacts of every word; `=word` holds the rows of names.

    Args:
        documents: The words of every record by field.
        merits: What the impacts of every record are multiplied by.

    Source: Robertson and Zaragoza, The Probabilistic Relevance Framework: BM25 and Beyond, 2009.
    """
    rows: dict[str, array[int]] = defaultdict(lambda: array("I"))
    impacts: dict[str, array[float]] = defaultdict(lambda: array("f"))
    mean = {
        field: sum(len(each[field]) for each in documents) / max(1, len(documents)) or 1.0
        for field in _FIELDS
    }
    for row, document in enumerate(documents):
        for word, weight in _weights(document, mean).items():
            rows[word].append(row)
            impacts[word].append(merits[row] * weight / (_SATURATION + weight))
        for word in {f"={word}" for field in _NAMES for word in document[field]}:
            rows[word].append(row)
            impacts[word].append(0)
    for word, shares in impacts.items():
        rarity = math.log1p((len(documents) - len(shares) + 0.5) / (len(shares) + 0.5))
        impacts[word] = array("f", [share * rarity for share in shares])
    return rows, impacts


def _weights(document: Fields, mean: Mapping[str, float]) -> dict[str, float]:
    found: dict[str, float] = {}
    for field, (weight, slope) in _FIELDS.items():
        content = document[field]
        share = weight / (1 - slope + slope * len(content) / mean[field])
        for word in content:
            found[word] = found.get(word, 0) + share
    return found


def _fields(record: Record, values: Values) -> Fields:
    own = tuple(term_of(facet, value) for facet in SEARCHED for value in values[facet])
    wider = tuple(term for facet in SEARCHED for term in wider_terms(facet, values[facet]))
    platforms = [term_of("platform", value) for value in values["platform"]]
    stats = [name for each in record.label_stats for name in (each.name, each.name_zh or "")]
    tasks = [name for task in record.label_tasks for name in (task.kind, *task.classes)]
    stated = record.stated.model_dump(exclude_none=True).values()
    title = _TITLE.search(record.bibtex or "")
    names = (record.id, record.name, *record.aliases)
    years = [form for name in names for year in _YEAR.findall(name) for form in (year, f"20{year}")]
    origin = (*record.institutions, record.challenge or "", record.collection or "")
    return {
        "names": _distinct(*names, *(_CAMEL.sub(" ", name) for name in names), *years),
        "terms": _all(*(name for term in own for name in (term.en, term.zh))),
        "origin": _distinct(*origin, *(term.en for term in platforms)),
        "title": _distinct(title.group(1) if title else ""),
        "classes": _distinct(*stats, *tasks),
        "wording": _all(*stated, str(record.year or ""), *(term.zh for term in platforms)),
        "synonyms": _all(*(name for term in own for name in term.synonyms_en + term.synonyms_zh)),
        "wider": _all(*(name for term in wider for name in (term.en, term.zh))),
    }


@lru_cache(maxsize=65536)
def _all(*texts: str) -> tuple[str, ...]:
    return tuple(word for text in texts for word in words.tokens(text))


def _distinct(*texts: str) -> tuple[str, ...]:
    return tuple(dict.fromkeys(_all(*texts)))


def _joined(kind: str, parts: Iterable[array[Any]]) -> memoryview[Any]:
    whole: array[Any] = array(kind)
    for part in parts:
        whole.extend(part)
    return memoryview(whole)


def _entry(record: Record) -> bytes:
    fields = {
        "id": record.id,
        "name": record.name,
        "group": record.group,
        "dimensions": record.dimensions,
        "modalities": record.modalities,
        "tasks": record.tasks,
        "anatomy": record.anatomy,
        "conditions": record.conditions,
        "n_samples": record.n_samples,
        "unit": record.sample_unit,
        "access": record.access,
        "licence": record.licence.id if record.licence else None,
        "year": record.year,
        "readable": record.reader is not None,
    }
    return json.dumps(fields, ensure_ascii=False, separators=(",", ":")).encode()


def _points(shelf: Sequence[Record], sort: str) -> array[int]:
    """Return a number per row that is higher for what comes first; unknown values come last."""
    keys: dict[str, Callable[[Record], tuple[object, ...]]] = {
        "name": lambda each: (words.fold(each.name), each.id),
        "samples": lambda each: (-(each.n_samples or -1), each.id),
        "year": lambda each: (-(each.year or 0), each.id),
    }
    points = array("I", bytes(4 * len(shelf)))
    order = sorted(range(len(shelf)), key=lambda row: keys[sort](shelf[row]))
    for place, row in enumerate(order):
        points[row] = len(shelf) - place
    return points

"""Datasets side by side."""

from __future__ import annotations

from collections.abc import Callable, Sequence

from medshelf.catalog.cards.parts import Table
from medshelf.catalog.facts import label_origin
from medshelf.catalog.licence import USES, licence_of
from medshelf.catalog.lineage import Lineage
from medshelf.catalog.parts import Range
from medshelf.catalog.record import Record
from medshelf.catalog.vocabulary import label
from medshelf.catalog.wording import (
    axes_text,
    check_language,
    duty,
    field_name,
    names,
    number_text,
    phrase,
    size_text,
    verdict,
    with_detail,
    with_note,
)

_SHARED = {"shared": "can-share-samples", "possible": "may-share-samples"}
_BOUNDS = ("min", "median", "max")


def compare(
    records: Sequence[Record], language: str = "en", lineage: Lineage | None = None
) -> Table:
    """Return the facts worth comparing, one row each, and one column per dataset.

    A fact that none of them has is left out.

    Args:
        records: The datasets, in the order of the columns.
        language: `en` or `zh`.
        lineage: All relations of the catalog; with it the last rows say which of the datasets
            share samples, and so must not be on both sides of an evaluation.

    Raises:
        UnknownNameError: The language is neither.
    """
    check_language(language)
    rows = [
        (_heading(key, language), *(tell(record, language) for record in records))
        for key, tell in _FACTS.items()
    ]
    if lineage is not None:
        rows += [_overlap(kind, records, lineage, language) for kind in _SHARED]
    header = (field_name("name", language), *(each.name for each in records))
    return Table(header, tuple(row for row in rows if any(row[1:])))


def _overlap(
    kind: str, records: Sequence[Record], lineage: Lineage, language: str
) -> tuple[str, ...]:
    cells = [
        "; ".join(
            other.name for other in records if lineage.overlap(record.id, other.id).verdict == kind
        )
        for record in records
    ]
    return (phrase(_SHARED[kind], language), *cells)


def _heading(key: str, language: str) -> str:
    name = field_name(key, language)
    if key not in ("size_px", "spacing"):
        return name
    return with_detail(name, " / ".join(field_name(each, language) for each in _BOUNDS), language)


def _terms(key: str) -> Callable[[Record, str], str]:
    return lambda record, language: "; ".join(names(key, getattr(record, key), language))


def _count(key: str) -> Callable[[Record, str], str]:
    def tell(record: Record, _: str) -> str:
        value = getattr(record, key)
        return "" if value is None else number_text(value)

    return tell


def _text(key: str) -> Callable[[Record, str], str]:
    return lambda record, _: getattr(record, key) or ""


def _samples(record: Record, language: str) -> str:
    if record.n_samples is None:
        return ""
    count = number_text(record.n_samples)
    if record.sample_unit is None:
        return count
    return with_note(count, label("sample_units", record.sample_unit, language), language)


def _range(key: str) -> Callable[[Record, str], str]:
    def tell(record: Record, language: str) -> str:
        for each in record.resolution:
            values: Range | None = getattr(each, key)
            if values is not None:
                texts = [_axes(getattr(values, bound)) for bound in _BOUNDS]
                shown = texts[:1] if len(set(texts)) == 1 else texts
                unit = f" {label('phrases', each.spacing_unit or 'not-stated', language)}"
                return " / ".join(shown) + (unit if key == "spacing" else "")
        return ""

    return tell


def _axes(values: Sequence[float] | None) -> str:
    return "\N{EN DASH}" if values is None else axes_text(values)


def _use(use: str) -> Callable[[Record, str], str]:
    def tell(record: Record, language: str) -> str:
        found = licence_of(record)
        return verdict(allowed=found.allows(use), language=language) if found else ""

    return tell


def _share_alike(record: Record, language: str) -> str:
    found = licence_of(record)
    return duty(required=found.share_alike, language=language) if found else ""


_FACTS: dict[str, Callable[[Record, str], str]] = {
    "id": _text("id"),
    "released": _text("released"),
    "version": _text("version"),
    **{key: _terms(key) for key in ("dimensions", "modalities", "tasks", "anatomy", "conditions")},
    "n_classes": _count("n_classes"),
    "n_samples": _samples,
    **{key: _count(key) for key in ("n_patients", "n_studies", "n_slices")},
    "splits": lambda record, _: "; ".join(
        f"{name} {number_text(count)}" for name, count in record.splits.items()
    ),
    "size_px": _range("size_px"),
    "spacing": _range("spacing"),
    "file_formats": lambda record, _: "; ".join(record.file_formats),
    "size_bytes": lambda record, _: size_text(record.size_bytes) if record.size_bytes else "",
    "languages": _terms("languages"),
    "label_origin": lambda record, language: label_origin(record, language) or "",
    "patient_key": _text("patient_key"),
    "access": lambda record, language: label("access", record.access, language),
    "licence": lambda record, _: record.licence.id if record.licence else "",
    **{use: _use(use) for use in USES},
    "share_alike": _share_alike,
}
"""What is compared, by field, and how it is told."""

"""The tables of a card: resolution, classes, files, conflicts."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

from medshelf.catalog.cards.parts import Table
from medshelf.catalog.parts import Range, Volume
from medshelf.catalog.record import Record
from medshelf.catalog.vocabulary import label
from medshelf.catalog.wording import (
    axes_text,
    field_name,
    number_text,
    phrase,
    size_text,
    with_detail,
    with_note,
)

_EXTENT = ("min", "median", "mean", "max")
_NUMERIC = {*_EXTENT, "size_bytes"}


@dataclass(frozen=True, slots=True)
class _Column:
    header: str
    texts: Sequence[str]
    numeric: bool = False


def resolution_table(record: Record, language: str) -> Table | None:
    """Return sizes and spacings: smallest, median and largest, with their units."""
    rows = []
    for each in record.resolution:
        unit = label("phrases", each.spacing_unit or "not-stated", language)
        spacing = with_note(field_name("spacing", language), unit, language)
        for name, values in (
            (field_name("size_px", language), each.size_px),
            (spacing, each.spacing),
        ):
            if values is not None:
                rows.append((each.part or "", name, *_range(values), each.axes or ""))
    return _table(("part", "quantity", "min", "median", "max", "axes"), rows, language)


def _range(values: Range) -> tuple[str, str, str]:
    low, middle, high = (
        "" if each is None else axes_text(each) for each in (values.min, values.median, values.max)
    )
    return low, middle, high


def label_table(record: Record, language: str) -> Table | None:
    """Return the classes with how often they occur; columns without a value are left out."""
    stats = record.label_stats
    columns = [
        _Column(field_name("table", language), [each.table or "" for each in stats]),
        _Column(field_name("label", language), [each.name for each in stats]),
        _counts(field_name("cases", language), [each.cases for each in stats]),
        _counts(field_name("percent", language), [each.percent for each in stats]),
    ]
    if language == "zh":
        chinese = [each.name_zh or "" for each in stats]
        columns.insert(2, _Column(field_name("name_zh", language), chinese))
    splits = dict.fromkeys(split for each in stats for split in each.splits or {})
    columns += [_counts(key, [(each.splits or {}).get(key) for each in stats]) for key in splits]
    columns += _extents([each.volume for each in stats], language)
    return _from_columns(columns)


def _extents(volumes: Sequence[Volume | None], language: str) -> list[_Column]:
    """Return the columns of extents; the unit is named in their headers where there is but one."""
    units = [
        "" if each is None else label("phrases", each.unit or "not-stated", language)
        for each in volumes
    ]
    different = sorted(set(units) - {""})
    shared = different[0] if len(different) == 1 else ""
    columns = []
    for key in _EXTENT:
        name = with_detail(field_name("volume", language), field_name(key, language), language)
        name = with_note(name, shared, language) if shared else name
        columns.append(_counts(name, [getattr(each, key, None) for each in volumes]))
    if not shared:
        columns.append(_Column(field_name("unit", language), units))
    return columns


def _counts(header: str, values: Sequence[float | None]) -> _Column:
    texts = ["" if each is None else number_text(each) for each in values]
    return _Column(header, texts, numeric=True)


def file_table(record: Record, language: str) -> Table | None:
    """Return the files that can be fetched, with their lengths and checksums."""
    rows = [
        (each.name, "" if each.size_bytes is None else size_text(each.size_bytes), each.hash or "")
        for each in record.files
    ]
    return _table(("file", "size_bytes", "hash"), rows, language)


def conflict_table(record: Record, language: str) -> Table | None:
    """Return where sources disagree: the value kept and the other one."""
    rows = [
        (label("fields", each.field, language), each.kept or "", each.other, each.source)
        for each in record.conflicts
    ]
    return _table(("field", "kept", "other", "source"), rows, language)


def source_table(record: Record, language: str) -> Table | None:
    """Return the sources of the record with what each gives."""
    rows = []
    for each in record.sources:
        fields = [label("fields", key, language) for key in each.fields]
        given = ", ".join(fields) or phrase("all-other-facts", language)
        rows.append((each.name, each.page or "", given))
    return _table(("source", "page", "given"), rows, language)


def _table(keys: Sequence[str], rows: Sequence[Sequence[str]], language: str) -> Table | None:
    """Build a table from rows; `keys` are the fields that its columns show."""
    return _from_columns(
        [
            _Column(
                field_name(key, language), [row[place] for row in rows], numeric=key in _NUMERIC
            )
            for place, key in enumerate(keys)
        ]
    )


def _from_columns(columns: Sequence[_Column]) -> Table | None:
    """Build a table without the columns that are empty; null where all are."""
    kept = [each for each in columns if any(each.texts)]
    if not kept:
        return None
    return Table(
        tuple(each.header for each in kept),
        tuple(zip(*(each.texts for each in kept), strict=True)),
        frozenset(place for place, each in enumerate(kept) if each.numeric),
    )

"""The two tables of a dataset's page, in the form and the words of the catalog."""

from __future__ import annotations

import math
from collections.abc import Sequence
from typing import Any

from medshelf.catalog import parts
from medshelf.catalog.cards.parts import Table
from medshelf.catalog.cards.tables import label_table
from medshelf.catalog.record import Record
from medshelf.catalog.wording import axes_text, field_name, phrase, with_note
from medshelf.quality.profiling.annotation import ClassStat
from medshelf.quality.profiling.resolution import AxisRange, Resolution

_ROWS = {"min": "minimum", "median": "median", "max": "maximum"}


def as_resolution(found: Sequence[Resolution]) -> tuple[parts.Resolution, ...]:
    """Return sizes and spacings as a record of the catalog states them."""
    return tuple(
        parts.Resolution(
            part=_part(each) if len(found) > 1 else None,
            size_px=_range(each.size_px),
            spacing=_range(each.spacing_mm) if each.spacing_mm else None,
            spacing_unit="mm" if each.spacing_mm else None,
            axes=each.axes,
        )
        for each in found
    )


def as_label_stats(found: Sequence[ClassStat]) -> tuple[parts.LabelStat, ...]:
    """Return classes with cases and extents as a record of the catalog states them."""
    several = len({(each.of, each.task) for each in found}) > 1
    return tuple(
        parts.LabelStat(
            name=each.name.strip() or "(empty)",
            cases=each.cases,
            percent=round(each.percent, 2),
            volume=_volume(each),
            splits=dict(each.by_split) if set(each.by_split) - {"none"} else None,
            table=(each.task or each.of) if several else None,
        )
        for each in found
    )


def resolution_table(found: Sequence[Resolution], language: str) -> Table | None:
    """Return the first table: one row for minimum, median and maximum; spacing and size beside."""
    if not found:
        return None
    spacing = with_note(field_name("spacing", language), phrase("mm", language), language)
    rows = []
    for each in found:
        for key, name in _ROWS.items():
            near = _axes(getattr(each.spacing_mm, name)) if each.spacing_mm else ""
            size = _axes(getattr(each.size_px, name))
            rows.append((_part(each), field_name(key, language), near, size))
    header = (
        field_name("part", language),
        field_name("value", language),
        spacing,
        field_name("size_px", language),
    )
    shown = [place for place in range(len(header)) if any(row[place] for row in rows)]
    shown = [place for place in shown if place or len(found) > 1]
    return Table(
        tuple(header[place] for place in shown),
        tuple(tuple(row[place] for place in shown) for row in rows),
    )


def annotation_table(found: Sequence[ClassStat], language: str) -> Table | None:
    """Return the second table: a row per class with cases, share and extent."""
    stated: dict[str, Any] = {"label_stats": as_label_stats(found)}
    return label_table(Record.model_construct(**stated), language)


def tidy(value: float) -> float:
    """Round to two decimals, or to three digits where that leaves less."""
    if not value or not math.isfinite(value):
        return value
    return round(value, max(2, 2 - math.floor(math.log10(abs(value)))))


def _part(each: Resolution) -> str:
    return f"{each.n_spatial}D"


def _axes(values: Sequence[float]) -> str:
    return axes_text([tidy(each) for each in values])


def _range(values: AxisRange) -> parts.Range:
    low, middle, high = (
        tuple(tidy(each) for each in numbers)
        for numbers in (values.minimum, values.median, values.maximum)
    )
    return parts.Range(min=low, median=middle, max=high)


def _volume(each: ClassStat) -> parts.Volume | None:
    if each.extent is None:
        return None
    return parts.Volume(
        min=tidy(each.extent.minimum),
        median=tidy(each.extent.median),
        max=tidy(each.extent.maximum),
        unit=each.unit,
    )

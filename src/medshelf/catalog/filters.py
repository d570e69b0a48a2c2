"""What a search is narrowed to, whatever its text says."""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass, fields, replace
from itertools import chain

from medshelf.catalog.finding import bitset
from medshelf.catalog.finding.index import Index
from medshelf.catalog.finding.words import compact, fold
from medshelf.core.errors import UnknownNameError

Names = Iterable[str] | str


@dataclass(frozen=True, slots=True)
class Filters:
    """Conditions that every hit meets.

    A name is an id, a label or a synonym, in English or Chinese; a term stands for its narrower
    terms too. Of several names of one field any will do; all fields must be met.

    Attributes:
        format: File format as the files end, e.g. `nii.gz`, or a name such as `dicom`.
        licence_allows: `commercial`, `redistribution` or `derivatives`, all of them; a licence
            that is unknown or does not say allows nothing.
        has: `bibtex`, `class-counts`, `lineage`, `patient-key` or `splits`, all of them.
        min_samples: Least number of samples; a set whose number is unknown does not meet it.
        max_samples: Largest number of samples; likewise.
        since: First year of release.
        until: Last year of release.
        readable: Whether medshelf has a reader.
    """

    group: Names = ()
    domain: Names = ()
    dimension: Names = ()
    modality: Names = ()
    task: Names = ()
    anatomy: Names = ()
    condition: Names = ()
    access: Names = ()
    language: Names = ()
    format: Names = ()
    platform: Names = ()
    licence: Names = ()
    licence_allows: Names = ()
    has: Names = ()
    min_samples: int | None = None
    max_samples: int | None = None
    since: int | None = None
    until: int | None = None
    readable: bool | None = None

    def __post_init__(self) -> None:
        """Hold names as tuples, so that a filter can be read again."""
        for facet in _NAMED:
            names = getattr(self, facet)
            object.__setattr__(self, facet, (names,) if isinstance(names, str) else tuple(names))


_ALL_OF = ("licence_allows", "has")
_NUMBERS = ("min_samples", "max_samples", "since", "until")
_NAMED = tuple(each.name for each in fields(Filters) if each.name not in {*_NUMBERS, "readable"})


def asked(filters: Filters) -> dict[str, tuple[object, ...]]:
    """Return what each filter that is set asks for, as it was given; `readable` yes or no."""
    given: dict[str, tuple[object, ...]] = {name: getattr(filters, name) for name in _NAMED}
    for name in _NUMBERS:
        value = getattr(filters, name)
        given[name] = () if value is None else (value,)
    if filters.readable is not None:
        given["readable"] = ("yes" if filters.readable else "no",)
    return {name: values for name, values in given.items() if values}


def without(filters: Filters, name: str) -> Filters:
    """Return the filters with one left out."""
    return replace(filters, **{name: getattr(Filters(), name)})


def only(filters: Filters, name: str) -> Filters:
    """Return the filters with all but one left out."""
    return Filters(**{name: getattr(filters, name)})


def rows_meeting(index: Index, filters: Filters) -> int:
    """Return the rows that meet all conditions, as a `bitset`.

    Raises:
        UnknownNameError: A facet has no value of a given name; near ones are named.
    """
    rows = index.everything
    for facet in _NAMED:
        values = [resolve(index, facet, name) for name in getattr(filters, facet)]
        if facet in _ALL_OF:
            for each in values:
                rows &= index.holders(facet, each)
        elif values:
            rows &= index.holders(facet, list(chain.from_iterable(values)))
    if filters.readable is not None:
        rows &= index.holders("readable", ["yes" if filters.readable else "no"])
    rows &= index.released(filters.since, filters.until)
    return rows & _of_size(index, filters.min_samples, filters.max_samples)


def resolve(index: Index, facet: str, name: str) -> list[str]:
    """Return the values that a name stands for.

    Raises:
        UnknownNameError: There is none; near names are given.
    """
    names = index.tables.names[facet]
    found = names.get(fold(name).strip())
    if found is None:  # cc by 4.0, .nii.gz
        letters = compact(name)
        found = next((names[each] for each in names if letters == compact(each)), None)
    if found is None:
        raise UnknownNameError(facet.replace("_", " "), name, names)
    return found


def _of_size(index: Index, least: int | None, most: int | None) -> int:
    tables, rows = index.tables, index.everything
    if least is not None:
        rows &= bitset.at_least(tables.samples, tables.counted, max(0, least))
    if most is not None:
        above = bitset.at_least(tables.samples, tables.counted, max(0, most + 1))
        rows &= tables.counted & ~above
    return rows

"""The catalog as one table: a row per dataset, a typed column per fact."""

from __future__ import annotations

from collections.abc import Iterable
from typing import TYPE_CHECKING, Any

from medshelf.catalog.licence import licence_of
from medshelf.catalog.record import Record
from medshelf.catalog.shelf import all_records
from medshelf.catalog.vocabulary import label
from medshelf.catalog.wording import check_language, names

if TYPE_CHECKING:
    import polars as pl

COLUMNS = {
    "id": "catalog id; the rows are sorted by it",
    "name": "as its authors write it",
    "aliases": "other names",
    "group": "term of `groups`",
    "domain": "term of `domains`; generated sets are synthetic",
    "collection": "the collection that it belongs to",
    "version": "release that the facts describe",
    "released": "YYYY, YYYY-MM or YYYY-MM-DD, as exact as it is known",
    "year": "year of release",
    "institutions": "who made it",
    "challenge": "challenge that it was made for",
    "dimensions": "terms of `dimensions`",
    "modalities": "terms of `modalities`",
    "tasks": "terms of `tasks`",
    "anatomy": "terms of `anatomy`",
    "conditions": "terms of `conditions`",
    "n_classes": "classes of the main task",
    "n_samples": "samples of all splits, counted in `sample_unit`",
    "sample_unit": "term of `sample_units`",
    "n_patients": "patients",
    "n_studies": "studies",
    "n_slices": "2D slices of a 3D set",
    "splits": "official splits with their samples",
    "languages": "terms of `languages`: BCP 47 tags",
    "file_formats": "extensions without the dot",
    "size_bytes": "length of the release",
    "size_px_min": "pixels along each axis, smallest; order of axes as in the source",
    "size_px_median": "the same, median",
    "size_px_max": "the same, largest",
    "spacing_min": "distance between pixels along each axis, smallest",
    "spacing_median": "the same, median",
    "spacing_max": "the same, largest",
    "spacing_unit": "mm or um",
    "labels": "names of the classes, as the release writes them",
    "label_origin": "terms of `label_origins`: who or what gave the labels",
    "n_limitations": "known limitations",
    "patient_key": "what ties samples of one patient together",
    "access": "term of `access`",
    "platform": "term of `platforms`: where the homepage is",
    "download_platforms": "terms of `platforms`: where the data are",
    "homepage": "address",
    "download_urls": "addresses",
    "papers": "addresses",
    "doi": "DOI of the paper",
    "data_doi": "DOI of the data",
    "licence": "SPDX id, or a named licence",
    "commercial": "commercial use is allowed; null is not stated",
    "redistribution": "the data may be passed on",
    "derivatives": "changed data may be passed on",
    "share_alike": "changed data must come under the same terms",
    "attribution": "the authors must be named",
    "duo": "codes of the Data Use Ontology",
    "derived_from": "ids of the sets that it was made from",
    "part_of": "ids of the sets that it is a part of",
    "shares_images_with": "ids of the sets that hold some of its images",
    "related": "ids of companions",
    "fetchable": "medshelf can fetch files of it",
    "readable": "medshelf can read its files",
}
"""Every column and what it holds. Lists stay lists; what is not known is null or an empty list."""

_SECTIONS = {
    "group": "groups",
    "domain": "domains",
    "sample_unit": "sample_units",
    "access": "access",
    "platform": "platforms",
}
_LIST_SECTIONS = {
    "dimensions": "dimensions",
    "modalities": "modalities",
    "tasks": "tasks",
    "anatomy": "anatomy",
    "conditions": "conditions",
    "languages": "languages",
    "download_platforms": "platforms",
    "label_origin": "label_origins",
}
_TERMS_OF_USE = ("commercial", "redistribution", "derivatives", "share_alike", "attribution")
_RELATIONS = ("derived_from", "part_of", "shares_images_with")
_BOUNDS = ("min", "median", "max")
_COUNTS = ("n_classes", "n_samples", "n_patients", "n_studies", "n_slices", "size_bytes")


def catalog_table(
    language: str | None = None, records: Iterable[Record] | None = None
) -> pl.DataFrame:
    """Return one row per record, sorted by id, with the columns of `COLUMNS`.

    Args:
        language: Language of the controlled terms, `en` or `zh`; by default they are ids, which
            stay the same when names change.
        records: The datasets; all of the catalog by default.

    Raises:
        UnknownNameError: The language is neither.
        FormatError: A record file is damaged.
    """
    import polars as pl

    if language is not None:
        check_language(language)
    chosen = sorted(all_records() if records is None else records, key=lambda each: each.id)
    rows = [_row(record, language) for record in chosen]
    return pl.DataFrame(rows, schema=_schema(), orient="row")


def _row(record: Record, language: str | None) -> dict[str, Any]:
    cells = {key: getattr(record, key, None) for key in COLUMNS}
    found = licence_of(record)
    cells |= {key: getattr(found, key, None) for key in _TERMS_OF_USE}
    cells |= _resolution(record)
    cells |= {
        relation: [each.id for each in record.lineage if each.relation == relation]
        for relation in _RELATIONS
    }
    cells |= {
        "splits": [{"name": name, "count": count} for name, count in record.splits.items()],
        "labels": [each.name for each in record.label_stats],
        "label_origin": list(dict.fromkeys(each.by for each in record.label_origin)),
        "n_limitations": len(record.limitations),
        "licence": record.licence.id if record.licence else None,
        "duo": found.duo if found else (),
        "fetchable": any(not each.url.startswith("manual:") for each in record.files),
        "readable": record.reader is not None,
    }
    if language is not None:
        _translate(cells, language)
    return cells


def _resolution(record: Record) -> dict[str, Any]:
    """Return sizes and spacings of the first kind of images."""
    first = record.resolution[0] if record.resolution else None
    cells: dict[str, Any] = {"spacing_unit": first.spacing_unit if first else None}
    for key in ("size_px", "spacing"):
        values = getattr(first, key, None)
        cells |= {f"{key}_{bound}": getattr(values, bound, None) for bound in _BOUNDS}
    return cells


def _translate(cells: dict[str, Any], language: str) -> None:
    for key, section in _SECTIONS.items():
        if cells[key] is not None:
            cells[key] = label(section, cells[key], language)
    for key, section in _LIST_SECTIONS.items():
        cells[key] = names(section, cells[key], language)


def _schema() -> dict[str, Any]:
    import polars as pl

    texts = pl.List(pl.String)
    lists = ("aliases", "institutions", "file_formats", "download_urls", "papers", "labels", "duo")
    kinds: dict[str, Any] = dict.fromkeys((*lists, *_LIST_SECTIONS, *_RELATIONS, "related"), texts)
    kinds |= dict.fromkeys(_COUNTS, pl.Int64)
    kinds |= dict.fromkeys(("year", "n_limitations"), pl.Int32)
    kinds |= dict.fromkeys((*_TERMS_OF_USE, "fetchable", "readable"), pl.Boolean)
    for key in ("size_px", "spacing"):
        kinds |= {f"{key}_{bound}": pl.List(pl.Float64) for bound in _BOUNDS}
    kinds["splits"] = pl.List(pl.Struct({"name": pl.String, "count": pl.Int64}))
    return {key: kinds.get(key, pl.String) for key in COLUMNS}

"""Croissant of files that were written: the JSON-LD of tables, of files, and of their records.

Source: https://docs.mlcommons.org/croissant/docs/croissant-spec.html
"""

from __future__ import annotations

import re
from collections.abc import Iterable, Iterator, Sequence
from dataclasses import dataclass
from typing import Any

from medshelf.catalog.export.croissant import Json, croissant, inline_records
from medshelf.catalog.export.croissant_context import CONTEXTS
from medshelf.catalog.licence import licences
from medshelf.catalog.shelf import read_record, record_paths
from medshelf.core.manifest import Meta

_SPLITS = {"train": "TrainingSplit", "val": "ValidationSplit", "test": "TestSplit"}
_VERSION = re.compile(r"(0|[1-9]\d*)(\.(0|[1-9]\d*)){0,2}")
_ENCODINGS = {
    "png": "image/png",
    "jpg": "image/jpeg",
    "nii": "application/x-nifti",
    "nii.gz": "application/x-nifti",
}


@dataclass(frozen=True, slots=True)
class Field:
    """One column of a record set.

    Attributes:
        name: In the record set; letters, digits and `_`.
        types: Croissant's names of what it holds.
        description: What it means, if the name does not say it.
        references: The field of another record set that it is a value of.
        repeated: Whether it holds lists.
        joined: The field of another record set that it is, for records joined by a reference.
        property: Of a file, e.g. `content`; the field is then no column.
    """

    name: str
    types: str | tuple[str, ...] = "sc:Text"
    description: str = ""
    references: str = ""
    repeated: bool = False
    joined: str = ""
    property: str = ""


def head(meta: Meta, version: str) -> Json:
    """Return what is true of a dataset, from the catalog where it is there; no files, no records.

    Args:
        meta: Facts of the samples; they count more than those of the catalog.
        version: `1.0` or `1.1` of Croissant.
    """
    known = record_paths().get(meta.dataset)
    content = croissant(read_record(known), version) if known else {}
    for name in ("distribution", "recordSet", "isLiveDataset"):
        content.pop(name, None)
    licence = licences().get(meta.licence or "")
    work = {"@type": "sc:CreativeWork", "name": licence.en if licence else meta.licence}
    stated = {
        "name": meta.name,
        "license": (licence and licence.url) or (work if meta.licence else None),
        "citeAs": meta.citation,
        "version": meta.version if _VERSION.fullmatch(meta.version or "") else None,
    }
    base = f"http://mlcommons.org/croissant/{version}"
    told = [
        f"{meta.name}, converted by medshelf",
        f"release {meta.version}" if meta.version else "",
        f"labels: {meta.label_origin}" if meta.label_origin else "",
        "generated data, not medical" if meta.synthetic else "",
        "the raw files are not the published ones" if meta.modified else "",
        *meta.limitations,
        "not for clinical use",
    ]
    first = {"@context": CONTEXTS[version], "@type": "sc:Dataset", "conformsTo": base}
    plain = {"description": "; ".join(filter(None, told))}
    return {**first, **content, **plain, **{name: each for name, each in stated.items() if each}}


def file_object(path: str, size_bytes: int, sha256: str) -> Json:
    """Return the description of a Parquet file; its path is its id."""
    return {
        "@type": "cr:FileObject",
        "@id": path,
        "name": path,
        "contentUrl": path,
        "contentSize": f"{size_bytes} B",
        "encodingFormat": "application/x-parquet",
        "sha256": sha256,
    }


def file_set(folder: str, endings: Sequence[str]) -> Json:
    """Return the description of the images or masks in a folder."""
    formats = list(dict.fromkeys(_ENCODINGS[each] for each in endings))
    includes = [f"{folder}/*/*.{each}" for each in endings]
    return {
        "@type": "cr:FileSet",
        "@id": f"{folder}-files",
        "name": f"{folder}-files",
        "encodingFormat": formats if len(formats) > 1 else formats[0],
        "includes": includes if len(includes) > 1 else includes[0],
    }


def record_set(name: str, fields: Iterable[Field], key: str = "", files: str = "") -> Json:
    """Return the description of records in `data/<name>.parquet`, or of files.

    Args:
        name: The record set.
        fields: Its fields.
        key: The field that is unique.
        files: Folder of the file set that fields with a property are of.
    """
    described = {"@type": "cr:RecordSet", "@id": name, "name": name}
    if key:
        described["key"] = {"@id": f"{name}/{key}"}  # type: ignore[assignment]
    return {**described, "field": [_field(name, each, files) for each in fields]}


def split_records(splits: Iterable[str]) -> Json:
    """Return the splits with what Croissant calls them, the records within."""
    rows = [{"name": each, "url": f"cr:{_SPLITS[each]}"} for each in splits]
    types: Json = {"name": "sc:Text", "url": ["sc:URL", "cr:Split"]}
    return inline_records("splits", "cr:Split", types, rows)


def _field(record: str, field: Field, files: str) -> Json:
    content: Json = {
        "@type": "cr:Field",
        "@id": f"{record}/{field.name}",
        "name": field.name,
        "dataType": field.types if isinstance(field.types, str) else list(field.types),
    }
    content |= dict(_optional(field))
    if field.joined:
        return {**content, "source": {"field": {"@id": field.joined}}}
    if field.property:
        source: Json = {
            "fileSet": {"@id": f"{files}-files"},
            "extract": {"fileProperty": field.property},
        }
        if field.property == "fullpath":
            source["transform"] = {"regex": "^(.+)$"}  # which makes a text of the path
    else:
        table = f"data/{record}.parquet"
        source = {"fileObject": {"@id": table}, "extract": {"column": field.name}}
    return {**content, "source": source}


def _optional(field: Field) -> Iterator[tuple[str, Any]]:
    if field.description:
        yield "description", field.description
    if field.repeated:
        yield "repeated", True
    if field.references:
        yield "references", {"field": {"@id": field.references}}

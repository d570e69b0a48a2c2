"""Records as Croissant: JSON-LD that dataset search engines and loaders read.

Only what a record says is written; what Croissant asks for and the record does not know is absent.
Pages that one downloads from are `sameAs`, not files: they hold no bytes of the data, and no
checksum can be given for them.

Source: https://docs.mlcommons.org/croissant/docs/croissant-spec.html (1.0) and
https://docs.mlcommons.org/croissant/docs/croissant-spec-1.1.html (1.1)
"""

from __future__ import annotations

import json
import re
from collections.abc import Iterable, Sequence
from typing import Any

from medshelf.catalog.citation import bibtex
from medshelf.catalog.export.croissant_context import CONTEXTS, VERSIONS
from medshelf.catalog.licence import USES, Licence, licence_of
from medshelf.catalog.record import FileRecord, Record
from medshelf.catalog.shelf import read_record, record_paths
from medshelf.catalog.vocabulary import label
from medshelf.catalog.wording import (
    duty,
    field_name,
    names,
    number_text,
    phrase,
    verdict,
    with_detail,
    with_note,
)
from medshelf.core.errors import UnknownNameError

Json = dict[str, Any]

_RAI = "http://mlcommons.org/croissant/RAI/1.0"
_DUO = "http://purl.obolibrary.org/obo/"
_NUMBERS = re.compile(r"(0|[1-9]\d*)(\.(0|[1-9]\d*)){0,2}")
_KEYWORDS = ("modalities", "tasks", "anatomy", "conditions")
_FORMATS = {
    ".csv": "text/csv",
    ".dcm": "application/dicom",
    ".gz": "application/gzip",
    ".h5": "application/x-hdf5",
    ".jpg": "image/jpeg",
    ".json": "application/json",
    ".jsonl": "application/jsonlines",
    ".nii": "application/x-nifti",
    ".npz": "application/zip",
    ".parquet": "application/x-parquet",
    ".png": "image/png",
    ".tar": "application/x-tar",
    ".txt": "text/plain",
    ".zip": "application/zip",
}
_SPLITS = {
    "train": "cr:TrainingSplit",
    "val": "cr:ValidationSplit",
    "valid": "cr:ValidationSplit",
    "validation": "cr:ValidationSplit",
    "test": "cr:TestSplit",
}


def croissant(record: Record, version: str = "1.1") -> Json:
    """Return a record as Croissant JSON-LD.

    Args:
        record: The dataset.
        version: `1.0` or `1.1`, which also gives the description in Chinese.

    Raises:
        UnknownNameError: There is no such version.
    """
    if version not in VERSIONS:
        raise UnknownNameError("version of Croissant", version, VERSIONS)
    base = f"http://mlcommons.org/croissant/{version}"
    responsible = _responsible(record)
    files = [each for each in record.files if each.url.startswith(("https://", "http://"))]
    content = {
        "@context": CONTEXTS[version],
        "@type": "sc:Dataset",
        "conformsTo": [base, _RAI] if responsible else base,
        "name": record.name,
        "alternateName": list(record.aliases),
        "description": _description(record, version),
        "url": record.homepage,
        "sameAs": _same_as(record),
        "identifier": f"https://doi.org/{record.data_doi}" if record.data_doi else None,
        "creator": [{"@type": "sc:Organization", "name": each} for each in record.institutions],
        "datePublished": record.released,
        "version": record.version if _is_version(record.version) else None,
        "keywords": [name for key in _KEYWORDS for name in names(key, getattr(record, key), "en")],
        "inLanguage": list(record.languages),
        "citeAs": bibtex(record),
        **_terms(record),
        **responsible,
        "isBasedOn": _parents(record, "derived_from"),
        "isPartOf": _parents(record, "part_of"),
        "isLiveDataset": True if any(each.hash is None for each in files) else None,
        "distribution": [_file(each) for each in files],
        "recordSet": [*_classes(record), *_splits(record)],
    }
    return {key: value for key, value in content.items() if value not in (None, [], "")}


def croissant_text(record: Record, version: str = "1.1") -> str:
    """Return a record as the text of its `croissant.json`.

    Args:
        record: The dataset.
        version: As for `croissant`.

    Raises:
        UnknownNameError: There is no such version.
    """
    return json.dumps(croissant(record, version), ensure_ascii=False, indent=2) + "\n"


def _description(record: Record, version: str) -> str | dict[str, str]:
    texts = {language: _facts(record, language) for language in ("en", "zh")}
    return texts["en"] if version == "1.0" else texts


def _facts(record: Record, language: str) -> str:
    """Describe a dataset in one paragraph of names and values."""
    unit = label("sample_units", record.sample_unit, language) if record.sample_unit else ""
    values = {
        key: ", ".join(names(key, getattr(record, key), language))
        for key in ("dimensions", *_KEYWORDS)
    }
    if record.n_classes is not None:
        values["n_classes"] = number_text(record.n_classes)
    if record.n_samples is not None:
        count = number_text(record.n_samples)
        values["n_samples"] = with_note(count, unit, language) if unit else count
    if record.version and not _is_version(record.version):
        values["version"] = record.version
    parts = [
        with_detail(field_name(key, language), value, language)
        for key, value in values.items()
        if value
    ]
    return "; ".join([*parts, phrase("not-for-clinical-use", language)])


def _is_version(text: str | None) -> bool:
    """Whether a version is made of numbers, as Croissant asks; others stand in the description."""
    return text is not None and _NUMBERS.fullmatch(text) is not None


def _same_as(record: Record) -> list[str]:
    doi = [f"https://doi.org/{record.data_doi}"] if record.data_doi else []
    return [url for url in dict.fromkeys([*doi, *record.download_urls]) if url != record.homepage]


def _terms(record: Record) -> Json:
    """Return the licence and the conditions of use and access."""
    found = licence_of(record)
    steps = f": {record.access_steps.en}" if record.access_steps else ""
    terms: Json = {"conditionsOfAccess": f"{label('access', record.access)}{steps}"}
    if record.licence is not None:
        name = found.en if found else record.licence.id
        page = found.url if found else None
        terms["license"] = page or {"@type": "sc:CreativeWork", "name": name}
    terms["usageInfo"] = [*_data_use(found), _rules(found)] if found else [_no_rules()]
    return terms


def _data_use(found: Licence) -> Iterable[Json]:
    for code in found.duo:
        term = code.replace(":", "_")
        yield {
            "@type": "sc:DefinedTerm",
            "name": label("phrases", code.lower().replace(":", "-")),
            "termCode": term,
            "url": f"{_DUO}{term}",
        }


def _rules(found: Licence) -> Json:
    """Say what a licence allows and asks for, in words."""
    told = {each: verdict(allowed=found.allows(each), language="en") for each in USES}
    told |= {
        each: duty(required=getattr(found, each), language="en")
        for each in ("share_alike", "attribution")
    }
    sentences = [with_detail(field_name(key, "en"), text, "en") for key, text in told.items()]
    sentences += [found.note.en] if found.note else []
    return {"@type": "sc:CreativeWork", "name": found.en, "description": "; ".join(sentences)}


def _no_rules() -> Json:
    text = phrase("unknown-licence", "en")
    return {"@type": "sc:CreativeWork", "name": phrase("licence", "en"), "description": text}


def _responsible(record: Record) -> Json:
    """Return what the vocabulary of responsible AI has a place for."""
    origins = [
        with_detail(label("label_origins", each.by), each.what.en, "en")
        if each.what
        else label("label_origins", each.by)
        for each in record.label_origin
    ]
    stated = {
        "rai:dataLimitations": [each.en for each in record.limitations],
        "rai:dataAnnotationProtocol": origins,
    }
    return {key: texts for key, texts in stated.items() if texts}


def _parents(record: Record, relation: str) -> list[str]:
    ids = [each.id for each in record.lineage if each.relation == relation]
    known = record_paths() if ids else {}
    pages = (read_record(known[each]).homepage for each in ids if each in known)
    return list(dict.fromkeys(page for page in pages if page))


def _file(file: FileRecord) -> Json:
    suffix = "." + file.name.lower().rpartition(".")[2]
    content: Json = {
        "@type": "cr:FileObject",
        "@id": file.name,
        "name": file.name,
        "contentUrl": file.url,
        "encodingFormat": _FORMATS.get(suffix, "application/octet-stream"),
    }
    if file.size_bytes is not None:
        content["contentSize"] = f"{file.size_bytes} B"
    if file.hash is not None:
        kind, _, digest = file.hash.partition(":")
        content[kind] = digest
    return content


def _classes(record: Record) -> Iterable[Json]:
    """Return the classes of each label task with their codes."""
    types = {"code": "sc:Integer", "name": "sc:Text"}
    for number, task in enumerate(record.label_tasks, 1):
        rows = [{"code": code, "name": each} for code, each in enumerate(task.classes)]
        yield inline_records(f"classes-{number}", "sc:Enumeration", types, rows) | {
            "name": task.name
        }


def _splits(record: Record) -> Iterable[Json]:
    """Return the official splits with their lengths."""
    rows = [
        {"name": name, "url": _SPLITS.get(name), "count": count}
        for name, count in record.splits.items()
    ]
    types: Json = {"name": "sc:Text", "url": ["sc:URL", "cr:Split"], "count": "sc:Integer"}
    if not all(row["url"] for row in rows):
        rows = [{"name": row["name"], "count": row["count"]} for row in rows]
        del types["url"]
    if rows:
        yield inline_records("splits", "cr:Split", types, rows)


def inline_records(name: str, kind: str, types: Json, rows: Sequence[Json]) -> Json:
    """Return a record set whose records stand in the metadata; the first field is its key."""
    return {
        "@type": "cr:RecordSet",
        "@id": name,
        "name": name,
        "dataType": kind,
        "key": {"@id": f"{name}/{next(iter(types))}"},
        "field": [
            {"@type": "cr:Field", "@id": f"{name}/{key}", "name": key, "dataType": each}
            for key, each in types.items()
        ],
        "data": [{f"{name}/{key}": row[key] for key in types} for row in rows],
    }

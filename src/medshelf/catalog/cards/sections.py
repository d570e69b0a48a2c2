"""The sections of a card, one function each."""

from __future__ import annotations

from collections.abc import Iterable, Iterator

from medshelf.catalog.cards import tables
from medshelf.catalog.cards.parts import Row, Section, Table, Value
from medshelf.catalog.citation import bibtex
from medshelf.catalog.guide import Benchmark, Method, works_on
from medshelf.catalog.licence import USES, Licence, licence_of
from medshelf.catalog.lineage import Lineage
from medshelf.catalog.record import Record
from medshelf.catalog.steps import access_steps
from medshelf.catalog.vocabulary import label
from medshelf.catalog.wording import (
    duo_text,
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

_TERMS = {
    "dimensions": "dimensions",
    "modalities": "modalities",
    "tasks": "tasks",
    "anatomy": "anatomy",
    "conditions": "conditions",
}
_COUNTS = ("n_classes", "n_samples", "n_patients", "n_studies", "n_slices")
_STATED = {
    "modality": "modalities",
    "task": "tasks",
    "anatomy": "anatomy",
    "classes": "n_classes",
    "samples": "n_samples",
    "formats": "file_formats",
    "size": "size_bytes",
}
_DUTIES = ("share_alike", "attribution")
_UNVERIFIED = "unverified"


def basic(record: Record, language: str) -> Section:
    """Say what it is called, where it comes from and where it is described."""
    texts: dict[str, Iterable[str | None]] = {
        "id": [record.id],
        "name": [record.name],
        "aliases": record.aliases,
        "group": [label("groups", record.group, language)],
        "domain": [label("domains", record.domain, language)],
        "collection": [record.collection],
        "version": [record.version],
        "released": [record.released],
        "institutions": record.institutions,
        "challenge": [record.challenge],
    }
    links: dict[str, Iterable[tuple[str | None, str]]] = {
        "homepage": [(record.homepage, "")],
        "papers": [(url, "") for url in record.papers],
        "doi": [(record.doi, "https://doi.org/")],
        "data_doi": [(record.data_doi, "https://doi.org/")],
    }
    rows = [*_rows(texts, language)]
    for key, addresses in links.items():
        values = tuple(Value(text, root + text) for text, root in addresses if text)
        rows += [Row(field_name(key, language), values)] if values else []
    return _section("basic-information", language, rows=rows)


def metadata(record: Record, language: str) -> Section:
    """Say what it shows, how much of it there is, and in what form."""
    texts: dict[str, Iterable[str | None]] = {
        key: names(section, getattr(record, key), language) for key, section in _TERMS.items()
    }
    for key in _COUNTS:
        count = getattr(record, key)
        texts[key] = [] if count is None else [number_text(count)]
        if key == "n_samples" and record.sample_unit:
            texts["sample_unit"] = [label("sample_units", record.sample_unit, language)]
    texts |= {
        "splits": [f"{name} {number_text(count)}" for name, count in record.splits.items()],
        "languages": names("languages", record.languages, language),
        "file_formats": record.file_formats,
        "size_bytes": [] if record.size_bytes is None else [size_text(record.size_bytes)],
        "channels": [] if record.channels is None else [str(record.channels)],
        "patient_key": [record.patient_key],
    }
    rows = [*_rows(texts, language), *_stated_rows(record, language)]
    return _section("metadata", language, rows=rows)


def _stated_rows(record: Record, language: str) -> Iterator[Row]:
    for key, field in _STATED.items():
        text = getattr(record.stated, key)
        if text:
            name = with_note(field_name(field, language), phrase("as-stated", language), language)
            yield Row(name, (Value(text),))


def resolution(record: Record, language: str) -> Section:
    """Say how large the images are and how far apart their pixels."""
    table = tables.resolution_table(record, language)
    unordered = any(each.axes is None for each in record.resolution)
    note = phrase("axes-as-in-source", language) if table and unordered else None
    return _section("resolution", language, table=table, note=note)


def annotation(record: Record, language: str) -> Section:
    """Say which classes there are and how often each occurs."""
    rows = []
    for task in record.label_tasks:
        values = tuple(Value(f"{code} {name}") for code, name in enumerate(task.classes))
        name = with_note(field_name("label_tasks", language), task.name, language)
        rows.append(Row(name, values))
    table = tables.label_table(record, language)
    return _section("annotation-statistics", language, rows=rows, table=table)


def structure(record: Record, language: str) -> Section:
    """Show how the files lie."""
    return _section("file-structure", language, text=(record.file_tree or "").rstrip() or None)


def pictures(record: Record, language: str) -> Section:
    """Say how one gets a picture: the catalog itself holds none."""
    command = Value(f"medshelf info {record.id} --picture .")
    return _section(
        "example-pictures",
        language,
        rows=[Row(phrase("command", language), (command,))],
        note=phrase("no-pictures", language),
    )


def access(record: Record, language: str) -> Section:
    """Say how one gets the data."""
    texts: dict[str, Iterable[str | None]] = {
        "access": [label("access", record.access, language)],
        "access_steps": [access_steps(record, language) or None],
        "platform": names("platforms", [record.platform] if record.platform else [], language),
        "download_platforms": names("platforms", record.download_platforms, language),
    }
    rows = [*_rows(texts, language)]
    if record.download_urls:
        values = tuple(Value(url, url) for url in record.download_urls)
        rows.append(Row(field_name("download_urls", language), values))
    if record.files:
        command = Value(f"medshelf fetch {record.id}")
        rows.append(Row(phrase("command", language), (command,)))
    return _section("how-to-get-it", language, rows=rows, table=tables.file_table(record, language))


def licence(record: Record, language: str) -> Section:
    """Say under what terms the data come, and what they allow."""
    found = licence_of(record)
    if record.licence is None:
        return _section("licence", language, note=phrase("unknown-licence", language))
    name = record.licence.id
    name = with_note(found.label(language), name, language) if found else name
    url = (found.url if found else None) or ""
    rows = [Row(field_name("licence", language), (Value(name, url),))]
    rows += _terms_rows(found, language) if found else []
    stated = record.licence.source
    if stated:
        text = phrase("unverified", language) if stated == _UNVERIFIED else stated
        rows.append(Row(phrase("licence-source", language), (Value(text),)))
    return _section("licence", language, rows=rows)


def _terms_rows(found: Licence, language: str) -> Iterator[Row]:
    for use in USES:
        text = verdict(allowed=found.allows(use), language=language)
        yield Row(field_name(use, language), (Value(text),))
    for each in _DUTIES:
        text = duty(required=getattr(found, each), language=language)
        yield Row(field_name(each, language), (Value(text),))
    if found.duo:
        values = tuple(Value(duo_text(code, language)) for code in found.duo)
        yield Row(field_name("duo", language), values)
    if found.note:
        yield Row(phrase("note", language), (Value(found.note.of(language)),))


def lineage(record: Record, language: str, relations: Lineage | None) -> Section:
    """Say what it was made from, what was made from it, and which sets go with it."""
    rows = [
        Row(
            field_name(each.relation, language),
            (Value(each.id, dataset=each.id, note=each.evidence),),
        )
        for each in record.lineage
    ]
    if relations is not None:
        made = relations.derivatives(record.id).branches
        values = tuple(Value(each.dataset, dataset=each.dataset) for each in made)
        rows += [Row(phrase("used-in", language), values)] if values else []
    if record.related:
        values = tuple(Value(each, dataset=each) for each in record.related)
        rows.append(Row(field_name("related", language), values))
    return _section("lineage", language, rows=rows)


def works(record: Record, language: str) -> Section:
    """Name the benchmarks and methods of the guide that were built or tested on it."""
    found = works_on(record.id)
    rows = []
    for kind, model in (("benchmarks", Benchmark), ("methods", Method)):
        values = tuple(
            Value(each.label(language), each.url) for each in found if isinstance(each, model)
        )
        rows += [Row(phrase(kind, language), values)] if values else []
    return _section("used-by", language, rows=rows)


def origin(record: Record, language: str) -> Section:
    """Say who or what gave the labels, and how often they are right."""
    accuracy = field_name("accuracy", language)
    rows = [
        Row(
            label("label_origins", each.by, language),
            (
                Value(
                    each.what.of(language) if each.what else phrase("all-labels", language),
                    note=with_detail(accuracy, each.accuracy, language) if each.accuracy else "",
                ),
            ),
        )
        for each in record.label_origin
    ]
    return _section("label-origin", language, rows=rows)


def limitations(record: Record, language: str) -> Section:
    """List what one must know before training."""
    items = tuple(each.of(language) for each in record.limitations)
    return _section("limitations", language, items=items)


def conflicts(record: Record, language: str) -> Section:
    """Show where sources disagree."""
    table = tables.conflict_table(record, language)
    return _section("conflicts", language, table=table)


def doubts(record: Record, language: str) -> Section:
    """List what is not certain."""
    return _section("doubts", language, items=record.doubts)


def sources(record: Record, language: str) -> Section:
    """Show where the facts come from."""
    return _section("sources", language, table=tables.source_table(record, language))


def citation(record: Record, language: str) -> Section:
    """Give the BibTeX entries of the dataset and of the sets that it was made from."""
    return _section("citation", language, text=bibtex(record) or None)


def _rows(texts: dict[str, Iterable[str | None]], language: str) -> Iterator[Row]:
    for key, values in texts.items():
        found = tuple(Value(text) for text in values if text)
        if found:
            yield Row(field_name(key, language), found)


def _section(  # noqa: PLR0913 - one keyword per part of a section
    name: str,
    language: str,
    *,
    rows: Iterable[Row] = (),
    items: tuple[str, ...] = (),
    table: Table | None = None,
    text: str | None = None,
    note: str | None = None,
) -> Section:
    return Section(name, phrase(name, language), tuple(rows), items, table, text, note)

"""The Markdown index of the catalog: its datasets by group and by anatomy."""

from __future__ import annotations

from collections.abc import Iterator, Sequence

from medshelf.catalog.export.markdown_text import (
    anchored_heading,
    bold,
    bullets,
    escape,
    link,
    picture,
    table,
)
from medshelf.catalog.record import Record
from medshelf.catalog.vocabulary import label, terms
from medshelf.catalog.wording import field_name, names, number_text, phrase

_TERMS = ("dimensions", "modalities", "tasks", "anatomy")
_COLUMNS = ("name", "released", *_TERMS, "n_samples", "sample_unit", "access", "licence")
_NUMERIC = (_COLUMNS.index("n_samples"),)


def index(records: Sequence[Record], language: str, drawing: str | None) -> str:
    """Return the page that leads to all others.

    Args:
        records: The datasets, each of which has a page `datasets/<id>.md`.
        language: `en` or `zh`.
        drawing: Relative path of the picture of all counts; None where there is none.
    """
    blocks = [
        f"# {escape(phrase('catalog-title', language))}",
        f"{_counts(records, language)} · {bold(phrase('not-for-clinical-use', language))}",
        *([picture(phrase("overview", language), drawing)] if drawing else []),
        f"## {escape(phrase('contents', language))}",
        _contents(records, language),
        anchored_heading(2, phrase("by-group", language), "by-group"),
    ]
    for group, members in _by_term(records, "group", "groups").items():
        blocks.append(anchored_heading(3, label("groups", group, language), f"group-{group}"))
        blocks.append(_datasets(members, language))
    blocks += [
        anchored_heading(2, phrase("by-anatomy", language), "by-anatomy"),
        bullets(_anatomy(records, language)),
        escape(phrase("made-with", language)),
    ]
    return "\n\n".join(blocks) + "\n"


def dataset_link(record: Record, folder: str = "datasets/") -> str:
    """Link to the page of a dataset."""
    return link(record.name, f"{folder}{record.id}.md")


def _counts(records: Sequence[Record], language: str) -> str:
    n_phantoms = sum(each.synthetic for each in records)
    counts = (number_text(len(records) - n_phantoms), number_text(n_phantoms))
    return escape(phrase("n-datasets", language).format(*counts))


def _contents(records: Sequence[Record], language: str) -> str:
    groups = _by_term(records, "group", "groups")
    entries = [
        f"{link(label('groups', group, language), f'#group-{group}')} ({len(members)})"
        for group, members in groups.items()
    ]
    anatomy = link(phrase("by-anatomy", language), "#by-anatomy")
    return bullets([*entries, anatomy, link(phrase("guide", language), "guide.md")])


def _by_term(records: Sequence[Record], field: str, section: str) -> dict[str, list[Record]]:
    """Return the datasets of every term that has some, in the order of the vocabulary."""
    found: dict[str, list[Record]] = {term: [] for term in terms(section)}
    for record in records:
        value = getattr(record, field)
        for term in (value,) if isinstance(value, str) else value:
            found.setdefault(term, []).append(record)
    return {term: members for term, members in found.items() if members}


def _datasets(records: Sequence[Record], language: str) -> str:
    header = [field_name(key, language) for key in _COLUMNS]
    return table(header, (_row(each, language) for each in records), _NUMERIC)


def _row(record: Record, language: str) -> list[str]:
    unit = record.sample_unit
    return [
        dataset_link(record),
        record.released or "",
        *("; ".join(map(escape, names(key, getattr(record, key), language))) for key in _TERMS),
        "" if record.n_samples is None else number_text(record.n_samples),
        escape(label("sample_units", unit, language)) if unit else "",
        escape(label("access", record.access, language)),
        escape(record.licence.id) if record.licence else "",
    ]


def _anatomy(records: Sequence[Record], language: str) -> Iterator[str]:
    for term, members in _by_term(records, "anatomy", "anatomy").items():
        links = "; ".join(map(dataset_link, members))
        yield f"{bold(label('anatomy', term, language))} ({len(members)}): {links}"

"""The Markdown page of the guide: platforms, benchmarks, methods, toolboxes, collections."""

from __future__ import annotations

from collections.abc import Mapping, Sequence

from medshelf.catalog.export.markdown_text import anchored_heading, escape, link, table
from medshelf.catalog.guide import KINDS, Entry, entries
from medshelf.catalog.record import Record
from medshelf.catalog.wording import field_name, names, number_text, phrase

_COLUMNS = {
    "platforms": ("name", "language", "datasets"),
    "benchmarks": ("name", "org", "paper", "techniques", "applications", "datasets"),
    "methods": ("name", "org", "paper", "task", "family", "techniques", "applications", "datasets"),
    "toolboxes": ("name", "org", "paper", "repo"),
    "collections": ("name", "repo"),
}
_SECTIONS = {
    "language": "languages",
    "task": "tasks",
    "family": "method_families",
    "techniques": "techniques",
    "applications": "applications",
}
_HEADERS = {"language": "languages", "task": "tasks", "paper": "papers"}


def guide_page(records: Sequence[Record], language: str) -> str:
    """Return the page of what goes with datasets.

    Args:
        records: The datasets that have a page `datasets/<id>.md`.
        language: `en` or `zh`.
    """
    titles = {each.id: each.name for each in records}
    blocks = [
        f"# {escape(phrase('guide', language))}",
        link(phrase("back-to-index", language), "README.md"),
    ]
    for kind in KINDS:
        blocks.append(anchored_heading(2, phrase(kind, language), kind))
        columns = _COLUMNS[kind]
        header = [field_name(_HEADERS.get(key, key), language) for key in columns]
        rows = [
            [_cell(each, key, language, titles) for key in columns]
            for each in entries(kind).values()
        ]
        if kind == "platforms":
            for row, name in zip(rows, entries(kind), strict=True):
                row[-1] = number_text(sum(_is_on(each, name) for each in records))
        blocks.append(table(header, rows, [2] if kind == "platforms" else []))
    return "\n\n".join(blocks) + "\n"


def _is_on(record: Record, platform: str) -> bool:
    return platform == record.platform or platform in record.download_platforms


def _cell(entry: Entry, key: str, language: str, titles: Mapping[str, str]) -> str:
    value = getattr(entry, key, None) or ()
    if key == "name":
        return link(entry.label(language), entry.url)
    if key == "paper":
        return link(phrase("paper", language), str(value)) if value else ""
    if key == "datasets":
        return "; ".join(
            link(titles[each], f"datasets/{each}.md") if each in titles else escape(each)
            for each in value
        )
    if key in _SECTIONS:
        chosen = (value,) if isinstance(value, str) else value
        return "; ".join(map(escape, names(_SECTIONS[key], chosen, language)))
    return escape(str(value)) if value else ""

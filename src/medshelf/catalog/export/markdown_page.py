"""The Markdown page of one dataset."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from dataclasses import dataclass

from medshelf.catalog.cards.parts import Card, Row, Section, Value
from medshelf.catalog.export.markdown_text import (
    bold,
    bullets,
    code_block,
    escape,
    link,
    picture,
    table,
)
from medshelf.catalog.wording import field_name, phrase

_CODE = {"citation": "bibtex"}


@dataclass(frozen=True, slots=True)
class Drawing:
    """An example picture; it lies beside the page and has the name of its dataset.

    Attributes:
        content: The file.
        suffix: `svg` or `png`.
        caption: What it shows: data, or none.
    """

    content: bytes
    suffix: str
    caption: str


def page(card: Card, language: str, names: Mapping[str, str], drawing: Drawing | None) -> str:
    """Return the page of a dataset.

    Args:
        card: What is known of it.
        language: `en` or `zh`.
        names: Names of the datasets that have a page beside this one, by id.
        drawing: Its example picture; None where there is none.
    """
    blocks = [
        f"# {escape(card.title)}",
        f"{link(phrase('back-to-index', language), '../README.md')} · {bold(card.notice)}",
    ]
    for section in card.sections:
        blocks.append(f"## {escape(section.title)}")
        if section.id == "example-pictures" and drawing:
            blocks.append(picture(drawing.caption, f"{card.id}.{drawing.suffix}"))
            blocks.append(escape(drawing.caption))
        else:
            blocks += _content(section, language, names)
    return "\n\n".join(blocks) + "\n"


def _content(section: Section, language: str, names: Mapping[str, str]) -> Iterator[str]:
    if section.note:
        yield escape(section.note)
    if section.rows:
        header = (field_name("field", language), field_name("value", language))
        yield table(header, [(escape(row.label), _values(row, names)) for row in section.rows])
    if section.items:
        yield bullets(map(escape, section.items))
    if section.table:
        rows = [[escape(cell) for cell in row] for row in section.table.rows]
        yield table(section.table.header, rows, section.table.numeric)
    if section.text:
        yield code_block(section.text, _CODE.get(section.id, "text"))


def _values(row: Row, names: Mapping[str, str]) -> str:
    between = "<br>" if any(each.url or each.note for each in row.values) else "; "
    return between.join(_value(each, names) for each in row.values)


def _value(value: Value, names: Mapping[str, str]) -> str:
    note = f" ({escape(value.note)})" if value.note else ""
    if value.dataset in names:
        return link(names[value.dataset], f"{value.dataset}.md") + note
    return (link(value.text, value.url) if value.url else escape(value.text)) + note

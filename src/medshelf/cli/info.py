"""`medshelf info`."""

from __future__ import annotations

import sys
from typing import TYPE_CHECKING, Annotated, Any

import typer

from medshelf.cli.output import Json, Lang, Records, language, print_json, use_records

if TYPE_CHECKING:
    from rich.console import Console, RenderableType

    from medshelf.catalog.card_parts import Row, Section, Table

PIPE_WIDTH = 120


def run(
    dataset: Annotated[str, typer.Argument(metavar="ID", help="Dataset id, e.g. nih-chest-xray.")],
    records: Records = None,
    lang: Lang = None,
    json: Json = False,
) -> None:
    """Show what is known of a dataset: the card in seven groups, with limits and licence."""
    use_records(records)
    from medshelf.catalog.card import card
    from medshelf.catalog.lineage import Lineage
    from medshelf.catalog.shelf import all_records, find_record

    record = find_record(dataset)
    if json:
        print_json(record.model_dump(mode="json", exclude_defaults=True))
        return
    shown = card(record, language(lang), Lineage(all_records()))
    screen = console()
    screen.print(f"[bold]{_plain(shown.title)}[/bold]  {shown.id}")
    screen.print(shown.notice, style="italic")
    for section in shown.sections:
        if not section.empty:
            screen.print(f"\n[bold]{_plain(section.title)}[/bold]")
            _print_section(screen, section)


def console() -> Console:
    """Return a console of the terminal's width, or of a fixed one where output is piped."""
    from rich.console import Console

    return Console(width=None if sys.stdout.isatty() else PIPE_WIDTH, highlight=False, emoji=False)


def as_rich(table: Table) -> RenderableType:
    """Return a table as rich prints it; names with brackets stay as they are."""
    from rich.box import SIMPLE_HEAD
    from rich.table import Table as RichTable

    shown = RichTable(box=SIMPLE_HEAD)
    for place, name in enumerate(table.header):
        shown.add_column(_plain(name), justify="right" if place in table.numeric else "left")
    for row in table.rows:
        shown.add_row(*map(_plain, row))
    return shown


def _print_section(screen: Console, section: Section) -> None:
    if section.note:
        screen.print(_plain(section.note))
    if section.rows:
        screen.print(_grid(section.rows))
    for item in section.items:
        screen.print(f"- {_plain(item)}")
    if section.table is not None:
        screen.print(as_rich(section.table))
    if section.text:
        screen.print(_plain(section.text.rstrip()), soft_wrap=True)


def _grid(rows: tuple[Row, ...]) -> RenderableType:
    from rich.table import Table as RichTable

    grid = RichTable.grid(padding=(0, 2))
    grid.add_column(no_wrap=True, style="dim")
    grid.add_column(overflow="fold")
    for row in rows:
        grid.add_row(_plain(row.label), _plain(row.text))
    return grid


def _plain(text: str) -> Any:
    from rich.markup import escape

    return escape(text)

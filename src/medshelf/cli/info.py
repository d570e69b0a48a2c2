"""`medshelf info`."""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING, Annotated

import typer

from medshelf.cli.output import Json, Lang, Records, language, note, print_json, start, use_records
from medshelf.cli.tables import as_rich, console, facts, listed, plain

if TYPE_CHECKING:
    from rich.console import Console

    from medshelf.catalog.cards.parts import Card, Section
    from medshelf.catalog.record import Record


def run(
    dataset: Annotated[str, typer.Argument(metavar="ID", help="Dataset id, e.g. nih-chest-xray.")],
    picture: Annotated[
        Path | None,
        typer.Option(help="Folder to draw an example picture into: data at hand, or a schematic."),
    ] = None,
    records: Records = None,
    lang: Lang = None,
    json: Json = False,
) -> None:
    """Show what is known of a dataset: the card in seven groups, with limits and licence."""
    use_records(records)
    from medshelf.catalog.cards.card import card
    from medshelf.catalog.lineage import Lineage
    from medshelf.catalog.shelf import all_records, find_record

    record = find_record(dataset)
    if json:
        print_json(record.model_dump(mode="json", exclude_defaults=True))
    else:
        _print(card(record, language(lang), Lineage(all_records())))
    if picture is not None:
        _draw(record, picture, language(lang))


def _draw(record: Record, folder: Path, shown_in: str) -> None:
    start(quiet=False)
    from medshelf.api.catalog_pictures import example_picture
    from medshelf.core.files import atomic_path

    drawing = example_picture(record, shown_in)
    path = folder / f"{record.id}.{drawing.suffix}"
    with atomic_path(path) as part:
        part.write_bytes(drawing.content)
    note(f"{drawing.caption}: {path}")


def _print(shown: Card) -> None:
    screen = console()
    screen.print(plain(shown.title).append(f"  {shown.id}"), style="bold")
    screen.print(shown.notice, style="italic")
    for section in shown.sections:
        screen.print()
        screen.print(plain(section.title), style="bold")
        _print_section(screen, section)


def _print_section(screen: Console, section: Section) -> None:
    if section.note:
        screen.print(plain(section.note))
    if section.rows:
        screen.print(facts(section.rows))
    if section.items:
        screen.print(listed(section.items))
    if section.table is not None:
        screen.print(as_rich(section.table))
    if section.text:
        screen.print(plain(section.text), soft_wrap=True)

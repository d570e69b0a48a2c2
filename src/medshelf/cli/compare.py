"""`medshelf compare`."""

from __future__ import annotations

from typing import Annotated

import typer

from medshelf.cli.output import Json, Lang, Records, language, print_json, use_records
from medshelf.cli.tables import console, side_by_side


def run(
    datasets: Annotated[list[str], typer.Argument(metavar="ID...", help="Dataset ids.")],
    records: Records = None,
    lang: Lang = None,
    json: Json = False,
) -> None:
    """Put datasets side by side."""
    use_records(records)
    from medshelf.catalog.cards.comparison import compare
    from medshelf.catalog.lineage import Lineage
    from medshelf.catalog.shelf import all_records, find_record

    chosen = [find_record(each) for each in dict.fromkeys(datasets)]
    table = compare(chosen, language(lang), Lineage(all_records()))
    if json:
        print_json({"header": table.header, "rows": table.rows})
        return
    screen = console()
    for part in side_by_side(table, screen.width):
        screen.print(part)

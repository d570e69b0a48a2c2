"""Tables and lists of facts as a terminal shows them; texts with brackets stay as they are."""

from __future__ import annotations

import sys
from collections.abc import Iterable
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from rich.console import Console, RenderableType
    from rich.text import Text

    from medshelf.catalog.cards.parts import Row, Table

PIPE_WIDTH = 120
_NARROWEST = 20


def console() -> Console:
    """Return a console of the terminal's width, or of a fixed one where output is piped."""
    from rich.console import Console

    return Console(width=None if sys.stdout.isatty() else PIPE_WIDTH, highlight=False, emoji=False)


def plain(text: str) -> Text:
    """Return text that rich prints as it is; control characters, which could rule the terminal, go.

    Line ends stay.
    """
    from rich.text import Text

    kept = text.rstrip().replace("\t", "    ")
    return Text("".join(each for each in kept if each == "\n" or each.isprintable()))


def as_rich(table: Table, title: str | None = None) -> RenderableType:
    """Return a table as rich prints it."""
    from rich.box import SIMPLE_HEAD
    from rich.table import Table as RichTable

    shown = RichTable(box=SIMPLE_HEAD, title=title, title_justify="left", title_style="bold")
    for place, name in enumerate(table.header):
        right = place in table.numeric
        shown.add_column(plain(name), justify="right" if right else "left", overflow="fold")
    for row in table.rows:
        shown.add_row(*map(plain, row))
    return shown


def side_by_side(table: Table, width: int) -> Iterable[RenderableType]:
    """Yield tables whose columns are wide enough to read; each begins with the first column.

    Args:
        table: Names of facts in the first column.
        width: Characters in a line.
    """
    from medshelf.catalog.cards.parts import Table as Part

    n_columns = len(table.header) - 1
    at_once = max(1, width // _NARROWEST - 1)
    n_tables = -(-n_columns // at_once)
    at_once = -(-n_columns // max(1, n_tables))
    for first in range(1, n_columns + 1, max(1, at_once)):
        chosen = slice(first, first + at_once)
        rows = tuple((row[0], *row[chosen]) for row in table.rows if any(row[chosen]))
        yield as_rich(Part((table.header[0], *table.header[chosen]), rows))


def facts(rows: Iterable[Row]) -> RenderableType:
    """Return names and values in two columns; each address has a line of its own."""
    from rich.table import Table as RichTable

    grid = RichTable.grid(padding=(0, 2))
    grid.add_column(overflow="fold", style="dim")
    grid.add_column(overflow="fold")
    for row in rows:
        several = any(each.url or each.note for each in row.values)
        grid.add_row(plain(row.label), plain(("\n" if several else "; ").join(row.texts)))
    return grid


def listed(items: Iterable[str]) -> RenderableType:
    """Return sentences with dashes before them."""
    from rich.table import Table as RichTable

    grid = RichTable.grid(padding=(0, 1))
    grid.add_column()
    grid.add_column(overflow="fold")
    for item in items:
        grid.add_row("-", plain(item))
    return grid

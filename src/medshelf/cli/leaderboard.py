"""`medshelf leaderboard`."""

from __future__ import annotations

import sys
from pathlib import Path
from typing import TYPE_CHECKING, Annotated

import typer

from medshelf.cli.output import Dataset, Json, Quiet, Root, note, print_json, start

if TYPE_CHECKING:
    from rich.console import JustifyMethod

    from medshelf.benchmark.leaderboard import Entry

_PIPE_WIDTH = 120


def run(
    dataset: Dataset,
    html: Annotated[Path | None, typer.Option(help="Also write the table to this page.")] = None,
    root: Root = None,
    json: Json = False,
    quiet: Quiet = False,
) -> None:
    """Show published, replicated and measured results beside the majority floor."""
    start(quiet=quiet)
    from medshelf import api

    entries = api.leaderboard(dataset, root=root)
    if html is not None:
        note(f"written: {api.write_leaderboard(dataset, entries, html)}")
    if json:
        print_json([each.as_dict() for each in entries])
    else:
        _print_table(dataset, entries)


def _print_table(dataset: str, entries: list[Entry]) -> None:
    from rich.box import SIMPLE_HEAD
    from rich.console import Console
    from rich.table import Table

    table = Table(title=f"{dataset}, test split", title_justify="left", box=SIMPLE_HEAD)
    for name in ("method", "kind", "AUC", "ACC", "seeds", "selected on"):
        justify: JustifyMethod = "right" if name in {"AUC", "ACC", "seeds"} else "left"
        table.add_column(name, justify=justify, no_wrap=name in {"method", "kind"})
    table.add_column("note")
    for each in entries:
        table.add_row(
            each.method,
            each.kind_text,
            each.auc_text,
            each.acc_text,
            str(each.n_seeds or ""),
            each.selection_split or "",
            each.note,
            style="bold" if each.kind == "measured" else None,
        )
    Console(width=None if sys.stdout.isatty() else _PIPE_WIDTH).print(table)

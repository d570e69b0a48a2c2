"""`medshelf leaderboard`."""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING, Annotated

import typer

from medshelf.cli.output import Dataset, Json, Quiet, Root, note, print_json, start

if TYPE_CHECKING:
    from medshelf.benchmark.leaderboard import Entry


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
        note(f"written: {api.write_leaderboard(dataset, html, root=root)}")
    if json:
        print_json([each.as_dict() for each in entries])
    else:
        _print_table(dataset, entries)


def _print_table(dataset: str, entries: list[Entry]) -> None:
    from rich.console import Console
    from rich.table import Table

    table = Table(title=f"{dataset}, test split", title_justify="left")
    for name in ("method", "kind", "AUC", "ACC", "seeds", "selected on", "note"):
        table.add_column(name, justify="right" if name in {"AUC", "ACC", "seeds"} else "left")
    for each in entries:
        table.add_row(
            each.method,
            each.kind,
            each.auc_text,
            each.acc_text,
            str(each.n_seeds or ""),
            each.selection_split or "",
            each.note,
            style="bold" if each.kind == "measured" else None,
        )
    Console(soft_wrap=True).print(table)

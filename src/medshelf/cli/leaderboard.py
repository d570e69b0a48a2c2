"""`medshelf leaderboard`: show, compare, write, enter."""

from __future__ import annotations

import sys
from enum import StrEnum
from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Any

import typer
from typer.core import TyperGroup

from medshelf.cli.output import (
    AllowModified,
    Json,
    Lang,
    Quiet,
    Root,
    language,
    note,
    print_json,
    start,
)

if TYPE_CHECKING:
    from medshelf.benchmark.leaderboard.entries import Entry
    from medshelf.benchmark.leaderboard.writing import View
    from medshelf.report.page import Table as PageTable


_PIPE_WIDTH, _WIDEST, _FIRST, _NARROWEST, _LEAST = 160, 12, 50, 18, 16


class _ShowByDefault(TyperGroup):
    """`medshelf leaderboard breastmnist` is `medshelf leaderboard show breastmnist`."""

    def parse_args(self, ctx: Any, args: list[str]) -> list[str]:
        """Put the command in where it is left out."""
        if args and args[0] not in {*self.commands, *ctx.help_option_names}:
            args = ["show", *args]
        return super().parse_args(ctx, args)


app = typer.Typer(
    cls=_ShowByDefault,
    no_args_is_help=True,
    help="Published, replicated and measured results. `show` may be left out.",
)


class Dimensions(StrEnum):
    """The publication's tables."""

    TWO = "2d"
    THREE = "3d"


class Against(StrEnum):
    """Quoted numbers to compare with."""

    PUBLISHED = "published"
    REPLICATION = "replication"


class Split(StrEnum):
    """Splits that weights can be selected on."""

    TRAIN = "train"
    VAL = "val"
    TEST = "test"


_File = Annotated[Path | None, typer.Option(metavar="FILE", help="Also write the table here.")]


@app.command()
def show(
    dataset: Annotated[
        str | None, typer.Argument(metavar="[ID]", help="Dataset id, e.g. breastmnist.")
    ] = None,
    method: Annotated[
        str | None, typer.Option(help='One method on all datasets, e.g. "ResNet-18 (28)".')
    ] = None,
    table: Annotated[
        Dimensions | None, typer.Option(help="The whole table in the publication's layout.")
    ] = None,
    compare: Annotated[
        Against | None, typer.Option(help="Measured beside quoted numbers, with the tolerance.")
    ] = None,
    site: Annotated[
        Path | None, typer.Option(metavar="FOLDER", help="Write all as a static site.")
    ] = None,
    markdown: _File = None,
    html: _File = None,
    latex: _File = None,
    csv: _File = None,
    lang: Lang = None,
    root: Root = None,
    allow_modified: AllowModified = False,
    json: Json = False,
    quiet: Quiet = False,
) -> None:
    """Show results beside the majority floor, with ranks and intervals."""
    start(quiet=quiet)
    _check_choice(dataset, method, table, compare, site)
    from medshelf.api import leaderboards

    shown_in = "en" if lang is None else language(lang)
    if site is not None:
        index = leaderboards.write_site(
            site, root=root, allow_modified=allow_modified, language=shown_in
        )
        print(index)
        return
    if compare is not None:
        compared = leaderboards.compare_with(compare.value, dataset)
        view = leaderboards.comparison_view(compare.value, compared)
        records = [each.as_dict() for each in compared]
        short = view.tables[0]
    else:
        entries, view, short = _entries(
            dataset, method, table, root, allow_modified=allow_modified, shown_in=shown_in
        )
        records = [each.as_dict() for each in entries]
    _write(view, {".md": markdown, ".html": html, ".tex": latex, ".csv": csv})
    if json:
        print_json(records)
    else:
        _print(view, short)


@app.command()
def add(
    file: Annotated[
        Path,
        typer.Argument(
            metavar="FILE", help="A result file, e.g. breastmnist_test_[AUC]0.901_[ACC]0.863@a.csv."
        ),
    ],
    method: Annotated[
        str, typer.Option(help="Name of the method; what stands behind @ by default.")
    ] = "",
    selected_on: Annotated[
        Split | None, typer.Option(help="Split that chose the weights: train, val or test.")
    ] = None,
    seconds: Annotated[float | None, typer.Option(help="Of training.")] = None,
    remark: Annotated[str, typer.Option("--note", help="What else must be known.")] = "",
    root: Root = None,
    allow_modified: AllowModified = False,
    json: Json = False,
    quiet: Quiet = False,
) -> None:
    """Score a result file with the official metrics and enter it into the leaderboard."""
    start(quiet=quiet)
    from medshelf.api.leaderboards import enter
    from medshelf.benchmark.entered import Claim

    claim = Claim(method, "" if selected_on is None else selected_on.value, seconds, remark)
    entered = enter(file, claim, root=root, allow_modified=allow_modified)
    scores = entered.scores
    if json:
        named = {"method": entered.method, "folder": entered.folder}
        print_json(named | {"scores": scores.as_dict()})
        return
    print(f"{entered.name.dataset}: {entered.method}  AUC {scores.auc}  ACC {scores.acc}")
    print(entered.folder)


def _check_choice(*given: object) -> None:
    dataset, method, table, compare, site = (each is not None for each in given)
    if method + table + compare + site > 1 or (dataset and (method or table or site)):
        message = "Give one of: ID, --method, --table, --compare, --site (--compare also takes ID)"
        raise typer.BadParameter(message)
    if not (dataset or method or table or compare or site):
        message = "Name a dataset, or give --method, --table, --compare or --site"
        raise typer.BadParameter(message)


def _entries(
    dataset: str | None,
    method: str | None,
    table: Dimensions | None,
    root: Path | None,
    *,
    allow_modified: bool,
    shown_in: str,
) -> tuple[list[Entry], View, PageTable]:
    from medshelf.api import leaderboards
    from medshelf.benchmark.leaderboard.tables import short_table

    if table is not None:
        entries = leaderboards.table_leaderboard(table.value)
        view = leaderboards.table_view(table.value, entries, shown_in)
        return entries, view, leaderboards.short_table_of(table.value, entries)
    if method is not None:
        entries = leaderboards.method_leaderboard(method)
        view = leaderboards.method_view(method, entries, shown_in)
        return entries, view, short_table(entries, by_dataset=True)
    named = dataset or ""
    entries = leaderboards.leaderboard(named, root=root, allow_modified=allow_modified)
    return entries, leaderboards.dataset_view(named, entries, shown_in), short_table(entries)


def _write(view: View, paths: dict[str, Path | None]) -> None:
    from medshelf.benchmark.leaderboard.writing import WRITERS
    from medshelf.core.files import write_text

    for suffix, path in paths.items():
        if path is not None:
            write_text(path, WRITERS[suffix](view))
            note(f"written: {path}")


def _print(view: View, table: PageTable) -> None:
    from rich.box import SIMPLE_HEAD
    from rich.console import Console
    from rich.table import Table

    from medshelf.cli.tables import plain

    screen = Console(
        width=None if sys.stdout.isatty() else _PIPE_WIDTH, highlight=False, emoji=False
    )
    at_once = max(1, (screen.width - _FIRST) // _NARROWEST) if _is_wide(table) else _WIDEST
    screen.print(plain(view.title), style="bold")
    for first in range(1, len(table.header), at_once):
        places = [0, *range(first, min(first + at_once, len(table.header)))]
        shown = Table(box=SIMPLE_HEAD, pad_edge=False)
        for place in places:
            right = table.is_numeric(place)
            folds = table.header[place] == "Note" or place == 0
            shown.add_column(
                plain(table.header[place]),
                justify="right" if right else "left",
                no_wrap=not folds,
                overflow="fold",
                min_width=_LEAST if folds else None,
            )
        for row in table.rows:
            if len(places) > 1 and any(row[place] for place in places[1:]):
                shown.add_row(*(plain(str(row[place])) for place in places))
        screen.print(shown)
    for each in view.notes:
        screen.print(plain(each))


def _is_wide(table: PageTable) -> bool:
    return len(table.header) > _WIDEST or "AUC / ACC, means" in table.header

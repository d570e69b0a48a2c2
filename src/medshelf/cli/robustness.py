"""`medshelf robustness`."""

from __future__ import annotations

import sys
from pathlib import Path
from typing import TYPE_CHECKING, Annotated

import typer

from medshelf.cli.output import AllowModified, Json, Quiet, Root, note, print_json, start

if TYPE_CHECKING:
    from medshelf.benchmark.robustness import Robustness

_PIPE_WIDTH = 120
_RUN = "A finished run: its folder in the runs folder, or a path."


def run(
    name: Annotated[str, typer.Argument(metavar="RUN", help=_RUN)],
    baseline: Annotated[
        str | None, typer.Option(metavar="RUN", help="Also give mCE against this run.")
    ] = None,
    corruptions: Annotated[
        str, typer.Option(help="Names, separated by commas; those that fit by default.")
    ] = "",
    severities: Annotated[str, typer.Option(help="1 to 5, separated by commas.")] = "1,2,3,4,5",
    seed: Annotated[int, typer.Option(help="Of everything drawn.")] = 0,
    device: Annotated[str, typer.Option(help="auto, cpu, cuda, ...")] = "auto",
    html: Annotated[Path | None, typer.Option(help="Also write the result to this page.")] = None,
    pictures: Annotated[
        Path | None, typer.Option(help="Also write one corrupted sample to this PNG.")
    ] = None,
    root: Root = None,
    allow_modified: AllowModified = False,
    json: Json = False,
    quiet: Quiet = False,
) -> None:
    """Score a finished run on corrupted test images; writes robustness.json beside its run.json."""
    start(quiet=quiet)
    from medshelf.api.robustness import damage

    asked = damage(
        name,
        corruptions=[each.strip() for each in corruptions.split(",") if each.strip()],
        severities=_numbers(severities),
        seed=seed,
        root=root,
        allow_modified=allow_modified,
    )
    if pictures is not None:
        note(f"written: {asked.write_sheet(pictures)}")
    result = asked.measure(baseline=baseline, device=device)
    if html is not None:
        note(f"written: {asked.write_page(result, html)}")
    if json:
        print_json(result.as_dict())
    else:
        _print(result)


def _numbers(text: str) -> list[int]:
    try:
        return [int(each) for each in text.split(",")]
    except ValueError as error:
        message = f"{text!r} is no list of whole numbers such as 1,3,5"
        raise typer.BadParameter(message, param_hint="--severities") from error


def _print(result: Robustness) -> None:
    from rich.box import SIMPLE_HEAD
    from rich.console import Console
    from rich.table import Table

    found = result.assessment
    print(f"{result.run}: balanced error")
    table = Table(box=SIMPLE_HEAD)
    table.add_column("corruption", no_wrap=True)
    heads = [*map(str, result.severities), "mean"]
    heads += ["CE", "rel. CE"] if result.baseline_run is not None else []
    for head in heads:
        table.add_column(head, justify="right")
    for each in found.by_corruption:
        errors = [cell.balanced_error for cell in found.cells if cell.corruption == each.corruption]
        values: list[float | None] = [*errors, each.balanced_error]
        values += [each.ce, each.relative_ce] if result.baseline_run is not None else []
        table.add_row(each.corruption, *map(_text, values))
    Console(width=None if sys.stdout.isatty() else _PIPE_WIDTH).print(table)
    print(f"clean          {found.clean.balanced_error:.3f} (AUC {found.clean.auc:.3f})")
    print(f"mean           {found.mean_error}")
    print(f"rise           {found.mean_rise}")
    if result.baseline_run is not None:
        print(f"mCE            {found.mce or 'not defined'} against {result.baseline_run}")
        print(f"relative mCE   {_text(found.relative_mce)}")
    for each_note in found.notes:
        note(f"Note: {each_note}.")
    print(f"95 % intervals from {result.n_resamples} resamples of {result.n_samples} samples")


def _text(value: float | None) -> str:
    return "-" if value is None else f"{value:.3f}"

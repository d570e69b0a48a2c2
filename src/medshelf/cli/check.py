"""`medshelf check`."""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Any, Literal

import typer

from medshelf.cli.output import (
    Json,
    Lang,
    Options,
    Quiet,
    Records,
    Root,
    language,
    note,
    options,
    print_json,
    start,
    use_records,
)
from medshelf.cli.passing import Address, EngineOption, NoPixels, Workers, passes

if TYPE_CHECKING:
    from medshelf.core.issues import Issue
    from medshelf.quality.checking import Checked

_N_SAMPLES = 3
_N_EVIDENCE = 3
_COLOURS = {"error": "red", "warning": "yellow", "info": "cyan"}


FailOn = Literal["error", "warning", "info", "never"]


def run(
    dataset: Annotated[str, typer.Argument(metavar="ID|MANIFEST", help="Id or Parquet manifest.")],
    root: Root = None,
    option: Options = None,
    select: Annotated[
        list[str] | None, typer.Option(help="Rule or area to run; may be repeated.")
    ] = None,
    ignore: Annotated[
        list[str] | None, typer.Option(help="Rule or area to leave out; may be repeated.")
    ] = None,
    against: Annotated[
        list[str] | None,
        typer.Option(help="ID or ID=FOLDER that must share nothing with it; may be repeated."),
    ] = None,
    predictions: Annotated[
        Path | None, typer.Option(help="Table of sample_id and a probability per class.")
    ] = None,
    baseline: Annotated[Path | None, typer.Option(help="File of accepted Issues.")] = None,
    write_baseline: Annotated[
        Path | None, typer.Option(help="Accept all that is found: write it into this file.")
    ] = None,
    setting: Annotated[
        list[str] | None, typer.Option("--set", help="Threshold of a rule, RULE.NAME=NUMBER.")
    ] = None,
    html: Annotated[
        Path | None, typer.Option(help="Also write a page with pictures of what was found.")
    ] = None,
    lang: Lang = None,
    fail_on: Annotated[FailOn, typer.Option(help="Exit 1 from this severity on.")] = "error",
    workers: Workers = None,
    engine: EngineOption = "local",
    address: Address = None,
    no_pixels: NoPixels = False,
    records: Records = None,
    json: Json = False,
    quiet: Quiet = False,
) -> None:
    """Look for what is wrong in a dataset: leaks, damage, geometry, labels, shortcuts, privacy."""
    start(quiet=quiet)
    use_records(records)
    from medshelf.api import quality
    from medshelf.quality import checking

    case = quality.open_case(
        dataset,
        root=root,
        options=options(option),
        against=against or (),
        predictions=predictions,
        settings=_thresholds(setting),
        passes=passes(workers, engine, address, no_pixels=no_pixels),
    )
    checked = checking.check(case, select or (), ignore or (), baseline)
    if write_baseline is not None:
        checking.write_baseline(checked, write_baseline)
        note(f"written: {write_baseline}")
    if html is not None:
        quality.write_check_page(checked, case, html, language(lang))
        note(f"written: {html}")
    if json:
        print_json(checked.as_dict())
    else:
        _show(checked)
    if fail_on != "never" and checked.at_least(fail_on):
        raise typer.Exit(1)


def _thresholds(given: list[str] | None) -> dict[str, float]:
    found = {}
    for name, value in options(given).items():
        try:
            found[name] = float(value)
        except ValueError as error:
            message = f"{value!r} is no number"
            raise typer.BadParameter(message, param_hint="--set") from error
    return found


def _show(checked: Checked) -> None:
    from medshelf.cli.tables import console, plain
    from medshelf.quality.judging.wording import counted

    screen = console()
    for issue in checked.issues:
        _show_issue(screen, issue)
    kinds = {"error": "error", "warning": "warning", "info": "note"}
    found = [
        counted(sum(each.severity == severity for each in checked.issues), kind)
        for severity, kind in kinds.items()
    ]
    accepted = f", {len(checked.accepted):,} accepted before" if checked.accepted else ""
    screen.print(
        plain(
            f"{checked.meta.dataset}: {', '.join(found)}{accepted}; "
            f"{counted(checked.n_samples, 'sample')}, {counted(len(checked.ran), 'rule')}"
        )
    )
    for reason in sorted(set(checked.skipped.values())):
        names = ", ".join(name for name, why in checked.skipped.items() if why == reason)
        screen.print(plain(f"not run, since {reason}: {names}"), style="dim")


def _show_issue(screen: Any, issue: Issue) -> None:
    from medshelf.cli.tables import plain

    colour = _COLOURS[issue.severity]
    screen.print(f"[bold {colour}]{issue.severity}[/]", plain(f"{issue.id}  {issue.where}"))
    screen.print(plain(f"  {issue.message}"))
    for each in issue.evidence[:_N_EVIDENCE]:
        facts = ", ".join(f"{name} {_short(value)}" for name, value in each.items())
        screen.print(plain(f"    {facts}"), style="dim", soft_wrap=True)
    if issue.samples:
        rest = len(issue.samples) - _N_SAMPLES
        some = ", ".join(issue.samples[:_N_SAMPLES]) + (f" and {rest:,} more" if rest > 0 else "")
        screen.print(plain(f"    samples: {some}"), style="dim", soft_wrap=True)
    screen.print(plain(f"  -> {issue.remedy}\n"))


def _short(value: object) -> str:
    return f"{value:.4g}" if isinstance(value, float) else str(value)

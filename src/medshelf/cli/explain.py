"""`medshelf explain`."""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING, Annotated

import typer

from medshelf.cli.output import AllowModified, Json, Quiet, Root, note, print_json, start

if TYPE_CHECKING:
    from medshelf.benchmark.explaining.explanation import Explanation

RunName = Annotated[
    str,
    typer.Argument(metavar="RUN", help="Name of a folder in the home's runs folder, or a path."),
]


def run(
    name: RunName,
    html: Annotated[Path | None, typer.Option(help="Write a page with pictures.")] = None,
    split: Annotated[str, typer.Option(help="One that the run has scored.")] = "test",
    device: Annotated[str, typer.Option(help="auto, cpu, cuda, cuda:1 ...")] = "auto",
    root: Root = None,
    allow_modified: AllowModified = False,
    json: Json = False,
    quiet: Quiet = False,
) -> None:
    """Show what a finished run gets wrong, how sure it is, where it looks, for whom it works."""
    start(quiet=quiet)
    from medshelf import api

    told = api.explain(
        name, split=split, html=html, device=device, root=root, allow_modified=allow_modified
    )
    if json:
        print_json(told.as_dict())
        return
    _print(told)
    if html is not None:
        note(f"page: {html}")


def _print(told: Explanation) -> None:
    print(f"{told.run}  {told.split}: {told.n_wrong} of {told.n_samples} samples wrong")
    width = max(len(each.name) for each in told.classes)
    print(f"{'class':{width}}  samples  precision  recall     F1    AUC")
    for each in told.classes:
        numbers = (each.precision, each.recall, each.f1, each.auc)
        p, r, f, a = ("-" if number is None else f"{number:.3f}" for number in numbers)
        print(f"{each.name:{width}}  {each.support:7}  {p:>9}  {r:>6}  {f:>5}  {a:>5}")
    for row in told.confusions:
        print(f"confused   {row.count} x {row.true!r} called {row.said!r} ({row.share:.1%})")
    for case in told.mistakes[:5]:
        said = f"{case.said!r} {case.probability:.3f}"
        print(f"mistake    {case.sample_id}: {case.true!r} called {said}")
    calibration = told.calibration
    print(
        f"calibration error {calibration.error_before:.3f}, {calibration.error_after:.3f} with "
        f"temperature {calibration.temperature.value:.3f} from {calibration.fitted_on!r}"
    )
    looked = told.grad_cam
    print(f"Grad-CAM   {looked.reason or f'by the features of {looked.layer}, on the page'}")
    for group in told.subgroups.scored:
        scores = f"AUC {group.auc}  ACC {group.acc}"
        print(f"subgroup   {group.attribute} {group.value}  n {group.n_samples}  {scores}")
    for text in told.subgroups.notes:
        print(f"subgroup   {text}")

"""`medshelf benchmark`."""

from __future__ import annotations

import sys
from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Any

import typer

from medshelf.cli.output import (
    AllowModified,
    Download,
    Json,
    Quiet,
    Root,
    fail,
    print_json,
    start,
)
from medshelf.cli.passing import Address, Engine, EngineOption

if TYPE_CHECKING:
    from medshelf.api import Benchmark, Matrix, Plan
    from medshelf.benchmark.runs import Run

_IDS = typer.Argument(metavar="ID", help="Dataset ids, e.g. breastmnist.")
_PROTOCOL = "Protocol id; `medshelf protocols` lists them. By default medmnist-28 or medmnist3d-28."
_MODELS = "Names with commas between them. By default resnet18, for volumes resnet18-3d."


def run(
    datasets: Annotated[list[str] | None, _IDS] = None,
    every: Annotated[
        bool, typer.Option("--all", help="All sets of the catalog that fit and are at hand.")
    ] = False,
    protocol: Annotated[str | None, typer.Option(help=_PROTOCOL)] = None,
    models: Annotated[str | None, typer.Option(help=_MODELS)] = None,
    seeds: Annotated[
        str, typer.Option(help="How many (0, 1, 2 ...), or which, e.g. 0,1,7 or 7,")
    ] = "3",
    queue: Annotated[
        bool, typer.Option("--queue", help="In processes of their own; a failure stops no other.")
    ] = False,
    dry_run: Annotated[
        bool, typer.Option("--dry-run", help="Say which runs there are, how far, how long.")
    ] = False,
    epochs: Annotated[
        int | None, typer.Option(min=1, help="Instead of the protocol's; results will say so.")
    ] = None,
    device: Annotated[
        str, typer.Option(help="auto, cpu, cuda, cuda:1; with --queue several: cuda:0,cuda:1.")
    ] = "auto",
    precision: Annotated[str, typer.Option(help="float32, tfloat32 or bfloat16.")] = "float32",
    deterministic: Annotated[
        bool, typer.Option("--deterministic", help="Refuse what depends on chance.")
    ] = False,
    compiled: Annotated[
        bool, typer.Option("--compiled", help="Compile the network for training.")
    ] = False,
    weights: Annotated[Path | None, typer.Option(help="File of weights to start from.")] = None,
    new_head: Annotated[
        bool, typer.Option("--new-head", help="With --weights: a new last layer.")
    ] = False,
    test_on: Annotated[
        str | None, typer.Option(help="Dataset to test on, for protocols that take one.")
    ] = None,
    labels: Annotated[
        Path | None, typer.Option(help="YAML file: labels of the other dataset in ours.")
    ] = None,
    workers: Annotated[
        int | None, typer.Option(min=1, help="Runs at a time; one per device by default.")
    ] = None,
    engine: EngineOption = "local",
    address: Address = None,
    root: Root = None,
    download: Download = False,
    allow_modified: AllowModified = False,
    json: Json = False,
    quiet: Quiet = False,
) -> None:
    """Train by a protocol, score with the official metrics, print scores and reports."""
    _check_queue(queue or dry_run, device, workers, engine, address)
    start(quiet=quiet)
    from medshelf import api
    from medshelf.benchmark.queueing.queue import Hands
    from medshelf.benchmark.runs import Settings

    request = api.Request(
        datasets=tuple(datasets or ()),
        every=every,
        models=tuple(models.split(",")) if models else (),
        protocol=protocol,
        seeds=_seeds(seeds),
        settings=Settings(
            epochs=epochs,
            precision=precision,
            deterministic=deterministic,
            weights=weights,
            device=device,
            compiled=compiled,
            new_head=new_head,
        ),
        files=api.Files(root, download, allow_modified, test_on, labels),
    )
    if dry_run:
        hands = Hands.of(device, workers, engine, address)
        _print_plan(api.plan_matrix(request, hands), json=json)
        return
    hands_or_none = Hands.of(device, workers, engine, address) if queue else None
    _print_matrix(api.run_matrix(request, hands_or_none), json=json)


def _check_queue(
    queued: bool, device: str, workers: int | None, engine: Engine, address: str | None
) -> None:
    given = {
        "several devices": "," in device,
        "--workers": workers is not None,
        "--engine": engine != "local",
        "--address": address is not None,
    }
    for name, there in given.items():
        if there and not queued:
            raise typer.BadParameter(f"{name} without --queue", param_hint="--queue")


def _seeds(text: str) -> int | tuple[int, ...]:
    try:
        numbers = tuple(int(each) for each in text.split(",") if each.strip())
    except ValueError:
        numbers = ()
    counted = "," not in text
    if not numbers or (counted and numbers[0] < 1):
        message = f"{text!r} is neither a number of seeds, such as 3, nor a list, such as 0,1,7"
        raise typer.BadParameter(message, param_hint="--seeds")
    return numbers[0] if counted else numbers


def _print_plan(plan: Plan, *, json: bool) -> None:
    from medshelf.benchmark.queueing.queue import duration

    if json:
        rows = [
            {
                "run": each.run,
                "state": each.state.kind,
                "epochs_done": each.state.epochs_done,
                "reason": each.state.reason or None,
                "seconds": each.seconds,
            }
            for each in plan.runs
        ]
        print_json({"runs": rows, "missing": _missing(plan), "seconds": plan.seconds})
        return
    from medshelf.catalog.cards.parts import Table
    from medshelf.cli.tables import as_rich, console

    def told(seconds: float | None) -> str:
        return "?" if seconds is None else duration(seconds)

    rows_ = tuple((each.run, each.state.text, told(each.seconds)) for each in plan.runs)
    console().print(as_rich(Table(("run", "state", "left"), rows_)))
    for each in plan.runs:
        if each.state.reason:
            print(f"{each.run} failed: {each.state.reason}")
    for one in plan.missing:
        print(f"not at hand: {one.dataset}. {one.remedy}")
    n = len(plan.runs)
    print(f"{n} run{'s' * (n != 1)}, about {told(plan.seconds)} left")


def _missing(found: Plan | Matrix) -> list[dict[str, str]]:
    return [{"dataset": each.dataset, "remedy": each.remedy} for each in found.missing]


def _print_matrix(done: Matrix, *, json: bool) -> None:
    """Print all finished runs, then what was left out; exit 1 if a run failed."""
    if json:
        print_json(
            {
                "runs": [_as_dict(run) for each in done.benchmarks for run in each.runs],
                "reports": [each.report for each in done.benchmarks],
                "failed": [{"run": each.run, "reason": each.reason} for each in done.failed],
                "held": list(done.held),
                "missing": _missing(done),
            }
        )
    else:
        for each in done.benchmarks:
            _print_runs(each)
        for name in done.held:
            print(f"left out: {name}, which another process is doing")
        for one in done.missing:
            print(f"not at hand: {one.dataset}. {one.remedy}")
    if done.failed:
        listed = "\n".join(f"{each.run}: {each.reason}" for each in done.failed)
        sys.exit(fail(f"{len(done.failed)} run{'s' * (len(done.failed) != 1)} failed:\n{listed}"))


def print_benchmark(done: Benchmark, *, json: bool) -> None:
    """Print each run's test scores with their intervals, the floor, and the report's path."""
    if json:
        print_json({"runs": [_as_dict(each) for each in done.runs], "report": done.report})
    else:
        _print_runs(done)


def _as_dict(run: Run) -> dict[str, Any]:
    from medshelf.benchmark.leaderboard import caveats

    scores = {split: scores.as_dict() for split, scores in run.scores.items()}
    return {"run": run.spec.name, "folder": run.folder, "caveats": caveats(run)} | scores


def _print_runs(done: Benchmark) -> None:
    from medshelf.benchmark.leaderboard import caveats

    for run in done.runs:
        scores = run.scores["test"]
        notes = "".join(f"  ({caveat})" for caveat in caveats(run))
        print(f"{run.spec.name}  test AUC {scores.auc}  ACC {scores.acc}{notes}")
    floor = done.runs[0].scores["test"].floor
    print(f"floor: always {floor.prediction!r}  AUC {floor.auc:.3f}  ACC {floor.acc:.3f}")
    print(f"report: {done.report}")

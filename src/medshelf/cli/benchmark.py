"""`medshelf benchmark`."""

from __future__ import annotations

from typing import TYPE_CHECKING, Annotated

import typer

from medshelf.cli.output import (
    AllowModified,
    Dataset,
    Download,
    Json,
    Quiet,
    Root,
    print_json,
    start,
)

if TYPE_CHECKING:
    from medshelf.api import Benchmark


def run(
    dataset: Dataset,
    model: Annotated[str, typer.Option(help="resnet18 or resnet50.")] = "resnet18",
    protocol: Annotated[str, typer.Option(help="Protocol id.")] = "medmnist-28",
    seeds: Annotated[int, typer.Option(min=1, help="How many seeds: 0, 1, 2 ...")] = 3,
    epochs: Annotated[
        int | None, typer.Option(min=1, help="Instead of the protocol's; results will say so.")
    ] = None,
    device: Annotated[str, typer.Option(help="auto, cpu, cuda, cuda:1 ...")] = "auto",
    precision: Annotated[str, typer.Option(help="float32 or bfloat16.")] = "float32",
    root: Root = None,
    download: Download = False,
    allow_modified: AllowModified = False,
    json: Json = False,
    quiet: Quiet = False,
) -> None:
    """Train by a protocol, score with the official metrics, print scores and report."""
    start(quiet=quiet)
    from medshelf import api

    done = api.run_benchmark(
        dataset,
        model,
        protocol,
        seeds=seeds,
        epochs=epochs,
        device=device,
        precision=precision,
        root=root,
        download=download,
        allow_modified=allow_modified,
    )
    print_benchmark(done, json=json)


def print_benchmark(done: Benchmark, *, json: bool) -> None:
    """Print each run's test scores with their intervals, the floor, and the report's path."""
    from medshelf.benchmark.leaderboard import caveats

    if json:
        runs = [
            {"run": run.spec.name, "folder": run.folder, "caveats": caveats(run)}
            | {split: scores.as_dict() for split, scores in run.scores.items()}
            for run in done.runs
        ]
        print_json({"runs": runs, "report": done.report})
        return
    for run in done.runs:
        scores = run.scores["test"]
        notes = "".join(f"  ({caveat})" for caveat in caveats(run))
        print(f"{run.spec.name}  test AUC {scores.auc}  ACC {scores.acc}{notes}")
    floor = done.runs[0].scores["test"].floor
    print(f"floor: always {floor.prediction!r}  AUC {floor.auc:.3f}  ACC {floor.acc:.3f}")
    print(f"report: {done.report}")

"""Datasets and the benchmark, joined: from ids to runs, scores and reports."""

from __future__ import annotations

import logging
from collections.abc import Iterable, Iterator, Sequence
from dataclasses import dataclass
from itertools import groupby
from pathlib import Path

from medshelf.api.data import load
from medshelf.api.opening import Files
from medshelf.api.ordering import Missing, Ordered, Request, order_runs
from medshelf.benchmark import leaderboard as board
from medshelf.benchmark import runs
from medshelf.benchmark.queueing.estimating import estimate_runs
from medshelf.benchmark.queueing.orders import Order, State, state_of
from medshelf.benchmark.queueing.queue import Done, Failure, Hands, duration, run_queue
from medshelf.benchmark.report import write_report
from medshelf.core.errors import DownloadError, OfflineError, RunError
from medshelf.core.settings import Settings
from medshelf.dataset.labelled_images import LabelledImages

_LOG = logging.getLogger(__name__)

DEMO_DATASET, DEMO_FALLBACK, DEMO_EPOCHS = "breastmnist", "phantom-grey-binary", 8


@dataclass(frozen=True, slots=True)
class Benchmark:
    """Finished runs of one model on one dataset.

    Attributes:
        runs: One per seed.
        report: The HTML report.
    """

    runs: tuple[runs.Run, ...]
    report: Path


@dataclass(frozen=True, slots=True)
class Matrix:
    """What has come of a matrix of runs.

    Attributes:
        benchmarks: The finished runs, one entry per dataset and model.
        failed: Runs that ended with an error; the others went on.
        held: Names of runs that another process was doing.
        missing: Datasets of the whole catalog that are not at hand.
    """

    benchmarks: tuple[Benchmark, ...]
    failed: tuple[Failure, ...] = ()
    held: tuple[str, ...] = ()
    missing: tuple[Missing, ...] = ()


@dataclass(frozen=True, slots=True)
class Planned:
    """One run of a plan.

    Attributes:
        run: Its name.
        state: How far it has come.
        seconds: What is left of its training takes about so long; null where that is not known.
    """

    run: str
    state: State
    seconds: float | None


@dataclass(frozen=True, slots=True)
class Plan:
    """What a matrix of runs would do.

    Attributes:
        runs: In the order in which they are done.
        missing: Datasets of the whole catalog that are not at hand.
        seconds: All that is left takes about so long; null where a part of it is not known.
    """

    runs: tuple[Planned, ...]
    missing: tuple[Missing, ...]
    seconds: float | None


def run_benchmark(  # noqa: PLR0913 - one keyword per choice that the protocol leaves open
    dataset: str,
    model: str | None = None,
    protocol: str | None = None,
    *,
    seeds: int | Iterable[int] = 3,
    epochs: int | None = None,
    device: str = "auto",
    precision: str = "float32",
    deterministic: bool = False,
    compiled: bool = False,
    weights: str | Path | None = None,
    new_head: bool = False,
    root: str | Path | None = None,
    download: bool = False,
    allow_modified: bool = False,
) -> Benchmark:
    """Train by a protocol, score with the official metrics, write runs and a report.

    A finished run is not run again, an interrupted one goes on.

    Args:
        dataset: Catalog id.
        model: By default `resnet18` for images, `resnet18-3d` for volumes.
        protocol: Id; by default `medmnist-28` for images, `medmnist3d-28` for volumes.
        seeds: How many (0, 1, 2 ...), or which.
        epochs: Fewer or more than the protocol's; results then say so.
        device: `auto`, `cpu`, `cuda`, ...
        precision: `float32` as the protocol, or `bfloat16` for the convolutions, about twice as
            fast on processors that have it; results then say so.
        deterministic: Refuse operations whose result depends on chance.
        compiled: Compile the network for training; results differ in rounding and say so.
        weights: File with the weights to start from; results then say so.
        new_head: Let the last layer start from chance, e.g. for other classes.
        root: As for `load`.
        download: As for `load`.
        allow_modified: As for `load`.

    Raises:
        MissingExtraError: torch is not installed.
        RunError: The dataset does not fit the protocol, or the training failed.
        SettingError: A seed is named twice.
        StorageError: The home cannot be written, or the same run is going on elsewhere.
    """
    settings = runs.Settings(
        epochs=epochs,
        device=device,
        precision=precision,
        deterministic=deterministic,
        compiled=compiled,
        weights=None if weights is None else Path(weights),
        new_head=new_head,
    )
    request = Request(
        datasets=(dataset,),
        models=() if model is None else (model,),
        protocol=protocol,
        seeds=seeds,
        settings=settings,
        files=Files(root, download=download, allow_modified=allow_modified),
    )
    return run_matrix(request).benchmarks[0]


def run_matrix(request: Request, queue: Hands | None = None) -> Matrix:
    """Do all runs of a matrix that are not finished, and write the reports.

    Args:
        request: The matrix.
        queue: Do the runs in processes of their own, where one that fails does not stop the
            others. By default they are done here, one after the other, up to the first failure.

    Raises:
        JobError: The cluster of the queue cannot be reached.
        MissingExtraError: torch, or Ray, is not installed.
        NotFetchedError: A dataset that is named is not at hand, or of the whole catalog none.
        RunError: A dataset, a protocol and a model do not go together; without a queue also that
            a training failed.
        SettingError: Something is named twice.
        StorageError: The home cannot be written; without a queue also that the same run is going
            on elsewhere.
    """
    ordered = order_runs(request.absolute())
    if not ordered.orders:
        problem = f"None of {len(ordered.missing)} datasets is at hand"
        raise RunError(problem, f"{ordered.missing[0].remedy}; or fetch all with --download")
    folder = Settings.from_environment().runs_folder
    if queue is None:
        done = Done(tuple(_in_turn(ordered.orders, request.files, folder)))
    else:
        files = request.files.absolute()
        estimates = _seconds(ordered.orders, files, queue, folder)
        _tell(ordered, estimates, queue)
        done = run_queue(ordered.orders, files, queue, folder=folder, seconds=_known(estimates))
    found = tuple(_reported(done.finished, ordered.orders, request.files))
    return Matrix(found, done.failed, done.held, ordered.missing)


def plan_matrix(request: Request, queue: Hands) -> Plan:
    """Say which runs a matrix consists of, how far they are and how long they would take.

    Nothing is trained or written. A few training steps of each model are measured, as
    `estimate_runs` says.

    Args:
        request: The matrix.
        queue: Who would do it.

    Raises:
        SettingError: And all that `run_matrix` raises before any work.
    """
    ordered, folder = order_runs(request), Settings.from_environment().runs_folder
    estimates = _seconds(ordered.orders, request.files, queue, folder)
    planned = tuple(
        Planned(each.spec.name, state_of(each, folder), seconds)
        for each, seconds in zip(ordered.orders, estimates, strict=True)
    )
    return Plan(planned, ordered.missing, _total(estimates, queue))


def _seconds(
    orders: Sequence[Order], files: Files, queue: Hands, folder: Path
) -> list[float | None]:
    if queue.n_runs is None or not queue.slots:  # another machine's speed is not measured here
        return [None for _ in orders]
    return estimate_runs(orders, files, folder, device=queue.slots[0], n_at_once=queue.n_runs)


def _known(estimates: list[float | None]) -> list[float] | None:
    found = [each for each in estimates if each is not None]
    return found if len(found) == len(estimates) else None


def _total(estimates: list[float | None], queue: Hands) -> float | None:
    known = _known(estimates)
    return None if known is None else sum(known) / (queue.n_runs or 1)


def _tell(ordered: Ordered, estimates: list[float | None], queue: Hands) -> None:
    total = _total(estimates, queue)
    about = "" if total is None else f", about {duration(total)}"
    _LOG.info("%d runs%s", len(ordered.orders), about)
    for each in ordered.missing:
        _LOG.info("%s is not at hand. %s", each.dataset, each.remedy)


def _in_turn(orders: Iterable[Order], files: Files, folder: Path) -> Iterator[runs.Run]:
    kept: tuple[str, dict[str, LabelledImages]] | None = None
    for order in orders:
        name = order.spec.dataset
        if kept is None or kept[0] != name or order.protocol.few_shot is not None:
            kept = name, files(order)  # opened once, as a copy may lie on the device
        yield runs.run(order.spec, order.protocol, kept[1], order.settings, folder=folder)


def _reported(
    finished: Iterable[runs.Run], orders: Iterable[Order], files: Files
) -> Iterator[Benchmark]:
    """Yield the runs that differ in the seed alone, with their report."""
    by_name = {each.spec.name: each for each in orders}
    for _, members in groupby(finished, key=lambda run: run.spec.group):
        found = tuple(members)
        data = files(by_name[found[0].spec.name])
        spec, floor = found[0].spec, found[0].scores["test"].floor
        entries = board.leaderboard(spec.tested_on or spec.dataset, found, floor)
        yield Benchmark(found, write_report(found, data, entries))


def demo(*, root: str | Path | None = None, epochs: int = DEMO_EPOCHS) -> Benchmark:
    """Run the whole way on BreastMNIST, or on generated images where it cannot be had.

    Args:
        root: As for `load`.
        epochs: A few; the result is marked as not the protocol.
    """
    dataset = DEMO_DATASET
    try:
        load(dataset, root=root, download=True)
    except (OfflineError, DownloadError) as error:
        _LOG.warning("%s", error)
        _LOG.warning(
            "Going on with %r: generated images, NOT medical data. The numbers mean nothing.",
            DEMO_FALLBACK,
        )
        dataset, root = DEMO_FALLBACK, None
    return run_benchmark(dataset, seeds=1, epochs=epochs, root=root)

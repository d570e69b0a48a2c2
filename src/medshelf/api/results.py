"""Datasets and the benchmark, joined: from an id to scores, reports and tables."""

from __future__ import annotations

import logging
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from functools import partial
from pathlib import Path
from typing import Any

from medshelf.api.data import load
from medshelf.benchmark import leaderboard as board
from medshelf.benchmark import runs
from medshelf.benchmark.models import find_model
from medshelf.benchmark.protocol import Protocol, find_protocol
from medshelf.benchmark.report import leaderboard_page, write_report
from medshelf.benchmark.result_file import ResultName, parse_name, read_scores
from medshelf.benchmark.scores import Floor, Scores, majority_floor, score
from medshelf.catalog.facts import manifest_meta
from medshelf.catalog.record import Record
from medshelf.catalog.shelf import find_record
from medshelf.core.errors import (
    ChecksumError,
    DownloadError,
    NotFetchedError,
    OfflineError,
    RunError,
)
from medshelf.core.manifest import SPLITS
from medshelf.core.settings import Settings
from medshelf.dataset.labelled_images import LabelledImages

_LOG = logging.getLogger(__name__)

DEMO_DATASET, DEMO_FALLBACK, DEMO_EPOCHS = "breastmnist", "phantom-grey-binary", 8


@dataclass(frozen=True, slots=True)
class Evaluation:
    """A scored result file.

    Attributes:
        name: What the file's name says.
        scores: What its scores are.
        modified: The labels come from files that are not the published ones.
    """

    name: ResultName
    scores: Scores
    modified: bool

    @property
    def name_agrees(self) -> bool:
        """Whether the metrics in the name are the ones computed, to the digits printed."""
        stated = (self.name.auc, self.name.acc)
        computed = (self.scores.auc.value, self.scores.acc.value)
        return all(
            told is None or f"{told:.3f}" == f"{found:.3f}"
            for told, found in zip(stated, computed, strict=True)
        )


def evaluate(
    path: str | Path, *, root: str | Path | None = None, allow_modified: bool = False
) -> Evaluation:
    """Score a result file in the standard naming against the labels of its split.

    Args:
        path: E.g. `breastmnist_test_[AUC]0.901_[ACC]0.863@run1.csv`.
        root: As for `load`.
        allow_modified: As for `load`.

    Raises:
        FormatError: The name or the content breaks the form.
        MetricError: The scores do not fit the split.
        NotFetchedError: The dataset's labels are not at hand.
    """
    name = parse_name(Path(path))
    y_score = read_scores(Path(path))
    opened = partial(
        _load, name.dataset, size=int(name.size), root=root, allow_modified=allow_modified
    )
    truth = opened(name.split)
    scores = score(truth.task, truth.targets, y_score, y_train=opened("train").targets)
    return Evaluation(name, scores, truth.manifest.meta.modified)


@dataclass(frozen=True, slots=True)
class Benchmark:
    """Finished runs of one model on one dataset.

    Attributes:
        runs: One per seed.
        report: The HTML report.
    """

    runs: tuple[runs.Run, ...]
    report: Path


def run_benchmark(  # noqa: PLR0913 - one keyword per choice that the protocol leaves open
    dataset: str,
    model: str = "resnet18",
    protocol: str = "medmnist-28",
    *,
    seeds: int | Iterable[int] = 3,
    epochs: int | None = None,
    device: str = "auto",
    precision: str = "float32",
    root: str | Path | None = None,
    download: bool = False,
    allow_modified: bool = False,
) -> Benchmark:
    """Train by a protocol, score with the official metrics, write runs and a report.

    A finished run is not run again, an interrupted one goes on.

    Args:
        dataset: Catalog id.
        model: `resnet18` or `resnet50`.
        protocol: Id of the protocol.
        seeds: How many (0, 1, 2 ...), or which.
        epochs: Fewer or more than the protocol's; results then say so.
        device: `auto`, `cpu`, `cuda`, ...
        precision: `float32` as the protocol, or `bfloat16` for the convolutions, about twice as
            fast on processors that have it; results then say so.
        root: As for `load`.
        download: As for `load`.
        allow_modified: As for `load`.

    Raises:
        MissingExtraError: torch is not installed.
        RunError: The dataset does not fit the protocol, or the training failed.
        StorageError: The home cannot be written, or the same run is going on elsewhere.
    """
    find_model(model)
    recipe = find_protocol(protocol)
    record = find_record(dataset)
    recipe.check_dataset(manifest_meta(record))
    opened = partial(
        _load, size=recipe.data.size, root=root, download=download, allow_modified=allow_modified
    )
    data = {
        split: opened(dataset, split, as_rgb=_repeat_channels(record, recipe)) for split in SPLITS
    }
    numbers = range(seeds) if isinstance(seeds, int) else dict.fromkeys(seeds)
    settings = runs.Settings(epochs=epochs, precision=precision, device=device)
    specs = [runs.specify(data, recipe, model, settings, seed=seed) for seed in numbers]
    folder = Settings.from_environment().runs_folder
    finished = tuple(runs.run(spec, recipe, data, settings, folder=folder) for spec in specs)
    entries = board.leaderboard(record.id, finished, _floor(data))
    return Benchmark(finished, write_report(finished, data, entries))


def leaderboard(dataset: str, *, root: str | Path | None = None) -> list[board.Entry]:
    """Return published, replicated and measured results of a dataset, and the floor.

    The floor needs the labels; it is left out where the files are not at hand.

    Args:
        dataset: Catalog id.
        root: As for `load`.

    Raises:
        UnknownNameError: There is no such dataset.
    """
    record = find_record(dataset)
    found = runs.find_runs(Settings.from_environment().runs_folder, record.id)
    try:
        data = {split: _load(record.id, split, root=root) for split in ("train", "test")}
    except (NotFetchedError, ChecksumError):
        data = {}
    return board.leaderboard(record.id, found, _floor(data))


def write_leaderboard(dataset: str, entries: Sequence[board.Entry], path: str | Path) -> Path:
    """Write the leaderboard of a dataset as one HTML page; return its path.

    Args:
        dataset: Catalog id.
        entries: From `leaderboard`.
        path: File to write.
    """
    leaderboard_page(dataset, entries).write(Path(path))
    return Path(path)


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


def _repeat_channels(record: Record, protocol: Protocol) -> bool:
    return record.channels == 1 and protocol.data.channels != 1


def _load(dataset: str, split: str, **options: Any) -> LabelledImages:
    """Open a split for training or scoring.

    Raises:
        RunError: It is no set of labelled images of one size.
    """
    found = load(dataset, split, **options)
    if not isinstance(found, LabelledImages):
        problem = f"{dataset!r} is no set of labelled images of one size"
        raise RunError(problem, "Choose a set such as breastmnist; `medshelf list` shows them")
    return found


def _floor(data: Mapping[str, LabelledImages]) -> Floor | None:
    if not data:
        return None
    test = data["test"]
    return majority_floor(test.task, test.targets, data["train"].targets)

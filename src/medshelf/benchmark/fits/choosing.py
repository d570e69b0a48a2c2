"""The best of several candidates, and what of it is kept in a run's folder."""

from __future__ import annotations

import logging
import zipfile
from collections.abc import Callable, Iterable, Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np

from medshelf.benchmark.fits.fit import Cost, Outcome
from medshelf.benchmark.models.estimators import Candidate, Examples, Predictor, Search, Values
from medshelf.benchmark.protocol import Selection
from medshelf.core.errors import FormatError, RunError
from medshelf.core.files import atomic_path
from medshelf.core.tasks import Task, TaskKind
from medshelf.dataset.labelled_images import LabelledImages

_LOG = logging.getLogger(__name__)
_REMEDY = "Move the folder away and run again"


@dataclass(frozen=True, slots=True)
class Chosen:
    """The candidate with the highest metric, the first of equals.

    Attributes:
        candidate: With its fitted model.
        value: Its metric on the selection split.
        history: What was tried, one entry each.
    """

    candidate: Candidate
    value: float
    history: list[dict[str, Any]]

    def outcome(self, seconds: float, cost: Cost, notes: Iterable[str] = ()) -> Outcome:
        """Return what a fit reports."""
        said = [*notes, *self.candidate.notes]
        return Outcome(self.candidate.choice, self.value, self.history, seconds, cost, said)


def choose(search: Search, candidates: Iterable[Candidate]) -> Chosen:
    """Judge candidates on the selection split.

    Raises:
        MetricError: The selection split lacks a class.
    """
    best: Candidate | None = None
    value = -1.0
    history: list[dict[str, Any]] = []
    for each in candidates:
        scores = search.score(each.probabilities)
        history += each.trials or [{**each.choice, **each.told, **scores}]
        told = ", ".join(f"{name} {value}" for name, value in each.choice.items()) or "fitted"
        _LOG.info("%s: AUC %.4f, ACC %.4f", told, scores["auc"], scores["acc"])
        if scores[search.metric] > value:
            best, value = each, scores[search.metric]
    assert best is not None  # noqa: S101 - every module yields at least one
    return Chosen(best, value, history)


def search_of(
    data: Mapping[str, LabelledImages],
    selection: Selection,
    seed: int,
    values: Callable[[LabelledImages], Values],
) -> Search:
    """Make a search of a run's splits.

    Args:
        data: Splits by name.
        selection: The protocol's.
        seed: The run's.
        values: Makes numbers of images.

    Raises:
        RunError: A training sample has a label that is neither 0 nor 1.
    """
    chosen, train = data[selection.split], data["train"]
    return Search(
        train.task, _examples(train, values), _examples(chosen, values), selection.metric, seed
    )


def _examples(dataset: LabelledImages, values: Callable[[LabelledImages], Values]) -> Examples:
    targets = dataset.targets
    multi_label = dataset.task.kind is TaskKind.MULTI_LABEL
    if multi_label and not np.isin(targets, (0, 1)).all():
        problem = f"Labels of {dataset.meta.dataset!r} are uncertain or not stated for some samples"
        raise RunError(problem, "Keep the samples whose labels are all 0 or 1")
    return Examples(values(dataset), targets)


def check_width(values: Values, expected: int, dataset: str) -> None:
    """Refuse images that the model was not fitted on.

    Raises:
        RunError: They have another number of values.
    """
    if values.shape[1] != expected:
        problem = f"An image has {values.shape[1]} values, those of {dataset!r} have {expected}"
        raise RunError(problem, "Give images of the size and the channels that it was fitted on")


def write_predictor(path: Path, predictor: Predictor, n_values: int) -> None:
    """Write what a model can be restored from, atomically; nothing where it cannot be.

    Raises:
        StorageError: The folder is read-only or full.
    """
    arrays = predictor.arrays()
    if arrays:
        with atomic_path(path) as part, part.open("wb") as file:
            np.savez(file, allow_pickle=False, n_values=np.int64(n_values), **arrays)


def read_predictor(
    path: Path, restore: Callable[[Mapping[str, np.ndarray], Task], Predictor], task: Task
) -> tuple[Predictor, int]:
    """Read what `write_predictor` wrote: the model, and how many values a sample has.

    Raises:
        FormatError: The file is missing, damaged, compressed, or of another task.
    """
    try:
        with zipfile.ZipFile(path) as archive:
            if any(each.compress_type for each in archive.infolist()):
                raise FormatError(path, "it is compressed, and medshelf writes none such", _REMEDY)
        with np.load(path, allow_pickle=False) as arrays:
            return restore(arrays, task), int(arrays["n_values"])
    except (OSError, ValueError, KeyError, EOFError, zipfile.BadZipFile) as error:
        raise FormatError(path, f"no fitted model of this task ({error})", _REMEDY) from error

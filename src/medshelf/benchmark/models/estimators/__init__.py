"""Models that are fitted, not trained over epochs: one module each, found by its name.

A module has `PUBLISHED_NAME` and `candidates(search)`; one whose fit is small enough to be kept
also has `restore(arrays, task)`, which undoes `Predictor.arrays`.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from dataclasses import dataclass, field
from typing import Any, Literal, Protocol

import numpy as np

from medshelf.benchmark.metrics import acc, auc
from medshelf.core.tasks import Task, TaskKind

_BLOCK_BYTES = 2**26


class Values(Protocol):
    """Samples as rows of float32 (N, F), which need not lie in memory: blocks are asked for."""

    @property
    def shape(self) -> tuple[int, ...]:
        """N, F."""

    def __getitem__(self, rows: Any, /) -> np.ndarray:
        """Return the rows of a slice or of an int64 array, float32 (n, F)."""


@dataclass(frozen=True, slots=True)
class Examples:
    """Samples with their labels.

    Attributes:
        values: Float32 (N, F).
        targets: Class codes (N,), or 0 and 1 (N, K) if multi-label.
    """

    values: Values
    targets: np.ndarray


@dataclass(frozen=True, slots=True)
class Search:
    """What a model is fitted on, and what chooses among its candidates.

    Attributes:
        task: Kind and classes.
        train: What is fitted on.
        selection: What decides.
        metric: Of the selection.
        seed: Of everything random.
    """

    task: Task
    train: Examples
    selection: Examples
    metric: Literal["auc", "acc"]
    seed: int

    def score(self, probabilities: np.ndarray) -> dict[str, float]:
        """Return AUC and ACC of probabilities (N, K) of the selection split."""
        truth = self.selection.targets
        return {
            "auc": auc(self.task, truth, probabilities),
            "acc": acc(self.task, truth, probabilities),
        }


class Predictor(Protocol):
    """A fitted model."""

    @property
    def parameters(self) -> int | None:
        """Fitted numbers; None where the model has no fixed number."""

    @property
    def macs(self) -> int | None:
        """Multiply-accumulate operations of one sample; None where they are not counted."""

    def probabilities(self, values: Values) -> np.ndarray:
        """Return probabilities, float32 (N, K)."""

    def arrays(self) -> dict[str, np.ndarray]:
        """Return what `restore` needs; nothing where the model needs its training set."""


@dataclass(frozen=True, slots=True)
class Candidate:
    """One choice that the selection split judges.

    Attributes:
        choice: What is chosen, e.g. `{"neighbours": 5}`.
        predictor: Fitted with it.
        probabilities: Of the selection split, float32 (N, K).
        told: What else the history is to hold of it.
        notes: What the user should know if it is chosen.
        trials: What a search of its own has tried; instead of this candidate in the history.
    """

    choice: dict[str, Any]
    predictor: Predictor
    probabilities: np.ndarray
    told: Mapping[str, Any] = field(default_factory=dict)
    notes: tuple[str, ...] = ()
    trials: tuple[dict[str, Any], ...] = ()


def blocks(values: Values) -> Iterator[slice]:
    """Yield slices of rows that take about 64 MiB each."""
    n_rows = max(1, _BLOCK_BYTES // (4 * max(1, values.shape[1])))
    for start in range(0, values.shape[0], n_rows):
        yield slice(start, min(start + n_rows, values.shape[0]))


def one_hot(task: Task, targets: np.ndarray) -> np.ndarray:
    """Return float32 (N, K): 1 where a sample has the class or label."""
    if task.kind is TaskKind.MULTI_LABEL:
        return targets.astype(np.float32)
    return np.eye(task.n_classes, dtype=np.float32)[targets]

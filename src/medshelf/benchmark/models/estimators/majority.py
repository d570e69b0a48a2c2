"""The class frequencies of the training set, whatever the image shows: the least one can do."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from dataclasses import dataclass

import numpy as np

from medshelf.benchmark.models.estimators import Candidate, Search, Values, one_hot
from medshelf.core.tasks import Task

PUBLISHED_NAME = "Majority class"


@dataclass(frozen=True, slots=True)
class Majority:
    """Gives every sample the same probabilities.

    Attributes:
        frequencies: Share of training samples of each class or label, float32 (K,).
    """

    frequencies: np.ndarray
    macs: int = 0

    @property
    def parameters(self) -> int:
        """One for each class."""
        return len(self.frequencies)

    def probabilities(self, values: Values) -> np.ndarray:
        """Return the frequencies for every sample, float32 (N, K)."""
        return np.tile(self.frequencies, (values.shape[0], 1))

    def arrays(self) -> dict[str, np.ndarray]:
        """Return the frequencies."""
        return {"frequencies": self.frequencies}


def candidates(search: Search) -> Iterator[Candidate]:
    """Yield the only candidate."""
    shares = one_hot(search.task, search.train.targets).mean(axis=0, dtype=np.float64)
    model = Majority(shares.astype(np.float32))
    yield Candidate({}, model, model.probabilities(search.selection.values))


def restore(arrays: Mapping[str, np.ndarray], task: Task) -> Majority:
    """Undo `Majority.arrays`.

    Raises:
        ValueError: The arrays are of another task.
    """
    frequencies = arrays["frequencies"]
    if frequencies.shape != (task.n_classes,):
        msg = f"{frequencies.shape} frequencies for {task.n_classes} classes"
        raise ValueError(msg)
    return Majority(frequencies)

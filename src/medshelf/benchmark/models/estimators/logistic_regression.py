"""Logistic regression: multinomial for classes, one sigmoid for a binary task or for each label.

Values are standardised by the mean and the standard deviation of the training set. The mean loss
over samples plus |weights|^2 / (2 strength N) is minimised by L-BFGS, from zero at the smallest
strength and then from the last solution; the bias is not regularised. Strength is what
scikit-learn calls C. Samples are read in blocks, so that a training set need not fit in memory.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np

from medshelf.benchmark.models.estimators import (
    Candidate,
    Examples,
    Search,
    Values,
    blocks,
    one_hot,
)
from medshelf.core.errors import MissingExtraError
from medshelf.core.tasks import Task, TaskKind

PUBLISHED_NAME = "Logistic regression"
STRENGTHS = (0.0001, 0.001, 0.01, 0.1, 1.0)
N_ITERATIONS = 100
_GRADIENT, _DECREASE = 1e-4, 1e-8  # L-BFGS ends below these; float32 sums allow no less


@dataclass(frozen=True, slots=True)
class LogisticRegression:
    """A linear layer on values as they come, standardisation folded in.

    Attributes:
        weights: Float32 (F, C); C is 1 for a binary task.
        bias: Float32 (C,).
        kind: Of the task.
    """

    weights: np.ndarray
    bias: np.ndarray
    kind: TaskKind

    @property
    def parameters(self) -> int:
        """Weights and biases."""
        return self.weights.size + self.bias.size

    @property
    def macs(self) -> int:
        """One product per weight."""
        return int(self.weights.size)

    def probabilities(self, values: Values) -> np.ndarray:
        """Return probabilities, float32 (N, K)."""
        parts = [
            _activated(values[rows] @ self.weights + self.bias, self.kind)
            for rows in blocks(values)
        ]
        found = np.concatenate(parts)
        return np.hstack([1 - found, found]) if self.kind is TaskKind.BINARY else found

    def arrays(self) -> dict[str, np.ndarray]:
        """Return weights and bias."""
        return {"weights": self.weights, "bias": self.bias}


def candidates(search: Search, strengths: Sequence[float] = STRENGTHS) -> Iterator[Candidate]:
    """Yield one candidate for each strength, from the smallest.

    Raises:
        MissingExtraError: SciPy is not installed.
    """
    minimise = _minimise()
    objective = _Objective(search.task, search.train)
    start = np.zeros(objective.shape)
    for strength in sorted(strengths):
        found = minimise(
            objective,
            start.ravel(),
            (strength,),
            "L-BFGS-B",
            jac=True,
            options={"maxiter": N_ITERATIONS, "gtol": _GRADIENT, "ftol": _DECREASE},
        )
        start = found.x.reshape(objective.shape)
        model = objective.model(start)
        unfinished = f"L-BFGS had not converged after {found.nit} iterations"
        yield Candidate(
            {"strength": strength},
            model,
            model.probabilities(search.selection.values),
            told={"iterations": int(found.nit), "converged": bool(found.success)},
            notes=() if found.success else (unfinished,),
        )


def restore(arrays: Mapping[str, np.ndarray], task: Task) -> LogisticRegression:
    """Undo `LogisticRegression.arrays`.

    Raises:
        ValueError: The arrays are of another task.
    """
    weights, bias = arrays["weights"], arrays["bias"]
    if weights.ndim != 2 or bias.shape != (_n_columns(task),) or weights.shape[1:] != bias.shape:  # noqa: PLR2004
        msg = f"weights {weights.shape} and bias {bias.shape} for {task.n_classes} classes"
        raise ValueError(msg)
    return LogisticRegression(weights, bias, task.kind)


class _Objective:
    """Loss and gradient as a function of weights and bias of standardised values.

    Attributes:
        shape: Of weights with the bias as the last row: (F + 1, C).
    """

    def __init__(self, task: Task, examples: Examples) -> None:
        self._task = task
        self._values = examples.values
        wanted = one_hot(task, examples.targets)
        self._wanted = wanted[:, 1:] if task.kind is TaskKind.BINARY else wanted
        self._mean, self._sd = _moments(examples.values)
        self.shape = (len(self._mean) + 1, _n_columns(task))

    def __call__(self, flat: np.ndarray, strength: float) -> tuple[float, np.ndarray]:
        n_samples, kind = len(self._wanted), self._task.kind
        solution = flat.reshape(self.shape)
        weights, bias = solution[:-1].astype(np.float32), solution[-1]
        mean, scale = self._mean.astype(np.float32), (1 / self._sd).astype(np.float32)
        loss, gradient = 0.0, np.zeros(self.shape)
        for rows in blocks(self._values):
            values, wanted = (self._values[rows] - mean) * scale, self._wanted[rows]
            logits = (values @ weights).astype(np.float64) + bias
            loss += _loss(logits, wanted, kind)
            excess = _activated(logits, kind) - wanted
            gradient[:-1] += values.T @ excess.astype(np.float32)
            gradient[-1] += excess.sum(axis=0)
        gradient /= n_samples
        decay = solution[:-1] / (strength * n_samples)
        gradient[:-1] += decay
        return loss / n_samples + float((decay * solution[:-1]).sum()) / 2, gradient.ravel()

    def model(self, solution: np.ndarray) -> LogisticRegression:
        """Fold the standardisation into weights and bias (F + 1, C)."""
        weights = solution[:-1] / self._sd[:, None]
        bias = solution[-1] - self._mean @ weights
        return LogisticRegression(
            weights.astype(np.float32), bias.astype(np.float32), self._task.kind
        )


def _n_columns(task: Task) -> int:
    return 1 if task.kind is TaskKind.BINARY else task.n_classes


def _is_softmax(kind: TaskKind) -> bool:
    return kind in (TaskKind.MULTI_CLASS, TaskKind.ORDINAL)


def _moments(values: Values) -> tuple[np.ndarray, np.ndarray]:
    """Return mean and standard deviation of each column, float64 (F,); 1 where nothing varies."""
    n_samples, n_features = values.shape
    mean, squares = np.zeros(n_features), np.zeros(n_features)
    for rows in blocks(values):
        mean += values[rows].sum(axis=0, dtype=np.float64)
    mean /= n_samples
    for rows in blocks(values):
        apart = values[rows] - mean.astype(np.float32)
        squares += np.einsum("nf,nf->f", apart, apart, dtype=np.float64)
    sd = np.sqrt(squares / n_samples)
    sd[sd <= 1e-6 * np.maximum(1, abs(mean))] = 1  # rounding, not variation
    return mean, sd


def _activated(logits: np.ndarray, kind: TaskKind) -> np.ndarray:
    if _is_softmax(kind):
        powers = np.exp(logits - logits.max(axis=1, keepdims=True))
        return powers / powers.sum(axis=1, keepdims=True)
    return 0.5 * (1 + np.tanh(logits / 2))


def _loss(logits: np.ndarray, wanted: np.ndarray, kind: TaskKind) -> float:
    """Return the summed negative log-likelihood."""
    if _is_softmax(kind):
        highest = logits.max(axis=1)
        total = highest + np.log(np.exp(logits - highest[:, None]).sum(axis=1))
        return float((total - (logits * wanted).sum(axis=1)).sum())
    return float((np.logaddexp(0, logits) - logits * wanted).sum())


def _minimise() -> Any:
    try:
        from scipy.optimize import minimize
    except ModuleNotFoundError as error:
        raise MissingExtraError("scipy", "baselines") from error
    return minimize

"""Probabilities that mean what they say: temperature scaling, fitted on the selection split.

Logits are not needed: softmax(z / T) equals softmax(log softmax(z) / T). For a binary task and for
each label of a multi-label task the order of samples, hence the AUC, stays; for several classes
the order of the classes in each sample stays, hence the predicted class.

Source: Guo et al. 2017, https://proceedings.mlr.press/v70/guo17a.html
"""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np

from medshelf.benchmark.metrics import checked
from medshelf.core.errors import MetricError
from medshelf.core.tasks import Task, TaskKind

LOWEST, HIGHEST = 0.05, 20.0
"""Temperatures between which the best one is sought."""

_SMALLEST, _BELOW_ONE = 1e-46, 1 - 2.0**-26  # beyond what float32 has next to 0 and to 1
_N_HALVINGS, _N_DECIMALS = 60, 6


@dataclass(frozen=True, slots=True)
class Temperature:
    """What logits are divided by.

    Attributes:
        value: 1 leaves the probabilities as they are; above 1 they become less sure.
        loss_before: Mean negative log-likelihood of the samples it was fitted on, in nats.
        loss_after: The same with this temperature.
        n_samples: How many samples these were.
        note: Why it is 1 or at a bound, where it is.
    """

    value: float
    loss_before: float
    loss_after: float
    n_samples: int
    note: str = ""


def fit_temperature(task: Task, y_true: np.ndarray, y_score: np.ndarray) -> Temperature:
    """Find the temperature with the least negative log-likelihood.

    The likelihood is concave in 1/T, so the zero of its slope is found by halving an interval.
    Where every sample is right the likelihood grows without end as T falls, and where neighbours
    give a class that occurs the probability 0 it is 0 at every T: T then stays 1.

    Args:
        task: Kind and classes.
        y_true: Class codes (N,); multi-label 0/1 (N, K).
        y_score: Probabilities (N, K); for a binary task also (N, 1).

    Raises:
        MetricError: They do not fit each other, or the scores are no probabilities.
    """
    codes, scores = checked(task, y_true, y_score)
    logits = _logits(task, scores)
    targets = _targets(task, codes, logits)

    def slope(inverse: float) -> float:
        return float((logits * (_probabilities(task, logits * inverse) - targets)).mean())

    low, high = 1 / HIGHEST, 1 / LOWEST
    note = ""
    if slope(high) <= 0:
        found, note = 1.0, "the split gives no reason to change it"
    elif slope(low) >= 0 and logits.min() <= np.log(_SMALLEST):
        found, note = 1.0, "no temperature mends a probability of 0 for a class that occurs"
    elif slope(low) >= 0:
        found, note = low, "the scores say nothing of the classes: the highest allowed was taken"
    else:
        for _ in range(_N_HALVINGS):
            found = (low + high) / 2
            low, high = (found, high) if slope(found) < 0 else (low, found)
    value = round(1 / found, _N_DECIMALS)
    before, after = (_loss(task, logits / each, targets) for each in (1.0, value))
    if after >= before:
        value, after = 1.0, before
    return Temperature(value, before, after, len(codes), note)


def calibrated(task: Task, y_score: np.ndarray, temperature: float) -> np.ndarray:
    """Return probabilities at another temperature, float64 in the shape of `y_score`.

    Args:
        task: Kind and classes.
        y_score: Probabilities (N, K); for a binary task also (N, 1).
        temperature: Above 0.

    Raises:
        MetricError: The scores are no probabilities.
    """
    return _probabilities(task, _logits(task, np.asarray(y_score)) / temperature)


def _logits(task: Task, y_score: np.ndarray) -> np.ndarray:
    """Return log-probabilities, or the logits of columns that stand alone, float64 (N, K)."""
    if not (y_score >= 0).all() or y_score.max(initial=0) > 1 + 1e-6:
        problem = "The scores are not all from 0 to 1"
        raise MetricError(problem, "Only probabilities can be calibrated")
    chances = np.maximum(y_score.astype(np.float64), _SMALLEST)
    if not _stand_alone(task, y_score):
        return np.log(chances)
    chances = np.minimum(chances, _BELOW_ONE)
    return np.log(chances) - np.log1p(-chances)


def _stand_alone(task: Task, columns: np.ndarray) -> bool:
    return task.kind is TaskKind.MULTI_LABEL or columns.shape[1] == 1


def _probabilities(task: Task, logits: np.ndarray) -> np.ndarray:
    if _stand_alone(task, logits):
        return np.exp(-np.logaddexp(0, -logits))
    shifted = np.exp(logits - logits.max(axis=1, keepdims=True))
    return np.asarray(shifted / shifted.sum(axis=1, keepdims=True))


def _targets(task: Task, codes: np.ndarray, logits: np.ndarray) -> np.ndarray:
    if _stand_alone(task, logits):
        return codes.reshape(logits.shape).astype(np.float64)
    return np.eye(logits.shape[1])[codes]


def _loss(task: Task, logits: np.ndarray, targets: np.ndarray) -> float:
    """Return the mean negative log-likelihood, per sample, and per label if multi-label."""
    if _stand_alone(task, logits):
        return float((np.logaddexp(0, logits) - targets * logits).mean())
    top = logits.max(axis=1, keepdims=True)
    total = np.log(np.exp(logits - top).sum(axis=1, keepdims=True)) + top
    return float(((total - logits) * targets).sum(axis=1).mean())

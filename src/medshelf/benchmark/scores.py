"""Everything that is said of one set of predictions: the official metrics and what they hide."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import asdict, dataclass
from typing import Any

import numpy as np

from medshelf.benchmark.metrics import (
    acc,
    auc,
    checked,
    predicted,
)
from medshelf.benchmark.resampling import percentile_interval, resample
from medshelf.core.tasks import Task, TaskKind

N_BINS = 15


@dataclass(frozen=True, slots=True)
class Estimate:
    """A metric with its percentile bootstrap interval over samples.

    Attributes:
        value: On all samples.
        low: Lower end of the 95 % interval.
        high: Upper end.
    """

    value: float
    low: float
    high: float

    def __str__(self) -> str:
        """Return e.g. `0.874 [0.812, 0.930]`."""
        return f"{self.value:.3f} [{self.low:.3f}, {self.high:.3f}]"


@dataclass(frozen=True, slots=True)
class Floor:
    """What a prediction that ignores the image scores.

    Attributes:
        prediction: What it predicts.
        auc: 0.5 by definition.
        acc: Accuracy of that prediction on the same labels.
    """

    prediction: str
    auc: float
    acc: float


@dataclass(frozen=True, slots=True)
class Scores:
    """Metrics of one split.

    Attributes:
        auc: Official AUC.
        acc: Official ACC.
        floor: Majority-class floor.
        balanced_accuracy: Mean recall over classes; over labels, of positives and negatives.
        macro_f1: Unweighted mean of the classes' F1.
        recall: Recall of each class; of the positives of each label.
        calibration_error: Expected calibration error in 15 equal bins of confidence; None if the
            scores are not probabilities.
        n_samples: Rows that were scored.
        n_resamples: Bootstrap resamples that had every class, of `N_RESAMPLES` drawn.
        seed: Of the bootstrap.
    """

    auc: Estimate
    acc: Estimate
    floor: Floor
    balanced_accuracy: float
    macro_f1: float
    recall: dict[str, float]
    calibration_error: float | None
    n_samples: int
    n_resamples: int
    seed: int

    def as_dict(self) -> dict[str, Any]:
        """Return plain values, for JSON."""
        return asdict(self)

    @classmethod
    def from_dict(cls, values: dict[str, Any]) -> Scores:
        """Restore what `as_dict` gave."""
        parts = {
            "auc": Estimate(**values["auc"]),
            "acc": Estimate(**values["acc"]),
            "floor": Floor(**values["floor"]),
        }
        return cls(**{**values, **parts})


def score(
    task: Task,
    y_true: np.ndarray,
    y_score: np.ndarray,
    *,
    seed: int = 0,
    y_train: np.ndarray | None = None,
) -> Scores:
    """Score predictions.

    Args:
        task: Kind and classes.
        y_true: Class codes (N,), or 0/1 (N, K) for multi-label.
        y_score: Probabilities (N, K).
        seed: Of the bootstrap.
        y_train: Labels that decide the majority class; `y_true` by default.

    Raises:
        MetricError: As `metrics.auc`.
    """
    codes, scores = checked(task, y_true, y_score)
    drawn = resample(task, codes, [scores], seed)
    table = _recall_and_f1(task, codes, predicted(task, scores))
    return Scores(
        auc=_estimate(auc(task, codes, scores), drawn.aucs),
        acc=_estimate(acc(task, codes, scores), drawn.accs),
        floor=majority_floor(task, codes, y_train),
        balanced_accuracy=table.balanced_accuracy,
        macro_f1=table.macro_f1,
        recall=table.recall,
        calibration_error=calibration_error(task, codes, scores),
        n_samples=len(codes),
        n_resamples=len(drawn.aucs),
        seed=seed,
    )


def majority_floor(task: Task, y_true: np.ndarray, y_train: np.ndarray | None = None) -> Floor:
    """Return what predicting the most frequent class of `y_train` scores on `y_true`."""
    y_train = y_true if y_train is None else np.asarray(y_train)
    if task.kind is TaskKind.MULTI_LABEL:
        majority = (y_train.mean(axis=0) > 0.5).astype(np.int64)  # noqa: PLR2004
        names = [name for name, chosen in zip(task.classes, majority, strict=True) if chosen]
        return Floor(", ".join(names) or "no label", 0.5, float((y_true == majority).mean()))
    code = int(np.bincount(np.ravel(y_train), minlength=task.n_classes).argmax())
    return Floor(task.classes[code], 0.5, float((y_true == code).mean()))


def calibration_error(task: Task, y_true: np.ndarray, y_score: np.ndarray) -> float | None:
    """Return the expected calibration error; None where the scores are not probabilities.

    Source: Guo et al. 2017, https://proceedings.mlr.press/v70/guo17a.html
    """
    bins = list(reliability(task, y_true, y_score))
    if not bins:
        return None
    total = sum(n for _, _, n in bins)
    return sum(abs(right - stated) * n for stated, right, n in bins) / total


def reliability(
    task: Task, y_true: np.ndarray, y_score: np.ndarray
) -> Iterator[tuple[float, float, int]]:
    """Yield (mean confidence, share that is right, count) of each bin that is not empty."""
    if y_score.min() < 0 or y_score.max() > 1:
        return
    confidence, right = _confidence(task, y_true, y_score)
    place = np.minimum((confidence * N_BINS).astype(int), N_BINS - 1)
    for each in np.unique(place):
        inside = place == each
        yield float(confidence[inside].mean()), float(right[inside].mean()), int(inside.sum())


@dataclass(frozen=True, slots=True)
class _Table:
    recall: dict[str, float]
    balanced_accuracy: float
    macro_f1: float


def _confidence(
    task: Task, y_true: np.ndarray, y_score: np.ndarray
) -> tuple[np.ndarray, np.ndarray]:
    if task.kind is TaskKind.MULTI_LABEL:
        return y_score.ravel(), y_true.ravel() == 1
    right = predicted(task, y_score) == y_true
    if task.kind is TaskKind.BINARY:
        return np.maximum(y_score[:, -1], 1 - y_score[:, -1]), right
    return y_score.max(axis=1), right


def _recall_and_f1(task: Task, y_true: np.ndarray, y_pred: np.ndarray) -> _Table:
    if task.kind is TaskKind.MULTI_LABEL:
        true, pred = y_true == 1, y_pred == 1
    else:
        codes = np.arange(task.n_classes)
        true, pred = y_true[:, None] == codes, y_pred[:, None] == codes
    hits = (true & pred).sum(axis=0)
    recall = _ratio(hits, true.sum(axis=0))
    f1 = _ratio(2 * hits, true.sum(axis=0) + pred.sum(axis=0))
    specificity = _ratio((~true & ~pred).sum(axis=0), (~true).sum(axis=0))
    per_class = (recall + specificity) / 2 if task.kind is TaskKind.MULTI_LABEL else recall
    return _Table(
        dict(zip(task.classes, recall.tolist(), strict=True)),
        float(np.nanmean(per_class)),
        float(np.nanmean(f1)),
    )


def _ratio(part: np.ndarray, whole: np.ndarray) -> np.ndarray:
    return np.divide(part, whole, out=np.full(len(whole), np.nan), where=whole > 0)


def _estimate(value: float, resampled: np.ndarray) -> Estimate:
    return Estimate(value, *percentile_interval(resampled))

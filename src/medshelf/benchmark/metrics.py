"""AUC and ACC exactly as MedMNIST's evaluator defines them.

AUC is the probability that a positive sample scores higher than a negative one, ties counting half;
it is counted in integers from one sort, so it equals the trapezoid form to rounding (1e-12).

Source: https://doi.org/10.1038/s41597-022-01721-8 (evaluation); Hanley and McNeil 1982,
https://doi.org/10.1148/radiology.143.1.7063747 (AUC as a rank statistic).
"""

from __future__ import annotations

import numpy as np

from medshelf.core.errors import MetricError
from medshelf.core.tasks import Task, TaskKind

THRESHOLD = 0.5


def auc(task: Task, y_true: np.ndarray, y_score: np.ndarray) -> float:
    """Return the official area under the ROC curve.

    Binary: of the last score column. Multi-class and ordinal: one class against the rest, the
    unweighted mean over classes. Multi-label: unweighted mean over labels.

    Args:
        task: Kind and classes.
        y_true: Class codes (N,) or (N, 1); multi-label 0/1 (N, K).
        y_score: (N, K) scores; for a binary task also (N,) or (N, 1).

    Raises:
        MetricError: Wrong shape, NaN, fewer than 2 samples, or a class without positives or
            without negatives.
    """
    return float(np.mean(class_aucs(task, y_true, y_score)))


def class_aucs(task: Task, y_true: np.ndarray, y_score: np.ndarray) -> np.ndarray:
    """Return the AUCs that `auc` averages, float64 (K,); a single one for a binary task."""
    columns = one_against_rest(task, *checked(task, y_true, y_score))
    positive, scores = (np.asfortranarray(each) for each in columns)
    names = task.classes[-1:] if task.kind is TaskKind.BINARY else task.classes
    return np.array(
        [roc_auc(positive[:, code], scores[:, code], name=name) for code, name in enumerate(names)]
    )


def acc(task: Task, y_true: np.ndarray, y_score: np.ndarray) -> float:
    """Return the official accuracy.

    Multi-class and ordinal: of the highest score. Binary and multi-label: of score > 0.5, strictly;
    multi-label accuracy is averaged over all samples and labels.

    Args:
        task: Kind and classes.
        y_true: As for `auc`.
        y_score: As for `auc`; probabilities for binary and multi-label tasks.

    Raises:
        MetricError: As for `auc`, but a class may be absent.
    """
    codes, scores = checked(task, y_true, y_score)
    return float((predicted(task, scores) == codes).mean())


def correct(task: Task, y_true: np.ndarray, y_score: np.ndarray) -> np.ndarray:
    """Return what part of each sample's labels is predicted right, float64 (N,), from `checked`."""
    right = predicted(task, y_score) == y_true
    return right.mean(axis=1) if task.kind is TaskKind.MULTI_LABEL else right.astype(np.float64)


def predicted(task: Task, y_score: np.ndarray) -> np.ndarray:
    """Return class codes (N,), or bool (N, K) for a multi-label task, from `checked` scores.

    The two codes of a binary task are False and True.
    """
    if task.kind is TaskKind.MULTI_LABEL:
        return y_score > THRESHOLD
    if task.kind is TaskKind.BINARY:
        return y_score[:, -1] > THRESHOLD
    return y_score.argmax(axis=1)


def checked(task: Task, y_true: np.ndarray, y_score: np.ndarray) -> tuple[np.ndarray, np.ndarray]:
    """Bring labels and scores to their one canonical shape.

    Returns:
        Codes int64 (N,) and scores (N, K), (N, 1) or (N, 2) if binary; multi-label (N, K) both.

    Raises:
        MetricError: They do not fit the task or each other, or hold NaN.
    """
    y_true, y_score = np.asarray(y_true), np.asarray(y_score)
    n_samples = y_true.shape[0] if y_true.ndim else 0
    if y_score.ndim == 1 and task.kind is TaskKind.BINARY:
        y_score = y_score[:, None]
    widths = {1, 2} if task.kind is TaskKind.BINARY else {task.n_classes}
    if y_score.ndim != 2 or y_score.shape[0] != n_samples or y_score.shape[1] not in widths:  # noqa: PLR2004
        wanted = " or ".join(str((n_samples, width)) for width in sorted(widths))
        problem = f"Scores have the shape {y_score.shape}, the labels need {wanted}"
        raise MetricError(problem, "Give one row per sample and one column per class")
    if n_samples < 2:  # noqa: PLR2004
        problem = f"There are {n_samples} samples"
        raise MetricError(problem, "AUC needs at least 2, one positive and one negative")
    if not np.isfinite(y_score).all():
        row = int(np.flatnonzero(~np.isfinite(y_score).all(axis=1))[0])
        problem = f"The scores of sample {row} are not finite: {y_score[row].tolist()}"
        raise MetricError(problem, "Check the model's output for NaN and infinity")
    return _checked_labels(task, y_true), y_score


def one_against_rest(
    task: Task, y_true: np.ndarray, y_score: np.ndarray
) -> tuple[np.ndarray, np.ndarray]:
    """Return positives bool (N, C) and scores (N, C); C is 1 for a binary task."""
    if task.kind is TaskKind.MULTI_LABEL:
        return y_true == 1, y_score
    if task.kind is TaskKind.BINARY:
        return y_true[:, None] == 1, y_score[:, -1:]
    return y_true[:, None] == np.arange(task.n_classes), y_score


def roc_auc(positive: np.ndarray, scores: np.ndarray, *, name: str = "the class") -> float:
    """Return the AUC of one column of scores.

    Args:
        positive: Bool (N,).
        scores: Finite numbers (N,).
        name: What the error calls the column.

    Raises:
        MetricError: All samples are positive, or none is.
    """
    n_positive = int(np.count_nonzero(positive))
    n_pairs = n_positive * (len(positive) - n_positive)
    if not n_pairs:
        which = "negative" if n_positive else "positive"
        problem = f"AUC of {name!r} is not defined: there is no {which} sample"
        raise MetricError(problem, "Evaluate on a split that has every class")
    count = _count_float32 if scores.dtype == np.float32 else _count
    return count(positive, scores) / (2 * n_pairs)


def _count(positive: np.ndarray, scores: np.ndarray) -> int:
    """Return twice the pairs that positives win, a tie counting one."""
    above, chosen = np.sort(scores[~positive]), np.sort(scores[positive])
    won = above.searchsorted(chosen, "left").sum()
    return int(won + above.searchsorted(chosen, "right").sum())


def _count_float32(positive: np.ndarray, scores: np.ndarray) -> int:
    """Return the same as `_count` from one sort of (score, label) packed into integers."""
    bits = (scores + 0.0).view(np.int32)  # the sum turns -0 into 0, which it equals
    ordered = bits ^ ((bits >> 31) & 0x7FFFFFFF)  # integers in the order of the numbers
    keys = ordered.astype(np.int64)
    keys <<= 1
    keys |= positive
    keys.sort()
    hits = (keys & 1).astype(np.int32)
    n_below = np.cumsum(1 - hits, dtype=np.int32)
    won_or_tied = int((n_below * hits).sum(dtype=np.int64))
    keys >>= 1
    ends = np.flatnonzero(keys[1:] == keys[:-1])
    if not ends.size:
        return 2 * won_or_tied
    # Runs of equal scores: a negative comes first, so each of its pairs was counted as won.
    apart = np.diff(ends) > 1
    starts = np.r_[ends[0], ends[1:][apart]]
    stops = np.r_[ends[:-1][apart], ends[-1]] + 2
    hits_before = np.r_[0, np.cumsum(hits)]
    n_hits = hits_before[stops] - hits_before[starts]
    return 2 * won_or_tied - int((n_hits * (stops - starts - n_hits)).sum())


def roc_curve(positive: np.ndarray, scores: np.ndarray) -> tuple[np.ndarray, np.ndarray]:
    """Return false and true positive rates at every threshold, from (0, 0) to (1, 1), float64.

    Args:
        positive: Bool (N,), some true and some false.
        scores: Finite numbers (N,).
    """
    order = np.argsort(-scores, kind="stable")
    last_of_ties = np.r_[np.diff(scores[order]) != 0, True]
    hits = np.cumsum(positive[order])[last_of_ties]
    alarms = np.cumsum(~positive[order])[last_of_ties]
    return np.r_[0, alarms] / alarms[-1], np.r_[0, hits] / hits[-1]


def _checked_labels(task: Task, y_true: np.ndarray) -> np.ndarray:
    multi_label = task.kind is TaskKind.MULTI_LABEL
    if not multi_label and y_true.ndim == 2 and y_true.shape[1] == 1:  # noqa: PLR2004
        y_true = y_true[:, 0]
    expected = (len(y_true), task.n_classes) if multi_label else (len(y_true),)
    highest = 1 if multi_label else task.n_classes - 1
    codes = y_true.astype(np.int64) if y_true.shape == expected else np.array([-1])
    if codes.min() < 0 or codes.max() > highest or (codes != y_true).any():
        problem = f"Labels of shape {y_true.shape} are not {expected} of 0..{highest}"
        raise MetricError(problem, "Give class codes, or 0 and 1 per label for a multi-label task")
    return codes

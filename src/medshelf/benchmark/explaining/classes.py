"""Errors per class, the most frequent confusions, the most confident mistakes."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np

from medshelf.benchmark.metrics import one_against_rest, predicted, roc_auc
from medshelf.core.tasks import Task, TaskKind

ABSENT = "not {}"
"""How the absence of a label is written."""


@dataclass(frozen=True, slots=True)
class ClassErrors:
    """How one class, or one label of a multi-label task, is predicted; None where 0 / 0.

    Attributes:
        name: The class.
        support: Samples that have it.
        precision: Share of those that are said to have it and have it.
        recall: Share of those that have it and are said to.
        f1: Harmonic mean of precision and recall.
        auc: Of this class against the rest.
    """

    name: str
    support: int
    precision: float | None
    recall: float | None
    f1: float | None
    auc: float | None


@dataclass(frozen=True, slots=True)
class Confusion:
    """One kind of mistake.

    Attributes:
        true: The class that it is, or `not NAME` for a label that is absent.
        said: The class that was predicted.
        count: How often.
        share: Of the samples of the true class.
    """

    true: str
    said: str
    count: int
    share: float


@dataclass(frozen=True, slots=True)
class Case:
    """One prediction for one sample; of a multi-label task, for one of its labels.

    Attributes:
        sample_id: In the manifest.
        row: Position in the split.
        true: The class that it is.
        said: The class that was predicted.
        code: Position of the class, or label, that was predicted or denied.
        probability: Of what was said.
    """

    sample_id: str
    row: int
    true: str
    said: str
    code: int
    probability: float

    @property
    def is_right(self) -> bool:
        """Whether the prediction holds."""
        return self.true == self.said


def class_errors(task: Task, y_true: np.ndarray, y_score: np.ndarray) -> list[ClassErrors]:
    """Count each class's errors, from `metrics.checked` labels and scores."""
    true, said = _decisions(task, y_true, y_score)
    hits = (true & said).sum(axis=0)
    precision, recall = (_ratio(hits, each.sum(axis=0)) for each in (said, true))
    f1 = _ratio(2 * hits, true.sum(axis=0) + said.sum(axis=0))
    aucs = _aucs(task, y_true, y_score)
    return [
        ClassErrors(name, int(true[:, k].sum()), precision[k], recall[k], f1[k], aucs[k])
        for k, name in enumerate(task.classes)
    ]


def confusions(task: Task, y_true: np.ndarray, y_score: np.ndarray, most: int) -> list[Confusion]:
    """Return the most frequent kinds of mistake, most frequent first."""
    if task.kind is TaskKind.MULTI_LABEL:
        found = _label_confusions(task, *_decisions(task, y_true, y_score))
    else:
        counts = confusion_matrix(task, y_true, y_score)
        support = counts.sum(axis=1)
        found = [
            Confusion(
                task.classes[i],
                task.classes[j],
                int(counts[i, j]),
                float(counts[i, j] / support[i]),
            )
            for i, j in zip(*np.nonzero(counts), strict=True)
            if i != j
        ]
    return sorted(found, key=lambda each: (-each.count, -each.share))[:most]


def confusion_matrix(task: Task, y_true: np.ndarray, y_score: np.ndarray) -> np.ndarray:
    """Count true (rows) against predicted (columns) classes, int64 (K, K); not for multi-label."""
    counts = np.zeros((task.n_classes,) * 2, np.int64)
    np.add.at(counts, (y_true, predicted(task, y_score).astype(np.int64)), 1)
    return counts


def most_confident(
    task: Task, y_true: np.ndarray, y_score: np.ndarray, most: int, *, right: bool = False
) -> list[tuple[int, int, float]]:
    """Find the mistakes, or right answers, with the highest probability; a sample comes once.

    Returns:
        Row, position of the class that was said (of a multi-label task: of the label), and the
        probability of what was said, most confident first.
    """
    said = predicted(task, y_score)
    is_right = said == y_true
    if task.kind is TaskKind.MULTI_LABEL:
        sure = np.where(said, y_score, 1 - y_score)
        chosen = np.where(is_right == right, sure, -1.0)
        if right:  # that a label is absent is right nearly everywhere, and shows nothing
            chosen = np.where(said, chosen, -1.0)
        code = chosen.argmax(axis=1)
        sure = chosen[np.arange(len(code)), code]
    else:
        code = said.astype(np.int64)
        last = y_score[:, -1]
        several = y_score.shape[1] > 1
        sure = y_score[np.arange(len(code)), code] if several else np.where(said, last, 1 - last)
        sure = np.where(is_right == right, sure, -1.0)
    order = np.argsort(-sure, kind="stable")[:most]
    return [(int(row), int(code[row]), float(sure[row])) for row in order if sure[row] >= 0]


def n_wrong(task: Task, y_true: np.ndarray, y_score: np.ndarray) -> int:
    """Count the samples with a mistake; of a multi-label task, in any label."""
    wrong = predicted(task, y_score) != y_true
    return int((wrong.any(axis=1) if wrong.ndim > 1 else wrong).sum())


def cases(
    task: Task,
    y_true: np.ndarray,
    y_score: np.ndarray,
    chosen: list[tuple[int, int, float]],
    ids: list[str],
) -> list[Case]:
    """Name what `most_confident` found; `ids` are the sample ids of the split."""
    said = predicted(task, y_score)
    found = []
    for row, code, probability in chosen:
        if task.kind is TaskKind.MULTI_LABEL:
            name = task.classes[code]
            words = [name if each[row, code] else ABSENT.format(name) for each in (y_true, said)]
        else:
            words = [task.classes[int(each[row])] for each in (y_true, said)]
        found.append(Case(ids[row], row, words[0], words[1], code, probability))
    return found


def _decisions(
    task: Task, y_true: np.ndarray, y_score: np.ndarray
) -> tuple[np.ndarray, np.ndarray]:
    """Return for each class whether it is so, and whether it was said, bool (N, K)."""
    said = predicted(task, y_score)
    if task.kind is TaskKind.MULTI_LABEL:
        return y_true == 1, said
    codes = np.arange(task.n_classes)
    return y_true[:, None] == codes, said[:, None] == codes


def _aucs(task: Task, y_true: np.ndarray, y_score: np.ndarray) -> list[float | None]:
    positive, scores = one_against_rest(task, y_true, y_score)
    found = [
        None
        if positive[:, k].all() or not positive[:, k].any()
        else roc_auc(positive[:, k], scores[:, k])
        for k in range(positive.shape[1])
    ]
    return found * 2 if task.kind is TaskKind.BINARY else found


def _label_confusions(task: Task, true: np.ndarray, said: np.ndarray) -> list[Confusion]:
    found = []
    for k, name in enumerate(task.classes):
        absent, mistaken = ABSENT.format(name), true[:, k] != said[:, k]
        for words, is_so in (((name, absent), true[:, k]), ((absent, name), ~true[:, k])):
            count = int((is_so & mistaken).sum())
            if count:
                found.append(Confusion(*words, count, count / int(is_so.sum())))
    return found


def _ratio(part: np.ndarray, whole: np.ndarray) -> list[float | None]:
    return [float(a / b) if b else None for a, b in zip(part, whole, strict=True)]

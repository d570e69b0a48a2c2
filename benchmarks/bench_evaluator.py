"""Official AUC and ACC against the scikit-learn form that MedMNIST's evaluator uses."""

from __future__ import annotations

import numpy as np
from pairs import compare
from sklearn.metrics import accuracy_score, roc_auc_score

from medshelf.benchmark.metrics import acc, auc
from medshelf.core.tasks import Task, TaskKind

rng = np.random.default_rng(0)


def multi_label(n: int, k: int) -> None:
    """ChestMNIST's test split: one AUC per label."""
    task = Task("t", TaskKind.MULTI_LABEL, tuple(map(str, range(k))))
    y_true, y_score = rng.integers(0, 2, (n, k)), rng.random((n, k), np.float32)

    def theirs() -> tuple[object, object]:
        columns = range(k)
        return (
            np.mean([roc_auc_score(y_true[:, i], y_score[:, i]) for i in columns]),
            np.mean([accuracy_score(y_true[:, i], y_score[:, i] > 0.5) for i in columns]),
        )

    def ours() -> tuple[object, object]:
        return auc(task, y_true, y_score), acc(task, y_true, y_score)

    assert np.allclose(ours(), theirs(), rtol=0, atol=1e-12)
    compare(f"AUC and ACC, multi-label {n} x {k}", ours, theirs)


def multi_class(n: int, k: int) -> None:
    """TissueMNIST's test split: one AUC per class against the rest."""
    task = Task("t", TaskKind.MULTI_CLASS, tuple(map(str, range(k))))
    y_true, y_score = rng.integers(0, k, n), rng.random((n, k), np.float32)

    def theirs() -> tuple[object, object]:
        columns = range(k)
        return (
            np.mean([roc_auc_score(y_true == i, y_score[:, i]) for i in columns]),
            accuracy_score(y_true, y_score.argmax(axis=-1)),
        )

    def ours() -> tuple[object, object]:
        return auc(task, y_true, y_score), acc(task, y_true, y_score)

    assert np.allclose(ours(), theirs(), rtol=0, atol=1e-12)
    compare(f"AUC and ACC, multi-class {n} x {k}", ours, theirs)


multi_label(22_433, 14)
multi_class(47_280, 8)

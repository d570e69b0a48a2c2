"""What is said beside the official metrics."""

from __future__ import annotations

import numpy as np
import pytest
from sklearn.metrics import balanced_accuracy_score, f1_score, recall_score

from medshelf.benchmark.scores import Scores, majority_floor, score
from medshelf.core.tasks import Task, TaskKind
from tests.benchmark.test_metrics import make_case, make_task

KINDS = pytest.mark.parametrize("kind", TaskKind)


@KINDS
def test_summary_agrees_with_scikit_learn(kind: TaskKind) -> None:
    y_true, y_score = make_case(kind, 11, 3)
    found = score(make_task(kind), y_true, y_score)
    if kind is TaskKind.MULTI_LABEL:
        y_pred, y = y_score > 0.5, y_true
        balanced = np.mean([balanced_accuracy_score(y[:, i], y_pred[:, i]) for i in range(6)])
    elif kind is TaskKind.BINARY:
        y_pred, y = y_score[:, -1] > 0.5, y_true[:, 0]
        balanced = balanced_accuracy_score(y, y_pred)
    else:
        y_pred, y = y_score.argmax(axis=1), y_true[:, 0]
        balanced = balanced_accuracy_score(y, y_pred)
    assert found.balanced_accuracy == pytest.approx(balanced)
    assert found.macro_f1 == pytest.approx(f1_score(y, y_pred, average="macro"))
    recall = recall_score(y, y_pred, average=None)
    assert list(found.recall.values()) == pytest.approx(recall)
    assert found.n_samples == len(y_true)


@KINDS
def test_intervals_hold_the_value_and_repeat_with_the_seed(kind: TaskKind) -> None:
    y_true, y_score = make_case(kind, 5, 4)
    first, again, other = (score(make_task(kind), y_true, y_score, seed=s) for s in (1, 1, 2))
    assert first == again
    assert first.auc != other.auc
    for each in (first.auc, first.acc):
        assert each.low < each.value < each.high


def test_bootstrap_width_is_the_binomial_one() -> None:
    rng = np.random.default_rng(0)
    y_true = rng.integers(0, 2, 400)
    y_score = np.where(rng.random(400) < 0.8, y_true, 1 - y_true) * 0.9 + 0.05
    found = score(make_task(TaskKind.BINARY), y_true, y_score).acc
    half_width = 1.96 * np.sqrt(found.value * (1 - found.value) / 400)
    assert (found.high - found.low) / 2 == pytest.approx(half_width, rel=0.1)


def test_resamples_without_a_class_are_left_out_and_counted() -> None:
    y_true = np.r_[np.zeros(30, int), 1]
    found = score(make_task(TaskKind.BINARY), y_true, np.linspace(0, 1, 31))
    assert 500 < found.n_resamples < 700  # 1 - (30/31)^31 of 1000


def test_calibration_error_by_hand() -> None:
    task = make_task(TaskKind.BINARY)
    y_true = np.array([1, 1, 1, 0])
    y_score = np.array([0.9, 0.9, 0.9, 0.9])
    assert score(task, np.r_[y_true, 0], np.r_[y_score, 0.1]).calibration_error == pytest.approx(
        0.9 - 4 / 5
    )


def test_scores_that_are_no_probabilities_have_no_calibration() -> None:
    y_true = np.array([0, 1, 0, 1])
    assert score(make_task(TaskKind.BINARY), y_true, y_true * 8.0 - 4).calibration_error is None


def test_floor_takes_the_majority_from_training_labels() -> None:
    task = Task("t", TaskKind.BINARY, ("benign", "malignant"))
    floor = majority_floor(task, np.array([0, 0, 0, 1]), np.array([1, 1, 0]))
    assert (floor.prediction, floor.auc, floor.acc) == ("malignant", 0.5, 0.25)


def test_multi_label_floor_predicts_nothing_when_labels_are_rare() -> None:
    task = make_task(TaskKind.MULTI_LABEL)
    y_true = np.zeros((10, 6), int)
    y_true[0] = 1
    floor = majority_floor(task, y_true)
    assert (floor.prediction, floor.acc) == ("no label", 0.9)


def test_scores_survive_json() -> None:
    found = score(make_task(TaskKind.BINARY), *make_case(TaskKind.BINARY, 2, 3))
    assert Scores.from_dict(found.as_dict()) == found

"""Temperature scaling."""

from __future__ import annotations

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from medshelf.benchmark.calibration import HIGHEST, calibrated, fit_temperature
from medshelf.benchmark.metrics import acc, auc
from medshelf.core.errors import MetricError
from medshelf.core.tasks import Task, TaskKind

BINARY = Task("t", TaskKind.BINARY, ("no", "yes"))
CLASSES = Task("t", TaskKind.MULTI_CLASS, ("a", "b", "c", "d"))
LABELS = Task("t", TaskKind.MULTI_LABEL, ("p", "q", "r"))


def softmax(logits: np.ndarray) -> np.ndarray:
    powers = np.exp(logits - logits.max(axis=1, keepdims=True))
    return powers / powers.sum(axis=1, keepdims=True)


def drawn(task: Task, n: int, temperature: float) -> tuple[np.ndarray, np.ndarray]:
    """Draw labels from true probabilities; give scores whose logits are `temperature` too large."""
    random = np.random.default_rng(1)
    logits = random.normal(0, 1.5, (n, task.n_classes))
    if task.kind is TaskKind.MULTI_LABEL:
        chance = 1 / (1 + np.exp(-logits))
        labels = (random.random(chance.shape) < chance).astype(np.int64)
        return labels, 1 / (1 + np.exp(-logits * temperature))
    steps = softmax(logits).cumsum(axis=1)
    labels = (random.random((n, 1)) > steps).sum(axis=1)
    return labels, softmax(logits * temperature)


@pytest.mark.parametrize("task", [BINARY, CLASSES, LABELS], ids=lambda each: str(each.kind))
@pytest.mark.parametrize("true", [0.4, 1.0, 2.5])
def test_a_known_temperature_is_found(task: Task, true: float) -> None:
    y_true, y_score = drawn(task, 20_000, true)
    found = fit_temperature(task, y_true, y_score.astype(np.float32))
    assert found.value == pytest.approx(true, rel=0.05)
    assert found.loss_after <= found.loss_before
    assert found.n_samples == 20_000
    around = [fit_loss(task, y_true, y_score, found.value * each) for each in (0.97, 1.0, 1.03)]
    assert around[1] == min(around)
    assert found.loss_after == pytest.approx(around[1], rel=1e-5)


def fit_loss(task: Task, y_true: np.ndarray, y_score: np.ndarray, temperature: float) -> float:
    """Compute the mean negative log-likelihood the plain way."""
    chances = calibrated(task, y_score, temperature)
    if task.kind is TaskKind.MULTI_LABEL:
        return float(-np.log(np.where(y_true == 1, chances, 1 - chances)).mean())
    return float(-np.log(chances[np.arange(len(y_true)), y_true]).mean())


@settings(max_examples=25)
@given(temperature=st.floats(0.2, 10), seed=st.integers(0, 1000))
def test_the_order_stays(temperature: float, seed: int) -> None:
    random = np.random.default_rng(seed)
    yes = random.random(60).astype(np.float32)
    yes[:2] = 0, 1
    scores = np.stack([1 - yes, yes], axis=1)
    codes = np.arange(60) % 2
    for y_score in (scores, scores[:, 1:]):
        after = calibrated(BINARY, y_score, temperature)
        assert auc(BINARY, codes, after) == pytest.approx(auc(BINARY, codes, y_score), abs=1e-12)
        assert acc(BINARY, codes, after) == acc(BINARY, codes, y_score)
    several = softmax(random.normal(0, 3, (60, 4)))
    after = calibrated(CLASSES, several, temperature)
    np.testing.assert_array_equal(after.argmax(axis=1), several.argmax(axis=1))
    np.testing.assert_allclose(after.sum(axis=1), 1)
    labels = random.random((60, 3))
    present = random.random((60, 3)) > 0.5
    present[:2] = [[True] * 3, [False] * 3]
    after = calibrated(LABELS, labels, temperature)
    assert auc(LABELS, present, after) == pytest.approx(auc(LABELS, present, labels), abs=1e-12)


def test_one_leaves_probabilities_as_they_are() -> None:
    scores = softmax(np.random.default_rng(0).normal(0, 5, (50, 4))).astype(np.float32)
    np.testing.assert_allclose(calibrated(CLASSES, scores, 1.0), scores, atol=1e-6)


@pytest.mark.parametrize(
    ("y_score", "expected"),
    [
        ([[1, 0], [0, 1], [0.9, 0.1], [0.2, 0.8]], 1.0),  # all right: no finite optimum
        ([[0.5, 0.5]] * 4, 1.0),  # says nothing: any temperature is as good
        ([[0.1, 0.9], [1, 1e-9], [0.1, 0.9], [0.8, 0.2]], HIGHEST),  # all wrong
        ([[1, 0], [1, 0], [0, 1], [2 / 3, 1 / 3]], 1.0),  # what cannot be happens
    ],
)
def test_where_there_is_no_best_temperature_it_says_so(
    y_score: list[list[float]], expected: float
) -> None:
    found = fit_temperature(BINARY, np.array([0, 1, 0, 1]), np.array(y_score, np.float32))
    assert found.value == pytest.approx(expected)
    assert found.note


def test_what_is_no_probability_is_refused() -> None:
    with pytest.raises(MetricError, match="not all from 0 to 1"):
        fit_temperature(BINARY, np.array([0, 1]), np.array([[3.0, -2.0], [0.5, 0.5]]))

"""The official metrics against scikit-learn, which MedMNIST's evaluator calls."""

from __future__ import annotations

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from sklearn.metrics import accuracy_score, roc_auc_score

from medshelf.benchmark.metrics import acc, auc, class_aucs, roc_auc
from medshelf.core.errors import MetricError
from medshelf.core.tasks import Task, TaskKind

CLASSES = {
    TaskKind.BINARY: 2,
    TaskKind.MULTI_CLASS: 5,
    TaskKind.ORDINAL: 5,
    TaskKind.MULTI_LABEL: 6,
}


def make_task(kind: TaskKind) -> Task:
    return Task("t", kind, tuple(f"class {i}" for i in range(CLASSES[kind])))


def make_case(kind: TaskKind, seed: int, decimals: int) -> tuple[np.ndarray, np.ndarray]:
    """Labels and scores; few decimals make many ties."""
    rng = np.random.default_rng(seed)
    n, k = int(rng.integers(40, 200)), CLASSES[kind]
    if kind is TaskKind.MULTI_LABEL:
        y_true = rng.integers(0, 2, (n, k))
        y_true[:2] = [[0] * k, [1] * k]
        return y_true, np.round(rng.random((n, k)), decimals)
    y_true = np.r_[np.arange(k), rng.integers(0, k, n - k)][:, None]
    raw = rng.random((n, k)) + 0.3 * (y_true == np.arange(k))
    return y_true, np.round(raw / raw.sum(axis=1, keepdims=True), decimals)


def evaluator(kind: TaskKind, y_true: np.ndarray, y_score: np.ndarray) -> tuple[float, float]:
    """MedMNIST's evaluator as `layouts/medmnist.md` of its documentation states it."""
    y_true, y_score = y_true.squeeze(), y_score.squeeze()
    if kind is TaskKind.MULTI_LABEL:
        columns = range(y_score.shape[1])
        return (
            float(np.mean([roc_auc_score(y_true[:, i], y_score[:, i]) for i in columns])),
            float(np.mean([accuracy_score(y_true[:, i], y_score[:, i] > 0.5) for i in columns])),
        )
    if kind is TaskKind.BINARY:
        score = y_score if y_score.ndim == 1 else y_score[:, -1]
        return float(roc_auc_score(y_true, score)), float(accuracy_score(y_true, score > 0.5))
    columns = range(y_score.shape[1])
    return (
        float(np.mean([roc_auc_score(y_true == i, y_score[:, i]) for i in columns])),
        float(accuracy_score(y_true, y_score.argmax(axis=-1))),
    )


@pytest.mark.parametrize("kind", TaskKind)
@settings(deadline=None, max_examples=40)
@given(seed=st.integers(0, 10**6), decimals=st.sampled_from([1, 2, 12]))
def test_agrees_with_the_evaluator(kind: TaskKind, seed: int, decimals: int) -> None:
    y_true, y_score = make_case(kind, seed, decimals)
    expected = evaluator(kind, y_true, y_score)
    task = make_task(kind)
    assert auc(task, y_true, y_score) == pytest.approx(expected[0], abs=1e-12)
    assert acc(task, y_true, y_score) == pytest.approx(expected[1], abs=1e-12)


@pytest.mark.parametrize("shape", ["(N,)", "(N, 1)", "(N, 2)"])
def test_binary_scores_may_have_three_shapes(shape: str) -> None:
    y_true = np.array([0, 0, 1, 1])
    last = np.array([0.1, 0.6, 0.5, 0.9])
    scores = {"(N,)": last, "(N, 1)": last[:, None], "(N, 2)": np.c_[1 - last, last]}[shape]
    task = make_task(TaskKind.BINARY)
    assert auc(task, y_true, scores) == 0.75
    assert acc(task, y_true, scores) == 0.5  # 0.5 is not above the threshold


def test_float32_ties_are_kept() -> None:
    y_true, y_score = make_case(TaskKind.MULTI_CLASS, 3, 12)
    y_score = y_score.astype(np.float16).astype(np.float32)
    expected = evaluator(TaskKind.MULTI_CLASS, y_true, y_score)[0]
    assert auc(make_task(TaskKind.MULTI_CLASS), y_true, y_score) == pytest.approx(
        expected, abs=1e-12
    )


@settings(deadline=None, max_examples=200)
@given(
    st.lists(
        st.tuples(
            st.booleans(),
            st.sampled_from([-np.inf, -1e30, -2.5, -1e-40, -0.0, 0.0, 1e-40, 0.3, 2.5, 1e30]),
        ),
        min_size=2,
        max_size=60,
    ).filter(lambda rows: {positive for positive, _ in rows} == {True, False})
)
def test_float32_of_any_sign_and_with_any_ties(rows: list[tuple[bool, float]]) -> None:
    positive = np.array([each for each, _ in rows])
    scores = np.nan_to_num(np.array([score for _, score in rows], np.float32), neginf=-3e38)
    expected = roc_auc_score(positive, scores)
    assert roc_auc(positive, scores) == pytest.approx(expected, abs=1e-12)
    assert roc_auc(positive, scores.astype(np.float64)) == pytest.approx(expected, abs=1e-12)


def test_a_large_split_does_not_overflow() -> None:
    y_true = np.r_[np.zeros(100_000, int), np.ones(100_000, int)]
    assert auc(make_task(TaskKind.BINARY), y_true, y_true / 2) == 1.0


@pytest.mark.parametrize(
    ("y_true", "y_score", "message"),
    [
        ([0, 1, 1], [[0.1, 0.9]] * 2, r"shape \(2, 2\), the labels need \(3, 1\) or \(3, 2\)"),
        ([0, 1, 1], [[0.1, 0.2, 0.7]] * 3, r"shape \(3, 3\)"),
        ([0, 1, 1], [0.1, np.nan, 0.3], r"sample 1 are not finite: \[nan\]"),
        ([0, 1, 1], [0.1, 0.2, np.inf], "sample 2 are not finite"),
        ([1, 1, 1], [0.1, 0.2, 0.3], "'class 1' is not defined: there is no negative sample"),
        ([0, 0, 0], [0.1, 0.2, 0.3], "there is no positive sample"),
        ([0, 1, 2], [0.1, 0.2, 0.3], r"are not \(3,\) of 0..1"),
        ([0, 1, -1], [0.1, 0.2, 0.3], r"are not \(3,\) of 0..1"),
        ([1], [[0.4, 0.6]], "There are 1 samples"),
        ([], np.empty((0, 2)), "There are 0 samples"),
        (np.float64(1), [0.5], "labels need"),
    ],
)
def test_bad_input_is_refused(y_true: object, y_score: object, message: str) -> None:
    with pytest.raises(MetricError, match=message):
        auc(make_task(TaskKind.BINARY), np.asarray(y_true), np.asarray(y_score))


def test_too_few_columns_do_not_drop_classes() -> None:
    with pytest.raises(MetricError, match=r"need \(6, 5\)"):
        auc(make_task(TaskKind.MULTI_CLASS), np.arange(6) % 5, np.zeros((6, 4)))


def test_multi_label_needs_a_matrix() -> None:
    with pytest.raises(MetricError, match=r"not \(8, 6\) of 0..1"):
        auc(make_task(TaskKind.MULTI_LABEL), np.zeros(8, int), np.zeros((8, 6)))


def test_class_aucs_are_what_is_averaged() -> None:
    y_true, y_score = make_case(TaskKind.ORDINAL, 1, 2)
    task = make_task(TaskKind.ORDINAL)
    each = class_aucs(task, y_true, y_score)
    assert each.shape == (5,)
    assert each.mean() == auc(task, y_true, y_score)
    assert each[2] == pytest.approx(roc_auc_score(y_true[:, 0] == 2, y_score[:, 2]), abs=1e-12)

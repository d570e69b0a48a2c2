"""Ranks, p values and intervals, against slow and direct computations."""

from __future__ import annotations

from itertools import combinations

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st
from scipy import stats

from medshelf.benchmark.leaderboard.seeds import mean_interval, t_quantile
from medshelf.benchmark.leaderboard.significance import compare, holm, pair_tests
from medshelf.benchmark.metrics import acc, auc, checked, correct, roc_auc
from medshelf.benchmark.resampling import N_RESAMPLES, resample, weighted_auc
from medshelf.core.tasks import Task, TaskKind
from tests.benchmark.run_files import make_scores

BINARY = Task("t", TaskKind.BINARY, ("no", "yes"))
FOUR = Task("t", TaskKind.MULTI_CLASS, tuple("abcd"))
LABELS = Task("t", TaskKind.MULTI_LABEL, tuple("abc"))


def labels(task: Task, n: int, seed: int = 0) -> np.ndarray:
    random = np.random.default_rng(seed)
    if task.kind is TaskKind.MULTI_LABEL:
        return random.integers(0, 2, (n, task.n_classes))
    return random.integers(0, task.n_classes, n)


def scores(task: Task, y_true: np.ndarray, skill: float, seed: int) -> np.ndarray:
    if task.kind is TaskKind.MULTI_LABEL:
        noise = np.random.default_rng(seed).normal(size=y_true.shape) + skill * y_true
        return 1 / (1 + np.exp(-noise)).round(1)
    return make_scores(y_true, task.n_classes, skill, seed).round(2)  # rounded: there are ties


@given(st.data())
def test_weighted_auc_is_the_auc_of_the_samples_repeated(data: st.DataObject) -> None:
    n = data.draw(st.integers(2, 12))
    bools, whole = st.lists(st.booleans(), min_size=n, max_size=n), st.integers(0, 3)
    positive = np.array(data.draw(bools))
    column = np.array(data.draw(st.lists(whole, min_size=n, max_size=n)), float)
    weights = np.array(data.draw(st.lists(whole, min_size=n, max_size=n)), np.int32)
    (found,) = weighted_auc(positive, column)(weights[None])
    repeated = np.repeat(positive, weights)
    if repeated.all() or not repeated.any():
        assert np.isnan(found)
    else:
        assert found == pytest.approx(roc_auc(repeated, np.repeat(column, weights)), abs=1e-12)


@pytest.mark.parametrize("task", [BINARY, FOUR, LABELS], ids=lambda task: str(task.kind))
def test_resamples_are_those_of_a_direct_bootstrap(task: Task) -> None:
    y_true = labels(task, 40)
    sets = [checked(task, y_true, scores(task, y_true, skill, 1))[1] for skill in (0.5, 2)]
    found = resample(task, y_true, sets, seed=7)
    random = np.random.default_rng(7)
    aucs, accs = [], []
    for _ in range(60):
        drawn = random.integers(0, 40, 40)
        accs.append([correct(task, y_true[drawn], each[drawn]).mean() for each in sets])
        aucs.append([auc(task, y_true[drawn], each[drawn]) for each in sets])
    np.testing.assert_allclose(found.aucs[:60], aucs, atol=1e-12)
    np.testing.assert_allclose(found.accs[:60], accs, atol=1e-12)
    assert found.accs.shape == (N_RESAMPLES, 2)


def test_blocks_of_resamples_change_nothing(monkeypatch: pytest.MonkeyPatch) -> None:
    y_true = labels(BINARY, 30)
    sets = [scores(BINARY, y_true, 1, seed) for seed in range(3)]
    whole = resample(BINARY, y_true, sets, seed=1)
    monkeypatch.setattr("medshelf.benchmark.resampling._AT_ONCE", 30 * 7)
    parts = resample(BINARY, y_true, sets, seed=1)
    np.testing.assert_array_equal(whole.aucs, parts.aucs)
    np.testing.assert_array_equal(whole.accs, parts.accs)


def test_resamples_that_lack_a_class_are_left_out_of_auc_alone() -> None:
    y_true = np.array([1, 0, 0, 0])
    found = resample(BINARY, y_true, [np.array([[0.9], [0.1], [0.2], [0.3]])], seed=0)
    assert 0 < len(found.aucs) < N_RESAMPLES == len(found.accs)
    assert (found.aucs == 1).all()


def test_the_comparison_is_that_of_a_direct_bootstrap(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("medshelf.benchmark.resampling.N_RESAMPLES", 150)
    y_true = labels(FOUR, 150)
    methods = [[scores(FOUR, y_true, skill, 10 * m + s) for s in range(2)]
               for m, skill in enumerate((0.3, 1.0, 1.1))]  # fmt: skip
    for metric, found in zip((auc, acc), compare(FOUR, y_true, methods, seed=5), strict=True):
        random = np.random.default_rng(5)
        drawn = [random.integers(0, 150, 150) for _ in range(150)]
        each = np.array(
            [
                [np.mean([metric(FOUR, y_true[d], s[d]) for s in method]) for method in methods]
                for d in drawn
            ]
        )
        value = [np.mean([metric(FOUR, y_true, s) for s in method]) for method in methods]
        assert found.values == pytest.approx(value)
        np.testing.assert_allclose(found.intervals, np.percentile(each, [2.5, 97.5], axis=0).T)
        p = {}
        for one, other in combinations(range(3), 2):
            spread = np.std(each[:, one] - each[:, other], ddof=1)
            z = (value[one] - value[other]) / spread
            p[one, other] = 2 * stats.norm.sf(abs(z))
        ordered = sorted(p, key=lambda pair: p[pair])
        adjusted: dict[tuple[int, int], float] = {}
        highest = 0.0
        for place, pair in enumerate(ordered):
            highest = max(highest, min(1, p[pair] * (3 - place)))
            adjusted[pair] = highest
        best = int(np.argmax(value))
        for m, standing in enumerate(found.standings):
            pair = (min(m, best), max(m, best))
            assert standing.p == pytest.approx(1 if m == best else adjusted[pair], abs=1e-9)
            assert standing.difference == pytest.approx(value[m] - value[best])
            between = np.percentile(each[:, m] - each[:, best], [2.5, 97.5])
            np.testing.assert_allclose(standing.interval, between, atol=1e-12)
            better = sum(
                adjusted[min(m, o), max(m, o)] < 0.05 and value[o] > value[m]
                for o in range(3)
                if o != m
            )
            assert standing.best == 1 + better


def test_a_clear_loser_and_two_that_cannot_be_told_apart() -> None:
    y_true = labels(BINARY, 400)
    methods = [[scores(BINARY, y_true, skill, seed)] for seed, skill in enumerate((2, 0, 2))]
    by_auc, _ = compare(BINARY, y_true, methods)
    assert [str(each) for each in by_auc.standings] == ["1-2", "3", "1-2"]
    assert [each.is_not_worse for each in by_auc.standings] == [True, False, True]
    assert {each.n_methods for each in by_auc.standings} == {3}


def test_the_same_predictions_do_not_differ() -> None:
    y_true = labels(BINARY, 50)
    same = scores(BINARY, y_true, 1, 0)
    by_auc, by_acc = compare(BINARY, y_true, [[same], [same]])
    for each in (*by_auc.standings, *by_acc.standings):
        assert (str(each), each.p, each.interval) == ("1-2", 1, (0, 0))


def test_one_method_has_an_interval_and_no_rank() -> None:
    y_true = labels(BINARY, 50)
    by_auc, _ = compare(BINARY, y_true, [[scores(BINARY, y_true, 1, 0)]])
    assert by_auc.standings == ()
    assert by_auc.intervals[0][0] < by_auc.values[0] < by_auc.intervals[0][1]


def test_equal_methods_are_rarely_told_apart(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("medshelf.benchmark.resampling.N_RESAMPLES", 200)
    y_true = labels(BINARY, 200)
    wrong = 0
    for trial in range(40):
        methods = [[scores(BINARY, y_true, 1, 1000 * trial + m)] for m in range(3)]
        values = np.array([auc(BINARY, y_true, method[0]) for method in methods])
        drawn = resample(BINARY, y_true, [m[0] for m in methods], seed=trial).aucs
        _, p = pair_tests(values, drawn)
        wrong += bool((p < 0.05).any())
    assert wrong <= 7  # 5 % of 40 is 2


def test_holm() -> None:
    # The example of Holm's procedure with p = 0.01, 0.04, 0.03, 0.005 by hand.
    np.testing.assert_allclose(holm(np.array([0.01, 0.04, 0.03, 0.005])), [0.03, 0.06, 0.06, 0.02])
    assert holm(np.array([])).size == 0
    assert holm(np.array([0.9, 0.8])).tolist() == [1, 1]


@pytest.mark.parametrize("degrees", [1, 2, 3, 4, 5, 9, 10, 29, 100])
def test_quantiles_are_students(degrees: int) -> None:
    for level in (0.5, 0.95, 0.99):
        expected = stats.t.ppf((1 + level) / 2, degrees)
        assert t_quantile(degrees, level) == pytest.approx(expected, rel=1e-9)


def test_interval_of_a_mean_over_seeds() -> None:
    values = [0.905, 0.897, 0.880]
    expected = stats.t.interval(0.95, 2, np.mean(values), stats.sem(values))
    found = mean_interval(float(np.mean(values)), float(np.std(values, ddof=1)), 3)
    assert found == pytest.approx(expected)
    assert mean_interval(0.9, None, 1) is None

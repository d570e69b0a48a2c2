"""FLAML: a search over gradient-boosted trees, random forests and extra trees.

The number of trials is fixed and the learners take turns, so that no clock decides what is tried;
the same seed and versions give the same result on one machine. The seed decides the search; the
learners' own random numbers are always the same. Each trial is fitted on the whole training split
and judged by the protocol's metric on the selection split; the best is not fitted again on both.

Source: Wang et al. 2021, FLAML, https://arxiv.org/abs/1911.04706
"""

from __future__ import annotations

import logging
import warnings
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from importlib.util import find_spec
from typing import Any

import numpy as np

from medshelf.benchmark.models.estimators import Candidate, Search, Values, blocks
from medshelf.core.errors import MissingExtraError, RunError
from medshelf.core.tasks import TaskKind

PUBLISHED_NAME = "FLAML"
N_TRIALS = 100
LEARNERS = ("lgbm", "rf", "extra_tree")
N_THREADS = 4
MOST_BYTES = 4 * 2**30


@dataclass(frozen=True, slots=True)
class _Fitted:
    """The best model of a search.

    Attributes:
        model: Has `predict_proba`.
        codes: Class code of each of its columns, int64.
        n_classes: Of the task.
        parameters: None: trees have no fixed number.
        macs: None: trees multiply nothing.
    """

    model: Any
    codes: np.ndarray
    n_classes: int
    parameters: None = None
    macs: None = None

    def probabilities(self, values: Values) -> np.ndarray:
        """Return probabilities, float32 (N, K); 0 for classes that training did not have."""
        found = np.zeros((values.shape[0], self.n_classes), np.float32)
        with _quiet():
            for rows in blocks(values):
                found[rows, self.codes] = self.model.predict_proba(values[rows])
        return found

    def arrays(self) -> dict[str, np.ndarray]:
        """Return nothing: trees have no safe format that holds all of these kinds."""
        return {}


def candidates(search: Search, n_trials: int = N_TRIALS) -> Iterator[Candidate]:
    """Search, and yield the best.

    Raises:
        MissingExtraError: FLAML, or what it needs, is not installed.
        RunError: The task has several labels, there is one class only, or the images do not fit in
            memory.
    """
    codes, targets = np.unique(search.train.targets, return_inverse=True)
    _check(search, len(codes))
    values, chosen = search.train.values[:], search.selection.values[:]
    trials: list[dict[str, Any]] = []

    def judge(*given: Any) -> tuple[float, dict[str, Any]]:
        fitted, settings = given[2], given[8]
        scores = search.score(_Fitted(fitted, codes, search.task.n_classes).probabilities(chosen))
        learner = type(fitted).__name__.removesuffix("Estimator")
        trials.append({"trial": len(trials) + 1, "learner": learner, **_plain(settings), **scores})
        return 1 - scores[search.metric], {}

    with _quiet():
        found = _automl()(metric=judge, max_iter=n_trials, **_FIXED)
        known = np.flatnonzero(np.isin(search.selection.targets, codes))
        at = np.searchsorted(codes, search.selection.targets[known])
        found.fit(values, targets, X_val=chosen[known], y_val=at, seed=search.seed)
    best = _Fitted(found.model, codes, search.task.n_classes)
    choice = {"learner": found.best_estimator, **_plain(found.best_config)}
    yield Candidate(choice, best, best.probabilities(chosen), trials=tuple(trials))


_FIXED: dict[str, Any] = {
    "task": "classification",
    "time_budget": -1,
    "estimator_list": LEARNERS,
    "learner_selector": "roundrobin",
    "hpo_method": "cfo",
    "eval_method": "holdout",
    "retrain_full": False,
    "sample": False,
    "auto_augment": False,
    "skip_transform": True,
    "n_jobs": N_THREADS,
    "mlflow_logging": False,
    "verbose": 0,
}


def _check(search: Search, n_classes: int) -> None:
    if search.task.kind is TaskKind.MULTI_LABEL:
        problem = "FLAML searches for one label per sample, and this task has several"
        raise RunError(problem, "Choose logistic-regression or knn")
    if n_classes < 2:  # noqa: PLR2004
        problem = "The training split has samples of one class only"
        raise RunError(problem, "Choose a dataset with two classes or more, or majority")
    size_bytes = 4 * search.train.values.shape[0] * search.train.values.shape[1]
    if size_bytes > MOST_BYTES:
        problem = f"The pixels take {size_bytes / 2**30:.1f} GiB, FLAML is given 4 GiB at most"
        raise RunError(problem, "Choose a protocol of smaller images, or logistic-regression")


def _plain(settings: dict[str, Any]) -> dict[str, Any]:
    return {name: getattr(value, "item", lambda v=value: v)() for name, value in settings.items()}


@contextmanager
def _quiet() -> Iterator[None]:
    """Keep what FLAML and its learners say of themselves from the user."""
    state, disabled = np.random.get_state(), logging.root.manager.disable  # noqa: NPY002 - FLAML seeds
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")
        logging.disable(logging.WARNING)
        try:
            yield
        finally:
            logging.disable(disabled)
            np.random.set_state(state)  # noqa: NPY002


def _automl() -> Any:
    for package in ("flaml", "lightgbm", "sklearn", "xgboost"):
        if find_spec(package) is None:
            raise MissingExtraError(package, "automl")
    from flaml.automl import AutoML

    return AutoML

"""Models that are fitted on pixels, against scikit-learn and on generated images."""

from __future__ import annotations

import warnings
from dataclasses import replace
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

import medshelf
from medshelf.benchmark.fits.estimator import KEPT, EstimatorFit, Pixels
from medshelf.benchmark.fits.fit import Assignment
from medshelf.benchmark.metrics import acc, auc
from medshelf.benchmark.models import find_model, model_names
from medshelf.benchmark.models.estimators import (
    Examples,
    Search,
    blocks,
    knn,
    logistic_regression,
    majority,
)
from medshelf.benchmark.protocol import find_protocol
from medshelf.core.errors import FormatError, MetricError, RunError
from medshelf.core.tasks import Task, TaskKind
from medshelf.dataset.labelled_images import LabelledImages

N_CLASSES = {
    TaskKind.BINARY: 2,
    TaskKind.MULTI_CLASS: 4,
    TaskKind.ORDINAL: 3,
    TaskKind.MULTI_LABEL: 3,
}


def make_search(kind: TaskKind, seed: int = 0, n_samples: int = 120) -> Search:
    """Samples whose class shows in their values, with noise; features of very different size."""
    rng, k = np.random.default_rng(seed), N_CLASSES[kind]
    task = Task("t", kind, tuple(f"class {code}" for code in range(k)))
    targets = np.arange(n_samples) % k
    truth: np.ndarray = targets[:, None] == np.arange(k)
    if kind is TaskKind.MULTI_LABEL:
        truth = rng.random((n_samples, k)) < 0.4
        targets = truth.astype(np.float32)
    values = truth @ rng.normal(size=(k, 6)) + rng.normal(size=(n_samples, 6))
    values = (values * 10.0 ** np.arange(-2, 4) + 5).astype(np.float32)
    half = n_samples // 2
    train, selection = (
        Examples(values[:half], targets[:half]),
        Examples(values[half:], targets[half:]),
    )
    return Search(task, train, selection, "auc", seed)


def open_splits(dataset: str, n: int = 30) -> dict[str, LabelledImages]:
    return {split: medshelf.load(dataset, split)[:n] for split in ("train", "val", "test")}


def assigned(dataset: str, model: str, folder: Path, **changed: Any) -> Assignment:
    data = medshelf.load(dataset, "train")
    name = "medmnist3d-28" if "3d" in dataset else "medmnist-28"
    known: dict[str, Any] = {
        "protocol": find_protocol(name),
        "dataset": dataset,
        "task": data.task,
        "model": model,
        "seed": 0,
        "epochs": 1,
        "device": "cpu",
        "precision": "float32",
        "deterministic": False,
        "weights": None,
        "folder": folder / "run",
    }
    return Assignment(**{**known, **changed})


@pytest.mark.parametrize("name", ["majority", "logistic-regression", "knn", "flaml"])
def test_they_are_found_by_name(name: str) -> None:
    assert find_model(name).kind == "estimator"
    assert name in model_names()


@pytest.mark.parametrize("kind", TaskKind)
@pytest.mark.parametrize("strength", [0.01, 1.0])
def test_logistic_regression_is_that_of_scikit_learn(kind: TaskKind, strength: float) -> None:
    from sklearn.linear_model import LogisticRegression
    from sklearn.preprocessing import StandardScaler

    search = make_search(kind)
    (found,) = logistic_regression.candidates(search, [strength])
    scaler = StandardScaler().fit(search.train.values[:].astype(np.float64))
    seen = scaler.transform(search.train.values[:])
    asked = scaler.transform(search.selection.values[:])

    def expected(targets: np.ndarray) -> np.ndarray:
        model = LogisticRegression(C=strength, tol=1e-8, max_iter=10_000).fit(seen, targets)
        return model.predict_proba(asked)

    if kind is TaskKind.MULTI_LABEL:
        columns = [expected(each)[:, 1] for each in search.train.targets.T]
        reference = np.stack(columns, axis=1)
    else:
        reference = expected(search.train.targets)
    assert found.probabilities.dtype == np.float32
    np.testing.assert_allclose(found.probabilities, reference, atol=2e-3)


def test_logistic_regression_does_not_depend_on_blocks(monkeypatch: pytest.MonkeyPatch) -> None:
    search = make_search(TaskKind.MULTI_CLASS)
    (whole,) = logistic_regression.candidates(search, [0.1])
    monkeypatch.setattr("medshelf.benchmark.models.estimators._BLOCK_BYTES", 7 * 6 * 4)
    assert [each.stop - each.start for each in blocks(search.train.values)] == [7] * 8 + [4]
    (parts,) = logistic_regression.candidates(search, [0.1])
    np.testing.assert_allclose(parts.probabilities, whole.probabilities, atol=1e-3)


def test_an_unfinished_minimisation_is_told(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(logistic_regression, "N_ITERATIONS", 2)
    (found,) = logistic_regression.candidates(make_search(TaskKind.MULTI_CLASS), [100.0])
    assert found.notes == ("L-BFGS had not converged after 2 iterations",)
    assert found.told == {"iterations": 2, "converged": False}


def test_values_that_do_not_vary_change_nothing() -> None:
    search = make_search(TaskKind.BINARY)
    (plain,) = logistic_regression.candidates(search, [0.1])
    train, selection = (
        Examples(np.insert(each.values[:], 2, 0.1, axis=1), each.targets)
        for each in (search.train, search.selection)
    )
    wider = Search(search.task, train, selection, "auc", 0)
    (found,) = logistic_regression.candidates(wider, [0.1])
    np.testing.assert_allclose(found.probabilities, plain.probabilities, atol=1e-4)


@pytest.mark.parametrize("kind", TaskKind)
@pytest.mark.parametrize("count", [1, 5, 60])
def test_neighbours_are_those_of_scikit_learn(kind: TaskKind, count: int) -> None:
    from sklearn.neighbors import KNeighborsClassifier

    search = make_search(kind)
    (found,) = knn.candidates(search, [count])
    targets = search.train.targets.astype(int)
    model = KNeighborsClassifier(count, weights="distance", algorithm="brute")
    expected = model.fit(search.train.values[:], targets).predict_proba(search.selection.values[:])
    if kind is TaskKind.MULTI_LABEL:
        expected = np.stack([each[:, 1] for each in expected], axis=1)
    np.testing.assert_allclose(found.probabilities, expected, atol=1e-4)


def test_cosine_votes_are_those_of_scikit_learn() -> None:
    from sklearn.neighbors import KNeighborsClassifier

    search = make_search(TaskKind.MULTI_CLASS)
    (found,) = knn.candidates(search, [7], cosine=True)
    model = KNeighborsClassifier(7, metric="cosine").fit(
        search.train.values[:], search.train.targets
    )
    expected = model.predict_proba(search.selection.values[:])
    np.testing.assert_allclose(found.probabilities, expected, atol=1e-6)


@settings(max_examples=60)
@given(st.integers(0, 10**6), st.integers(1, 12), st.sampled_from([16, 400, 2**26]))
def test_ties_go_to_the_sample_that_comes_first(seed: int, count: int, block: int) -> None:
    rng = np.random.default_rng(seed)
    train = rng.integers(0, 3, (40, 2)).astype(np.float32)
    queries = rng.integers(0, 3, (9, 2)).astype(np.float32)
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr("medshelf.benchmark.models.estimators._BLOCK_BYTES", block)
        indices, distances = knn.nearest(queries, train, count)
    exact = np.sqrt(((queries[:, None] - train) ** 2).sum(axis=2))
    expected = np.argsort(exact, axis=1, kind="stable")[:, :count]
    np.testing.assert_array_equal(indices, expected)
    np.testing.assert_allclose(distances, np.take_along_axis(exact, expected, 1))


def test_a_twin_in_the_training_set_decides_alone() -> None:
    search = make_search(TaskKind.BINARY)
    train = search.train
    model = knn.Neighbours(search.task, train, 5)
    np.testing.assert_array_equal(
        model.probabilities(train.values), np.eye(2, dtype=np.float32)[train.targets]
    )


def test_more_neighbours_than_samples_are_not_asked_for() -> None:
    search = make_search(TaskKind.BINARY, n_samples=20)
    counts = [each.choice["neighbours"] for each in knn.candidates(search)]
    assert counts == [1, 3, 5, 10]


@pytest.mark.parametrize("kind", TaskKind)
def test_majority_gives_the_frequencies(kind: TaskKind) -> None:
    search = make_search(kind)
    (found,) = majority.candidates(search)
    targets = search.train.targets
    if kind is TaskKind.MULTI_LABEL:
        expected = targets.mean(axis=0)
    else:
        expected = np.bincount(targets) / len(targets)
    np.testing.assert_allclose(found.probabilities, np.tile(expected, (60, 1)), atol=1e-7)
    assert search.score(found.probabilities)["auc"] == 0.5


@pytest.mark.parametrize("model", ["majority", "logistic-regression", "knn"])
@pytest.mark.parametrize(
    "dataset",
    [
        "phantom-grey-binary",
        "phantom-rgb-multi-class",
        "phantom-grey-ordinal",
        "phantom-grey-multi-label",
        "phantom-3d-binary",
    ],
)
def test_every_kind_of_dataset(dataset: str, model: str, tmp_path: Path) -> None:
    data = open_splits(dataset)
    if dataset == "phantom-3d-binary":
        data["train"] = data["train"][:12]  # 21,952 values each
    fit = EstimatorFit(assigned(dataset, model, tmp_path))
    outcome = fit.run(data)
    task, found = data["test"].task, fit.predict(data["test"])
    assert found.shape == (30, task.n_classes)
    assert found.dtype == np.float32
    if task.kind is not TaskKind.MULTI_LABEL:
        np.testing.assert_allclose(found.sum(axis=1), 1, atol=1e-5)
    np.testing.assert_array_equal(fit.predict(data["test"].images()), found)
    scores = fit.predict(data["val"])
    assert outcome.value == pytest.approx(auc(task, data["val"].targets, scores))
    assert outcome.value == max(each["auc"] for each in outcome.history)
    assert any(outcome.choice.items() <= each.items() for each in outcome.history)
    again = EstimatorFit(assigned(dataset, model, tmp_path)).run(data)
    assert (again.choice, again.value, again.history) == (
        *(outcome.choice, outcome.value, outcome.history),
    )
    if model == "knn":
        return
    np.testing.assert_array_equal(
        EstimatorFit(assigned(dataset, model, tmp_path)).predict(data["test"]), found
    )
    assert [each.name for each in sorted((tmp_path / "run").iterdir())] == [KEPT]


def test_the_metric_of_the_protocol_chooses(tmp_path: Path) -> None:
    protocol = find_protocol("medmnist-28")
    by_acc = protocol.model_copy(
        update={"selection": protocol.selection.model_copy(update={"metric": "acc"})}
    )
    data = open_splits("phantom-rgb-multi-class")
    asked = assigned("phantom-rgb-multi-class", "knn", tmp_path, protocol=by_acc)
    fit = EstimatorFit(asked)
    outcome = fit.run(data)
    assert outcome.value == max(each["acc"] for each in outcome.history)
    assert outcome.value == acc(data["val"].task, data["val"].targets, fit.predict(data["val"]))


def test_pixels_are_scaled_as_the_recipe_says() -> None:
    recipe = find_protocol("medmnist-28").data
    data = medshelf.load("phantom-grey-binary", "val")
    pixels = Pixels(data, recipe, "phantom-grey-binary")
    assert pixels.shape == (len(data), 28 * 28)
    rows = np.array([5, 2])
    expected = (data.images(rows).reshape(2, -1) / 255 - 0.5) / 0.5
    np.testing.assert_allclose(pixels[rows], expected, atol=1e-6)
    shown = medshelf.load("phantom-grey-binary", "val", as_rgb=True)
    np.testing.assert_array_equal(Pixels(shown, recipe, "x")[rows], pixels[rows])


def test_shapes_are_multiplied_by_the_factor_of_evaluation(tmp_path: Path) -> None:
    recipe = find_protocol("medmnist3d-28").data
    data = medshelf.load("phantom-3d-binary", "val")
    multiplied, plain = (
        Pixels(data, recipe, name)[:3] for name in ("adrenalmnist3d", "organmnist3d")
    )
    np.testing.assert_allclose(multiplied, plain / 2, atol=1e-6)
    assert plain.any()
    asked = replace(assigned("phantom-3d-binary", "majority", tmp_path), dataset="adrenalmnist3d")
    notes = EstimatorFit(asked).run(open_splits("phantom-3d-binary")).notes
    assert "the same shape factor for every volume, in training too" in notes


def test_enlarging_is_left_out_and_told(tmp_path: Path) -> None:
    protocol = find_protocol("medmnist-224-upsampled")
    asked = assigned("phantom-grey-binary", "majority", tmp_path, protocol=protocol)
    notes = EstimatorFit(asked).run(open_splits("phantom-grey-binary")).notes
    assert "pixels at the stored size of 28, not enlarged" in notes


@pytest.mark.parametrize("model", ["knn", "flaml"])
def test_what_is_not_kept_is_told(model: str, tmp_path: Path) -> None:
    fit = EstimatorFit(assigned("phantom-grey-binary", model, tmp_path))
    with pytest.raises(RunError, match=r"(?s)needs its training set.*logistic-regression"):
        fit.predict(medshelf.load("phantom-grey-binary", "test"))


def test_other_images_are_refused(tmp_path: Path) -> None:
    fit = EstimatorFit(assigned("phantom-grey-binary", "majority", tmp_path))
    fit.run(open_splits("phantom-grey-binary"))
    with pytest.raises(RunError, match=r"An image has 2352 values, those of .* have 784"):
        fit.predict(medshelf.load("phantom-rgb-binary", "test"))


def test_weights_are_refused(tmp_path: Path) -> None:
    asked = assigned("phantom-grey-binary", "majority", tmp_path, weights=tmp_path / "a.pt")
    with pytest.raises(RunError, match="cannot start from"):
        EstimatorFit(asked).run(open_splits("phantom-grey-binary"))


def test_a_selection_split_that_lacks_a_class_is_named(tmp_path: Path) -> None:
    data = open_splits("phantom-grey-binary")
    data["val"] = data["val"].filter("label == 'lesion'")
    with pytest.raises(MetricError, match="there is no negative sample"):
        EstimatorFit(assigned("phantom-grey-binary", "majority", tmp_path)).run(data)
    assert not (tmp_path / "run").exists()


def write(path: Path, **arrays: np.ndarray) -> None:
    np.savez(path, **arrays)


@pytest.mark.parametrize("damage", ["cut", "pickle", "compressed", "other task", "nothing"])
def test_a_damaged_file_is_refused(damage: str, tmp_path: Path) -> None:
    path = tmp_path / "run" / KEPT
    EstimatorFit(assigned("phantom-grey-binary", "logistic-regression", tmp_path)).run(
        open_splits("phantom-grey-binary")
    )
    arrays = dict(np.load(path))
    match damage:
        case "cut":
            path.write_bytes(path.read_bytes()[:500])
        case "pickle":
            write(path, **{**arrays, "weights": np.array([{1}, None], dtype=object)})
        case "compressed":
            np.savez_compressed(path, **arrays)
        case "other task":
            write(path, **{**arrays, "weights": np.zeros((784, 4)), "bias": np.zeros(4)})
        case _:
            path.unlink()
    fit = EstimatorFit(assigned("phantom-grey-binary", "logistic-regression", tmp_path))
    with pytest.raises(FormatError, match=r"(?s)estimator\.npz.*Move the folder away"):
        fit.predict(medshelf.load("phantom-grey-binary", "test"))


def test_flaml_gives_the_same_twice_and_keeps_quiet(capfd: pytest.CaptureFixture[str]) -> None:
    pytest.importorskip("lightgbm")
    pytest.importorskip("xgboost")
    from medshelf.benchmark.models.estimators import flaml

    search = make_search(TaskKind.MULTI_CLASS)
    np.random.seed(3)  # noqa: NPY002 - FLAML seeds it
    before = np.random.get_state()[1].tolist()  # noqa: NPY002
    with warnings.catch_warnings():
        warnings.simplefilter("error")
        (first,), (second,) = (flaml.candidates(search, 6) for _ in range(2))
    assert np.random.get_state()[1].tolist() == before  # noqa: NPY002
    assert first.choice == second.choice
    assert first.trials == second.trials
    np.testing.assert_array_equal(first.probabilities, second.probabilities)
    assert [each["trial"] for each in first.trials] == [1, 2, 3, 4, 5, 6]
    assert {each["learner"] for each in first.trials} == {"LGBM", "RandomForest", "ExtraTrees"}
    assert search.score(first.probabilities)["auc"] == max(each["auc"] for each in first.trials)
    (other,) = flaml.candidates(replace(search, seed=1), 6)
    assert other.trials != first.trials
    assert "".join(capfd.readouterr()) == ""


def test_flaml_leaves_classes_that_training_lacks_at_0() -> None:
    pytest.importorskip("lightgbm")
    pytest.importorskip("xgboost")
    from medshelf.benchmark.models.estimators import flaml

    search = make_search(TaskKind.MULTI_CLASS)
    seen = search.train.targets != 1
    train = Examples(search.train.values[seen], search.train.targets[seen])
    fewer = Search(search.task, train, search.selection, "auc", 0)
    (found,) = flaml.candidates(fewer, 3)
    assert found.probabilities.shape == (60, 4)
    assert not found.probabilities[:, 1].any()
    np.testing.assert_allclose(found.probabilities.sum(axis=1), 1, atol=1e-5)


@pytest.mark.parametrize("case", ["labels", "class", "memory"])
def test_what_flaml_cannot_do_is_refused(case: str, monkeypatch: pytest.MonkeyPatch) -> None:
    from medshelf.benchmark.models.estimators import flaml

    search, message = make_search(TaskKind.BINARY), "one class only"
    if case == "labels":
        search, message = make_search(TaskKind.MULTI_LABEL), "this task has several"
    elif case == "memory":
        monkeypatch.setattr(flaml, "MOST_BYTES", 100)
        message = "The pixels take"
    else:
        search.train.targets[:] = 1
    with pytest.raises(RunError, match=message):
        next(flaml.candidates(search))


def test_real_images(real_data: Path, tmp_path: Path) -> None:
    data = {
        split: medshelf.load("breastmnist", split, root=real_data)
        for split in ("train", "val", "test")
    }
    asked = assigned("phantom-grey-binary", "knn", tmp_path, task=data["train"].task)
    fit = EstimatorFit(asked)
    outcome = fit.run(data)
    assert outcome.choice == {"neighbours": 3}
    found = auc(data["test"].task, data["test"].targets, fit.predict(data["test"]))
    assert 0.76 < found < 0.80

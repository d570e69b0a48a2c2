"""Metrics, result files and dummy predictions, beside the peer's."""

from __future__ import annotations

from pathlib import Path
from types import ModuleType
from typing import Any

import numpy as np
import pytest

from medshelf.compat import medmnist as ours
from medshelf.core.errors import FormatError, MedshelfError, MetricError, UnknownNameError
from tests.compat.medmnist_sets import write_labels, write_set

N = 60
FLAGS = ("breastmnist", "pathmnist", "chestmnist", "retinamnist", "organmnist3d")


def make_scores(flag: str, seed: int = 0, dtype: type = np.float64) -> np.ndarray:
    """Random scores with ties, in every column that the set has."""
    n_columns = 2 if flag == "breastmnist" else len(ours.INFO[flag]["label"])
    scores = np.random.default_rng(seed).integers(0, 21, (N, n_columns)) / 20
    return scores.astype(dtype)


def close(value: float) -> Any:
    return pytest.approx(value, rel=0, abs=1e-12)


def assert_same_metrics(
    peer: ModuleType, truth: np.ndarray, scores: np.ndarray, task: str, **options: Any
) -> None:
    assert ours.getAUC(truth, scores, task) == close(peer.evaluator.getAUC(truth, scores, task))
    theirs = peer.evaluator.getACC(truth, scores, task, **options)
    assert ours.getACC(truth, scores, task, **options) == close(theirs)


@pytest.mark.parametrize("flag", FLAGS)
@pytest.mark.parametrize("dtype", [np.float64, np.float32])
def test_metrics_are_the_peers(peer: ModuleType, root: Path, flag: str, dtype: type) -> None:
    write_labels(root, flag, N)
    mine, theirs = (each.Evaluator(flag, "test", root=root) for each in (ours, peer))
    np.testing.assert_array_equal(mine.labels, theirs.labels)
    assert mine.labels.dtype == theirs.labels.dtype
    for seed in range(5):
        scores = make_scores(flag, seed, dtype)
        found, expected = mine.evaluate(scores), theirs.evaluate(scores)
        assert found._fields == expected._fields
        assert tuple(found) == (close(expected.AUC), close(expected.ACC))
        assert type(found).__name__ == type(expected).__name__
    assert ours.INFO[flag] is mine.info
    assert (mine.flag, mine.split, mine.size, mine.size_flag, mine.root) == (
        theirs.flag,
        theirs.split,
        theirs.size,
        theirs.size_flag,
        theirs.root,
    )


@pytest.mark.parametrize("flag", ["breastmnist", "adrenalmnist3d"])
@pytest.mark.parametrize("split", ["train", "val", "test"])
def test_metrics_on_the_real_labels_are_the_peers(
    peer: ModuleType, real_data: Path, flag: str, split: str
) -> None:
    mine, theirs = (each.Evaluator(flag, split, root=real_data) for each in (ours, peer))
    scores = np.random.default_rng(1).random((len(mine.labels), 2)).round(2)
    assert tuple(mine.evaluate(scores)) == tuple(map(close, theirs.evaluate(scores)))


SHAPES = {
    "as they are": lambda truth, scores: (truth, scores),
    "flat labels": lambda truth, scores: (truth.squeeze(), scores),
    "more axes": lambda truth, scores: (truth[None], scores[None, :, :, None]),
    "float labels": lambda truth, scores: (truth.astype(float), scores),
    "integer scores": lambda truth, scores: (truth, (scores * 20).astype(int)),
    "logits": lambda truth, scores: (truth, (scores - 0.5) * 30),
}


@pytest.mark.parametrize("flag", FLAGS)
@pytest.mark.parametrize("shape", SHAPES)
def test_every_shape_that_the_peer_takes(
    peer: ModuleType, root: Path, flag: str, shape: str
) -> None:
    truth, scores = SHAPES[shape](write_labels(root, flag, N), make_scores(flag))
    assert_same_metrics(peer, truth, scores, ours.INFO[flag]["task"])


@pytest.mark.parametrize("width", [0, 1, 2, 3])
def test_of_binary_scores_the_last_column_counts(peer: ModuleType, width: int) -> None:
    random = np.random.default_rng(2)
    scores = random.random((N, width) if width else N)
    assert_same_metrics(peer, np.arange(N)[:, None] % 2, scores, "binary-class")


@pytest.mark.parametrize("threshold", [0, 0.3, 0.5, 0.75, 1])
@pytest.mark.parametrize("flag", ["breastmnist", "chestmnist", "pathmnist"])
def test_every_threshold(peer: ModuleType, root: Path, flag: str, threshold: float) -> None:
    truth, scores = write_labels(root, flag, N), make_scores(flag)
    assert_same_metrics(peer, truth, scores, ours.INFO[flag]["task"], threshold=threshold)


def test_a_threshold_for_each_label(peer: ModuleType, root: Path) -> None:
    truth, scores = write_labels(root, "chestmnist", N), make_scores("chestmnist")
    task = ours.INFO["chestmnist"]["task"]
    assert_same_metrics(peer, truth, scores, task, threshold=np.linspace(0, 1, 14))


def test_tensors_are_taken(root: Path) -> None:
    torch = pytest.importorskip("torch")
    write_labels(root, "pathmnist", N)
    evaluator = ours.Evaluator("pathmnist", "test", root=root)
    scores = make_scores("pathmnist")
    assert evaluator.evaluate(torch.from_numpy(scores)) == evaluator.evaluate(scores)


@pytest.mark.parametrize(
    ("flag", "shape"),
    [
        ("pathmnist", (N, 8)),
        ("pathmnist", (N, 10)),
        ("pathmnist", (N,)),
        ("pathmnist", (N - 1, 9)),
        ("chestmnist", (N, 13)),
        ("retinamnist", (N, 1)),
        ("breastmnist", (N, 3)),
        ("breastmnist", (N + 1, 2)),
        ("breastmnist", ()),
    ],
)
def test_no_class_and_no_sample_is_left_out(root: Path, flag: str, shape: tuple[int, ...]) -> None:
    write_labels(root, flag, N)
    evaluator = ours.Evaluator(flag, "test", root=root)
    with pytest.raises(AssertionError, match=r"Scores have the shape .*'test' needs") as caught:
        evaluator.evaluate(np.random.default_rng(0).random(shape))
    assert isinstance(caught.value, MetricError)


@pytest.mark.parametrize(
    ("truth", "scores", "task"),
    [
        (np.arange(N) % 5, np.ones((N, 4)), "multi-class"),
        (np.arange(N) % 5, np.ones((N, 6)), "ordinal-regression"),
        (np.eye(N)[:, :3], np.ones((N, 2)), "multi-label, binary-class"),
        (np.eye(N)[:, :2], np.ones((N, 3)), "multi-label, binary-class"),
        (np.arange(N) % 3, np.ones(N), "binary-class"),
        (np.zeros(N), np.ones(N), "binary-class"),
        (np.arange(N) % 2, np.full(N, np.nan), "binary-class"),
        (np.arange(N) % 2, np.ones(N), "multi-class"),
        (np.arange(2) % 2, np.ones((1, 2)), "multi-class"),
    ],
)
def test_the_function_refuses_what_has_no_auc(
    truth: np.ndarray, scores: np.ndarray, task: str
) -> None:
    with pytest.raises(MetricError):
        ours.getAUC(truth, scores, task)


def test_too_few_columns_are_counted_against_the_labels() -> None:
    for function in (ours.getAUC, ours.getACC):
        with pytest.raises(MetricError, match=r"shape \(60, 4\), the labels need \(60, 5\)"):
            function(np.arange(N) % 5, np.ones((N, 4)), "multi-class")


def test_an_unknown_task_is_not_taken_for_multi_class() -> None:
    for function in (ours.getAUC, ours.getACC):
        with pytest.raises(UnknownNameError, match="binary-class"):
            function(np.arange(N) % 2, np.ones((N, 2)), "binary")


@pytest.mark.parametrize("flag", FLAGS)
def test_a_dummy_prediction_can_be_evaluated(peer: ModuleType, root: Path, flag: str) -> None:
    labels = write_labels(root, flag, N)
    evaluator = ours.Evaluator(flag, "test", root=root)
    np.random.seed(3)  # noqa: NPY002 - the generator that both draw from
    dummy = evaluator.get_dummy_prediction()
    evaluator.evaluate(dummy)
    if ours.INFO[flag]["task"].endswith("binary-class"):
        np.random.seed(3)  # noqa: NPY002
        theirs = peer.Evaluator(flag, "test", root=root).get_dummy_prediction()
        np.testing.assert_array_equal(dummy, theirs)
    else:
        assert dummy.shape == (N, labels.max() + 1)
        np.testing.assert_allclose(dummy.sum(axis=1), 1)


@pytest.mark.parametrize("size", [None, 28, 64])
@pytest.mark.parametrize("run", [3, "model1", 0, "", "a@b"])
def test_result_files_are_named_as_the_peers(
    peer: ModuleType, root: Path, size: int | None, run: object
) -> None:
    write_set(root, "breastmnist", size or 28)
    mine, theirs = (each.Evaluator("breastmnist", "val", size, root) for each in (ours, peer))
    for values in ((0.5, 1.0), (0.12345, 0.98765), (0.0005, 0.0015)):
        name = mine.get_standard_evaluation_filename(ours.evaluator.Metrics(*values), run)
        metrics = peer.evaluator.Metrics(*values)
        assert name == theirs.get_standard_evaluation_filename(metrics, run)


def test_the_time_tells_runs_apart(root: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    write_set(root, "breastmnist")
    monkeypatch.setattr("time.time", lambda: 1700000000.25)
    evaluator = ours.Evaluator("breastmnist", "val", root=root)
    name = evaluator.get_standard_evaluation_filename(ours.evaluator.Metrics(0.5, 0.25))
    assert name == "breastmnist_val_[AUC]0.500_[ACC]0.250@1700000000.25.csv"


def test_the_result_file_is_the_layouts(root: Path, tmp_path: Path) -> None:
    write_labels(root, "breastmnist", 3)
    evaluator = ours.Evaluator("breastmnist", "test", root=root)
    scores = np.array([[0.1], [1e-5], [1.0]], np.float32)
    evaluator.evaluate(scores, save_folder=tmp_path / "made", run=3)
    (path,) = (tmp_path / "made").iterdir()
    assert path.name.startswith("breastmnist_test_[AUC]")
    assert path.name.endswith("@3.csv")
    assert path.read_bytes() == b"0,0.1\n1,1e-05\n2,1.0\n"


@pytest.mark.parametrize("flag", FLAGS)
@pytest.mark.parametrize("dtype", [np.float64, np.float32])
def test_the_result_file_is_the_peers(
    peer: ModuleType, root: Path, tmp_path: Path, flag: str, dtype: type
) -> None:
    pytest.importorskip("pandas")
    write_labels(root, flag, N)
    scores = np.random.default_rng(8).normal(0.5, 0.1, make_scores(flag).shape).astype(dtype) ** 9
    written = []
    for name, module in (("mine", ours), ("theirs", peer)):
        folder = tmp_path / name
        folder.mkdir()
        module.Evaluator(flag, "test", root=root).evaluate(scores, folder, "r1")
        (path,) = folder.iterdir()
        written.append((path.name, path.read_bytes()))
    assert written[0] == written[1]


@pytest.mark.parametrize("size", [28, 64])
@pytest.mark.parametrize(
    ("ending", "run"),
    [("@7.csv", "7"), ("_anything_[AUC]0.1@1700000000.25.csv", "1700000000.25"), ("@a@b.csv", "b")],
)
def test_a_result_file_is_parsed_and_written_anew(
    root: Path,
    tmp_path: Path,
    capsys: pytest.CaptureFixture[str],
    size: int,
    ending: str,
    run: str,
) -> None:
    write_set(root, "breastmnist", size)
    evaluator = ours.Evaluator("breastmnist", "test", size, root)
    scores = np.linspace(0.1, 0.9, len(evaluator.labels))
    lines = [f"{index},{score}\n" for index, score in enumerate(scores)]
    part = "" if size == 28 else f"_{size}"
    path = tmp_path / f"breastmnist{part}_test{ending}"
    path.write_text("".join(reversed(lines)))
    found = ours.Evaluator.parse_and_evaluate(str(path), root=root)
    assert found == evaluator.evaluate(scores)
    assert capsys.readouterr().out == f"{found}\n"
    name = evaluator.get_standard_evaluation_filename(found, run)
    assert (tmp_path / name).read_text() == "".join(lines)
    ours.Evaluator.parse_and_evaluate(path, "mine", root)
    assert (tmp_path / evaluator.get_standard_evaluation_filename(found, "mine")).is_file()


@pytest.mark.parametrize(
    "name", ["breastmnist_test.csv", "breastmnist_dev@1.csv", "x.csv", "breastmnist_x_test@1.csv"]
)
def test_names_that_do_not_say_what_they_are(root: Path, tmp_path: Path, name: str) -> None:
    write_set(root, "breastmnist")
    path = tmp_path / name
    path.write_text("0,0.5\n")
    with pytest.raises((ValueError, AssertionError), match=name.replace(".", r"\.")) as caught:
        ours.Evaluator.parse_and_evaluate(path, root=root)
    assert isinstance(caught.value, FormatError)


@pytest.mark.parametrize("text", ["", "0,0.1\n0,0.2\n", "1,0.1\n2,0.2\n", "0,a\n1,b\n"])
def test_result_files_with_missing_samples_are_refused(
    root: Path, tmp_path: Path, text: str
) -> None:
    write_set(root, "breastmnist")
    path = tmp_path / "breastmnist_test@1.csv"
    path.write_text(text)
    with pytest.raises(MedshelfError):
        ours.Evaluator.parse_and_evaluate(path, root=root)
    assert list(tmp_path.glob("*AUC*")) == []


def test_save_results_writes_what_it_promises(tmp_path: Path) -> None:
    path = tmp_path / "results.csv"
    truth, scores = np.array([[1, 0], [0, 1]]), np.array([[0.5, 0.25, 1], [0.125, 1e-7, 0]])
    with pytest.warns(DeprecationWarning, match=r"Evaluator\.evaluate"):
        ours.save_results(truth, scores, path)
    assert path.read_bytes() == (
        b"\xef\xbb\xbfid,true_0,true_1,score_0,score_1,score_2\n"
        b"0,1,0,0.5,0.25,1.0\n"
        b"1,0,1,0.125,1e-07,0.0\n"
    )
    with pytest.warns(DeprecationWarning, match="Evaluator"):
        ours.save_results(np.array([3, 4]), scores, path)
    assert path.read_text("utf-8-sig").splitlines()[1] == "0,3,0.5,0.25,1.0"
    with (
        pytest.warns(DeprecationWarning, match="Evaluator"),
        pytest.raises(MetricError, match="1 rows of labels and 2 of scores"),
    ):
        ours.save_results(truth[:1], scores, path)

"""`Evaluator`, `getAUC`, `getACC`, `save_results`: the official metrics and result files."""

from __future__ import annotations

import os
import re
import time
import warnings
from pathlib import Path
from typing import Any, NamedTuple, Self

import numpy as np

from medshelf.benchmark import metrics
from medshelf.benchmark.result_file import read_scores
from medshelf.compat.medmnist import files
from medshelf.compat.medmnist.arrays import read_labels
from medshelf.compat.medmnist.errors import ResultNameError, ScoresError
from medshelf.compat.medmnist.info import DEFAULT_ROOT, INFO, task_kind
from medshelf.core.errors import MetricError
from medshelf.core.files import write_text
from medshelf.core.tasks import Task, TaskKind

__all__ = ["DEFAULT_ROOT", "INFO", "Evaluator", "Metrics", "getACC", "getAUC", "save_results"]

_NAME = re.compile(r"(?P<flag>[^_]*)_(?:(?P<size>[^_]*)_)??(?P<split>train|val|test)")
_MATRIX_AXES = 2


class Metrics(NamedTuple):
    """Area under the ROC curve, and accuracy."""

    AUC: float
    ACC: float


class Evaluator:
    """Scores predictions against the labels of one split.

    Attributes:
        labels: Integers (N, 1), or (N, K) of 0 and 1.
        info: The entry of `INFO`.
    """

    def __init__(
        self,
        flag: str,
        split: str,
        size: int | None = None,
        root: str | os.PathLike[str] | None = DEFAULT_ROOT,
    ) -> None:
        """Read the labels of a split.

        Args:
            flag: Catalog id, e.g. `breastmnist`.
            split: train, val or test.
            size: Edge length of the images; None is 28.
            root: Folder that holds the file.

        Raises:
            RootError: The root does not exist.
            MissingFileError: The file is not there.
            SplitError: There is no such split.
            FormatError: The file is damaged.
        """
        self.flag = flag
        self.split = split
        self.size = 28 if size is None else size
        self.size_flag = files.size_flag(self.size)
        self.root = files.check_root(root)
        path = files.find_file(self.root, flag, self.size_flag)
        self.info = INFO[flag]
        files.check_split(split)
        self.labels = read_labels(path, split)

    def evaluate(
        self,
        y_score: Any,
        save_folder: str | os.PathLike[str] | None = None,
        run: object = None,
    ) -> Metrics:
        """Return AUC and ACC of the scores.

        Args:
            y_score: One row per sample in the order of the split, one column per class; for a
                binary set also (N,) or (N, 1).
            save_folder: Also write the scores there, as a standard result file.
            run: What tells the file from others; the time by default.

        Raises:
            ScoresError: There are more or fewer rows or columns than samples and classes.
            MetricError: The metrics are not defined for these scores or labels.
        """
        y_score = np.asarray(y_score)
        self._check_shape(y_score)
        task = self.info["task"]
        found = Metrics(getAUC(self.labels, y_score, task), getACC(self.labels, y_score, task))
        if save_folder is not None:
            name = self.get_standard_evaluation_filename(found, run)
            _write_scores(Path(save_folder) / name, y_score)
        return found

    def get_standard_evaluation_filename(self, metrics: Any, run: object = None) -> str:
        """Return the name of the result file: set, split, metrics to 3 digits, run.

        Args:
            metrics: A named tuple of numbers.
            run: As for `evaluate`.
        """
        values = metrics._asdict().items()
        stated = "_".join(f"[{name}]{value:.3f}" for name, value in values)
        stamp = time.time() if run is None else run
        return f"{self.flag}{self.size_flag}_{self.split}_{stated}@{stamp}.csv"

    def get_dummy_prediction(self) -> np.ndarray:
        """Return random scores of the right shape, from NumPy's global generator."""
        n_samples, n_labels = self.labels.shape
        kind = task_kind(self.info["task"])
        if kind in {TaskKind.BINARY, TaskKind.MULTI_LABEL}:
            return np.random.rand(n_samples, n_labels)  # noqa: NPY002 - whose seed scripts set
        scores = np.random.rand(n_samples, len(self.info["label"]))  # noqa: NPY002
        return scores / scores.sum(axis=-1, keepdims=True)

    @classmethod
    def parse_and_evaluate(
        cls,
        path: str | os.PathLike[str],
        run: object = None,
        root: str | os.PathLike[str] | None = DEFAULT_ROOT,
    ) -> Metrics:
        """Score a result file, print the metrics, and write the standard file beside it.

        Args:
            path: A file whose name begins with `{flag}_{split}` or `{flag}_{size}_{split}`.
            run: For the standard file's name; what follows the last `@` by default.
            root: Folder that holds the dataset's file.

        Raises:
            ResultNameError: The name does not begin so, or has no run and none is given.
            FormatError: The file's content breaks the form.
            ScoresError: As for `evaluate`.
        """
        path = Path(path)
        evaluator, named_run = cls._from_name(path, root)
        if run is None and named_run is None:
            reason = "the name does not end in '@' and a run"
            raise ResultNameError(path, reason, "Rename the file, or pass `run`")
        scores = read_scores(path)
        found = evaluator.evaluate(scores, path.parent, named_run if run is None else run)
        print(found)  # noqa: T201 - as the peer does, and its command shows nothing else
        return found

    @classmethod
    def _from_name(cls, path: Path, root: str | os.PathLike[str] | None) -> tuple[Self, str | None]:
        match = _NAME.match(path.name)
        if match is None or not (match["size"] or "28").isdecimal():
            reason = "the name does not begin with {flag}_{split} or {flag}_{size}_{split}"
            raise ResultNameError(path, reason, "Rename the file")
        size = int(match["size"]) if match["size"] else None
        _, marked, rest = path.name.rpartition("@")
        run = rest.removesuffix(".csv") if marked else None
        return cls(match["flag"], match["split"], size=size, root=root), run

    def _check_shape(self, y_score: np.ndarray) -> None:
        n_samples, n_classes = len(self.labels), len(self.info["label"])
        shape = y_score.squeeze().shape
        wanted: list[tuple[int, ...]] = [(n_samples, n_classes)]
        if task_kind(self.info["task"]) is TaskKind.BINARY:
            wanted.append((n_samples,))
        if y_score.shape[:1] != (n_samples,) or (n_samples > 1 and shape not in wanted):
            listed = " or ".join(str(each) for each in wanted)
            problem = f"Scores have the shape {y_score.shape}, split {self.split!r} needs {listed}"
            raise ScoresError(problem, "Give one row per sample and one column per class")


def getAUC(y_true: Any, y_score: Any, task: str) -> float:  # noqa: N802 - the peer's name
    """Return the area under the ROC curve, the mean over classes or labels.

    Args:
        y_true: Class codes (N,) or (N, 1); multi-label 0/1 (N, K). Axes of length 1 are dropped.
        y_score: (N, K); for a binary task also (N,), else its last column counts.
        task: As in `INFO`.

    Raises:
        MetricError: Shapes that do not fit, NaN, or a class without positives or negatives.
    """
    return metrics.auc(*_prepared(y_true, y_score, task))


def getACC(y_true: Any, y_score: Any, task: str, threshold: Any = 0.5) -> float:  # noqa: N802
    """Return the accuracy: of the highest score, or of scores above `threshold`.

    Args:
        y_true: As for `getAUC`.
        y_score: As for `getAUC`.
        task: As in `INFO`.
        threshold: For binary and multi-label tasks; a number, or one per label.

    Raises:
        MetricError: Shapes that do not fit, or NaN.
    """
    kind, truth, scores = _prepared(y_true, y_score, task)
    if kind.kind in {TaskKind.MULTI_CLASS, TaskKind.ORDINAL}:
        return metrics.acc(kind, truth, scores)
    truth, scores = metrics.checked(kind, truth, scores)
    if kind.kind is TaskKind.BINARY:
        scores = scores[:, -1]
    return float(((scores > threshold) == truth).mean())


def save_results(y_true: Any, y_score: Any, outputpath: str | os.PathLike[str]) -> None:
    """Write labels and scores side by side; deprecated, `Evaluator.evaluate` writes scores.

    Args:
        y_true: (N,) or (N, K).
        y_score: (N, K).
        outputpath: CSV with a header, UTF-8 with a byte order mark.

    Raises:
        MetricError: There are more labels than scores, or fewer.
    """
    warnings.warn("Use Evaluator.evaluate(..., save_folder)", DeprecationWarning, stacklevel=2)
    columns = {"true": _as_matrix(y_true), "score": _as_matrix(y_score)}
    if len(columns["true"]) != len(columns["score"]):
        n_true, n_score = (len(values) for values in columns.values())
        problem = f"There are {n_true} rows of labels and {n_score} of scores"
        raise MetricError(problem, "Give one row per sample in both")
    names = [f"{kind}_{n}" for kind, values in columns.items() for n in range(values.shape[1])]
    rows = zip(*(values.astype(str).tolist() for values in columns.values()), strict=True)
    lines = [f"{index},{','.join((*true, *score))}" for index, (true, score) in enumerate(rows)]
    text = "\n".join((",".join(("id", *names)), *lines, ""))
    write_text(Path(outputpath), f"\ufeff{text}")


def _prepared(y_true: Any, y_score: Any, task: str) -> tuple[Task, np.ndarray, np.ndarray]:
    """Drop axes of length 1 and name as many classes as labels and scores show."""
    truth, scores = np.asarray(y_true).squeeze(), np.asarray(y_score).squeeze()
    kind = task_kind(task)
    n_columns = scores.shape[1] if scores.ndim == _MATRIX_AXES else 0
    if kind is TaskKind.BINARY:
        n_classes = 2
        scores = scores[:, -1] if n_columns else scores
    elif kind is TaskKind.MULTI_LABEL:
        n_classes = truth.shape[1] if truth.ndim == _MATRIX_AXES else n_columns
    else:
        n_classes = max(n_columns, int(truth.max(initial=0)) + 1)
    return Task("", kind, tuple(str(code) for code in range(n_classes))), truth, scores


def _write_scores(path: Path, y_score: np.ndarray) -> None:
    rows = _as_matrix(y_score).astype(str).tolist()
    write_text(path, "".join(f"{index},{','.join(row)}\n" for index, row in enumerate(rows)))


def _as_matrix(values: Any) -> np.ndarray:
    array = np.asarray(values)
    return array.reshape(len(array), -1)

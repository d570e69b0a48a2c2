"""Score result files against the labels of their split."""

from __future__ import annotations

from dataclasses import dataclass, field
from functools import partial
from pathlib import Path

import numpy as np

from medshelf.api.opening import open_labelled
from medshelf.benchmark.result_file import ResultName, parse_name, read_scores
from medshelf.benchmark.scores import Scores, score
from medshelf.core.errors import FormatError
from medshelf.core.manifest import Meta


@dataclass(frozen=True, slots=True)
class Evaluation:
    """A scored result file.

    Attributes:
        name: What the file's name says.
        y_score: What the file holds, float64 (N, K).
        scores: What its scores are.
        labels: Where the labels come from.
    """

    name: ResultName
    y_score: np.ndarray = field(repr=False, compare=False)
    scores: Scores
    labels: Meta

    @property
    def modified(self) -> bool:
        """Whether the labels come from files that are not the published ones."""
        return self.labels.modified

    @property
    def name_agrees(self) -> bool:
        """Whether the metrics in the name are the ones computed, to the digits printed."""
        stated = (self.name.auc, self.name.acc)
        computed = (self.scores.auc.value, self.scores.acc.value)
        return all(
            told is None or f"{told:.3f}" == f"{found:.3f}"
            for told, found in zip(stated, computed, strict=True)
        )


def evaluate(
    path: str | Path, *, root: str | Path | None = None, allow_modified: bool = False
) -> Evaluation:
    """Score a result file in the standard naming against the labels of its split.

    Args:
        path: E.g. `breastmnist_test_[AUC]0.901_[ACC]0.863@run1.csv`.
        root: As for `load`.
        allow_modified: As for `load`.

    Raises:
        FormatError: The name or the content breaks the form, or is not of all samples.
        MetricError: The scores do not fit the split.
        NotFetchedError: The dataset's labels are not at hand.
    """
    path = Path(path)
    name = parse_name(path)
    y_score = read_scores(path)
    opened = partial(
        open_labelled, name.dataset, size=int(name.size), root=root, allow_modified=allow_modified
    )
    truth = opened(name.split)
    if len(y_score) != len(truth):
        problem = f"there are scores of {len(y_score)} samples, {name.split} has {len(truth)}"
        raise FormatError(path, problem, "Write one line per sample of the split")
    scores = score(truth.task, truth.targets, y_score, y_train=opened("train").targets)
    return Evaluation(name, y_score, scores, truth.manifest.meta)

"""Score result files against the labels of their split."""

from __future__ import annotations

from dataclasses import dataclass
from functools import partial
from pathlib import Path

from medshelf.api.opening import open_labelled
from medshelf.benchmark.result_file import ResultName, parse_name, read_scores
from medshelf.benchmark.scores import Scores, score


@dataclass(frozen=True, slots=True)
class Evaluation:
    """A scored result file.

    Attributes:
        name: What the file's name says.
        scores: What its scores are.
        modified: The labels come from files that are not the published ones.
    """

    name: ResultName
    scores: Scores
    modified: bool

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
        FormatError: The name or the content breaks the form.
        MetricError: The scores do not fit the split.
        NotFetchedError: The dataset's labels are not at hand.
    """
    name = parse_name(Path(path))
    y_score = read_scores(Path(path))
    opened = partial(
        open_labelled, name.dataset, size=int(name.size), root=root, allow_modified=allow_modified
    )
    truth = opened(name.split)
    scores = score(truth.task, truth.targets, y_score, y_train=opened("train").targets)
    return Evaluation(name, scores, truth.manifest.meta.modified)

"""Charts of predictions: ROC, reliability, confusion matrix."""

from __future__ import annotations

from collections.abc import Mapping

import numpy as np

from medshelf.benchmark.explaining.classes import confusion_matrix
from medshelf.benchmark.metrics import class_aucs, one_against_rest, roc_curve
from medshelf.benchmark.scores import reliability
from medshelf.core.tasks import Task, TaskKind
from medshelf.report.charts.heatmap import Names, heat_map
from medshelf.report.charts.lines import Series, line_chart
from medshelf.report.charts.scale import Axis
from medshelf.report.charts.svg import Chart

_UNIT = (0, 1)


def roc_chart(task: Task, y_true: np.ndarray, y_score: np.ndarray) -> Chart:
    """Draw the ROC curve of each class, from `metrics.checked` labels and scores.

    Raises:
        MetricError: A class has no positive or no negative sample.
    """
    positive, scores = one_against_rest(task, y_true, y_score)
    shown = task.classes[-1:] if task.kind is TaskKind.BINARY else task.classes
    curves = [
        Series(f"{name} (AUC {area:.3f})", *roc_curve(positive[:, code], scores[:, code]))
        for code, (name, area) in enumerate(
            zip(shown, class_aucs(task, y_true, y_score), strict=True)
        )
    ]
    axes = (Axis("false positive rate", *_UNIT), Axis("true positive rate", *_UNIT))
    return line_chart("ROC", curves, *axes, diagonal="chance")


def reliability_chart(task: Task, y_true: np.ndarray, y_score: Mapping[str, np.ndarray]) -> Chart:
    """Draw stated confidence against the share that is right.

    Args:
        task: Kind and classes.
        y_true: Labels, from `metrics.checked`.
        y_score: Name of a curve to its scores, from `metrics.checked`.
    """
    curves = []
    for name, scores in y_score.items():
        bins = list(reliability(task, y_true, scores))
        stated, right = ([each[at] for each in bins] for at in (0, 1))
        curves.append(Series(name, stated, right, dots=True))
    axes = (Axis("stated confidence", *_UNIT), Axis("share that is right", *_UNIT))
    return line_chart("Reliability", curves, *axes, diagonal="perfect")


def confusion_chart(task: Task, y_true: np.ndarray, y_score: np.ndarray) -> Chart:
    """Draw true against predicted classes, from `metrics.checked`; not for multi-label tasks."""
    names = (Names("True", task.classes), Names("Predicted", task.classes))
    return heat_map("Confusion matrix", confusion_matrix(task, y_true, y_score), *names)

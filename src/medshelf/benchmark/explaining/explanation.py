"""Everything that is explained of one run on one split."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import asdict, dataclass
from typing import TYPE_CHECKING, Any

import numpy as np

from medshelf.benchmark.calibration import Temperature, calibrated, fit_temperature
from medshelf.benchmark.explaining import classes
from medshelf.benchmark.explaining.classes import Case, ClassErrors, Confusion
from medshelf.benchmark.explaining.subgroups import ATTRIBUTES, Subgroups, subgroups
from medshelf.benchmark.metrics import checked
from medshelf.benchmark.protocol import Protocol
from medshelf.benchmark.result_file import read_scores
from medshelf.benchmark.runs import Run
from medshelf.benchmark.scores import calibration_error, reliability
from medshelf.core.errors import UnknownNameError
from medshelf.core.tasks import Task

if TYPE_CHECKING:
    from medshelf.benchmark.fits.fit import Fit
    from medshelf.dataset.labelled_images import LabelledImages

N_MISTAKES, N_CONFUSIONS, N_LOOKED_AT = 21, 10, 6

Bin = tuple[float, float, int]
"""Mean confidence, share that is right, number of predictions."""


@dataclass(frozen=True, slots=True)
class Calibration:
    """How far stated probabilities can be trusted, before and after temperature scaling.

    Attributes:
        temperature: Fitted on the selection split.
        fitted_on: That split.
        error_before: Expected calibration error of the scores as they are.
        error_after: Of the calibrated ones.
        bins_before: What the error before is counted from.
        bins_after: What the error after is counted from.
    """

    temperature: Temperature
    fitted_on: str
    error_before: float
    error_after: float
    bins_before: list[Bin]
    bins_after: list[Bin]


@dataclass(frozen=True, slots=True)
class GradCam:
    """Where the network looked at some samples.

    Attributes:
        layer: Whose features were weighted; empty where there is no map.
        grid: Shape of these features.
        reason: Why there is no map.
        right: Some samples that are right, most confident first.
        wrong: Some mistakes, most confident first.
        maps: 0 to 1, first of `right`, then of `wrong`, float32 (n, *spatial); not in the JSON.
    """

    layer: str
    grid: tuple[int, ...]
    reason: str
    right: list[Case]
    wrong: list[Case]
    maps: np.ndarray | None = None


@dataclass(frozen=True, slots=True)
class Explanation:
    """What is explained; probabilities of cases are calibrated, scores those of the result file.

    Attributes:
        run: Name of the run.
        dataset: Catalog id of the samples.
        split: Which samples.
        n_samples: How many.
        task: Kind and classes.
        classes: Errors per class.
        confusions: Most frequent kinds of mistake.
        n_wrong: Samples with a mistake; of a multi-label task, in any label.
        mistakes: Most confident ones.
        calibration: Before and after temperature scaling.
        grad_cam: Where the network looks.
        subgroups: Scores of parts.
    """

    run: str
    dataset: str
    split: str
    n_samples: int
    task: Task
    classes: list[ClassErrors]
    confusions: list[Confusion]
    n_wrong: int
    mistakes: list[Case]
    calibration: Calibration
    grad_cam: GradCam
    subgroups: Subgroups

    def as_dict(self) -> dict[str, Any]:
        """Return plain values, for JSON."""
        values = asdict(self)
        del values["grad_cam"]["maps"]
        return values


def explain(found: Run, fit: Fit, data: Mapping[str, LabelledImages], split: str) -> Explanation:
    """Explain a finished run by its result files, and by its network where it has one.

    Args:
        found: The run.
        fit: From `runs.open_finished`.
        data: `split` and the selection split.
        split: Whose samples.

    Raises:
        FormatError: A result file or the weights are damaged.
        MetricError: A result file does not fit the labels.
    """
    dataset, task = data[split], data[split].task
    y_true, y_score = checked(task, dataset.targets, scores_of(found, split))
    temperature = temperature_of(found, data[found.selection["split"]])
    sure = calibrated(task, y_score, temperature.value)
    rows = dataset.manifest.frame.select("sample_id", *ATTRIBUTES).collect()
    ids = rows["sample_id"].to_list()
    wrong = classes.most_confident(task, y_true, sure, N_MISTAKES)
    right = classes.most_confident(task, y_true, sure, N_LOOKED_AT, right=True)
    return Explanation(
        run=found.spec.name,
        dataset=dataset.manifest.meta.dataset,
        split=split,
        n_samples=len(y_true),
        task=task,
        classes=classes.class_errors(task, y_true, y_score),
        confusions=classes.confusions(task, y_true, y_score, N_CONFUSIONS),
        n_wrong=classes.n_wrong(task, y_true, y_score),
        mistakes=classes.cases(task, y_true, sure, wrong, ids),
        calibration=_calibration(task, y_true, (y_score, sure), temperature, found),
        grad_cam=_looked_at(
            (found, fit),
            dataset,
            classes.cases(task, y_true, sure, right, ids),
            classes.cases(task, y_true, sure, wrong[:N_LOOKED_AT], ids),
        ),
        subgroups=subgroups(rows, task, y_true, y_score),
    )


def scores_of(found: Run, split: str) -> np.ndarray:
    """Return the scores of a split, float64 (N, K), from the run's result file.

    Raises:
        FormatError: The file is damaged.
        UnknownNameError: The run has scored no such split.
    """
    if split not in found.result_files:
        raise UnknownNameError("split of this run", split, found.result_files)
    return read_scores(found.folder / found.result_files[split])


def temperature_of(found: Run, selection: LabelledImages) -> Temperature:
    """Fit the temperature of a run.

    Args:
        found: The run.
        selection: Its selection split.

    Raises:
        FormatError: Its result file is damaged.
        MetricError: The result file does not fit the labels.
    """
    scores = scores_of(found, found.selection["split"])
    return fit_temperature(selection.task, selection.targets, scores)


def _calibration(
    task: Task,
    y_true: np.ndarray,
    scores: tuple[np.ndarray, np.ndarray],
    temperature: Temperature,
    found: Run,
) -> Calibration:
    before, after = (calibration_error(task, y_true, each) for each in scores)
    return Calibration(
        temperature,
        found.selection["split"],
        float(before or 0),
        float(after or 0),
        *(list(reliability(task, y_true, each)) for each in scores),
    )


def _looked_at(
    trained: tuple[Run, Fit], dataset: LabelledImages, right: list[Case], wrong: list[Case]
) -> GradCam:
    """Explain some samples by the network's features, or say why that cannot be done."""
    found, fit = trained
    if not hasattr(fit, "network"):
        reason = "The predictions come from no trained network, so there is nothing to look into"
        return GradCam("", (), reason, right, wrong)
    import torch

    from medshelf.benchmark.explaining.grad_cam import grad_cam
    from medshelf.benchmark.fits.inputs import Inputs

    cases = [*right, *wrong]
    images = dataset.images(np.array([each.row for each in cases], np.int64))
    recipe = Protocol.model_validate(found.protocol).data
    tensors = torch.cat(
        list(Inputs(recipe, len(cases), fit.device, found.spec.dataset).arrays(images))
    )
    size = images.shape[1 : 1 + recipe.dimensions]
    maps = grad_cam(fit.network(), tensors, [each.code for each in cases], size)
    if maps is None:
        reason = "The network has no convolution whose output is an image"
        return GradCam("", (), reason, right, wrong)
    return GradCam(maps.layer, maps.grid, "", right, wrong, maps.maps)

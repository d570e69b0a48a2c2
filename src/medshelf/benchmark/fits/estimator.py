"""Models that are fitted on pixels."""

from __future__ import annotations

import time
from collections.abc import Mapping
from importlib import import_module
from typing import Any

import numpy as np

from medshelf.benchmark.fits.choosing import (
    check_width,
    choose,
    read_predictor,
    search_of,
    write_predictor,
)
from medshelf.benchmark.fits.fit import Assignment, Cost, Outcome
from medshelf.benchmark.models.estimators import Predictor
from medshelf.benchmark.protocol import DataRecipe
from medshelf.core.errors import RunError
from medshelf.dataset.labelled_images import LabelledImages

KEPT = "estimator.npz"


class Pixels:
    """Stored images as rows of scaled pixels, made in blocks when asked for.

    Pixels are divided by 255, multiplied by the shape factor of evaluation where the recipe has one
    for the dataset, then normalised. Grey images have one channel here, whatever the recipe says.

    Args:
        images: A dataset, or uint8 (N, *spatial) or (N, *spatial, C).
        recipe: The protocol's.
        dataset: Catalog id of the training data.

    Attributes:
        shape: N, F.
    """

    def __init__(
        self, images: LabelledImages | np.ndarray, recipe: DataRecipe, dataset: str
    ) -> None:
        self._images = images
        self._n_axes = recipe.dimensions + 1
        grey = isinstance(images, LabelledImages) and images.meta.channels == 1
        self._kept_channels = slice(1) if grey else slice(None)
        shapes = recipe.shape_factor
        factor = shapes.evaluation if shapes and dataset in shapes.datasets else 1.0
        self._scale = np.float32(factor / 255 / recipe.std)
        self._shift = np.float32(-recipe.mean / recipe.std)
        n_values = int(np.prod(self._stored(slice(0, 1)).shape[1:], dtype=np.int64))
        self.shape = (len(images), n_values)

    def __getitem__(self, rows: Any, /) -> np.ndarray:
        """Return the rows of a slice or of an int64 array, float32 (n, F)."""
        part = self._stored(rows)
        return part.reshape(len(part), -1) * self._scale + self._shift

    def _stored(self, rows: Any) -> np.ndarray:
        held = self._images
        part = held[rows] if isinstance(held, np.ndarray) else held.images(rows)
        return part if part.ndim == self._n_axes else part[..., self._kept_channels]


class EstimatorFit:
    """A model of `models.estimators` on pixels at their stored size.

    What can be restored is kept in `estimator.npz`. An interrupted fit begins anew.
    """

    device = "cpu"

    def __init__(self, assignment: Assignment) -> None:
        self._asked = assignment
        self._module: Any = import_module(
            f"medshelf.benchmark.models.estimators.{assignment.model.replace('-', '_')}"
        )
        self._fitted: tuple[Predictor, int] | None = None

    def run(self, data: Mapping[str, LabelledImages]) -> Outcome:
        """Fit every candidate on the training split and keep the best on the selection split.

        Raises:
            MetricError: The selection split lacks a class.
            MissingExtraError: A package is not installed.
            RunError: The data or the settings are not for this model.
        """
        asked = self._asked
        if asked.weights is not None:
            problem = f"{asked.model!r} is fitted anew and cannot start from {asked.weights}"
            raise RunError(problem, "Leave the weights out, or choose a network")
        started = time.monotonic()
        search = search_of(data, asked.protocol.selection, asked.seed, self._pixels)
        chosen = choose(search, self._module.candidates(search))
        predictor, n_values = chosen.candidate.predictor, search.train.values.shape[1]
        self._fitted = predictor, n_values
        write_predictor(asked.folder / KEPT, predictor, n_values)
        cost = Cost(predictor.parameters, predictor.macs)
        return chosen.outcome(time.monotonic() - started, cost, self._notes())

    def predict(self, images: LabelledImages | np.ndarray) -> np.ndarray:
        """Return probabilities of the chosen model, float32 (N, K).

        Raises:
            FormatError: What was kept is damaged.
            RunError: The model is not kept and has not been fitted, or the images have another
                number of values.
        """
        predictor, n_values = self._fitted or self._restored()
        values = self._pixels(images)
        check_width(values, n_values, self._asked.dataset)
        return predictor.probabilities(values)

    def close(self) -> None:
        """Do nothing: nothing is left over."""

    def _pixels(self, images: LabelledImages | np.ndarray) -> Pixels:
        return Pixels(images, self._asked.protocol.data, self._asked.dataset)

    def _restored(self) -> tuple[Predictor, int]:
        restore = getattr(self._module, "restore", None)
        if restore is None:
            problem = f"{self._asked.model!r} needs its training set to predict, and none is kept"
            remedy = "Choose a run of a model that is kept, e.g. logistic-regression"
            raise RunError(problem, remedy)
        return read_predictor(self._asked.folder / KEPT, restore, self._asked.task)

    def _notes(self) -> list[str]:
        recipe, notes = self._asked.protocol.data, ["fitted on pixels, not trained over epochs"]
        if recipe.edge != recipe.size:
            notes.append(f"pixels at the stored size of {recipe.size}, not enlarged")
        if recipe.shape_factor and self._asked.dataset in recipe.shape_factor.datasets:
            notes.append("the same shape factor for every volume, in training too")
        return notes

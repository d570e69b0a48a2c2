"""Fits on frozen features: a linear probe or neighbours, on a network that is not trained.

The network is built from the run's seed; weights replace all of it but the last layer. Features
are made once for each split, without augmentation; an interrupted run makes them anew, which costs
one pass. A linear probe is standardised by the moments of the training features. A run keeps the
network (`network.safetensors`) and, of a linear probe, the probe (`probe.npz`).
"""

from __future__ import annotations

import logging
import time
from collections.abc import Iterable, Iterator, Mapping

import numpy as np
import torch
from torch import nn

from medshelf.benchmark.fits.choosing import choose, read_predictor, search_of, write_predictor
from medshelf.benchmark.fits.fit import Assignment, Cost, Outcome
from medshelf.benchmark.fits.inputs import Inputs
from medshelf.benchmark.fits.numerics import (
    check_precision,
    choose_device,
    numerics,
    require_repeatable_products,
)
from medshelf.benchmark.models import build_network, find_model
from medshelf.benchmark.models.cost import cost
from medshelf.benchmark.models.estimators import Candidate, Predictor, Search, knn
from medshelf.benchmark.models.estimators import logistic_regression as logistic
from medshelf.benchmark.models.features import features
from medshelf.benchmark.models.weights import describe, load_weights, write_weights
from medshelf.benchmark.protocol import LinearProbe, Neighbours
from medshelf.core.errors import RunError
from medshelf.dataset.labelled_images import LabelledImages

NETWORK, PROBE = "network.safetensors", "probe.npz"
_BATCH_SIZE = 128
_LOG = logging.getLogger(__name__)


class FrozenFeatures:
    """A linear probe or neighbours on the features of a network.

    The same seed, weights and device give the same numbers.
    """

    def __init__(self, assignment: Assignment) -> None:
        if find_model(assignment.model).kind != "network":
            problem = f"{assignment.model!r} has no features for {assignment.protocol.id!r}"
            raise RunError(problem, "Choose a network, e.g. resnet18")
        self._asked = assignment
        if assignment.deterministic:
            require_repeatable_products()
        self.device = choose_device(assignment.device)
        check_precision(self.device, assignment.precision)
        self._inputs = Inputs(
            assignment.protocol.data, _BATCH_SIZE, self.device, assignment.dataset
        )
        self._network: nn.Module | None = None
        self._predictor: Predictor | None = None

    def run(self, data: Mapping[str, LabelledImages]) -> Outcome:
        """Make features, fit every candidate on the training split, keep the best.

        Raises:
            FormatError: The weights cannot be read.
            MetricError: The selection split lacks a class.
            MissingExtraError: SciPy is not installed.
            RunError: The weights are of another network, or the network has no features.
        """
        asked, started = self._asked, time.monotonic()
        network = self._network = self._built()
        if asked.weights is not None:
            load_weights(network, asked.weights, head=False)
        search = search_of(data, asked.protocol.selection, asked.seed, self._features)
        chosen = choose(search, self._candidates(search))
        self._predictor = chosen.candidate.predictor
        n_features = search.train.values.shape[1]
        described = describe(asked.model, asked.protocol.id, asked.dataset, asked.task.classes)
        write_weights(network, asked.folder / NETWORK, described)
        write_predictor(asked.folder / PROBE, self._predictor, n_features)
        return chosen.outcome(time.monotonic() - started, self._cost(network), self._notes())

    def predict(self, images: LabelledImages | np.ndarray) -> np.ndarray:
        """Return probabilities of the chosen fit, float32 (N, K).

        Raises:
            FormatError: What was kept is damaged.
            RunError: Neighbours are asked for before `run`, which has the training set.
        """
        predictor = self._predictor or self._restored()
        return predictor.probabilities(self._features(images))

    def close(self) -> None:
        """Do nothing: nothing is left over."""

    def _candidates(self, search: Search) -> Iterator[Candidate]:
        fit = self._asked.protocol.fit
        if isinstance(fit, LinearProbe):
            return logistic.candidates(search, fit.strengths)
        assert isinstance(fit, Neighbours)  # noqa: S101 - open_fit chose by it
        return knn.candidates(search, fit.counts, cosine=True)

    def _features(self, images: LabelledImages | np.ndarray) -> np.ndarray:
        asked = self._asked
        if self._network is None:
            self._network = self._built()
            load_weights(self._network, asked.folder / NETWORK)
        bfloat16 = asked.precision == "bfloat16"
        with numerics(asked.precision, deterministic=asked.deterministic):
            return features(
                self._network, self._batches(images), asked.task.n_classes, bfloat16=bfloat16
            )

    def _batches(self, images: LabelledImages | np.ndarray) -> Iterable[torch.Tensor]:
        if isinstance(images, np.ndarray):
            return self._inputs.arrays(images)
        return (batch for batch, _ in self._inputs.evaluation(images))

    def _built(self) -> nn.Module:
        asked = self._asked
        with torch.random.fork_rng():
            torch.manual_seed(asked.seed)
            network = build_network(asked.model, asked.protocol, asked.task.n_classes)
        return network.to(self.device)

    def _restored(self) -> Predictor:
        asked = self._asked
        if isinstance(asked.protocol.fit, Neighbours):
            problem = f"A run of {asked.protocol.id!r} needs its training set, and none is kept"
            raise RunError(problem, "Choose a run of a linear-probe protocol")
        return read_predictor(asked.folder / PROBE, logistic.restore, asked.task)[0]

    def _cost(self, network: nn.Module) -> Cost:
        recipe = self._asked.protocol.data
        shape = (recipe.channels, *(recipe.edge,) * recipe.dimensions)
        return cost(network, shape)

    def _notes(self) -> list[str]:
        return [] if self._asked.weights else ["features of an untrained network"]

"""Ways from training data to probabilities, chosen by protocol and model."""

from __future__ import annotations

from medshelf.benchmark.fits.fit import Assignment, Fit
from medshelf.benchmark.models import find_model
from medshelf.core.errors import MissingExtraError


def open_fit(assignment: Assignment) -> Fit:
    """Return the fit that the protocol and the model ask for.

    Raises:
        MissingExtraError: What it needs is not installed.
    """
    try:
        if assignment.protocol.fit.kind != "training":
            from medshelf.benchmark.fits.frozen import FrozenFeatures

            return FrozenFeatures(assignment)
        if find_model(assignment.model).kind == "estimator":
            from medshelf.benchmark.fits.estimator import EstimatorFit

            return EstimatorFit(assignment)
        from medshelf.benchmark.fits.network import NetworkTraining
    except ModuleNotFoundError as error:
        raise MissingExtraError(str(error.name), "train") from error
    return NetworkTraining(assignment)

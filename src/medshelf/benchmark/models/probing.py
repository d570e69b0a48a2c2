"""Networks from elsewhere are tried before anything depends on them."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from typing import Any

import torch
from torch import nn

from medshelf.benchmark.models.evaluation import evaluating
from medshelf.benchmark.protocol import DataRecipe
from medshelf.core.errors import RunError

_N_PROBED = 2
_REMEDY = (
    "Choose a classifier for such images that gives one logit for each class, or a protocol with "
    "larger images"
)


def make(found: Callable[..., Any], known: Mapping[str, Any], name: str) -> nn.Module:
    """Call what makes a network.

    Raises:
        RunError: It fails, or returns something else.
    """
    try:
        network = found(**known)
    except Exception as error:
        given = ", ".join(f"{key}={value!r}" for key, value in known.items())
        raise RunError(
            f"Model {name!r} cannot be made with ({given}): {type(error).__name__}: {error}",
            "Name a network that needs nothing else, e.g. a function of your own around this one: "
            "package.module:callable",
        ) from error
    if not isinstance(network, nn.Module):
        problem = f"Model {name!r} is {type(network).__name__!r}, not a torch.nn.Module"
        raise RunError(problem, "Return a module that maps images to logits")
    return network


def probe(network: nn.Module, name: str, data: DataRecipe, n_outputs: int) -> nn.Module:
    """Try a network on a batch of zeros, on the CPU and in evaluation.

    Where it returns several things, the first is taken from now on.

    Raises:
        RunError: It fails, or does not give logits of (B, n_outputs).
    """
    images = torch.zeros(_N_PROBED, data.channels, *(data.edge,) * data.dimensions)
    shape = list(images.shape)
    try:
        with evaluating(network):
            logits = network(images)
    except Exception as error:
        problem = f"Model {name!r} fails on images {shape}: {type(error).__name__}: {error}"
        raise RunError(problem, _REMEDY) from error
    if isinstance(logits, tuple | list) and logits:
        network.register_forward_hook(_first)
        logits = logits[0]
    if not isinstance(logits, torch.Tensor) or logits.shape != (_N_PROBED, n_outputs):
        given = list(logits.shape) if isinstance(logits, torch.Tensor) else type(logits).__name__
        problem = f"Model {name!r} makes {given} of images {shape}, not {[_N_PROBED, n_outputs]}"
        raise RunError(problem, _REMEDY)
    return network


def _first(_module: nn.Module, _arguments: Any, outputs: Any) -> Any:
    return outputs[0]

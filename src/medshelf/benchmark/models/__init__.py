"""Models by name: networks, estimators, and whatever a user brings.

A family of models is a module in `families/`; nothing lists them.
"""

from __future__ import annotations

import importlib
from functools import cache
from pkgutil import iter_modules
from typing import TYPE_CHECKING, Any

from medshelf.benchmark.models import families
from medshelf.benchmark.models.model import Model
from medshelf.core.errors import RunError, UnknownNameError

if TYPE_CHECKING:
    from torch import nn

    from medshelf.benchmark.protocol import Protocol

__all__ = ["Model", "build_network", "find_model", "model_names"]


def model_names() -> list[str]:
    """Return the names of all models that are built in, sorted."""
    return sorted(name for family in _families() for name in family.names())


def find_model(name: str) -> Model:
    """Return what a model's name says, before any work is done.

    Whether a network from elsewhere (`monai:CLASS`, `package.module:callable`) exists shows when it
    is built.

    Raises:
        UnknownNameError: There is no such model.
    """
    return _find(name)[1]


def build_network(name: str, protocol: Protocol, n_outputs: int) -> nn.Module:
    """Build a network with fresh weights from torch's random state.

    Args:
        name: A model of the kind `network`.
        protocol: Says form, channels, spatial axes and edge length of the input.
        n_outputs: Classes or labels.

    Raises:
        MissingExtraError: The package that it comes from is not installed.
        RunError: The model is no network, or not one that gives logits for the protocol's images.
        UnknownNameError: There is no such model.
    """
    family, model = _find(name)
    if model.kind != "network":
        raise RunError(f"Model {name!r} is not a network", "Choose a network, e.g. resnet18")
    network: nn.Module = family.build(name, protocol, n_outputs)
    return network


def _find(name: str) -> tuple[Any, Model]:
    for family in _families():
        if found := family.find(name):
            return family, found
    known = [*model_names(), "monai:CLASS", "package.module:callable"]
    raise UnknownNameError("model", name, known)


@cache
def _families() -> tuple[Any, ...]:
    found = sorted(each.name for each in iter_modules(families.__path__))
    return tuple(importlib.import_module(f"{families.__name__}.{name}") for name in found)

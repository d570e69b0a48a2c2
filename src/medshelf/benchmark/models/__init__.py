"""Models by name: networks, estimators, and whatever a user brings."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING, Literal

from medshelf.core.errors import UnknownNameError

if TYPE_CHECKING:
    from torch import nn

    from medshelf.benchmark.protocol import Protocol


@dataclass(frozen=True, slots=True)
class Model:
    """A model that can be asked for.

    Attributes:
        name: In commands and run folders.
        published_name: As published tables write it.
        kind: A `network` is trained by gradients, an `estimator` fitted on pixels.
        dimensions: Spatial axes that it takes, or None for any.
    """

    name: str
    published_name: str
    kind: Literal["network", "estimator"]
    dimensions: int | None = None


_MODELS = (
    Model("resnet18", "ResNet-18", "network", 2),
    Model("resnet50", "ResNet-50", "network", 2),
)


def model_names() -> list[str]:
    """Return the names of all models, sorted."""
    return sorted(each.name for each in _MODELS)


def find_model(name: str) -> Model:
    """Return what is known of a model, before any work is done.

    Raises:
        UnknownNameError: There is no such model.
    """
    for each in _MODELS:
        if each.name == name:
            return each
    raise UnknownNameError("model", name, model_names())


def build_network(name: str, protocol: Protocol, n_outputs: int) -> nn.Module:
    """Build a network with fresh weights from torch's random state.

    Args:
        name: A model of the kind `network`.
        protocol: Says form, channels, spatial axes and edge length of the input.
        n_outputs: Classes or labels.

    Raises:
        UnknownNameError: There is no such model.
    """
    from medshelf.benchmark.models import resnet

    find_model(name)
    builders = {"resnet18": resnet.resnet18, "resnet50": resnet.resnet50}
    return builders[name](channels=protocol.data.channels, n_outputs=n_outputs)

"""Networks by name."""

from __future__ import annotations

from typing import TYPE_CHECKING

from medshelf.core.errors import MissingExtraError, UnknownNameError

if TYPE_CHECKING:
    from torch import nn

PUBLISHED_NAMES = {"resnet18": "ResNet-18", "resnet50": "ResNet-50"}
"""Model name to the name that published tables use."""


def check_model(name: str) -> None:
    """Refuse an unknown model before any work is done.

    Raises:
        UnknownNameError: There is no such model.
    """
    if name not in PUBLISHED_NAMES:
        raise UnknownNameError("model", name, PUBLISHED_NAMES)


def build_model(name: str, *, channels: int, n_outputs: int) -> nn.Module:
    """Build a network with fresh weights from torch's random state.

    Args:
        name: `resnet18` or `resnet50`, in the small-image form.
        channels: Input channels.
        n_outputs: Classes or labels.

    Raises:
        UnknownNameError: There is no such model.
        MissingExtraError: torch is not installed.
    """
    check_model(name)
    try:
        from medshelf.benchmark.models import resnet
    except ImportError as error:
        raise MissingExtraError("torch", "train") from error
    builders = {"resnet18": resnet.resnet18, "resnet50": resnet.resnet50}
    return builders[name](channels=channels, n_outputs=n_outputs)

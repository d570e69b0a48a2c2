"""ResNet-18 and ResNet-50 for images, and their 2.5D, 3D and ACS forms for volumes."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from medshelf.benchmark.models.model import Model

if TYPE_CHECKING:
    from torch import nn

    from medshelf.benchmark.protocol import Protocol

_DEPTHS = ("18", "50")
_VOLUME_FORMS = ("2.5D", "3D", "ACS")
_MODELS = {
    each.name: each
    for depth in _DEPTHS
    for each in (
        Model(f"resnet{depth}", f"ResNet-{depth}", "network", 2),
        *(
            Model(f"resnet{depth}-{form.lower()}", f"ResNet-{depth} + {form}", "network", 3)
            for form in _VOLUME_FORMS
        ),
    )
}


def names() -> list[str]:
    """Return the names of the family."""
    return list(_MODELS)


def find(name: str) -> Model | None:
    """Return the model of that name."""
    return _MODELS.get(name)


def build(name: str, protocol: Protocol, n_outputs: int) -> nn.Module:
    """Build the network in the form that the protocol asks for."""
    from medshelf.benchmark.models import resnet
    from medshelf.benchmark.models.volumetric import to_volumetric

    planar, _, form = name.partition("-")
    make = {"resnet18": resnet.resnet18, "resnet50": resnet.resnet50}[planar]
    network = make(form=protocol.network_form, channels=protocol.data.channels, n_outputs=n_outputs)
    volume_form: Any = form
    return to_volumetric(network, volume_form) if form else network

"""Networks of MONAI by the name of their class: `monai:DenseNet121`.

Every class of `monai.networks.nets` that can be made from the number of axes, channels, outputs and
the edge length, with MONAI's defaults for the rest, and that gives logits. Of the transformers'
parts that have no default, a patch is chosen so that 14 of them (7 in volumes) lie along an edge,
or 16 (8) where 14 do not fit; the class token's logits are taken as they are, without tanh.
"""

from __future__ import annotations

import inspect
from typing import TYPE_CHECKING, Any

from medshelf.benchmark.models.model import Model
from medshelf.core.errors import MissingExtraError, UnknownNameError

if TYPE_CHECKING:
    from torch import nn

    from medshelf.benchmark.protocol import DataRecipe, Protocol

_PREFIX = "monai:"


def names() -> list[str]:
    """Return nothing: the names are MONAI's."""
    return []


def find(name: str) -> Model | None:
    """Return the model that such a name asks for, whether or not MONAI has it."""
    class_name = name.removeprefix(_PREFIX)
    if not name.startswith(_PREFIX) or not class_name.isidentifier():
        return None
    return Model(name, f"MONAI {class_name}", "network")


def build(name: str, protocol: Protocol, n_outputs: int) -> nn.Module:
    """Build the network.

    Raises:
        MissingExtraError: MONAI is not installed.
        RunError: The class needs more than is known, or gives no logits.
        UnknownNameError: MONAI has no such class.
    """
    from medshelf.benchmark.models.probing import make, probe

    found = _class(name)
    facts = _facts(protocol.data, n_outputs)
    taken = {key: facts[key] for key in _parameters(found) if key in facts}
    return probe(make(found, taken, name), name, protocol.data, n_outputs)


def _class(name: str) -> type[nn.Module]:
    try:
        from monai.networks import nets
    except ModuleNotFoundError as error:
        raise MissingExtraError("monai", "monai") from error
    from torch import nn

    classes = {
        key: each
        for key, each in vars(nets).items()
        if inspect.isclass(each) and issubclass(each, nn.Module)
    }
    class_name = name.removeprefix(_PREFIX)
    if class_name not in classes:
        known = sorted({f"{_PREFIX}{each.__name__}" for each in classes.values()})
        raise UnknownNameError("network of MONAI", name, known)
    return classes[class_name]


def _parameters(found: type) -> dict[str, None]:
    """Return what the class takes, and what it passes on to the classes that it is made from."""
    taken: dict[str, None] = {}
    for each in found.__mro__:
        if "__init__" not in vars(each):
            continue
        signature = inspect.signature(each)
        taken |= dict.fromkeys(signature.parameters)
        if inspect.Parameter.VAR_KEYWORD not in {p.kind for p in signature.parameters.values()}:
            break
    return taken


def _facts(data: DataRecipe, n_outputs: int) -> dict[str, Any]:
    across = 14 if data.edge % 14 == 0 else 16
    edges = (data.edge,) * data.dimensions
    return {
        "spatial_dims": data.dimensions,
        "in_channels": data.channels,
        "n_input_channels": data.channels,
        "out_channels": n_outputs,
        "num_classes": n_outputs,
        "img_size": edges,
        "image_size": edges,
        "patch_size": data.edge // (across if data.dimensions == 2 else across // 2),  # noqa: PLR2004
        "classification": True,
        "post_activation": "",
        "pretrained": False,
    }

"""Why weights do not fit a network, and what can be done."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass

import torch
from torch import nn

_SHOWN = 3
_ALIKE = 0.9
_VOLUMETRIC = 5


@dataclass(frozen=True, slots=True)
class Mismatch:
    """What is wrong with weights.

    Attributes:
        what: Names and shapes, and the likely reason.
        remedy: What to do.
    """

    what: str
    remedy: str


def compare(
    network: nn.Module, state: Mapping[str, torch.Tensor], found: Mapping[str, torch.Tensor]
) -> Mismatch | None:
    """Compare the names and shapes of weights with those that a network has.

    Args:
        network: Only for its name.
        state: Its own weights.
        found: Those to be loaded.
    """
    shaped = [name for name in state if name in found and state[name].shape != found[name].shape]
    parts = {
        "missing": [name for name in state if name not in found],
        "unexpected": [name for name in found if name not in state],
        "of another shape": [
            f"{name} {list(found[name].shape)} instead of {list(state[name].shape)}"
            for name in shaped
        ],
    }
    if not any(parts.values()):
        return None
    listed = "; ".join(f"{_few(names)} {what}" for what, names in parts.items() if names)
    reason, remedy = _reason(network, state, found, shaped)
    return Mismatch(f"{listed}{reason}", remedy)


def _few(names: list[str]) -> str:
    more = f" and {len(names) - _SHOWN} more" if len(names) > _SHOWN else ""
    return f"{', '.join(names[:_SHOWN])}{more}"


def _reason(
    network: nn.Module,
    state: Mapping[str, torch.Tensor],
    found: Mapping[str, torch.Tensor],
    shaped: list[str],
) -> tuple[str, str]:
    """Return the likely reason in parentheses, or nothing, and the remedy."""
    if state.keys() == found.keys() and (reason := _by_shape(state, found, shaped)):
        return reason
    if nearest := _nearest(found):
        own = type(network).__name__
        return f" (they look like those of {nearest}, not of this {own})", (
            f"Choose the model and the protocol that make a {nearest}"
        )
    return "", "Choose the model and the protocol that the weights were trained with"


def _by_shape(
    state: Mapping[str, torch.Tensor], found: Mapping[str, torch.Tensor], shaped: list[str]
) -> tuple[str, str] | None:
    if any(len(each[name].shape) == _VOLUMETRIC for name in shaped for each in (state, found)):
        return " (they are of another form of the network: 2D, 2.5D, 3D or ACS)", (
            "Choose the model that the weights were trained with, e.g. resnet18-acs"
        )
    names = list(state)
    first, last = names[0], names[-1].rpartition(".")[0]
    head = [name for name in shaped if name.rpartition(".")[0] == last]
    if set(shaped) - {first, *head}:
        return None
    reasons, remedies = [], []
    if first in shaped:
        reasons.append(f"{found[first].shape[1]} input channels, not {state[first].shape[1]}")
        remedies.append("choose a protocol with that many channels")
    if head:
        reasons.append(f"{len(found[head[0]])} outputs, not {len(state[head[0]])}")
        remedies.append(
            "choose weights for the same classes, or start with a new last layer (--new-head)"
        )
    remedy = " and ".join(remedies)
    return f" (they are for {' and '.join(reasons)})", remedy[0].upper() + remedy[1:]


def _nearest(found: Mapping[str, torch.Tensor]) -> str:
    from medshelf.benchmark.models import resnet

    given = {(name, tuple(each.shape)) for name, each in found.items()}
    best, likeness = "", 0.0
    for label, build in resnet.FORMS.items():
        with torch.device("meta"):
            known = build(channels=3, n_outputs=2).state_dict()
        shapes = {(name, tuple(each.shape)) for name, each in known.items()}
        alike = len(given & shapes) / len(given | shapes)
        if alike > likeness:
            best, likeness = label, alike
    return best if likeness >= _ALIKE else ""

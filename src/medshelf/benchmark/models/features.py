"""Features of a network: what its last linear layer is given.

The last linear layer is the `nn.Linear` that runs last when images pass through the network and
whose output has one number per class or label. Its input, float32 (N, F), are the features; the
network is in evaluation mode and its weights stay as they are.
"""

from __future__ import annotations

from collections.abc import Iterable, Iterator
from contextlib import contextmanager

import numpy as np
import torch
from torch import nn

from medshelf.benchmark.models.evaluation import evaluating
from medshelf.core.errors import RunError


def features(
    network: nn.Module, batches: Iterable[torch.Tensor], n_outputs: int, *, bfloat16: bool = False
) -> np.ndarray:
    """Return the features of images.

    Args:
        network: On the device of the batches; it is left as it was.
        batches: Images as the network takes them.
        n_outputs: Classes or labels that the network was built for.
        bfloat16: Let convolutions and matrix products run in bfloat16.

    Returns:
        Float32 (N, F), in the order of the batches.

    Raises:
        RunError: The network has no such layer, or a feature is not finite.
    """
    parts = []
    with _listening(network, n_outputs) as heard, evaluating(network), torch.inference_mode():
        for images in batches:
            heard.clear()
            with torch.autocast(images.device.type, torch.bfloat16, enabled=bfloat16):
                network(images)
            if not heard or heard[-1].shape[:-1] != images.shape[:1]:
                raise _no_head(network)
            parts.append(heard[-1].float().cpu().numpy())
    found = np.concatenate(parts)
    if not np.isfinite(found).all():
        row = int(np.flatnonzero(~np.isfinite(found).all(axis=1))[0])
        problem = f"The features of image {row} by {type(network).__name__} are not finite"
        raise RunError(problem, "Check the weights that it was loaded with")
    return found


@contextmanager
def _listening(network: nn.Module, n_outputs: int) -> Iterator[list[torch.Tensor]]:
    """Collect the inputs of linear layers with `n_outputs`, in the order in which they run."""
    heard: list[torch.Tensor] = []

    def hear(_: nn.Module, inputs: tuple[torch.Tensor, ...]) -> None:
        heard.append(inputs[0].detach())

    found = [
        each
        for each in network.modules()
        if isinstance(each, nn.Linear) and each.out_features == n_outputs
    ]
    if not found:
        raise _no_head(network)
    handles = [each.register_forward_pre_hook(hear) for each in found]
    try:
        yield heard
    finally:
        for each in handles:
            each.remove()


def _no_head(network: nn.Module) -> RunError:
    return RunError(
        f"{type(network).__name__} does not end in a linear layer of one row per image, "
        "so it has no features",
        "Choose a network that does, e.g. resnet18",
    )

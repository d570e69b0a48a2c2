"""Networks as they predict."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager

import torch
from torch import nn


@contextmanager
def evaluating(network: nn.Module) -> Iterator[None]:
    """Put a network in evaluation, without gradients; modes and random state are put back.

    Of random states it is the CPU's: evaluation draws nothing unless a network is odd.
    """
    training = {name: module.training for name, module in network.named_modules()}
    network.eval()
    try:
        with torch.random.fork_rng(devices=[]), torch.no_grad():
            yield
    finally:
        for name, module in network.named_modules():
            module.training = training[name]

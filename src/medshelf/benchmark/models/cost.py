"""What a prediction of a network costs."""

from __future__ import annotations

from collections.abc import Sequence

import torch
from torch import nn
from torch.nn.attention import SDPBackend, sdpa_kernel
from torch.utils.flop_counter import FlopCounterMode

from medshelf.benchmark.fits.fit import Cost
from medshelf.benchmark.models.evaluation import evaluating


def cost(network: nn.Module, input_shape: Sequence[int]) -> Cost:
    """Count trained numbers and multiply-accumulate operations of one sample.

    Convolutions, linear layers and the matrix products of attention are counted, as they run in
    evaluation; additions, normalisation, activations and pooling are not.

    Args:
        network: On any device; it is left as it was.
        input_shape: Of one sample: channels, then spatial axes.
    """
    first = next(network.parameters(), torch.zeros(()))
    sample = torch.zeros((1, *input_shape), device=first.device, dtype=first.dtype)
    # Fused attention is unknown to the counter on some devices; its plain form counts the same.
    with evaluating(network), sdpa_kernel(SDPBackend.MATH), FlopCounterMode(display=False) as count:
        network(sample)
    return Cost(
        parameters=sum(each.numel() for each in network.parameters()),
        macs=count.get_total_flops() // 2,
    )

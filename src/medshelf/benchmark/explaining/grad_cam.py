"""Where a convolutional network looks: gradient-weighted class activation maps.

Source: Selvaraju et al. 2017, https://doi.org/10.1109/ICCV.2017.74, equations 1 and 2
"""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from typing import Any

import numpy as np
import torch
from torch import nn
from torch.nn import functional

_KERNEL_AXES = 4
"""Weights with so many axes are kernels of convolutions: outputs, inputs and two or three more."""


@dataclass(frozen=True, slots=True)
class Maps:
    """Where a network looks.

    Attributes:
        layer: Whose features were weighted.
        grid: Shape of these features, (h, w) or (d, h, w).
        maps: 0 to 1, the highest of each being 1, or all 0 where nothing speaks for the output,
            float32 (N, *spatial).
    """

    layer: str
    grid: tuple[int, ...]
    maps: np.ndarray


def grad_cam(
    network: nn.Module, images: torch.Tensor, outputs: list[int], size: tuple[int, ...]
) -> Maps | None:
    """Say how much each place speaks for an output, by the last features that still are an image.

    The features are those of the last module, in the order of the computation, that gives an image
    of more than one place after a convolution and that the outputs depend on: of a residual network
    the last stage.

    Args:
        network: From (N, C, *spatial) to logits (N, K), in evaluation mode.
        images: What it takes, float32.
        outputs: Which output each image is explained for.
        size: Spatial shape of the maps.

    Returns:
        None where the network has no such features.
    """
    with torch.enable_grad(), _recorded(network, images) as recorded:
        logits = network(images.requires_grad_())
        chosen = logits[torch.arange(len(images)), outputs].sum()
        features = [each for _, each in recorded]
        gradients = torch.autograd.grad(chosen, features, allow_unused=True) if features else ()
    for (name, each), gradient in zip(reversed(recorded), reversed(gradients), strict=True):
        if gradient is not None:
            maps = _weighted(each.detach().float(), gradient.float(), size)
            return Maps(name, tuple(each.shape[2:]), maps)
    return None


@contextmanager
def _recorded(network: nn.Module, images: torch.Tensor) -> Iterator[list[tuple[str, torch.Tensor]]]:
    """Collect name and output of modules that give images, from the first convolution on."""
    found: list[tuple[str, torch.Tensor]] = []
    convolved = False

    def hook(name: str, module: nn.Module) -> Any:
        def seen(_: nn.Module, __: Any, output: Any) -> None:
            nonlocal convolved
            convolved = convolved or _is_convolution(module)
            if convolved and _is_image(output, images):
                found.append((name, output))

        return seen

    handles = [
        each.register_forward_hook(hook(name, each))
        for name, each in network.named_modules()
        if name
    ]
    try:
        yield found
    finally:
        for handle in handles:
            handle.remove()


def _is_convolution(module: nn.Module) -> bool:
    return any(each.ndim >= _KERNEL_AXES for each in module.parameters(recurse=False))


def _is_image(output: Any, images: torch.Tensor) -> bool:
    return (
        isinstance(output, torch.Tensor)
        and output.ndim == images.ndim
        and output.requires_grad
        and len(output) == len(images)
        and output.shape[2:].numel() > 1
    )


def _weighted(features: torch.Tensor, gradient: torch.Tensor, size: tuple[int, ...]) -> np.ndarray:
    spatial = tuple(range(2, features.ndim))
    weights = gradient.mean(dim=spatial, keepdim=True)
    maps = (weights * features).sum(dim=1, keepdim=True).relu()
    mode = "bilinear" if len(spatial) == 2 else "trilinear"  # noqa: PLR2004
    maps = functional.interpolate(maps, size=size, mode=mode, align_corners=False)
    highest = maps.amax(dim=tuple(range(1, maps.ndim)), keepdim=True)
    scaled: np.ndarray = (maps / highest.clamp_min(1e-12))[:, 0].cpu().numpy()
    return scaled

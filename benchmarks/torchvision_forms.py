"""What torchvision's ToTensor, Normalize, RandomCrop and RandomHorizontalFlip do to a PIL image.

torchvision has no CPU build everywhere; here are the same operations in the same order, checks
included, so that times and bits can be compared without it.
"""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import numpy as np
import torch
from PIL import Image, ImageOps
from torch import nn


class ToTensor:
    """PIL image to float32 (C, H, W) in [0, 1]."""

    def __call__(self, picture: Image.Image) -> torch.Tensor:
        array = torch.from_numpy(np.array(picture, np.uint8, copy=True))
        array = array.view(picture.size[1], picture.size[0], len(picture.getbands()))
        array = array.permute((2, 0, 1)).contiguous()
        return array.to(dtype=torch.get_default_dtype()).div(255)


class Normalize(nn.Module):
    """(x - mean) / std per channel."""

    def __init__(self, mean: list[float], std: list[float]) -> None:
        super().__init__()
        self.mean, self.std = mean, std

    def forward(self, image: torch.Tensor) -> torch.Tensor:
        image = image.clone()
        mean = torch.as_tensor(self.mean, dtype=image.dtype, device=image.device)
        std = torch.as_tensor(self.std, dtype=image.dtype, device=image.device)
        if (std == 0).any():
            raise ValueError
        return image.sub_(mean.view(-1, 1, 1)).div_(std.view(-1, 1, 1))


class RandomCrop(nn.Module):
    """A window of the picture's size from the picture with a border of zeros."""

    def __init__(self, padding: int) -> None:
        super().__init__()
        self.padding = padding

    def forward(self, picture: Image.Image) -> Image.Image:
        width, height = picture.size
        padded = ImageOps.expand(picture, border=self.padding, fill=0)
        top = int(torch.randint(0, 2 * self.padding + 1, size=(1,)).item())
        left = int(torch.randint(0, 2 * self.padding + 1, size=(1,)).item())
        return padded.crop((left, top, left + width, top + height))


class RandomHorizontalFlip(nn.Module):
    """Mirror half of the pictures."""

    def forward(self, picture: Image.Image) -> Image.Image:
        if torch.rand(1) < 0.5:
            return picture.transpose(Image.Transpose.FLIP_LEFT_RIGHT)
        return picture


class Compose:
    """One after the other."""

    def __init__(self, *steps: Callable[[Any], Any]) -> None:
        self.steps = steps

    def __call__(self, value: Any) -> Any:
        for step in self.steps:
            value = step(value)
        return value


def usual() -> Compose:
    """The transform of the MedMNIST experiments."""
    return Compose(ToTensor(), Normalize([0.5], [0.5]))


def augmented() -> Compose:
    """The same behind a padded crop and a flip."""
    return Compose(RandomCrop(4), RandomHorizontalFlip(), ToTensor(), Normalize([0.5], [0.5]))

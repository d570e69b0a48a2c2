"""Networks small enough to be trained in a test."""

from __future__ import annotations

import torch
from torch import nn


class Small(nn.Module):
    """Two convolutions, in two or three dimensions."""

    def __init__(self, channels: int, n_outputs: int, dimensions: int) -> None:
        super().__init__()
        convolution = (nn.Conv2d, nn.Conv3d)[dimensions - 2]
        self.first = convolution(channels, 8, 3, stride=2, padding=1)
        self.second = convolution(8, 16, 3, stride=2, padding=1)
        self.head = nn.Linear(16, n_outputs)

    def forward(self, x: torch.Tensor) -> torch.Tensor:
        x = torch.relu(self.second(torch.relu(self.first(x))))
        logits: torch.Tensor = self.head(x.flatten(2).amax(dim=2))
        return logits


class Flat(nn.Module):
    """A linear layer on pixels: no convolution."""

    def __init__(self, channels: int, n_outputs: int, edge: int) -> None:
        super().__init__()
        self.head = nn.Sequential(nn.Flatten(), nn.Linear(channels * edge**2, n_outputs))

    def forward(self, x: torch.Tensor) -> torch.Tensor:
        logits: torch.Tensor = self.head(x)
        return logits


class Counting(nn.Module):
    """A network whose arithmetic depends on how many images there are."""

    def __init__(self, channels: int, n_outputs: int) -> None:
        super().__init__()
        self.n_outputs = n_outputs
        self.scale = nn.Parameter(torch.ones(channels))

    def forward(self, x: torch.Tensor) -> torch.Tensor:
        grey = (x * self.scale.reshape(1, -1, 1, 1)).flatten(1).mean(dim=1)
        return grey[:, None] * torch.arange(self.n_outputs) * float(len(x))

"""Residual networks in the form for small images: a 3x3 stem of stride 1 and no pooling.

Source: He et al. 2016, https://doi.org/10.1109/CVPR.2016.90; the small-image form is the one of the
MedMNIST experiments, https://doi.org/10.1038/s41597-022-01721-8.
"""

from __future__ import annotations

import torch
from torch import nn
from torch.nn import functional

_WIDTHS = (64, 128, 256, 512)


class BasicBlock(nn.Module):
    """Two 3x3 convolutions and a shortcut."""

    expansion = 1

    def __init__(self, channels: int, width: int, stride: int) -> None:
        super().__init__()
        self.conv1 = nn.Conv2d(channels, width, 3, stride, 1, bias=False)
        self.bn1 = nn.BatchNorm2d(width)
        self.conv2 = nn.Conv2d(width, width, 3, 1, 1, bias=False)
        self.bn2 = nn.BatchNorm2d(width)
        self.shortcut = _shortcut(channels, width, stride)

    def forward(self, x: torch.Tensor) -> torch.Tensor:
        """Map (B, channels, H, W) to (B, width, H / stride, W / stride)."""
        out = functional.relu(self.bn1(self.conv1(x)))
        out = self.bn2(self.conv2(out))
        return functional.relu(out + self.shortcut(x))


class Bottleneck(nn.Module):
    """1x1, 3x3 and 1x1 convolutions and a shortcut; four times as many channels leave it."""

    expansion = 4

    def __init__(self, channels: int, width: int, stride: int) -> None:
        super().__init__()
        outputs = width * self.expansion
        self.conv1 = nn.Conv2d(channels, width, 1, bias=False)
        self.bn1 = nn.BatchNorm2d(width)
        self.conv2 = nn.Conv2d(width, width, 3, stride, 1, bias=False)
        self.bn2 = nn.BatchNorm2d(width)
        self.conv3 = nn.Conv2d(width, outputs, 1, bias=False)
        self.bn3 = nn.BatchNorm2d(outputs)
        self.shortcut = _shortcut(channels, outputs, stride)

    def forward(self, x: torch.Tensor) -> torch.Tensor:
        """Map (B, channels, H, W) to (B, 4 width, H / stride, W / stride)."""
        out = functional.relu(self.bn1(self.conv1(x)))
        out = functional.relu(self.bn2(self.conv2(out)))
        out = self.bn3(self.conv3(out))
        return functional.relu(out + self.shortcut(x))


class SmallImageResNet(nn.Module):
    """A stem, four stages of blocks, the mean over the image, a linear layer."""

    def __init__(
        self,
        block: type[BasicBlock | Bottleneck],
        depths: tuple[int, ...],
        *,
        channels: int,
        n_outputs: int,
    ) -> None:
        super().__init__()
        self.conv1 = nn.Conv2d(channels, _WIDTHS[0], 3, 1, 1, bias=False)
        self.bn1 = nn.BatchNorm2d(_WIDTHS[0])
        stages, inputs = [], _WIDTHS[0]
        for width, depth, first_stride in zip(_WIDTHS, depths, (1, 2, 2, 2), strict=True):
            blocks = []
            for stride in (first_stride, *(1,) * (depth - 1)):
                blocks.append(block(inputs, width, stride))
                inputs = width * block.expansion
            stages.append(nn.Sequential(*blocks))
        self.layer1, self.layer2, self.layer3, self.layer4 = stages
        self.linear = nn.Linear(inputs, n_outputs)

    def forward(self, x: torch.Tensor) -> torch.Tensor:
        """Map images (B, channels, H, W) to logits (B, n_outputs)."""
        out = functional.relu(self.bn1(self.conv1(x)))
        out = self.layer4(self.layer3(self.layer2(self.layer1(out))))
        logits: torch.Tensor = self.linear(out.mean(dim=(2, 3)))
        return logits


def resnet18(*, channels: int, n_outputs: int) -> SmallImageResNet:
    """Build ResNet-18 (11.2 million parameters)."""
    return SmallImageResNet(BasicBlock, (2, 2, 2, 2), channels=channels, n_outputs=n_outputs)


def resnet50(*, channels: int, n_outputs: int) -> SmallImageResNet:
    """Build ResNet-50 (23.5 million parameters)."""
    return SmallImageResNet(Bottleneck, (3, 4, 6, 3), channels=channels, n_outputs=n_outputs)


def _shortcut(channels: int, outputs: int, stride: int) -> nn.Sequential:
    if stride == 1 and channels == outputs:
        return nn.Sequential()
    return nn.Sequential(
        nn.Conv2d(channels, outputs, 1, stride, bias=False), nn.BatchNorm2d(outputs)
    )

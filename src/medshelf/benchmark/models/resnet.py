"""Residual networks in two forms, each with the names of its published weights.

`small-image` has a 3x3 stem of stride 1 and no pooling, as in the MedMNIST experiments; `imagenet`
a 7x7 stem of stride 2, pooling and He's initial weights, as in torchvision, where the 3x3
convolution of a bottleneck has the stride.

Source: He et al. 2016, https://doi.org/10.1109/CVPR.2016.90; MedMNIST v2,
https://doi.org/10.1038/s41597-022-01721-8; the bottleneck's stride,
https://docs.pytorch.org/vision/stable/models/resnet.html.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping
from functools import partial
from typing import Literal

import torch
from torch import nn
from torch.nn import functional

Form = Literal["small-image", "imagenet"]


class BasicBlock(nn.Module):
    """Two 3x3 convolutions and a shortcut.

    Args:
        channels: That enter.
        width: Channels of the 3x3 convolutions.
        stride: Of the block.
        side: Name of the shortcut.
    """

    expansion = 1

    def __init__(self, channels: int, width: int, stride: int, side: str) -> None:
        super().__init__()
        self.side = side
        self.conv1 = nn.Conv2d(channels, width, 3, stride, 1, bias=False)
        self.bn1 = nn.BatchNorm2d(width)
        self.conv2 = nn.Conv2d(width, width, 3, 1, 1, bias=False)
        self.bn2 = nn.BatchNorm2d(width)
        self.add_module(side, _shortcut(channels, width, stride))

    def forward(self, x: torch.Tensor) -> torch.Tensor:
        """Map (B, channels, *spatial) to (B, width, *spatial / stride)."""
        out = functional.relu(self.bn1(self.conv1(x)))
        out = self.bn2(self.conv2(out))
        return functional.relu(out + getattr(self, self.side)(x))


class Bottleneck(nn.Module):
    """1x1, 3x3 and 1x1 convolutions and a shortcut; four times as many channels leave it.

    Args:
        channels: That enter.
        width: Channels of the 3x3 convolution.
        stride: Of the block.
        side: Name of the shortcut.
    """

    expansion = 4

    def __init__(self, channels: int, width: int, stride: int, side: str) -> None:
        super().__init__()
        outputs = width * self.expansion
        self.side = side
        self.conv1 = nn.Conv2d(channels, width, 1, bias=False)
        self.bn1 = nn.BatchNorm2d(width)
        self.conv2 = nn.Conv2d(width, width, 3, stride, 1, bias=False)
        self.bn2 = nn.BatchNorm2d(width)
        self.conv3 = nn.Conv2d(width, outputs, 1, bias=False)
        self.bn3 = nn.BatchNorm2d(outputs)
        self.add_module(side, _shortcut(channels, outputs, stride))

    def forward(self, x: torch.Tensor) -> torch.Tensor:
        """Map (B, channels, *spatial) to (B, 4 width, *spatial / stride)."""
        out = functional.relu(self.bn1(self.conv1(x)))
        out = functional.relu(self.bn2(self.conv2(out)))
        out = self.bn3(self.conv3(out))
        return functional.relu(out + getattr(self, self.side)(x))


class ResNet(nn.Module):
    """A stem, four stages of blocks, the mean over the image, a linear layer.

    Nothing in it but convolutions, normalisation and pooling knows how many axes an image has.

    Args:
        block: What the stages are made of.
        depths: Blocks of each stage.
        form: See the module.
        channels: Of an image.
        n_outputs: Classes or labels.
        width: Channels of the stem and the first stage; each further stage has twice as many.
    """

    def __init__(
        self,
        block: type[BasicBlock | Bottleneck],
        depths: tuple[int, ...],
        *,
        form: Form,
        channels: int,
        n_outputs: int,
        width: int = 64,
    ) -> None:
        super().__init__()
        imagenet = form == "imagenet"
        side, self.head = ("downsample", "fc") if imagenet else ("shortcut", "linear")
        kernel, step = (7, 2) if imagenet else (3, 1)
        self.conv1 = nn.Conv2d(channels, width, kernel, step, kernel // 2, bias=False)
        self.bn1 = nn.BatchNorm2d(width)
        self.maxpool = nn.MaxPool2d(3, 2, 1) if imagenet else nn.Identity()
        stages, inputs = [], width
        for stage, depth in enumerate(depths):
            blocks = []
            for stride in (2 if stage else 1, *(1,) * (depth - 1)):
                blocks.append(block(inputs, width << stage, stride, side))
                inputs = (width << stage) * block.expansion
            stages.append(nn.Sequential(*blocks))
        self.layer1, self.layer2, self.layer3, self.layer4 = stages
        self.add_module(self.head, nn.Linear(inputs, n_outputs))
        if imagenet:
            for each in self.modules():
                if isinstance(each, nn.Conv2d):
                    nn.init.kaiming_normal_(each.weight, mode="fan_out", nonlinearity="relu")

    def forward(self, x: torch.Tensor) -> torch.Tensor:
        """Map images (B, channels, *spatial) to logits (B, n_outputs)."""
        out = self.maxpool(functional.relu(self.bn1(self.conv1(x))))
        out = self.layer4(self.layer3(self.layer2(self.layer1(out))))
        logits: torch.Tensor = getattr(self, self.head)(out.flatten(2).mean(dim=2))
        return logits


def resnet18(*, form: Form, channels: int, n_outputs: int) -> ResNet:
    """Build ResNet-18 (11.2 million parameters)."""
    return ResNet(BasicBlock, (2, 2, 2, 2), form=form, channels=channels, n_outputs=n_outputs)


def resnet50(*, form: Form, channels: int, n_outputs: int) -> ResNet:
    """Build ResNet-50 (23.5 million parameters)."""
    return ResNet(Bottleneck, (3, 4, 6, 3), form=form, channels=channels, n_outputs=n_outputs)


FORMS: Mapping[str, Callable[..., ResNet]] = {
    "ResNet-18 for small images": partial(resnet18, form="small-image"),
    "ResNet-18 of ImageNet's form": partial(resnet18, form="imagenet"),
    "ResNet-50 for small images": partial(resnet50, form="small-image"),
    "ResNet-50 of ImageNet's form": partial(resnet50, form="imagenet"),
}
"""What each network is called in words."""


def _shortcut(channels: int, outputs: int, stride: int) -> nn.Sequential:
    if stride == 1 and channels == outputs:
        return nn.Sequential()
    return nn.Sequential(
        nn.Conv2d(channels, outputs, 1, stride, bias=False), nn.BatchNorm2d(outputs)
    )

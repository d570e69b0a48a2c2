"""Networks for images made into networks for volumes, with their weights.

The three forms and their initial weights are those of the MedMNIST experiments. Strides apply to
all three axes, so a 2.5D network looks at every slice by itself but passes on every second one
where the 2D network halves an image; pooling pools over depth too.

Source: Yang et al. 2021, https://doi.org/10.1109/JBHI.2021.3049452 (ACS, and its converters for
2.5D and 3D); Carreira and Zisserman 2017, https://doi.org/10.1109/CVPR.2017.502 (weights
repeated along depth).
"""

from __future__ import annotations

from collections.abc import Callable
from typing import Literal

import torch
from torch import nn
from torch.nn import functional

from medshelf.core.errors import UnsupportedError

VolumeForm = Literal["2.5d", "3d", "acs"]


def to_volumetric(network: nn.Module, form: VolumeForm) -> nn.Module:
    """Replace everything 2D in a network, in place, and return it.

    The names of the weights stay. What works on tensors without a module of its own must not care
    for the number of axes.

    Args:
        network: Takes (B, C, H, W); afterwards (B, C, D, H, W).
        form: `2.5d` has kernels of 1 x k x k; `3d` of k x k x k, the 2D weights repeated along
            depth and divided by k; `acs` keeps the 2D weights, see `ACSConvolution`.

    Raises:
        UnsupportedError: The network holds something 2D that has no such form.
    """
    for name, child in network.named_children():
        if isinstance(child, nn.Conv2d):
            setattr(network, name, _convolution(child, form).train(child.training))
        elif type(child) in _LAYERS:
            setattr(network, name, _LAYERS[type(child)](child).train(child.training))
        elif type(child).__name__.endswith("2d"):
            raise _unsupported(f"{name} ({type(child).__name__}) has no form for volumes")
        else:
            to_volumetric(child, form)
    return network


class ACSConvolution(nn.Module):
    """A 2D convolution on volumes: output channels look at axial, coronal or sagittal planes.

    The channels are split into three groups, the first ones larger where their number is no
    multiple of three. Along the axis that a group does not see, it stands where the middle of a
    k x k x k kernel would.

    Args:
        planar: Gives weights, stride, padding and dilation.
    """

    def __init__(self, planar: nn.Conv2d) -> None:
        super().__init__()
        self.weight, self.bias = planar.weight, planar.bias
        self.stride, self.dilation = planar.stride[0], planar.dilation[0]
        self.padding = int(planar.padding[0])
        shortest, longer = divmod(planar.out_channels, 3)
        self.split = [shortest + (each < longer) for each in range(3)]

    def forward(self, x: torch.Tensor) -> torch.Tensor:
        """Map (B, C, D, H, W) to (B, out, D', H', W'), as large as a 3D convolution makes them."""
        weights = torch.split(self.weight, self.split)
        biases = [None] * 3 if self.bias is None else torch.split(self.bias, self.split)
        planes = [
            self._plane(x, weights[axis], biases[axis], axis)
            for axis in range(3)
            if self.split[axis]
        ]
        return torch.cat(planes, dim=1)

    def _plane(
        self, x: torch.Tensor, weight: torch.Tensor, bias: torch.Tensor | None, axis: int
    ) -> torch.Tensor:
        reach = self.dilation * (weight.shape[-1] - 1)
        first = self.dilation * (weight.shape[-1] // 2) - self.padding
        length = x.shape[2 + axis]
        n_outputs = (length + 2 * self.padding - reach - 1) // self.stride + 1
        if n_outputs != (length - 1) // self.stride + 1 or first:
            after = first + (n_outputs - 1) * self.stride + 1 - length
            x = functional.pad(x, [*(0, 0) * (2 - axis), -first, after])
        return functional.conv3d(
            x,
            weight.unsqueeze(2 + axis),
            bias,
            self.stride,
            [0 if each == axis else self.padding for each in range(3)],
            self.dilation,
        )

    def extra_repr(self) -> str:
        """Return what `print(network)` shows."""
        return f"{list(self.weight.shape)}, stride={self.stride}, padding={self.padding}"


def _convolution(planar: nn.Conv2d, form: VolumeForm) -> nn.Module:
    _check(planar, form)
    if form == "acs":
        return ACSConvolution(planar)
    kernel, stride, padding = planar.kernel_size[0], planar.stride[0], int(planar.padding[0])
    flat = form == "2.5d"
    volumetric = nn.Conv3d(
        planar.in_channels,
        planar.out_channels,
        (1 if flat else kernel, kernel, kernel),
        stride,
        (0 if flat else padding, padding, padding),
        planar.dilation[0],
        planar.groups,
        planar.bias is not None,
        device="meta",  # so that no random numbers are drawn
    )
    depth = volumetric.kernel_size[0]
    weight = planar.weight.detach().unsqueeze(2).repeat(1, 1, depth, 1, 1) / depth
    volumetric.weight = nn.Parameter(weight, requires_grad=planar.weight.requires_grad)
    volumetric.bias = planar.bias
    return volumetric


def _check(planar: nn.Conv2d, form: VolumeForm) -> None:
    for values in (planar.kernel_size, planar.stride, planar.padding, planar.dilation):
        if isinstance(values, str) or values[0] != values[1]:
            raise _unsupported(f"a convolution with {values} has no form for volumes")
    if planar.padding_mode != "zeros" or (form == "acs" and planar.groups != 1):
        problem = f"padding {planar.padding_mode!r} or {planar.groups} groups"
        raise _unsupported(f"a convolution with {problem} has no form {form!r}")


def _unsupported(what: str) -> UnsupportedError:
    return UnsupportedError(
        f"The network cannot be made into one for volumes: {what}",
        "Choose a network for volumes, e.g. resnet18-3d or monai:DenseNet121",
    )


def _same(value: int | tuple[int, ...]) -> int:
    if isinstance(value, int):
        return value
    if len(set(value)) > 1:
        raise _unsupported(f"pooling with {value} has no form for volumes")
    return value[0]


def _normalisation(planar: nn.BatchNorm2d) -> nn.BatchNorm3d:
    volumetric = nn.BatchNorm3d(
        planar.num_features,
        planar.eps,
        planar.momentum,
        planar.affine,
        planar.track_running_stats,
    )
    volumetric.load_state_dict(planar.state_dict())
    return volumetric


def _max_pooling(planar: nn.MaxPool2d) -> nn.MaxPool3d:
    return nn.MaxPool3d(
        _same(planar.kernel_size),
        _same(planar.stride),
        _same(planar.padding),
        _same(planar.dilation),
        ceil_mode=planar.ceil_mode,
    )


def _mean_pooling(planar: nn.AvgPool2d) -> nn.AvgPool3d:
    return nn.AvgPool3d(
        _same(planar.kernel_size),
        _same(planar.stride),
        _same(planar.padding),
        planar.ceil_mode,
        planar.count_include_pad,
        planar.divisor_override,
    )


_LAYERS: dict[type[nn.Module], Callable[..., nn.Module]] = {
    nn.BatchNorm2d: _normalisation,
    nn.MaxPool2d: _max_pooling,
    nn.AvgPool2d: _mean_pooling,
    nn.AdaptiveAvgPool2d: lambda planar: nn.AdaptiveAvgPool3d(_same(planar.output_size)),
    nn.AdaptiveMaxPool2d: lambda planar: nn.AdaptiveMaxPool3d(_same(planar.output_size)),
    nn.Dropout2d: lambda planar: nn.Dropout3d(planar.p),
}

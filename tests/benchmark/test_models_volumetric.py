"""Networks for images made into networks for volumes."""

from __future__ import annotations

import itertools

import numpy as np
import pytest
import torch
from torch import nn

from medshelf.benchmark.models import build_network, resnet
from medshelf.benchmark.models.volumetric import ACSConvolution, VolumeForm, to_volumetric
from medshelf.benchmark.protocol import find_protocol
from medshelf.core.errors import UnsupportedError

FORMS: tuple[VolumeForm, ...] = ("2.5d", "3d", "acs")


def _slow_acs(volume: np.ndarray, planar: nn.Conv2d) -> np.ndarray:
    """Convolve (C, D, H, W) voxel by voxel: a 3D kernel that is zero outside its middle plane."""
    weight = planar.weight.detach().numpy()
    kernel, stride, padding = weight.shape[-1], planar.stride[0], int(planar.padding[0])
    dilation, outputs = planar.dilation[0], weight.shape[0]
    sizes = [outputs // 3 + (group < outputs % 3) for group in range(3)]
    group_of = np.repeat(range(3), sizes)
    cubes = np.zeros((*weight.shape[:2], kernel, kernel, kernel))
    for channel, axis in enumerate(group_of):
        middle = [slice(None)] * 4
        middle[1 + axis] = kernel // 2
        cubes[channel][tuple(middle)] = weight[channel]
    padded = np.pad(volume, [(0, 0)] + [(padding, padding)] * 3)
    reach = dilation * (kernel - 1) + 1
    shape = [(length - reach) // stride + 1 for length in padded.shape[1:]]
    out = np.empty((outputs, *shape))
    for place in itertools.product(*map(range, shape)):
        seen = padded[
            (slice(None), *(slice(p * stride, p * stride + reach, dilation) for p in place))
        ]
        out[(slice(None), *place)] = (cubes * seen).sum(axis=(1, 2, 3, 4))
    return out if planar.bias is None else out + planar.bias.detach().numpy()[:, None, None, None]


@pytest.mark.parametrize(
    ("outputs", "kernel", "stride", "padding", "dilation"),
    [
        (3, 3, 1, 1, 1),
        (4, 3, 2, 1, 1),
        (5, 3, 1, 0, 1),
        (5, 1, 2, 0, 1),
        (6, 5, 1, 1, 1),
        (4, 2, 2, 0, 1),
        (3, 3, 1, 3, 1),
        (3, 3, 2, 2, 2),
        (1, 3, 1, 1, 1),
    ],
)
def test_acs_is_a_3d_convolution_with_one_plane(
    outputs: int, kernel: int, stride: int, padding: int, dilation: int
) -> None:
    torch.manual_seed(outputs)
    planar = nn.Conv2d(2, outputs, kernel, stride, padding, dilation, bias=outputs != 4)
    volumes = torch.randn(2, 2, 5, 6, 7)
    with torch.no_grad():
        found = ACSConvolution(planar)(volumes)
    expected = np.stack([_slow_acs(each, planar) for each in volumes.numpy()])
    np.testing.assert_allclose(found.numpy(), expected, atol=1e-5)


def test_acs_splits_as_published() -> None:
    splits = {n: ACSConvolution(nn.Conv2d(1, n, 3)).split for n in (64, 65, 66)}
    assert splits == {64: [22, 21, 21], 65: [22, 22, 21], 66: [22, 22, 22]}


def _normalised_differently(network: nn.Module) -> nn.Module:
    """Give every normalisation values that a fresh one does not have."""
    for each in network.modules():
        if isinstance(each, nn.BatchNorm2d):
            nn.init.uniform_(each.weight, 0.5, 1.5)
            nn.init.uniform_(each.bias, -0.5, 0.5)
            each.running_mean.uniform_(-0.1, 0.1)
            each.running_var.uniform_(0.5, 1.5)
    return network.eval()


def _planar(seed: int, form: resnet.Form = "small-image") -> resnet.ResNet:
    torch.manual_seed(seed)
    network = resnet.ResNet(
        resnet.BasicBlock, (1, 1, 1, 1), form=form, channels=1, n_outputs=3, width=5
    )
    _normalised_differently(network)
    return network


def test_25d_is_the_2d_network_slice_by_slice() -> None:
    """Three stages halve depth by leaving slices out: those of every eighth slice are left."""
    planar, volumetric = _planar(0), _planar(0)
    to_volumetric(volumetric, "2.5d")
    volume = torch.randn(1, 1, 17, 8, 8)
    with torch.no_grad():
        found = _features(volumetric, volume)
        slices = _features(planar, volume[0, 0, ::8, None])
        assert found.shape == (1, 40, 3, 1, 1)
        torch.testing.assert_close(found[0].movedim(1, 0), slices)
        whole = planar.linear(slices.mean(dim=(0, 2, 3)))
        torch.testing.assert_close(volumetric(volume)[0], whole)


def _features(network: resnet.ResNet, images: torch.Tensor) -> torch.Tensor:
    seen: list[torch.Tensor] = []
    handle = network.layer4.register_forward_hook(lambda _m, _i, out: seen.append(out))
    network(images)
    handle.remove()
    return seen[0]


def test_3d_of_a_volume_that_is_constant_along_depth_is_the_2d_network_inside() -> None:
    """Padding along depth is felt near the first and last slice only."""
    planar, volumetric = nn.Sequential(*_stem(1)), nn.Sequential(*_stem(1))
    to_volumetric(volumetric, "3d")
    image = torch.randn(2, 1, 12, 12)
    with torch.no_grad():
        found = volumetric(image[:, :, None].expand(-1, -1, 15, -1, -1))
        expected = planar(image)
    assert found.shape == (2, 4, 8, 6, 6)
    for depth in range(2, 6):
        torch.testing.assert_close(found[:, :, depth], expected)
    assert not torch.allclose(found[:, :, 0], expected)


def _stem(seed: int) -> list[nn.Module]:
    torch.manual_seed(seed)
    parts = [nn.Conv2d(1, 3, 3, 1, 1), nn.BatchNorm2d(3), nn.ReLU(), nn.Conv2d(3, 4, 3, 2, 1)]
    return list(_normalised_differently(nn.Sequential(*parts)).children())


def test_weights_keep_names_and_values() -> None:
    planar = _planar(2).state_dict()
    for form, axes in (("2.5d", (1, 3, 3)), ("3d", (3, 3, 3)), ("acs", (3, 3))):
        network = _planar(2)
        to_volumetric(network, form)  # type: ignore[arg-type]
        found = network.state_dict()
        assert list(found) == list(planar)
        assert found["layer1.0.conv1.weight"].shape == (5, 5, *axes)
        for name, each in planar.items():
            kept = found[name].sum(dim=2) if found[name].ndim == 5 else found[name]
            torch.testing.assert_close(kept, each)
    assert all(each.requires_grad for each in network.parameters())


@pytest.mark.parametrize(
    ("form", "stem"), [*((form, "small-image") for form in FORMS), ("3d", "imagenet")]
)
def test_every_form_gives_logits_and_learns(form: VolumeForm, stem: resnet.Form) -> None:
    torch.manual_seed(0)
    network = resnet.ResNet(
        resnet.Bottleneck, (1, 2, 1, 1), form=stem, channels=2, n_outputs=3, width=4
    )
    to_volumetric(network, form)
    logits = network(torch.randn(2, 2, 9, 8, 10))
    assert logits.shape == (2, 3)
    logits.square().sum().backward()
    assert all(each.grad is not None for each in network.parameters())


def test_networks_by_name_draw_the_same_random_numbers_in_every_form() -> None:
    protocol = find_protocol("medmnist3d-28")
    drawn = []
    for form in FORMS:
        torch.manual_seed(5)
        network = build_network(f"resnet18-{form}", protocol, 2)
        drawn.append((network.get_parameter("linear.weight"), torch.rand(1)))
    assert all(torch.equal(each[0], drawn[0][0]) for each in drawn)
    assert all(torch.equal(each[1], drawn[0][1]) for each in drawn)


def test_pooling_becomes_volumetric() -> None:
    layers: list[nn.Module] = [
        *(nn.MaxPool2d(3, 2, 1, ceil_mode=True), nn.AvgPool2d(2, count_include_pad=False)),
        *(nn.AdaptiveMaxPool2d(2), nn.AdaptiveAvgPool2d((1, 1)), nn.Dropout2d(0.25)),
    ]
    network = to_volumetric(nn.Sequential(nn.Sequential(*layers)), "acs").eval()
    volume = torch.randn(1, 2, 16, 16, 16)
    pooled = nn.functional.max_pool3d(volume, 3, 2, 1, ceil_mode=True)
    pooled = nn.functional.adaptive_max_pool3d(nn.functional.avg_pool3d(pooled, 2), 2)
    torch.testing.assert_close(network(volume), pooled.mean(dim=(2, 3, 4), keepdim=True))
    assert network[0][4].p == 0.25  # type: ignore[index,union-attr]


@pytest.mark.parametrize(
    ("layer", "reason"),
    [
        (nn.Conv2d(1, 1, (1, 3)), r"\(1, 3\)"),
        (nn.Conv2d(1, 1, 3, padding="same"), "same"),
        (nn.Conv2d(2, 2, 3, groups=2), "2 groups"),
        (nn.Conv2d(1, 1, 3, padding=1, padding_mode="circular"), "circular"),
        (nn.MaxPool2d((1, 2)), r"\(1, 2\)"),
        (nn.ConvTranspose2d(1, 1, 3), "ConvTranspose2d"),
        (nn.AdaptiveAvgPool2d((1, 2)), r"\(1, 2\)"),
    ],
)
def test_what_has_no_volumetric_form_is_refused(layer: nn.Module, reason: str) -> None:
    with pytest.raises(UnsupportedError, match=reason):
        to_volumetric(nn.Sequential(layer), "acs")

"""Residual networks in both forms, the lookup by name, and what a prediction costs."""

from __future__ import annotations

import subprocess
import sys
from collections.abc import Callable
from typing import Any

import pytest
import torch
from torch import nn
from torch.nn import functional

from medshelf.benchmark.models import build_network, find_model, model_names, resnet
from medshelf.benchmark.models.cost import cost
from medshelf.benchmark.protocol import find_protocol
from medshelf.core.errors import RunError, UnknownNameError

BUILDERS = [resnet.resnet18, resnet.resnet50]


def _parameters(network: nn.Module) -> int:
    return sum(each.numel() for each in network.parameters())


@pytest.mark.parametrize(
    ("build", "parameters", "gmacs"),
    [(resnet.resnet18, 11_689_512, 1.814), (resnet.resnet50, 25_557_032, 4.089)],
)
def test_the_imagenet_form_has_the_published_size(
    build: Callable[..., nn.Module], parameters: int, gmacs: float
) -> None:
    with torch.device("meta"):
        found = cost(build(form="imagenet", channels=3, n_outputs=1000), (3, 224, 224))
    assert found.parameters == parameters
    assert found.macs is not None
    assert found.macs / 1e9 == pytest.approx(gmacs, abs=0.001)


@pytest.mark.parametrize(
    ("build", "channels", "n_outputs", "parameters"),
    # by hand: of the ImageNet form, without its stem and classes, with those of small images
    [
        (resnet.resnet18, 3, 9, 11_689_512 - 9_408 + 1_728 - 513_000 + 4_617),
        (resnet.resnet18, 1, 2, 11_689_512 - 9_408 + 576 - 513_000 + 1_026),
        (resnet.resnet50, 3, 9, 25_557_032 - 9_408 + 1_728 - 2_049_000 + 18_441),
    ],
)
def test_the_small_image_form_differs_in_stem_and_classes(
    build: Callable[..., nn.Module], channels: int, n_outputs: int, parameters: int
) -> None:
    with torch.device("meta"):
        network = build(form="small-image", channels=channels, n_outputs=n_outputs)
    assert _parameters(network) == parameters


def _names(build: Callable[..., nn.Module], form: str) -> list[str]:
    with torch.device("meta"):
        return list(build(form=form, channels=3, n_outputs=4).state_dict())


def test_names_of_the_imagenet_form_are_torchvisions() -> None:
    names = _names(resnet.resnet18, "imagenet")
    assert len(names) == 122
    assert names[:6] == [
        "conv1.weight",
        *(f"bn1.{part}" for part in ("weight", "bias", "running_mean", "running_var")),
        "bn1.num_batches_tracked",
    ]
    assert {"layer2.0.downsample.0.weight", "layer2.0.downsample.1.running_var"} <= set(names)
    assert not any(name.startswith("layer1.0.downsample") for name in names)
    assert names[-2:] == ["fc.weight", "fc.bias"]
    names = _names(resnet.resnet50, "imagenet")
    assert len(names) == 320
    assert {"layer1.0.downsample.0.weight", "layer4.2.conv3.weight", "layer3.5.bn3.bias"} <= {
        *names
    }


def test_names_of_the_small_image_form_are_those_of_the_published_weights() -> None:
    names = _names(resnet.resnet18, "small-image")
    assert len(names) == 122
    assert {"layer2.0.shortcut.0.weight", "layer4.1.conv2.weight"} <= set(names)
    assert names[-2:] == ["linear.weight", "linear.bias"]
    assert len(_names(resnet.resnet50, "small-image")) == 320


def test_the_stem_halves_twice_in_the_imagenet_form_alone() -> None:
    images = torch.rand(1, 3, 64, 64)
    for form, edge in (("small-image", 8), ("imagenet", 2)):
        network: Any = resnet.ResNet(
            resnet.BasicBlock, (2, 2, 2, 2), form=form, channels=3, n_outputs=2, width=4
        ).eval()
        seen: list[torch.Size] = []
        network.layer4.register_forward_hook(lambda _m, _i, out, seen=seen: seen.append(out.shape))
        with torch.no_grad():
            assert network(images).shape == (1, 2)
        assert seen == [torch.Size([1, 32, edge, edge])]


def test_a_block_computes_what_its_definition_says() -> None:
    torch.manual_seed(0)
    block = resnet.BasicBlock(4, 6, 2, "downsample").eval()
    images = torch.randn(2, 4, 9, 9)
    weights = dict(block.named_parameters())
    scale = (1 + 1e-5) ** -0.5  # of a normalisation that has seen nothing
    out = functional.conv2d(images, weights["conv1.weight"], stride=2, padding=1) * scale
    out = functional.conv2d(out.clamp(min=0), weights["conv2.weight"], padding=1) * scale
    side = functional.conv2d(images, weights["downsample.0.weight"], stride=2) * scale
    with torch.no_grad():
        torch.testing.assert_close(block(images), (out + side).clamp(min=0))


def test_fresh_weights_follow_the_form_and_the_random_state() -> None:
    torch.manual_seed(3)
    first = resnet.resnet18(form="imagenet", channels=3, n_outputs=2)
    torch.manual_seed(3)
    again = resnet.resnet18(form="imagenet", channels=3, n_outputs=2)
    assert torch.equal(first.layer3[0].conv2.weight, again.layer3[0].conv2.weight)
    he = (2 / (256 * 9)) ** 0.5
    assert first.layer3[0].conv2.weight.std().item() == pytest.approx(he, rel=0.02)
    small = resnet.resnet18(form="small-image", channels=3, n_outputs=2)
    bound = (256 * 9) ** -0.5
    assert small.layer3[0].conv2.weight.abs().max().item() <= bound


def test_looking_up_a_name_imports_nothing_heavy() -> None:
    code = (
        "import sys; from medshelf.benchmark.models import find_model, model_names; "
        "names = model_names(); [find_model(each) for each in (*names, 'monai:ViT', 'a.b:c')]; "
        "print(sorted({'torch', 'sklearn', 'monai', 'flaml'} & sys.modules.keys()))"
    )
    out = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True)
    assert out.stdout == "[]\n"


def test_models_by_name() -> None:
    assert {"majority", "knn", "resnet18", "resnet50-acs"} <= set(model_names())
    assert find_model("majority").kind == "estimator"
    assert (find_model("resnet18").dimensions, find_model("resnet18-3d").dimensions) == (2, 3)
    assert find_model("monai:DenseNet121").published_name == "MONAI DenseNet121"
    assert find_model("mine.nets:small").published_name == "mine.nets:small"


@pytest.mark.parametrize(
    "name",
    ["resnet19", "", "monai:", "monai:a.b", "a/b:c", "..:x", "a:b:c", "__init__", "ResNet18"],
)
def test_an_unknown_model_is_refused(name: str) -> None:
    with pytest.raises(UnknownNameError, match="Unknown model"):
        find_model(name)
    with pytest.raises(UnknownNameError, match="Unknown model"):
        build_network(name, find_protocol("medmnist-28"), 2)


def test_an_estimator_is_no_network() -> None:
    with pytest.raises(RunError, match="'majority' is not a network"):
        build_network("majority", find_protocol("medmnist-28"), 2)


class _Odd(nn.Module):
    """Convolution with groups, a linear layer, attention; drops out and counts its calls."""

    def __init__(self) -> None:
        super().__init__()
        self.conv = nn.Conv3d(4, 8, 3, 2, 1, groups=2)
        self.drop = nn.Dropout(0.5)
        self.linear = nn.Linear(8, 8)
        self.modes: list[bool] = []

    def forward(self, x: torch.Tensor) -> torch.Tensor:
        self.modes.append(self.drop.training)
        torch.rand(3)
        tokens = self.linear(self.drop(self.conv(x)).flatten(2).movedim(1, 2))
        return functional.scaled_dot_product_attention(tokens, tokens, tokens).mean(dim=1)


def test_cost_counts_groups_volumes_and_attention() -> None:
    network = _Odd()
    network.linear.eval()
    state = torch.get_rng_state()
    found = cost(network, (4, 6, 6, 6))
    n_tokens = 27
    convolution, linear = n_tokens * 8 * 2 * 27, n_tokens * 8 * 8
    attention = 2 * n_tokens * n_tokens * 8
    assert found.macs == convolution + linear + attention
    assert found.parameters == 8 * 2 * 27 + 8 + 8 * 8 + 8
    assert network.modes == [False]
    assert (network.training, network.drop.training, network.linear.training) == (True, True, False)
    assert torch.equal(torch.get_rng_state(), state)


def test_cost_of_volumes_by_form() -> None:
    """In three dimensions a kernel of k x k x k costs k times one of 1 x k x k."""
    protocol = find_protocol("medmnist3d-28")
    macs = {}
    for form in ("2.5d", "3d", "acs"):
        with torch.device("meta"):
            found = cost(build_network(f"resnet18-{form}", protocol, 2), (1, 16, 16, 16))
        macs[form] = found.macs or 0
    assert macs["2.5d"] == macs["acs"]
    assert 2.9 < macs["3d"] / macs["acs"] < 3

"""Networks of MONAI and of users: found by name, tried before anything depends on them."""

from __future__ import annotations

import importlib
import sys
from collections.abc import Iterator
from pathlib import Path

import pytest
import torch
from torch import nn

from medshelf.benchmark.models import build_network
from medshelf.benchmark.models.cost import cost
from medshelf.benchmark.protocol import Protocol, find_protocol
from medshelf.core.errors import MissingExtraError, RunError, UnknownNameError

MODULE = """
import torch
from torch import nn
import {extra}

class Small(nn.Module):
    def __init__(self, channels, n_outputs, dimensions=0, width=4):
        super().__init__()
        self.convolution = (nn.Conv2d if dimensions == 2 else nn.Conv3d)(channels, width, 3)
        self.drop = nn.Dropout(0.5)
        self.out = nn.Linear(width, n_outputs)

    def forward(self, x):
        return self.out(self.drop(self.convolution(x)).flatten(2).mean(2))

class Flat(nn.Sequential):
    def __init__(self, edge, n_outputs, **rest):
        assert rest == dict(channels=3, dimensions=2), rest
        super().__init__(nn.Flatten(), nn.Linear(3 * edge * edge, n_outputs))

class Several(nn.Linear):
    def __init__(self, n_outputs):
        super().__init__(3 * 28 * 28, n_outputs)

    def forward(self, x):
        return super().forward(x.flatten(1)), ["hidden"]

def segmentation(channels, n_outputs):
    return nn.Conv2d(channels, n_outputs, 1)

def one_class_more(channels, n_outputs, dimensions):
    return Small(channels, n_outputs + 1, dimensions)

def needs(channels, depth):
    return nn.Identity()

def words(n_outputs):
    return "a network"

def fails(n_outputs):
    return nn.Linear(5, n_outputs)

class Dictionary(nn.Module):
    def forward(self, x):
        return dict(logits=x)

constant = 3
"""


@pytest.fixture
def own(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Iterator[Path]:
    folder = tmp_path / "lab_nets"
    folder.mkdir()
    (folder / "__init__.py").write_text("")
    (folder / "nets.py").write_text(MODULE.format(extra="math"))
    (folder / "broken.py").write_text("def net(:\n")
    (folder / "needy.py").write_text(MODULE.format(extra="no_such_package_here"))
    monkeypatch.syspath_prepend(tmp_path)
    importlib.invalidate_caches()
    yield tmp_path
    for name in [each for each in sys.modules if each.split(".")[0] == "lab_nets"]:
        del sys.modules[name]


@pytest.fixture
def protocol() -> Protocol:
    return find_protocol("medmnist-28")


def _resized(name: str, size: int) -> Protocol:
    protocol = find_protocol(name)
    return protocol.model_copy(update={"data": protocol.data.model_copy(update={"size": size})})


@pytest.mark.usefixtures("own")
def test_an_own_network_gets_what_its_signature_takes(protocol: Protocol) -> None:
    torch.manual_seed(0)
    network = build_network("lab_nets.nets:Small", protocol, 5)
    assert (network.convolution.weight.shape, network.out.weight.shape) == (  # type: ignore[union-attr]
        (4, 3, 3, 3),
        (5, 4),
    )
    assert network.training
    drawn = torch.rand(1)
    torch.manual_seed(0)
    nn.Conv2d(3, 4, 3), nn.Linear(4, 5)
    assert torch.equal(drawn, torch.rand(1))  # trying it out drew nothing
    volumes = build_network("lab_nets.nets:Small", find_protocol("medmnist3d-28"), 2)
    assert volumes.convolution.weight.shape == (4, 1, 3, 3, 3)  # type: ignore[union-attr]
    assert build_network("lab_nets.nets:Flat", protocol, 2)[1].in_features == 3 * 28 * 28  # type: ignore[index]


@pytest.mark.usefixtures("own")
def test_the_first_of_several_outputs_is_taken(protocol: Protocol) -> None:
    network = build_network("lab_nets.nets:Several", protocol, 4)
    assert network(torch.zeros(3, 3, 28, 28)).shape == (3, 4)
    assert list(network.state_dict()) == ["weight", "bias"]


@pytest.mark.usefixtures("own")
@pytest.mark.parametrize(
    ("name", "reason"),
    [
        ("no_such_module:net", "there is no module 'no_such_module'"),
        ("lab_nets.missing:net", "there is no module 'lab_nets.missing'"),
        ("lab_nets.broken:net", r"its module fails \(SyntaxError"),
        ("lab_nets.needy:Small", "its module fails .*no_such_package_here"),
        ("lab_nets.nets:needs", r"cannot be made with \(channels=3\).*'depth'"),
        ("lab_nets.nets:words", "is 'str', not a torch.nn.Module"),
        ("lab_nets.nets:segmentation", r"makes \[2, 4, 28, 28\] of images \[2, 3, 28, 28\]"),
        ("lab_nets.nets:one_class_more", r"makes \[2, 5\] .* not \[2, 4\]"),
        ("lab_nets.nets:fails", r"fails on images \[2, 3, 28, 28\]: RuntimeError"),
        ("lab_nets.nets:Dictionary", "makes dict of images"),
        ("builtins:dict", "not a torch.nn.Module"),
    ],
)
def test_an_own_network_that_does_not_work_is_refused(
    protocol: Protocol, name: str, reason: str
) -> None:
    with pytest.raises(RunError, match=reason):
        build_network(name, protocol, 4)


@pytest.mark.usefixtures("own")
@pytest.mark.parametrize("attribute", ["Smal", "constant"])
def test_an_attribute_that_makes_nothing_is_refused(protocol: Protocol, attribute: str) -> None:
    with pytest.raises(UnknownNameError, match=r"class or function of lab_nets\.nets"):
        build_network(f"lab_nets.nets:{attribute}", protocol, 4)


def test_monai_networks_for_images_and_volumes() -> None:
    pytest.importorskip("monai")
    with torch.device("meta"):
        network = build_network("monai:DenseNet121", _resized("medmnist-28", 32), 1000)
        found = cost(network, (3, 32, 32))
    assert found.parameters == 7_978_856  # Huang et al. 2017, as everywhere
    with torch.device("meta"):
        network = build_network("monai:DenseNet121", find_protocol("medmnist3d-64"), 4)
        assert network.class_layers.out.out_features == 4  # type: ignore[union-attr]
        network = build_network("monai:SEResNet50", find_protocol("medmnist3d-28"), 2)
        assert network.eval()(torch.rand(1, 1, 28, 28, 28)).shape == (1, 2)


@pytest.mark.parametrize(
    ("name", "patch"), [("medmnist-28", 2), ("medmnist+-64", 4), ("medmnist3d-28", 4)]
)
def test_monai_vit_gives_logits(name: str, patch: int) -> None:
    pytest.importorskip("monai")
    protocol = find_protocol(name)
    with torch.device("meta"):
        network = build_network("monai:ViT", protocol, 7)
        axes = (protocol.data.edge,) * protocol.data.dimensions
        assert network(torch.zeros(1, protocol.data.channels, *axes)).shape == (1, 7)
    weights = dict(network.named_parameters())
    assert weights["patch_embedding.patch_embeddings.weight"].shape[-1] == patch
    assert type(network.classification_head) is nn.Linear


@pytest.mark.parametrize(
    ("name", "error", "reason"),
    [
        ("monai:DenseNet12", UnknownNameError, "monai:DenseNet121"),
        ("monai:resnet18", UnknownNameError, "Unknown network of MONAI"),
        ("monai:DenseNet121", RunError, r"fails on images \[2, 3, 28, 28\]"),
        ("monai:UNet", RunError, "cannot be made .*'strides'"),
        ("monai:SegResNet", RunError, r"makes \[2, 4, 28, 28\]|fails on images"),
        ("monai:Critic", RunError, "cannot be made"),
    ],
)
def test_what_is_no_classifier_is_refused(
    protocol: Protocol, name: str, error: type[Exception], reason: str
) -> None:
    pytest.importorskip("monai")
    with pytest.raises(error, match=reason), torch.device("meta"):
        build_network(name, protocol, 4)


def test_missing_monai_is_named(protocol: Protocol, monkeypatch: pytest.MonkeyPatch) -> None:
    for name in [each for each in sys.modules if each.split(".")[0] == "monai"]:
        monkeypatch.delitem(sys.modules, name)
    monkeypatch.setitem(sys.modules, "monai", None)
    with pytest.raises(MissingExtraError, match=r"medshelf\[monai\]"):
        build_network("monai:DenseNet121", protocol, 4)

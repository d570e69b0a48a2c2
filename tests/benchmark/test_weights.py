"""Weights in files: what is written, what is read back, and what is refused."""

from __future__ import annotations

import os
import pickle
import zipfile
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest
import torch
from safetensors.torch import save_file
from torch import nn

from medshelf.benchmark.models import resnet, weights
from medshelf.benchmark.models.volumetric import VolumeForm, to_volumetric
from medshelf.benchmark.models.weights import describe, load_weights, read_metadata, write_weights
from medshelf.core.errors import FormatError, MissingExtraError, RunError, StorageError

NOTED = describe("resnet18", "medmnist-28", "breastmnist", ["malignant", "normal, benign"])


def _network(seed: int = 0, n_outputs: int = 3, channels: int = 3, **other: Any) -> resnet.ResNet:
    """Return a narrow residual network with one block in each stage."""
    torch.manual_seed(seed)
    made = {
        "form": "small-image",
        "block": resnet.BasicBlock,
        "depths": (1, 1, 1, 1),
        "width": 4,
    } | other
    return resnet.ResNet(channels=channels, n_outputs=n_outputs, **made)


def _equal(one: nn.Module, other: nn.Module) -> bool:
    states = one.state_dict(), other.state_dict()
    return all(torch.equal(states[0][name], states[1][name]) for name in states[0])


def test_what_is_written_is_read_back(tmp_path: Path) -> None:
    network, path = _network(1), tmp_path / "deep" / "w.safetensors"
    network.bn1.running_mean.uniform_()
    network.bn1.num_batches_tracked.fill_(7)
    network.to(memory_format=torch.channels_last)  # type: ignore[call-overload]
    write_weights(network, path, {**NOTED, "seed": "3"})
    again = _network(2)
    assert not _equal(network, again)
    load_weights(again, path, dataset="breastmnist", classes=["malignant", "normal, benign"])
    assert _equal(network, again)
    assert read_metadata(path).items() >= {**NOTED, "seed": "3"}.items()
    assert [each.name for each in sorted(path.parent.iterdir())] == ["w.safetensors"]


def test_weights_that_share_memory_are_written(tmp_path: Path) -> None:
    network = nn.Sequential(nn.Linear(4, 4), nn.Linear(4, 4))
    network[1].weight = network[0].weight
    write_weights(network, tmp_path / "w.safetensors", {})
    again = nn.Sequential(nn.Linear(4, 4), nn.Linear(4, 4))
    load_weights(again, tmp_path / "w.safetensors")
    assert _equal(network, again)


@pytest.mark.parametrize(
    "wrap",
    [
        lambda state: state,
        lambda state: {"net": state},
        lambda state: {"state_dict": state, "epoch": 3},
        lambda state: {"net": {f"module.{name}": each for name, each in state.items()}},
        lambda state: {n: each for n, each in state.items() if "num_batches" not in n},
        lambda state: {n: each.double() for n, each in state.items()},
    ],
)
def test_state_dicts_of_torch_load(tmp_path: Path, wrap: Callable[..., Any]) -> None:
    network, again = _network(1), _network(2)
    torch.save(wrap(network.state_dict()), tmp_path / "w.pth")
    load_weights(again, tmp_path / "w.pth")
    assert _equal(network, again)
    assert again.conv1.weight.dtype == torch.float32
    assert read_metadata(tmp_path / "w.pth") == {}


def test_an_old_file_of_torch_loads(tmp_path: Path) -> None:
    network, again = _network(1), _network(2)
    torch.save(network.state_dict(), tmp_path / "w.pt", _use_new_zipfile_serialization=False)
    load_weights(again, tmp_path / "w.pt")
    assert _equal(network, again)


class _Payload:
    """Runs a command when it is unpickled by whoever trusts it."""

    def __init__(self, trace: Path) -> None:
        self.trace = trace

    def __reduce__(self) -> tuple[Any, ...]:
        return os.mkdir, (str(self.trace),)


@pytest.mark.parametrize("way", ["torch", "old torch", "pickle", "named safetensors"])
def test_code_in_a_file_is_not_run(tmp_path: Path, way: str) -> None:
    trace, path = tmp_path / "owned", tmp_path / "w.pth"
    content = {"net": {"conv1.weight": _Payload(trace)}}
    if way == "named safetensors":
        path = tmp_path / "w.safetensors"
    if "torch" in way:
        torch.save(content, path, _use_new_zipfile_serialization=way == "torch")
    else:
        path.write_bytes(pickle.dumps(content, protocol=2))
    reason = "no safetensors" if "named" in way else r"mkdir\), which .* it was not run"
    with pytest.raises(FormatError, match=reason):
        load_weights(_network(), path)
    assert not trace.exists()


@pytest.mark.parametrize(
    ("content", "reason"),
    [
        ({}, "no state dict"),
        ({"epoch": 3}, "no state dict"),
        ([torch.zeros(2)], "no state dict"),
        ({"net": {"a": torch.zeros(1), "b": 3}}, "no state dict"),
        ({"net": {3: torch.zeros(1)}}, "no state dict"),
    ],
)
def test_other_things_of_torch_are_refused(tmp_path: Path, content: Any, reason: str) -> None:
    torch.save(content, tmp_path / "w.pth")
    with pytest.raises(FormatError, match=reason):
        load_weights(_network(), tmp_path / "w.pth")


@pytest.mark.parametrize("suffix", [".pth", ".safetensors"])
@pytest.mark.parametrize("damage", ["cut", "empty", "text", "missing", "folder"])
def test_damaged_files_are_refused(tmp_path: Path, suffix: str, damage: str) -> None:
    path = tmp_path / f"w{suffix}"
    if suffix == ".pth":
        torch.save(_network().state_dict(), path)
    else:
        write_weights(_network(), path, NOTED)
    content = path.read_bytes()
    path.unlink()
    if damage == "folder":
        path.mkdir()
    elif damage != "missing":
        path.write_bytes(
            {"cut": content[: len(content) // 2], "empty": b"", "text": b"hello"}[damage]
        )
    with pytest.raises(FormatError, match="Cannot read"):
        load_weights(_network(), path)


def test_a_compressed_archive_is_not_unpacked(tmp_path: Path) -> None:
    torch.save(_network().state_dict(), tmp_path / "stored.pth")
    with (
        zipfile.ZipFile(tmp_path / "stored.pth") as stored,
        zipfile.ZipFile(tmp_path / "w.pth", "w", zipfile.ZIP_DEFLATED) as packed,
    ):
        for name in stored.namelist():
            packed.writestr(name, stored.read(name))
    with pytest.raises(FormatError, match="compressed"):
        load_weights(_network(), tmp_path / "w.pth")


def _refused(network: nn.Module, found: nn.Module, folder: Path) -> RunError:
    before = {name: each.clone() for name, each in network.state_dict().items()}
    torch.save(found.state_dict(), folder / "w.pth")
    with pytest.raises(RunError) as caught:
        load_weights(network, folder / "w.pth")
    assert all(torch.equal(before[name], each) for name, each in network.state_dict().items())
    return caught.value


def test_another_number_of_classes_is_named(tmp_path: Path) -> None:
    error = _refused(_network(n_outputs=3), _network(n_outputs=9), tmp_path)
    assert "linear.weight [9, 32] instead of [3, 32]" in error.problem
    assert "9 outputs, not 3" in error.problem
    assert "--new-head" in error.remedy


def test_another_number_of_channels_is_named(tmp_path: Path) -> None:
    error = _refused(_network(), _network(channels=1), tmp_path)
    assert "conv1.weight [4, 1, 3, 3] instead of [4, 3, 3, 3]" in error.problem
    assert "1 input channels, not 3" in error.problem
    error = _refused(_network(), _network(channels=1, n_outputs=2), tmp_path)
    assert "1 input channels, not 3 and 2 outputs, not 3" in error.problem


@pytest.mark.parametrize(
    ("own", "other"), [("2.5d", "3d"), ("acs", "3d"), ("3d", "acs"), ("2.5d", "acs")]
)
def test_another_form_is_named(tmp_path: Path, own: VolumeForm, other: VolumeForm) -> None:
    networks = to_volumetric(_network(), own), to_volumetric(_network(), other)
    error = _refused(*networks, tmp_path)
    assert "another form of the network" in error.problem
    assert "resnet18-acs" in error.remedy


@pytest.mark.parametrize(
    ("build", "form", "name"),
    [
        (resnet.resnet50, "small-image", "ResNet-50 for small images"),
        (resnet.resnet18, "imagenet", "ResNet-18 of ImageNet's form"),
    ],
)
def test_another_architecture_is_named(
    tmp_path: Path, build: Callable[..., nn.Module], form: str, name: str
) -> None:
    with torch.device("meta"):
        found = build(form=form, channels=3, n_outputs=8)
    error = _refused(_network(), found.to_empty(device="cpu"), tmp_path)
    assert "unexpected" in error.problem
    assert f"look like those of {name}" in error.problem
    assert name in error.remedy


def test_something_else_is_refused_without_a_guess(tmp_path: Path) -> None:
    error = _refused(_network(), nn.Sequential(nn.Linear(2, 2)), tmp_path)
    assert "0.weight, 0.bias unexpected" in error.problem
    assert "look like" not in error.problem


def test_all_but_the_last_layer(tmp_path: Path) -> None:
    found, network = _network(1, n_outputs=9), _network(2, n_outputs=3)
    torch.save({"net": found.state_dict()}, tmp_path / "w.pth")
    own = network.linear.weight.clone()  # type: ignore[operator]
    load_weights(network, tmp_path / "w.pth", head=False)
    assert torch.equal(network.linear.weight, own)  # type: ignore[arg-type]
    assert torch.equal(network.layer4[0].conv2.weight, found.layer4[0].conv2.weight)
    del found.linear
    torch.save(found.state_dict(), tmp_path / "headless.pth")
    load_weights(network, tmp_path / "headless.pth", head=False)
    with pytest.raises(RunError, match=r"linear\.weight, linear\.bias missing"):
        load_weights(network, tmp_path / "headless.pth")


def test_a_network_without_layers_has_no_last_one(tmp_path: Path) -> None:
    torch.save(_network().state_dict(), tmp_path / "w.pth")
    with pytest.raises(RunError, match="no linear or convolutional layer"):
        load_weights(nn.Sequential(nn.ReLU()), tmp_path / "w.pth", head=False)


def test_weights_of_another_dataset_are_refused_unless_asked_for(tmp_path: Path) -> None:
    path, network = tmp_path / "w.safetensors", _network()
    write_weights(_network(1), path, NOTED)
    other: dict[str, Any] = {"dataset": "pneumoniamnist", "classes": ["normal", "pneumonia"]}
    with pytest.raises(RunError, match="'breastmnist', whose classes are not those of 'pneumonia"):
        load_weights(network, path, **other)
    assert _equal(network, _network())
    load_weights(network, path, dataset="mine", classes=["malignant", "normal, benign"])
    assert _equal(network, _network(1))
    load_weights(network := _network(), path, **other, head=False)
    assert torch.equal(network.conv1.weight, _network(1).conv1.weight)


def test_a_damaged_note_of_the_classes_is_refused(tmp_path: Path) -> None:
    path = tmp_path / "w.safetensors"
    save_file(_network().state_dict(), path, {"dataset": "breastmnist", "classes": "[malignant"})
    with pytest.raises(FormatError, match="JSON"):
        load_weights(_network(), path, dataset="pneumoniamnist", classes=["a"])


def test_a_folder_that_cannot_be_written(tmp_path: Path) -> None:
    (tmp_path / "file").write_text("")
    with pytest.raises(StorageError, match="Cannot write"):
        write_weights(_network(), tmp_path / "file" / "w.safetensors", {})


def test_an_interrupted_write_leaves_the_older_file(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    path = tmp_path / "w.safetensors"
    write_weights(_network(1), path, {})
    monkeypatch.setattr(Path, "write_bytes", _full)
    with pytest.raises(StorageError, match="Free some disk space"):
        write_weights(_network(2), path, {})
    monkeypatch.undo()
    again = _network()
    load_weights(again, path)
    assert _equal(again, _network(1))
    assert len(sorted(tmp_path.iterdir())) == 1


def _full(_path: Path, _content: bytes) -> int:
    raise OSError(28, "No space left on device")


def test_a_missing_package_is_named(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setitem(__import__("sys").modules, "safetensors.torch", None)
    for act in (
        lambda: write_weights(_network(), tmp_path / "w.safetensors", {}),
        lambda: weights.read_weights(tmp_path / "w.safetensors"),
    ):
        with pytest.raises(MissingExtraError, match=r"medshelf\[train\]"):
            act()

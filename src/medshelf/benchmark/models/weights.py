"""Weights of networks in files: state dicts of torch are read, safetensors read and written."""

from __future__ import annotations

import json
import re
import zipfile
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any

import torch
from torch import nn

from medshelf.benchmark.models.mismatch import compare
from medshelf.core.errors import FormatError, MissingExtraError, RunError
from medshelf.core.files import atomic_path

_NESTED = ("net", "state_dict")
_COUNTER = ".num_batches_tracked"
_CLASS = re.compile(r"GLOBAL (\S+)")  # how torch names a class that it does not load
_REMEDY = "Name a state dict of torch (.pt, .pth) or a .safetensors file"


def describe(model: str, protocol: str, dataset: str, classes: Sequence[str]) -> dict[str, str]:
    """Return what `write_weights` notes in the file, as `load_weights` reads it."""
    kept = json.dumps(list(classes), ensure_ascii=False)
    return {"model": model, "protocol": protocol, "dataset": dataset, "classes": kept}


def write_weights(network: nn.Module, path: Path, metadata: Mapping[str, str]) -> None:
    """Write a network's state as safetensors, atomically.

    Args:
        network: On any device.
        path: Its name should end in `.safetensors`.
        metadata: From `describe`, and whatever else is to be noted.

    Raises:
        MissingExtraError: safetensors is not installed.
        StorageError: The folder is read-only or full.
    """
    safetensors = _safetensors()
    tensors = {name: each.detach().contiguous() for name, each in network.state_dict().items()}
    content = safetensors.save(_unshared(tensors), {"format": "pt", **metadata})
    with atomic_path(path) as part:
        part.write_bytes(content)


def read_metadata(path: Path) -> dict[str, str]:
    """Return what a weights file says of itself; nothing where it is a state dict of torch.

    Raises:
        FormatError: The file is no safetensors file, though its name ends so.
        MissingExtraError: safetensors is not installed.
    """
    return _read_safetensors(path)[1] if path.suffix == ".safetensors" else {}


def load_weights(
    network: nn.Module,
    path: Path,
    *,
    dataset: str = "",
    classes: Sequence[str] = (),
    head: bool = True,
) -> None:
    """Replace a network's weights by those of a file; all of them, or none.

    A state dict may lie under `net` or `state_dict`, and its names may begin with `module.`; no
    code in it is run.

    Args:
        network: On any device; it keeps its device and number format.
        path: A state dict of torch, or a safetensors file.
        dataset: Which the network is for; compared with what the file says.
        classes: Its classes in their order.
        head: False leaves the last layer as it is, whatever the file holds for it.

    Raises:
        FormatError: The file cannot be read, or holds more than tensors.
        MissingExtraError: safetensors is not installed.
        RunError: The weights are of another architecture, or of another dataset.
    """
    found, metadata = read_weights(path)
    if head:
        _check_origin(path, metadata, dataset, classes)
    state = network.state_dict()
    if not head:
        last = f"{last_layer(network)}."
        found = {name: each for name, each in found.items() if not name.startswith(last)}
        found |= {name: each for name, each in state.items() if name.startswith(last)}
    for name, own in state.items():
        if name.endswith(_COUNTER):
            found.setdefault(name, own)  # older files have no such counters, and nothing reads them
    if problem := compare(network, state, found):
        raise RunError(f"{path} does not fit the network: {problem.what}", problem.remedy)
    network.load_state_dict(found)


def last_layer(network: nn.Module) -> str:
    """Return the name of the linear or convolutional layer that was registered last.

    Raises:
        RunError: The network has none.
    """
    kinds = (nn.Linear, nn.Conv1d, nn.Conv2d, nn.Conv3d)
    names = [name for name, each in network.named_modules() if isinstance(each, kinds)]
    if not names:
        problem = f"{type(network).__name__} has no linear or convolutional layer"
        raise RunError(problem, "Load all weights, or choose another network")
    return names[-1]


def read_weights(path: Path) -> tuple[dict[str, torch.Tensor], dict[str, str]]:
    """Return tensors by name, on the CPU, and what the file says of itself.

    Raises:
        FormatError: The file cannot be read, or holds more than tensors.
        MissingExtraError: safetensors is not installed.
    """
    if path.suffix == ".safetensors":
        return _read_safetensors(path)
    content = _read_torch(path)
    for name in _NESTED:
        if isinstance(content, dict) and isinstance(content.get(name), dict):
            content = content[name]
    if not _is_state(content):
        raise FormatError(path, "it holds no state dict (names to tensors)", _REMEDY)
    prefix = "module." if all(name.startswith("module.") for name in content) else ""
    return {name.removeprefix(prefix): each for name, each in content.items()}, {}


def _is_state(content: Any) -> bool:
    return (
        isinstance(content, dict)
        and bool(content)
        and all(isinstance(each, str) for each in content)
        and all(isinstance(each, torch.Tensor) for each in content.values())
    )


def _check_origin(
    path: Path, metadata: Mapping[str, str], dataset: str, classes: Sequence[str]
) -> None:
    origin = metadata.get("dataset", "")
    if not (dataset and origin) or origin == dataset:
        return
    try:
        trained = json.loads(metadata.get("classes", "[]"))
    except ValueError as error:
        raise FormatError(path, "its note of the classes is no JSON list", _REMEDY) from error
    if trained != list(classes):
        raise RunError(
            f"{path} was trained on {origin!r}, whose classes are not those of {dataset!r}",
            "Name weights trained on this dataset, or start with a new last layer (--new-head)",
        )


def _read_torch(path: Path) -> Any:
    try:
        if zipfile.is_zipfile(path):
            with zipfile.ZipFile(path) as archive:
                if any(each.compress_type for each in archive.infolist()):
                    raise FormatError(path, "it is a compressed archive, not a state dict", _REMEDY)
        return torch.load(path, map_location="cpu", weights_only=True)
    except FormatError:
        raise
    except OSError as error:
        reason = error.strerror or str(error)
        raise FormatError(path, reason, _REMEDY) from error
    except Exception as error:
        if held := _CLASS.search(str(error)):
            reason = f"it holds more than tensors ({held[1]}), which could run code; it was not run"
            remedy = "Save the state dict alone: torch.save(network.state_dict(), ...)"
            raise FormatError(path, reason, remedy) from error
        raise FormatError(path, "it is damaged or no file of torch", _REMEDY) from error


def _read_safetensors(path: Path) -> tuple[dict[str, torch.Tensor], dict[str, str]]:
    _safetensors()
    from safetensors import SafetensorError, safe_open

    try:
        with safe_open(path, framework="pt") as file:
            tensors = {name: file.get_tensor(name) for name in sorted(file.keys())}
            return tensors, dict(file.metadata() or {})
    except (OSError, SafetensorError) as error:
        raise FormatError(path, f"no safetensors file ({error})", _REMEDY) from error


def _unshared(tensors: Mapping[str, torch.Tensor]) -> dict[str, torch.Tensor]:
    seen: set[int] = set()
    kept = {}
    for name, each in tensors.items():
        kept[name] = each.clone() if each.data_ptr() in seen else each
        seen.add(each.data_ptr())
    return kept


def _safetensors() -> Any:
    try:
        import safetensors.torch
    except ModuleNotFoundError as error:
        raise MissingExtraError("safetensors", "train") from error
    return safetensors.torch

"""Networks small enough to train in tests, which tests may watch and disturb."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import replace
from pathlib import Path

import torch
from safetensors.torch import load_file
from torch import nn

import medshelf
from medshelf.benchmark import runs
from medshelf.benchmark.protocol import Protocol, find_protocol
from medshelf.dataset.labelled_images import LabelledImages

TINY, PLAIN = (f"{__name__}:{each}" for each in ("Tiny", "Plain"))
BATCH_SIZE = 5  # 12 training samples: steps of 5, 5 and 2

watch: Callable[[nn.Module, torch.Tensor], torch.Tensor] | None = None
"""Sees every batch before the network does."""


class Tiny(nn.Module):
    """A convolution, batch normalisation and a linear layer, for 2 or 3 spatial axes."""

    def __init__(self, channels: int, n_outputs: int, dimensions: int) -> None:
        super().__init__()
        convolution = {2: nn.Conv2d, 3: nn.Conv3d}[dimensions]
        normalisation = {2: nn.BatchNorm2d, 3: nn.BatchNorm3d}[dimensions]
        self.layers = nn.Sequential(
            convolution(channels, 4, 3, stride=4), normalisation(4), nn.ReLU(), nn.Flatten()
        )
        self.dropout = nn.Dropout(0.2)
        self.linear = nn.LazyLinear(n_outputs)
        with torch.no_grad():
            self.eval()(torch.zeros(1, channels, *(28,) * dimensions))
        self.train()

    def forward(self, x: torch.Tensor) -> torch.Tensor:
        if watch is not None:
            x = watch(self, x)
        return self.linear(self.dropout(self.layers(x)))


class Plain(nn.Module):
    """One linear layer: no sample touches another."""

    def __init__(self, channels: int, n_outputs: int) -> None:
        super().__init__()
        self.linear = nn.Linear(channels * 28 * 28, n_outputs)

    def forward(self, x: torch.Tensor) -> torch.Tensor:
        return self.linear(x.flatten(1))


def short_protocol(name: str = "medmnist-28") -> Protocol:
    """The protocol with small batches."""
    protocol = find_protocol(name)
    fit = protocol.fit.model_copy(update={"batch_size": BATCH_SIZE})
    return protocol.model_copy(update={"fit": fit})


def splits(root: Path, dataset: str = "breastmnist") -> dict[str, LabelledImages]:
    return {
        split: medshelf.load(dataset, split, root=root, allow_modified=True)
        for split in ("train", "val", "test")
    }


def train(
    data: dict[str, LabelledImages],
    folder: Path,
    model: str = TINY,
    *,
    seed: int = 0,
    protocol: Protocol | None = None,
    **settings: object,
) -> runs.Run:
    """Run, with two epochs on the CPU if nothing else is said."""
    protocol = protocol or short_protocol()
    asked = runs.Settings(**{"epochs": 2, "device": "cpu", **settings})  # type: ignore[arg-type]
    spec = runs.specify(data, protocol, model, asked, seed=seed)
    return runs.run(spec, protocol, data, asked, folder=folder)


def without_time(found: runs.Run) -> dict[str, object]:
    """What of a run must be the same when it is repeated."""
    history = [{**each, "seconds": 0} for each in found.history]
    kept = replace(found, history=history, wall_s=0, finished="", folder=Path())
    weights = load_file(found.folder / "weights.safetensors")
    return {"run": kept, **{name: each.numpy().tobytes() for name, each in weights.items()}}


def training_batches(
    disturb: Callable[[int, torch.Tensor], torch.Tensor],
) -> Callable[[nn.Module, torch.Tensor], torch.Tensor]:
    """Return a watcher that gives each training batch its number, from 1."""
    count = 0

    def watcher(network: nn.Module, x: torch.Tensor) -> torch.Tensor:
        nonlocal count
        if not network.training:
            return x
        count += 1
        return disturb(count, x)

    return watcher

"""Open a split after first use, and feed a DataLoader, on a generated set of ChestMNIST's size."""

from __future__ import annotations

import os
import resource
import subprocess
import sys
import tempfile
from pathlib import Path

import numpy as np
import torch
from pairs import compare

import medshelf
from medshelf.dataset.dataset import Dataset

COUNTS = {"train": 40_000, "val": 4_000, "test": 8_000}


def make_file(folder: Path) -> Path:
    """OCTMNIST's layout: noise over a smooth field, so that it compresses as images do."""
    rng = np.random.default_rng(0)
    field = np.linspace(40, 200, 28)[:, None] + np.linspace(-30, 30, 28)
    arrays = {}
    for split, n in COUNTS.items():
        noise = rng.integers(-12, 12, (n, 28, 28))
        arrays[f"{split}_images"] = (field + noise).clip(0, 255).astype(np.uint8)
        arrays[f"{split}_labels"] = rng.integers(0, 4, (n, 1)).astype(np.uint8)
    path = folder / "octmnist.npz"
    np.savez_compressed(path, **arrays)
    os.utime(path, (0, 0))  # a file of a moment ago would be hashed at every opening
    return path


class PerItem:
    """The same dataset as the usual loader sees one: an item at a time."""

    def __init__(self, dataset: Dataset) -> None:
        self.images, self.targets = dataset.images(), dataset.targets

    def __len__(self) -> int:
        return len(self.targets)

    def __getitem__(self, index: int) -> tuple[np.ndarray, int]:
        return self.images[index], int(self.targets[index])


def one_pass(dataset: object) -> None:
    """Visit every batch of 128, shuffled."""
    for _ in torch.utils.data.DataLoader(dataset, batch_size=128, shuffle=True):  # type: ignore[arg-type]
        pass


def cpu_seconds(*words: str) -> float:
    """User and system time of one process."""
    before = resource.getrusage(resource.RUSAGE_CHILDREN)
    subprocess.run([sys.executable, *words], check=True, stdout=subprocess.DEVNULL)
    after = resource.getrusage(resource.RUSAGE_CHILDREN)
    return after.ru_utime + after.ru_stime - before.ru_utime - before.ru_stime


with tempfile.TemporaryDirectory() as name:
    os.environ["XDG_CACHE_HOME"] = name
    path = make_file(Path(name))

    def opened() -> Dataset:
        return medshelf.load("octmnist", root=name, allow_modified=True)

    compare(
        "open a split and read its first 128 images, against NumPy's npz",
        lambda: opened().images(slice(0, 128)),
        lambda: np.load(path)["train_images"][:128],
    )
    dataset = opened()
    compare(
        "DataLoader over the dataset, against one that gives single items",
        lambda: one_pass(dataset),
        lambda: one_pass(PerItem(dataset)),
    )
    compare(
        "dataset.batches (normalised float32), against that DataLoader (raw uint8)",
        lambda: [None for _ in dataset.batches(128, shuffle=True, normalise=(0.5, 0.5))],
        lambda: one_pass(PerItem(dataset)),
    )

times = sorted(cpu_seconds("-m", "medshelf", "--help") for _ in range(5))
print(f"medshelf --help: {times[2]:.2f} s of CPU time (median of 5)")

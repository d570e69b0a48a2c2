"""One epoch of ResNet-18 at 28 px, against the loop of the MedMNIST experiments.

Generated images in PathMNIST's proportions of splits. The official loop trains on PIL images from a
DataLoader, reads the loss back at every step, and evaluates train, val and test after each epoch;
the protocol needs the evaluation of val alone. Ratios with the same evaluations are printed too.
"""

from __future__ import annotations

import os
import tempfile
from pathlib import Path
from typing import Any

import numpy as np
import torch
from pairs import compare
from sklearn.metrics import accuracy_score, roc_auc_score
from torch import nn
from torchvision_forms import usual

import medshelf
from medshelf.benchmark.fits.fit import Assignment
from medshelf.benchmark.fits.inputs import Inputs
from medshelf.benchmark.fits.state import State
from medshelf.benchmark.metrics import acc, auc
from medshelf.benchmark.models import build_network
from medshelf.benchmark.protocol import find_protocol
from medshelf.core.allocator import keep_freed_memory

FOLDER = tempfile.TemporaryDirectory()
os.environ["HOME"] = os.environ["XDG_CACHE_HOME"] = FOLDER.name
import medmnist  # noqa: E402

COUNTS = {"train": 256, "val": 28, "test": 20}
PROTOCOL = find_protocol("medmnist-28")


def make_file() -> None:
    """Noise in PathMNIST's layout, every class in every split."""
    rng = np.random.default_rng(0)
    arrays = {}
    for split, n in COUNTS.items():
        arrays[f"{split}_images"] = rng.integers(0, 256, (n, 28, 28, 3), np.uint8)
        arrays[f"{split}_labels"] = (np.arange(n) % 9).astype(np.uint8)[:, None]
    path = Path(FOLDER.name) / "pathmnist.npz"
    np.savez(path, **arrays)
    os.utime(path, (0, 0))
    medmnist.INFO["pathmnist"]["n_samples"] = COUNTS


class Official:
    """The loop of the experiments."""

    def __init__(self) -> None:
        torch.manual_seed(0)
        self.data = {s: medmnist.PathMNIST(s, usual(), root=FOLDER.name) for s in COUNTS}
        self.network = build_network("resnet18", PROTOCOL, 9)
        self.optimiser = torch.optim.Adam(self.network.parameters(), lr=0.001)
        self.loss = nn.CrossEntropyLoss()

    def loader(self, split: str, *, shuffle: bool) -> Any:
        return torch.utils.data.DataLoader(self.data[split], batch_size=128, shuffle=shuffle)

    def epoch(self, *splits: str) -> None:
        self.network.train()
        losses = []
        for images, targets in self.loader("train", shuffle=True):
            self.optimiser.zero_grad()
            loss = self.loss(self.network(images), torch.squeeze(targets, 1).long())
            losses.append(loss.item())
            loss.backward()
            self.optimiser.step()
        for split in splits:
            self.evaluate(split)

    def evaluate(self, split: str) -> tuple[float, float]:
        self.network.eval()
        losses, scores = [], torch.tensor([])
        with torch.no_grad():
            for images, targets in self.loader(split, shuffle=False):
                outputs = self.network(images)
                losses.append(self.loss(outputs, torch.squeeze(targets, 1).long()).item())
                scores = torch.cat((scores, nn.Softmax(dim=1)(outputs)), 0)
        labels, y_score = self.data[split].labels.squeeze(), scores.numpy()
        aucs = [roc_auc_score(labels == each, y_score[:, each]) for each in range(9)]
        return float(np.mean(aucs)), float(accuracy_score(labels, y_score.argmax(axis=1)))


class Ours:
    """The same through medshelf's training."""

    def __init__(self, precision: str) -> None:
        torch.manual_seed(0)
        self.data = {
            split: medshelf.load("pathmnist", split, root=FOLDER.name, allow_modified=True)
            for split in COUNTS
        }
        asked = Assignment(
            protocol=PROTOCOL,
            dataset="pathmnist",
            task=self.data["train"].task,
            model="resnet18",
            seed=0,
            epochs=100,
            device="cpu",
            precision=precision,
            deterministic=False,
            weights=None,
            folder=Path(FOLDER.name),
        )
        self.inputs = Inputs(PROTOCOL.data, 128, "cpu")
        self.state = State(asked, "cpu")

    def epoch(self, *splits: str) -> None:
        self.state.train(self.inputs.training(self.data["train"], (0, 0)), lambda: None)
        for split in splits:
            scores, _ = self.state.predict(self.inputs.evaluation(self.data[split]))
            task, targets = self.data[split].task, self.data[split].targets
            auc(task, targets, scores), acc(task, targets, scores)


if __name__ == "__main__":
    make_file()
    print(f"CPU capability: {torch.backends.cpu.get_cpu_capability()}")
    official = Official()
    every = ("train", "val", "test")
    # The allocator setting holds for the process, so it is timed for both: it is not in the ratios.
    keep_freed_memory()
    for precision in ("float32", "bfloat16"):
        ours = Ours(precision)
        compare(
            f"epoch, {precision}, with the evaluations that the protocol needs",
            lambda: ours.epoch("val"),  # noqa: B023
            lambda: official.epoch(*every),
        )
        compare(
            f"epoch, {precision}, with the same evaluations",
            lambda: ours.epoch(*every),  # noqa: B023
            lambda: official.epoch(*every),
        )
    FOLDER.cleanup()

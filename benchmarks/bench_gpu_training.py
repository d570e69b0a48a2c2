"""ResNet-18 at 28 px on one device: the loop of the MedMNIST experiments against ours.

As many generated images as PathMNIST has in train (89,996), val and test. The official loop trains
on PIL images from a DataLoader, reads the loss back at every step, and evaluates train, val and
test after each epoch; ours evaluates val alone, as the protocol needs. Each epoch is timed to its
end; the first of each is left out. `--full` trains 100 epochs of ours, checkpoints included.
"""

from __future__ import annotations

import argparse
import statistics
import tempfile
import time
from pathlib import Path
from typing import Any

import numpy as np
import torch
from PIL import Image
from sklearn.metrics import accuracy_score, roc_auc_score
from torch import nn
from torchvision_forms import usual

import medshelf
from medshelf.benchmark.fits.fit import Assignment
from medshelf.benchmark.fits.network import NetworkTraining
from medshelf.benchmark.models import build_network
from medshelf.benchmark.protocol import find_protocol

PROTOCOL = find_protocol("medmnist-28")
N_CLASSES, N_TRAIN, N_VAL, N_TEST = 9, 89_996, 10_004, 7_180


def make_arrays(n_train: int) -> dict[str, np.ndarray]:
    """Noise in PathMNIST's layout and proportions."""
    rng = np.random.default_rng(0)
    arrays = {}
    for split, published in (("train", N_TRAIN), ("val", N_VAL), ("test", N_TEST)):
        n = max(2 * N_CLASSES, n_train * published // N_TRAIN)
        arrays[f"{split}_images"] = rng.integers(0, 256, (n, 28, 28, 3), np.uint8)
        arrays[f"{split}_labels"] = (np.arange(n) % N_CLASSES).astype(np.uint8)[:, None]
    return arrays


class Pictures:
    """Items as the official package gives them."""

    def __init__(self, arrays: dict[str, np.ndarray], split: str) -> None:
        self.images, self.labels = arrays[f"{split}_images"], arrays[f"{split}_labels"]
        self.transform = usual()

    def __len__(self) -> int:
        return len(self.images)

    def __getitem__(self, index: int) -> tuple[torch.Tensor, np.ndarray]:
        target = self.labels[index].astype(int)
        return self.transform(Image.fromarray(self.images[index])), target


class Official:
    """The loop of the experiments."""

    def __init__(self, arrays: dict[str, np.ndarray], device: str) -> None:
        torch.manual_seed(0)
        self.device = device
        self.data = {split: Pictures(arrays, split) for split in ("train", "val", "test")}
        self.network = build_network("resnet18", PROTOCOL, N_CLASSES).to(device)
        self.optimiser = torch.optim.Adam(self.network.parameters(), lr=0.001)
        self.loss = nn.CrossEntropyLoss()

    def loader(self, split: str, *, shuffle: bool) -> Any:
        data: Any = self.data[split]
        return torch.utils.data.DataLoader(data, batch_size=128, shuffle=shuffle)

    def epoch(self) -> None:
        self.network.train()
        losses = []
        for images, targets in self.loader("train", shuffle=True):
            self.optimiser.zero_grad()
            labels = torch.squeeze(targets, 1).long().to(self.device)
            loss = self.loss(self.network(images.to(self.device)), labels)
            losses.append(loss.item())
            loss.backward()
            self.optimiser.step()
        for split in self.data:
            self.evaluate(split)

    def evaluate(self, split: str) -> tuple[float, float]:
        self.network.eval()
        losses, scores = [], torch.tensor([]).to(self.device)
        with torch.no_grad():
            for images, targets in self.loader(split, shuffle=False):
                outputs = self.network(images.to(self.device))
                labels = torch.squeeze(targets, 1).long().to(self.device)
                losses.append(self.loss(outputs, labels).item())
                scores = torch.cat((scores, nn.Softmax(dim=1)(outputs)), 0)
        truth, y_score = self.data[split].labels.squeeze(), scores.detach().cpu().numpy()
        aucs = [roc_auc_score(truth == each, y_score[:, each]) for each in range(N_CLASSES)]
        return float(np.mean(aucs)), float(accuracy_score(truth, y_score.argmax(axis=1)))


def seconds_of_ours(root: Path, epochs: int, device: str, form: dict[str, Any]) -> list[float]:
    """Train through medshelf; return the seconds of each epoch."""
    data = {
        split: medshelf.load("pathmnist", split, root=root, allow_modified=True)
        for split in ("train", "val")
    }
    with tempfile.TemporaryDirectory() as folder:
        asked = Assignment(
            protocol=PROTOCOL,
            dataset="pathmnist",
            task=data["train"].task,
            model="resnet18",
            seed=0,
            epochs=epochs,
            device=device,
            deterministic=False,
            weights=None,
            folder=Path(folder),
            **form,
        )
        outcome = NetworkTraining(asked).run(data)
    return [each["seconds"] for each in outcome.history]


def forms(device: str) -> dict[str, dict[str, Any]]:
    """Ways to train that are compared."""
    found: dict[str, dict[str, Any]] = {
        "float32": {"precision": "float32"},
        "bfloat16": {"precision": "bfloat16"},
        "bfloat16, compiled": {"precision": "bfloat16", "compiled": True},
    }
    if device.startswith("cuda"):
        found["tfloat32"] = {"precision": "tfloat32"}
    return found


def main() -> None:
    """Measure and print."""
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--device", default="cuda" if torch.cuda.is_available() else "cpu")
    parser.add_argument("--images", type=int, default=N_TRAIN, help="training images")
    parser.add_argument("--epochs", type=int, default=3, help="of each loop that are counted")
    parser.add_argument("--form", action="append", help="only this way of ours; may be repeated")
    parser.add_argument("--full", action="store_true", help="train 100 epochs of the last way")
    asked = parser.parse_args()
    ways = {k: v for k, v in forms(asked.device).items() if not asked.form or k in asked.form}
    arrays = make_arrays(asked.images)
    print(f"{asked.device}, torch {torch.__version__}, {asked.images:,} training images")
    official = Official(arrays, asked.device)
    theirs = []
    for _ in range(asked.epochs + 1):
        started = time.perf_counter()
        official.epoch()
        theirs.append(time.perf_counter() - started)
    median = statistics.median(theirs[1:])
    print(f"official loop: {median:.2f} s an epoch, {median * 100 / 60:.1f} min for 100")
    with tempfile.TemporaryDirectory() as root:
        np.savez(Path(root) / "pathmnist.npz", **arrays)
        for name, form in ways.items():
            seconds = seconds_of_ours(Path(root), asked.epochs + 1, asked.device, form)
            own = statistics.median(seconds[1:])
            print(
                f"ours, {name}: {own:.2f} s an epoch, {own * 100 / 60:.1f} min for 100, "
                f"{median / own:.1f}x (first epoch {seconds[0]:.1f} s)"
            )
        if asked.full:
            started = time.perf_counter()
            seconds_of_ours(Path(root), 100, asked.device, form)
            whole = time.perf_counter() - started
            print(f"ours, {name}: 100 epochs in {whole / 60:.1f} min")


if __name__ == "__main__":
    main()

"""Open a split after its first use, against NumPy's npz, on a generated set of 2 GB.

Also: the memory that opening adds, feeding a torch DataLoader, and the time of `medshelf --help`.
"""

from __future__ import annotations

import os
import resource
import subprocess
import sys
import tempfile
import zipfile
from pathlib import Path

import numpy as np
import torch
from pairs import compare

import medshelf
from medshelf.dataset.dataset import Dataset

SIZE, COUNTS = 224, {"train": 13_300, "val": 10, "test": 10}
MEASURE = """
import sys, medshelf
def resident():
    pages = open("/proc/self/statm").read().split()[1]
    return int(pages) * 4096 / 2**20
root, set_, size = sys.argv[1:]
medshelf.load(set_, "val", int(size), root, allow_modified=True)[0]
before = resident()
dataset = medshelf.load(set_, "train", int(size), root, allow_modified=True)
dataset[0]
print(f"{resident() - before:.1f}")
"""


def make_file(folder: Path) -> Path:
    """PathMNIST's layout at 224 px; lines come twice, so that it compresses as images do."""
    rng = np.random.default_rng(0)
    path = folder / "pathmnist_224.npz"
    with zipfile.ZipFile(path, "w", zipfile.ZIP_DEFLATED, compresslevel=1) as archive:
        for split, n in COUNTS.items():
            lines = rng.integers(0, 64, (n, SIZE // 2, SIZE, 3), np.uint8)
            labels = rng.integers(0, 9, (n, 1)).astype(np.uint8)
            for name, array in (("images", lines.repeat(2, axis=1)), ("labels", labels)):
                with archive.open(f"{split}_{name}.npy", "w", force_zip64=True) as file:
                    np.lib.format.write_array(file, array)
    os.utime(path, (0, 0))  # a file of a moment ago would be hashed at every opening
    return path


class PerItem:
    """The same samples as the usual loader sees them: one at a time."""

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


def opening(folder: str) -> None:
    """Print the ratio, and what opening adds to resident memory."""
    path = make_file(Path(folder))
    print(f"the file: {path.stat().st_size / 2**30:.2f} GiB, 2 GB unpacked")
    compare(
        "open a split and read its first image, against NumPy's npz",
        lambda: medshelf.load("pathmnist", "train", size=SIZE, root=folder, allow_modified=True)[0],
        lambda: np.load(path)["train_images"][0],
    )
    words = [sys.executable, "-c", MEASURE, folder, "pathmnist", str(SIZE)]
    added = subprocess.run(words, check=True, capture_output=True, text=True).stdout.strip()
    print(f"resident memory added by opening: {added} MiB")


def feeding() -> None:
    """Print what a plain DataLoader gains."""
    dataset = medshelf.load("phantom-rgb-binary", "all")
    single = PerItem(dataset)
    compare(
        "DataLoader over 1,050 pictures, against one that gives single items",
        lambda: one_pass(dataset),
        lambda: one_pass(single),
    )


if __name__ == "__main__":
    with tempfile.TemporaryDirectory() as name:
        os.environ["MEDSHELF_HOME"] = os.environ["XDG_CACHE_HOME"] = name
        opening(name)
        feeding()
    times = sorted(cpu_seconds("-m", "medshelf", "--help") for _ in range(5))
    print(f"medshelf --help: {times[2]:.2f} s of CPU time (median of 5)")

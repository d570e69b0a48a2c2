"""Miniature files whose every pixel is random, so that a swapped axis shows too."""

from __future__ import annotations

from pathlib import Path

import numpy as np

from medshelf.catalog.shelf import find_record
from tests.medmnist_files import COUNTS, make_arrays, make_file

KINDS = ("breastmnist", "pathmnist", "chestmnist", "retinamnist", "organmnist3d", "nodulemnist3d")
"""Grey and RGB, binary, multi-class, multi-label, ordinal, pictures and volumes."""


def write_set(folder: Path, flag: str, size: int = 28, *, seed: int = 3) -> Path:
    """Write a file of COUNTS samples."""
    random = np.random.default_rng(seed)
    images = {
        f"{split}_images": random.integers(
            0, 256, make_arrays(find_record(flag), size)[f"{split}_images"].shape, np.uint8
        )
        for split in COUNTS
    }
    return make_file(folder, flag, size, **images)


def write_labels(folder: Path, flag: str, n_samples: int = 60) -> np.ndarray:
    """Write a file whose test split has every class often; return the test labels."""
    record = find_record(flag)
    n_classes = len(record.label_tasks[0].classes)
    random = np.random.default_rng(7)
    if flag == "chestmnist":
        labels = random.integers(0, 2, (n_samples, n_classes))
    else:
        labels = random.permutation(np.arange(n_samples) % n_classes)[:, None]
    shape = (n_samples, *make_arrays(record)["test_images"].shape[1:])
    images = np.zeros(shape, np.uint8)
    make_file(folder, flag, test_images=images, test_labels=labels.astype(np.uint8))
    return labels

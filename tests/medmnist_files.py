"""Miniature MedMNIST files with the true names, keys, shapes and dtypes, written from the layout.

Every image is one grey value of its own, so swapped or shifted samples show.
"""

from __future__ import annotations

from pathlib import Path

import numpy as np

from medshelf.catalog.record import Record
from medshelf.catalog.shelf import find_record
from medshelf.core.tasks import TaskKind

COUNTS = {"train": 12, "val": 6, "test": 9}


def grey_value(split: str, index: int) -> int:
    """The value of every pixel of one sample."""
    return {"train": 10, "val": 100, "test": 200}[split] + index


def make_arrays(record: Record, size: int = 28) -> dict[str, np.ndarray]:
    """The six arrays; labels cycle through the classes."""
    arrays = {}
    for split, n in COUNTS.items():
        shape = (size,) * record.n_spatial + ((3,) if record.channels == 3 else ())
        values = np.array([grey_value(split, i) for i in range(n)], np.uint8)
        arrays[f"{split}_images"] = np.broadcast_to(
            values.reshape(n, *(1,) * len(shape)), (n, *shape)
        ).copy()
        k = len(record.label_tasks[0].classes)
        if record.label_tasks[0].kind is TaskKind.MULTI_LABEL:
            labels = (np.arange(n)[:, None] + np.arange(k)) % 3 == 0
        else:
            labels = np.arange(n)[:, None] % k
        arrays[f"{split}_labels"] = labels.astype(np.uint8)
    return arrays


def make_file(folder: Path, dataset: str, size: int = 28, **changed: np.ndarray | None) -> Path:
    """Write a miniature file; `changed` replaces arrays by name, None leaves one out."""
    arrays = {**make_arrays(find_record(dataset), size), **changed}
    path = folder / (f"{dataset}.npz" if size == 28 else f"{dataset}_{size}.npz")
    folder.mkdir(parents=True, exist_ok=True)
    np.savez_compressed(path, **{k: v for k, v in arrays.items() if v is not None})
    return path

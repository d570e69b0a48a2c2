"""Files that are generated instead of downloaded: `phantom:<record id>`."""

from __future__ import annotations

from pathlib import Path

import numpy as np

from medshelf.catalog.record import FileRecord
from medshelf.core.errors import SettingError
from medshelf.core.manifest import SPLITS
from medshelf.core.settings import Settings
from medshelf.formats.npz import write_arrays
from medshelf.imaging.phantom import make_phantom


def fetch(file: FileRecord, target: Path, settings: Settings) -> None:  # noqa: ARG001 - hosts' form
    """Make the phantom set that `file.url` names and write it in MedMNIST's six-array layout.

    Args:
        file: `options["size"]` is the edge length in pixels.
        target: File to write.
        settings: Not needed: no connection is opened.

    Raises:
        UnknownNameError: There is no such phantom set.
        SettingError: The record gives no size, or one that makes no sense.
        StorageError: The folder is read-only or full.
    """
    name = file.url.removeprefix("phantom:")
    size = _size(file)
    arrays: dict[str, np.ndarray] = {}
    for split in SPLITS:
        arrays[f"{split}_images"], arrays[f"{split}_labels"] = make_phantom(name, split, size=size)
    write_arrays(target, **arrays)


def _size(file: FileRecord) -> int:
    text = file.options.get("size", "")
    if not text.isdecimal():
        problem = f"The record of {file.name} says size {text!r}, which is no number of pixels"
        raise SettingError(problem, "Correct the file's options in the record")
    return int(text)

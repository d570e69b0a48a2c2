"""The arrays of one split: images mapped from disk, labels in memory, never of two files."""

from __future__ import annotations

from dataclasses import dataclass
from pathlib import Path
from typing import Literal

import numpy as np

from medshelf.compat.medmnist.errors import ModeError
from medshelf.core.errors import FormatError
from medshelf.core.files import fingerprint
from medshelf.formats.npz import open_array

_MODES: dict[str | None, Literal["r", "c"]] = {None: "c", "r": "r", "c": "c", "r+": "c"}
_BLOCK = 1024


@dataclass(frozen=True, slots=True)
class ImageSource:
    """Where the images of a split lie, enough for another process to map the very same ones.

    Attributes:
        path: The `.npz` file.
        member: Name of the array.
        content: Fingerprint of the file when it was opened.
        unpacked: The member as a file of the cache.
        mmap_mode: As the user gave it.
    """

    path: Path
    member: str
    content: str
    unpacked: Path
    mmap_mode: str | None

    def open(self) -> np.ndarray:
        """Map the images: read-only for `r`, else copy-on-write.

        Raises:
            FormatError: The cache was emptied and the file is not what it was.
        """
        if not self.unpacked.exists():
            if not self.path.exists() or fingerprint(self.path) != self.content:
                reason = "it was replaced or removed after it had been opened"
                raise FormatError(self.path, reason, "Open the dataset again")
            open_array(self.path, self.member)
        images = np.load(self.unpacked, mmap_mode=_MODES[self.mmap_mode], allow_pickle=False)
        # Without a mode the peer gives a plain array, and plain arrays are quicker to index.
        return images if self.mmap_mode else images.view(np.ndarray)

    def holds(self, images: np.ndarray) -> bool:
        """Tell whether `images` are what would be mapped again."""
        try:
            stored = np.load(self.unpacked, mmap_mode="r", allow_pickle=False)
        except OSError:
            return False
        place = getattr(images, "filename", None)
        if not images.flags.writeable and place is not None and Path(place) == self.unpacked:
            # Nobody can have changed these, so that nothing needs to be compared.
            return images.shape == stored.shape and images.strides == stored.strides
        return (
            type(images) in {np.ndarray, np.memmap}
            and (images.shape, images.dtype) == (stored.shape, stored.dtype)
            and all(
                np.array_equal(images[start : start + _BLOCK], stored[start : start + _BLOCK])
                for start in range(0, len(stored), _BLOCK)
            )
        )


def open_split(path: Path, split: str, mmap_mode: str | None) -> tuple[ImageSource, np.ndarray]:
    """Find the images of a split, and read its labels.

    Raises:
        FormatError: The file is damaged, an array is missing, or it was replaced meanwhile.
        ModeError: The mode is unknown, or would write to the file.
        StorageError: The cache cannot be written.
    """
    if mmap_mode not in _MODES:
        problem = f"The images cannot be opened with mmap_mode={mmap_mode!r}"
        raise ModeError(problem, "Use 'r' (read-only), 'c' (changes stay in memory) or None")
    content = fingerprint(path)
    member = f"{split}_images"
    images = open_array(path, member)
    labels = np.array(open_array(path, f"{split}_labels"))
    if fingerprint(path) != content:
        raise FormatError(path, "it was replaced while it was being opened", "Open it again")
    return ImageSource(path, member, content, Path(str(images.filename)), mmap_mode), labels  # type: ignore[attr-defined]


def read_labels(path: Path, split: str) -> np.ndarray:
    """Read the labels of a split into memory.

    Raises:
        FormatError: The file is damaged, or the array is missing.
        StorageError: The cache cannot be written.
    """
    return np.array(open_array(path, f"{split}_labels"))

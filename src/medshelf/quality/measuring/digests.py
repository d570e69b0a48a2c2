"""Digests of files and of decoded values, to find equal ones.

They are 128 bits of XXH3 where xxhash is installed (`medshelf[fast]`), which is fast and no guard
against someone who means to make two files look equal; else SHA-256. Each begins with the name of
its algorithm.
"""

from __future__ import annotations

import hashlib
from collections.abc import Callable
from pathlib import Path
from typing import Any

import numpy as np

_PIECE = 1 << 20
_new: Callable[[], Any]
try:
    from xxhash import xxh3_128
except ImportError:
    ALGORITHM, _new = "sha256", hashlib.sha256
else:
    ALGORITHM, _new = "xxh3_128", xxh3_128


def file_digest(source: Path | bytes) -> str:
    """Return a digest of the bytes of a file, with the algorithm's name before it.

    Raises:
        OSError: The file cannot be read.
    """
    digest = _new()
    if isinstance(source, bytes):
        digest.update(source)
    else:
        with source.open("rb") as file:
            while piece := file.read(_PIECE):
                digest.update(piece)
    return f"{ALGORITHM}:{digest.hexdigest()}"


def pixel_digest(array: np.ndarray, axes: str) -> str:
    """Return a digest of dtype, axes, shape and values, with the algorithm's name before it.

    Args:
        array: C order, native byte order.
        axes: Of it.
    """
    digest = _new()
    digest.update(f"{array.dtype.name} {axes} {array.shape}\n".encode())
    digest.update(array.reshape(-1).view(np.uint8).data)
    return f"{ALGORITHM}:{digest.hexdigest()}"

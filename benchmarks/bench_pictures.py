"""Decode pictures to arrays, against Pillow: one core, the file's bytes in memory.

The 1024 px radiographs are those beside the MedMNIST files of MEDSHELF_DATA; where there are none,
generated ones of the same length.
"""

from __future__ import annotations

import io
import os
from collections.abc import Callable
from pathlib import Path

import numpy as np
from pairs import compare
from PIL import Image

from medshelf.formats import picture, png

N_GENERATED = 10
RNG = np.random.default_rng(0)


def radiographs() -> tuple[str, list[bytes]]:
    """Return grey PNGs of 1024 x 1024 pixels and what to call them."""
    folder = Path(os.environ.get("MEDSHELF_DATA", "")).parent / "nih_chest_xray" / "images"
    found = [each.read_bytes() for each in sorted(folder.glob("*.png"))]
    found = [each for each in found if each[24:26] == b"\x08\x00"]
    if found:
        return f"{len(found)} real", found
    return f"{N_GENERATED} generated", [png_of(field(1024)) for _ in range(N_GENERATED)]


def field(size: int) -> np.ndarray:
    """A smooth field with the noise of a detector."""
    coarse = Image.fromarray(RNG.integers(0, 256, (9, 9), np.uint8)).resize((size, size), 3)
    return np.clip(np.asarray(coarse) + RNG.normal(0, 1.2, (size, size)), 0, 255).astype(np.uint8)


def png_of(image: np.ndarray) -> bytes:
    """Encode with Pillow."""
    buffer = io.BytesIO()
    Image.fromarray(image).save(buffer, "PNG")
    return buffer.getvalue()


def jpeg_of(image: np.ndarray) -> bytes:
    """Encode with Pillow."""
    buffer = io.BytesIO()
    Image.fromarray(image).save(buffer, "JPEG", quality=90)
    return buffer.getvalue()


def by_pillow(data: bytes) -> np.ndarray:
    """Decode in the usual way."""
    with Image.open(io.BytesIO(data)) as opened:
        return np.asarray(opened)


def against_pillow(name: str, files: list[bytes], read: Callable[[bytes], np.ndarray]) -> None:
    """Print the ratio for all files together."""
    compare(
        name, lambda: [read(each) for each in files], lambda: [by_pillow(each) for each in files]
    )


def ours(data: bytes) -> np.ndarray:
    """Decode with medshelf."""
    return picture.read(data).array


if __name__ == "__main__":
    print(f"kornia_rs is {'' if png.is_fast() else 'not '}installed")
    which, files = radiographs()
    for each in files:
        np.testing.assert_array_equal(ours(each), by_pillow(each))
    length = sum(map(len, files)) // len(files)
    against_pillow(f"{which} grey PNGs of 1024 px, {length:,} bytes, pixels equal", files, ours)

    wide = [png_of(field(1024).astype(np.uint16) * 257) for _ in range(4)]
    against_pillow("4 grey PNGs of 1024 px, 16 bits", wide, ours)
    photographs = [jpeg_of(np.stack([field(2048)] * 3, axis=2)) for _ in range(2)]
    against_pillow("2 JPEGs of 2048 px", photographs, ours)
    against_pillow(
        "2 JPEGs of 2048 px, decoded no smaller than 224 px",
        photographs,
        lambda data: picture.read(data, min_edge=224).array,
    )

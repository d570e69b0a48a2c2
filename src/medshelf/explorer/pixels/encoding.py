"""Slices as bytes: 16-bit values with their scale, structure numbers, PNG and JPEG."""

from __future__ import annotations

import io
from collections.abc import Sequence
from typing import NamedTuple

import numpy as np
from PIL import Image

from medshelf.explorer.pixels.scene import Scene
from medshelf.formats.png import encode
from medshelf.imaging.overlay import colour_of, tint
from medshelf.imaging.planes import Plane
from medshelf.imaging.window import Window, to_grey

_LOWEST, _LEVELS = -32768, 65535
_QUALITY = 80


class Values(NamedTuple):
    """A slice in 16 bit; value = stored * slope + intercept.

    Attributes:
        content: int16, little-endian, row by row.
        slope: Of the scale.
        intercept: Of the scale.
    """

    content: bytes
    slope: float
    intercept: float


def as_values(scene: Scene, plane: Plane) -> Values:
    """Return a grey slice; whole numbers that fit 16 bits are exact, others are 65,536 levels."""
    array = plane.array
    whole = array.dtype.kind in "iub" and scene.high - scene.low <= _LEVELS
    slope = 1.0 if whole else max(scene.high - scene.low, 1e-30) / _LEVELS
    fits = whole and scene.low >= _LOWEST and scene.high <= -_LOWEST - 1
    intercept = 0.0 if fits else scene.low - _LOWEST * slope
    if fits:
        stored = array.astype("<i2")
    elif whole:
        stored = (array.astype(np.int64) - int(intercept)).astype("<i2")
    else:
        real = np.nan_to_num(array.astype(np.float64), nan=scene.low, neginf=scene.low)
        scaled = np.rint((np.clip(real, scene.low, scene.high) - intercept) / slope)
        stored = np.clip(scaled, _LOWEST, -_LOWEST - 1).astype("<i2")
    return Values(np.ascontiguousarray(stored).tobytes(), slope, intercept)


def as_numbers(plane: Plane, structures: Sequence[tuple[int, ...]]) -> bytes:
    """Return a slice of a mask, uint8: the number of a structure from 1 on, 0 outside.

    Args:
        plane: The slice.
        structures: The values of each, at most 255 structures.
    """
    numbers = np.zeros(plane.array.shape, np.uint8)
    for number, values in enumerate(structures, start=1):
        numbers[np.isin(plane.array, values)] = number
    return numbers.tobytes()


def as_picture(scene: Scene, plane: Plane, window: Window | None = None) -> np.ndarray:
    """Return a slice as a screen shows it, bright being dense, uint8 (H, W) or (H, W, 3)."""
    array = plane.array
    if scene.is_colour:
        return to_grey(array[..., :3])
    if window is None and array.dtype != np.uint8:
        window = ((scene.low + scene.high) / 2, max(scene.high - scene.low, 1e-12))
    grey = to_grey(array, window)
    return 255 - grey if scene.photometric == "inverted-grey" else grey


def with_structure(picture: np.ndarray, plane: Plane, values: tuple[int, ...], number: int) -> None:
    """Draw one structure of a mask on a picture.

    Args:
        picture: uint8 (H, W, 3), changed in place.
        plane: Slice of the mask, of the same size.
        values: Of the structure.
        number: Which colour it has.
    """
    tint(picture, np.isin(plane.array, values), colour_of(number))


def png(picture: np.ndarray) -> bytes:
    """Return a picture as PNG."""
    return encode(np.ascontiguousarray(picture))


def jpeg(picture: Image.Image) -> bytes:
    """Return a small picture as JPEG."""
    out = io.BytesIO()
    picture.save(out, "JPEG", quality=_QUALITY)
    return out.getvalue()

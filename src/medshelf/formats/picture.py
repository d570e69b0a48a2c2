"""Pictures: PNG for images, animated GIF for volumes, one frame per slice.

A GIF writer merges equal neighbouring frames into one that stays longer; reading takes the time as
the number of slices, so none is lost.
"""

from __future__ import annotations

import io
from pathlib import Path
from typing import Any

import numpy as np
from PIL import Image, ImageSequence

from medshelf.core.errors import FormatError, SettingError

_FRAME_MS = 200
_PNG_MODES = ("L", "RGB")


def encode_png(image: np.ndarray) -> bytes:
    """Turn an image into the bytes of a PNG file.

    Args:
        image: uint8, grey (H, W) or RGB (H, W, 3).

    Raises:
        SettingError: The array is something else.
    """
    if image.dtype != np.uint8 or not (image.ndim == 2 or image.shape[2:] == (3,)):  # noqa: PLR2004
        raise _refusal(image, "uint8 HxW or HxWx3")
    return _encode(image, format="PNG")


def encode_gif(volume: np.ndarray) -> bytes:
    """Turn a volume into the bytes of a GIF file that loops, 200 ms for each slice.

    Args:
        volume: uint8 (D, H, W); the slices are along the first axis.

    Raises:
        SettingError: The array is something else.
    """
    if volume.dtype != np.uint8 or volume.ndim != 3 or not len(volume):  # noqa: PLR2004
        raise _refusal(volume, "uint8 DxHxW")
    others = [Image.fromarray(each) for each in volume[1:]]
    return _encode(
        volume[0], format="GIF", save_all=True, append_images=others, duration=_FRAME_MS, loop=0
    )


def read_png(path: Path) -> np.ndarray:
    """Read a PNG file, uint8, grey (H, W) or RGB (H, W, 3).

    Raises:
        FormatError: The file is damaged, or its pixels are of another kind.
    """
    try:
        with Image.open(path, formats=["PNG"]) as picture:
            mode, pixels = picture.mode, np.asarray(picture)
    except (OSError, SyntaxError, ValueError) as error:
        raise FormatError(path, f"not a whole PNG picture ({error})") from error
    if mode not in _PNG_MODES:
        raise FormatError(path, f"its pixels are {mode}, not 8-bit grey or RGB", "Convert it")
    return pixels


def read_gif(path: Path) -> np.ndarray:
    """Read a grey GIF file that `encode_gif` made, uint8 (D, H, W).

    Raises:
        FormatError: The file is damaged.
    """
    slices = []
    try:
        with Image.open(path, formats=["GIF"]) as picture:
            for frame in ImageSequence.Iterator(picture):
                n_slices = max(1, frame.info.get("duration", 0) // _FRAME_MS)
                slices += [np.asarray(frame.convert("L"))] * n_slices
    except (OSError, SyntaxError, ValueError) as error:
        raise FormatError(path, f"not a whole GIF picture ({error})") from error
    return np.stack(slices)


def _encode(first: np.ndarray, **options: Any) -> bytes:
    buffer = io.BytesIO()
    Image.fromarray(first).save(buffer, **options)
    return buffer.getvalue()


def _refusal(array: np.ndarray, wanted: str) -> SettingError:
    shape = "x".join(str(length) for length in array.shape)
    problem = f"An array of {array.dtype} with shape {shape} is no picture"
    return SettingError(problem, f"Pass {wanted}")

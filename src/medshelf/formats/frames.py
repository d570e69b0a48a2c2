"""Frames of a picture: what Pillow decoded, to arrays that are upright and stacked."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import numpy as np
from PIL import Image

from medshelf.core.errors import FormatError

_GREY = ("L", "I;16", "I;16B", "I", "F")
_SHOWN = {"1": "L", "P": "RGB", "LA": "RGBA", "PA": "RGBA", "CMYK": "RGB", "YCbCr": "RGB"}
_TIFF_KINDS = {1: "u", 2: "i", 3: "f"}  # by the tag SampleFormat
_GIF_EXTENSION, _GIF_IMAGE, _GIF_END = b"!", b",", b";"
_TURNED_BACK = {6: 8, 8: 6}


def colours(frame: Image.Image, name: Path) -> np.ndarray:
    """Return what a viewer shows: grey (H, W), RGB (H, W, 3) or RGBA (H, W, 4).

    Raises:
        FormatError: Pillow's mode is another, such as LAB.
    """
    shown = _SHOWN.get(frame.mode)
    if frame.mode == "L" and frame.format == "GIF":  # a palette that happens to be grey
        shown = "RGB"
    if frame.mode == "P" and "transparency" in frame.info:
        shown = "RGBA"
    if not shown and frame.mode not in (*_GREY, "RGB", "RGBA"):
        raise FormatError(name, f"its pixels are {frame.mode}", "Convert it to RGB")
    return np.asarray(frame.convert(shown) if shown else frame)


def indices(frame: Image.Image, name: Path) -> np.ndarray:
    """Return the stored numbers (H, W) of a palette, of grey or of 1-bit pixels.

    Raises:
        FormatError: The pixels are colours.
    """
    if frame.mode not in (*_GREY, "1", "P"):
        raise no_indices(name, frame.mode)
    pixels = np.asarray(frame)
    return pixels.astype(np.uint8) if frame.mode == "1" else pixels


def no_indices(name: Path, kind: str) -> FormatError:
    """Build the refusal of a label mask that holds colours."""
    return FormatError(name, f"its pixels are {kind}, no indices", "Read it with palette='colours'")


def cut(name: Path) -> FormatError:
    """Build the refusal of values that Pillow would silently cut to 8 bits."""
    reason = "its channels have 16 bits and would be cut to 8"
    return FormatError(name, reason, "Convert it to grey or to 8 bits")


def require_whole_gif(data: bytes, name: Path) -> None:
    """Walk a GIF to its end mark: Pillow takes one that is cut between frames for a shorter one.

    Raises:
        FormatError: There is no end mark.

    Source: GIF89a specification, sections 17 to 27.
    """
    at = 13 + _colour_table_bytes(data, 10)
    while (kind := data[at : at + 1]) != _GIF_END:
        if kind == _GIF_EXTENSION:
            at += 2
        elif kind == _GIF_IMAGE:
            at += 11 + _colour_table_bytes(data, at + 9)
        else:
            raise FormatError(name, "not a whole GIF picture (it ends without an end mark)")
        while at < len(data) and data[at]:  # blocks of data, each after its length
            at += 1 + data[at]
        at += 1


def _colour_table_bytes(data: bytes, at: int) -> int:
    flags = int.from_bytes(data[at : at + 1])
    return 6 << (flags & 7) if flags & 0x80 else 0


def tiff_tag(picture: Image.Image, tag: int, default: Any) -> Any:
    """Return a tag of a TIFF page; the default where there is none, or no TIFF."""
    return getattr(picture, "tag_v2", {}).get(tag, default)


def tiff_dtype(page: Image.Image, name: Path) -> np.dtype[np.generic]:
    """Return the dtype that a TIFF page states; Pillow's own differs for signed integers.

    Raises:
        FormatError: Pillow would cut 16-bit colours to 8 bits.
    """
    bits, kinds = tiff_tag(page, 258, (1,)), tiff_tag(page, 339, (1,))
    if len(bits) > 1 and max(bits) > 8:  # noqa: PLR2004
        raise cut(name)
    n_bytes = 1 if bits[0] <= 8 else 2 if bits[0] <= 16 else 4  # noqa: PLR2004
    return np.dtype(f"{_TIFF_KINDS[kinds[0]]}{n_bytes}")


def turned(pixels: np.ndarray, orientation: int, *, back: bool = False) -> np.ndarray:
    """Turn (H, W) or (H, W, C) upright, or back to what is stored.

    Source: EXIF 2.32, tag Orientation.
    """
    if back:
        orientation = _TURNED_BACK.get(orientation, orientation)
    if orientation > 4:  # noqa: PLR2004
        pixels = pixels.swapaxes(0, 1)
    rows = slice(None, None, -1 if orientation in (3, 4, 7, 8) else 1)
    columns = slice(None, None, -1 if orientation in (2, 3, 6, 7) else 1)
    return np.ascontiguousarray(pixels[rows, columns])


def stacked(frames: list[np.ndarray], name: Path) -> tuple[np.ndarray, str]:
    """Stack frames of one size along T, grey ones as colours where others have colours.

    Returns:
        The array and its axes: YX, YXC, TYX or TYXC.

    Raises:
        FormatError: There is no frame, or sizes or dtypes differ.
    """
    kinds = sorted({f"{each.shape[1]}x{each.shape[0]} {each.dtype}" for each in frames})
    if len(kinds) != 1:
        listed = ", ".join(kinds[:5]) or "there is none"
        raise FormatError(name, f"its pages differ: {listed}", "Split it into one file per page")
    n_channels = {each.shape[2] if each.ndim == 3 else 1 for each in frames}  # noqa: PLR2004
    if len(n_channels) > 1:
        frames = [_widened(each, max(n_channels)) for each in frames]
    axes = "YX" if frames[0].ndim == 2 else "YXC"  # noqa: PLR2004
    return (frames[0], axes) if len(frames) == 1 else (np.stack(frames), f"T{axes}")


def _widened(pixels: np.ndarray, n_channels: int) -> np.ndarray:
    rgb = pixels if pixels.ndim == 3 else np.repeat(pixels[..., None], 3, axis=2)  # noqa: PLR2004
    missing = n_channels - rgb.shape[2]
    return np.pad(rgb, ((0, 0), (0, 0), (0, missing)), constant_values=255)

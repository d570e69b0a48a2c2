"""What Pillow does slowly or not at all with a PNG: kornia_rs decodes it, 16-bit colours too."""

from __future__ import annotations

import struct
from contextlib import suppress

import numpy as np

_MODES = {0: "mono", 2: "rgb", 6: "rgba"}  # by colour type, as kornia_rs calls them
_EXIF_AS_TEXT = (b"Raw profile type", b"XML:com.adobe.xmp")


def is_fast() -> bool:
    """Say whether kornia_rs is installed."""
    try:
        import kornia_rs  # noqa: F401
    except ImportError:
        return False
    return True


def decode(data: bytes, shape: tuple[int, int]) -> np.ndarray | None:
    """Decode 8 or 16 bits of grey, RGB or RGBA with kornia_rs.

    Args:
        data: The file, whose header has been read.
        shape: Height and width as the header states them, in pixels.

    Returns:
        uint8 or uint16, (H, W) or (H, W, C); null where kornia_rs is not installed, or refuses.
    """
    if not is_known_to_kornia(data) or not is_fast():
        return None
    from kornia_rs import io as kornia

    depth, mode = data[24], _MODES[data[25]]
    decoder = kornia.decode_image_png_u8 if depth == 8 else kornia.decode_image_png_u16  # noqa: PLR2004
    with suppress(Exception):  # Pillow then says what is wrong, or that nothing is
        pixels = decoder(data, shape, mode)
        return pixels[..., 0] if mode == "mono" else pixels
    return None


def is_known_to_kornia(data: bytes) -> bool:
    """Say whether a PNG has 8 or 16 bits of grey, RGB or RGBA."""
    return data[24] in (8, 16) and data[25] in _MODES


def has_16_bit_colours(data: bytes) -> bool:
    """Say whether a PNG has 16 bits per channel and more channels than grey."""
    return data[24] == 16 and data[25] != 0  # noqa: PLR2004


def states_exif(data: bytes) -> bool:
    """Say whether any chunk, before or after the pixels, may hold EXIF.

    Pillow finds what lies after the pixels by decoding them.

    Source: PNG, third edition, 11.3.4.5 eXIf; ImageMagick writes `Raw profile type exif`.
    """
    start = 8
    while start + 8 <= len(data):
        n_bytes, kind = struct.unpack_from(">I4s", data, start)
        is_text = kind in (b"tEXt", b"zTXt", b"iTXt")
        if kind == b"eXIf" or (is_text and data.startswith(_EXIF_AS_TEXT, start + 8)):
            return True
        start += 12 + n_bytes
    return False

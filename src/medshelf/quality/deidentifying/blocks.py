"""The blocks that a PNG, JPEG, GIF or WebP file consists of, and which of them its pixels need.

Blocks are found by their lengths, without decoding a pixel, so that a picture can be written again
without some of them and with the same compressed pixels.

Source: PNG, third edition, chapters 5 and 11; ITU-T T.81, annex B; GIF89a; RFC 9649 (WebP).
"""

from __future__ import annotations

import re
import struct
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from mmap import mmap
from typing import Literal

Data = bytes | mmap
Use = Literal["pixels", "exif", "xmp", "text", "other"]

PNG, JPEG, GIF, WEBP = b"\x89PNG\r\n\x1a\n", b"\xff\xd8\xff", b"GIF8", b"RIFF"
_PNG_KEPT = frozenset({
    b"IHDR", b"PLTE", b"IDAT", b"IEND", b"tRNS", b"gAMA", b"cHRM", b"sRGB", b"iCCP", b"cICP",
    b"sBIT", b"bKGD", b"pHYs", b"hIST", b"sPLT", b"acTL", b"fcTL", b"fdAT", b"mDCV", b"cLLI",
})  # fmt: skip
_PNG_TEXTS = frozenset({b"tEXt", b"zTXt", b"iTXt"})
_WEBP_USES: dict[bytes, Use] = {
    **dict.fromkeys((b"VP8X", b"VP8 ", b"VP8L", b"ALPH", b"ANIM", b"ANMF", b"ICCP"), "pixels"),
    b"EXIF": "exif",
    b"XMP ": "xmp",
}
_GIF_LOOPS = (b"NETSCAPE2.0", b"ANIMEXTS1.0")
_JPEG_MARKER = re.compile(rb"\xff+[^\x00\xff\xd0-\xd7]")
_SOI, _EOI, _SOS, _COM = 0xD8, 0xD9, 0xDA, 0xFE
_JPEG_PLAIN_APP0 = 18
_EXIF, _XMP = b"Exif\0\0", b"http://ns.adobe.com/x"


@dataclass(frozen=True, slots=True)
class Block:
    """A part of a file.

    Attributes:
        use: What for: `pixels` must stay; `exif`, `xmp` and `text` may tell of a person; `other` is
            what no picture needs.
        name: As the format calls it, e.g. `tEXt` or `APP1`.
        start: Of the block in the file.
        end: Of the block, exclusive.
        payload: Where what it says begins.
    """

    use: Use
    name: str
    start: int
    end: int
    payload: int


def find_blocks(data: Data) -> tuple[Block, ...] | None:
    """Return the blocks of a picture in their order; null where it is none of these formats.

    Raises:
        ValueError: A block leads out of the file, or the picture does not end.
    """
    for start, walk in _WALKS.items():
        if data[: len(start)] == start:
            return tuple(walk(data))
    return None


def _png(data: Data) -> Iterator[Block]:
    yield Block("pixels", "signature", 0, len(PNG), len(PNG))
    at, name = len(PNG), b""
    while name != b"IEND":
        if at + 12 > len(data):
            raise _ends(at)
        length, name = struct.unpack(">I4s", data[at : at + 8])
        end = _within(data, at + 12 + length)
        use: Use = "pixels" if name in _PNG_KEPT else "exif" if name == b"eXIf" else "other"
        use = "text" if name in _PNG_TEXTS else use
        yield Block(use, name.decode("latin-1"), at, end, at + 8)
        at = end
    yield from _rest(data, at)


def _jpeg(data: Data) -> Iterator[Block]:
    yield Block("pixels", "SOI", 0, 2, 2)
    at = 2
    while True:
        found = _JPEG_MARKER.match(data, at)
        if found is None:
            raise _ends(at)
        marker, start = found.group()[-1], found.end() - 2
        if marker == _EOI:
            yield Block("pixels", "EOI", start, start + 2, start + 2)
            yield from _rest(data, start + 2)
            return
        length = int.from_bytes(data[start + 2 : start + 4], "big")
        end = _within(data, start + 2 + max(2, length))
        if marker == _SOS:
            after = _JPEG_MARKER.search(data, end)
            end = len(data) if after is None else after.start()
        yield _jpeg_block(data, marker, start, end)
        at = end


def _jpeg_block(data: Data, marker: int, start: int, end: int) -> Block:
    payload = start + 4
    held = data[payload : payload + 32]
    if marker == _COM:
        return Block("text", "COM", start, end, payload)
    if not 0xE0 <= marker <= 0xEF:  # noqa: PLR2004
        return Block("pixels", f"{marker:02X}", start, end, payload)
    name = f"APP{marker - 0xE0}"
    plain = name == "APP0" and held.startswith(b"JFIF\0") and end - start <= _JPEG_PLAIN_APP0
    colour = (name == "APP2" and held.startswith(b"ICC_PROFILE\0")) or (
        name == "APP14" and held.startswith(b"Adobe")
    )
    if plain or colour:
        return Block("pixels", name, start, end, payload)
    if name == "APP1" and held.startswith(_EXIF):
        return Block("exif", name, start, end, payload + len(_EXIF))
    if name == "APP1" and held.startswith(_XMP):
        return Block("xmp", name, start, end, payload)
    return Block("text" if name == "APP13" else "other", name, start, end, payload)


def _gif(data: Data) -> Iterator[Block]:
    flags = _byte(data, 10)
    at = 13 + (3 << (flags & 7) + 1 if flags & 0x80 else 0)
    yield Block("pixels", "header", 0, _within(data, at), 0)
    while (kind := _byte(data, at)) != 0x3B:  # noqa: PLR2004
        start = at
        if kind == 0x2C:  # noqa: PLR2004
            flags = _byte(data, at + 9)
            at = _gif_end(data, at + 11 + (3 << (flags & 7) + 1 if flags & 0x80 else 0))
            yield Block("pixels", "image", start, at, start)
            continue
        if kind != 0x21:  # noqa: PLR2004
            raise _ends(at)
        label, at = _byte(data, at + 1), _gif_end(data, at + 2)
        is_loop = label == 0xFF and data[start + 3 : start + 14] in _GIF_LOOPS  # noqa: PLR2004
        kept = label == 0xF9 or is_loop  # noqa: PLR2004
        use: Use = "pixels" if kept else "text" if label == 0xFE else "other"  # noqa: PLR2004
        yield Block(use, f"{label:02X}", start, at, start + 3)
    yield Block("pixels", "end", at, at + 1, at)
    yield from _rest(data, at + 1)


def _gif_end(data: Data, at: int) -> int:
    while size := _byte(data, at):
        at += 1 + size
    return at + 1


def _webp(data: Data) -> Iterator[Block]:
    if data[8:12] != b"WEBP":
        msg = "it is a RIFF file and no WebP picture"
        raise ValueError(msg)
    yield Block("pixels", "RIFF", 0, 12, 12)
    stop = _within(data, 8 + int.from_bytes(data[4:8], "little"))
    at = 12
    while at + 8 <= stop:
        name, length = struct.unpack("<4sI", data[at : at + 8])
        end = min(_within(data, at + 8 + length) + length % 2, len(data))
        yield Block(_WEBP_USES.get(name, "other"), name.decode("latin-1"), at, end, at + 8)
        at = end
    yield from _rest(data, at)


def _rest(data: Data, at: int) -> Iterator[Block]:
    if at < len(data):
        yield Block("other", "after the end", at, len(data), at)


def _byte(data: Data, at: int) -> int:
    if at >= len(data):
        raise _ends(at)
    return data[at]


def _within(data: Data, end: int) -> int:
    if end > len(data):
        raise _ends(len(data))
    return end


def _ends(at: int) -> ValueError:
    return ValueError(f"its blocks do not fit together at byte {at}")


_WALKS: dict[bytes, Callable[[Data], Iterator[Block]]] = {
    PNG: _png,
    JPEG: _jpeg,
    GIF: _gif,
    WEBP: _webp,
}

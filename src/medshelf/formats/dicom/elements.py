"""A DICOM file up to its pixels, as data elements.

The top level is walked here, so that whatever is cut off or broken is named with its place, and no
element is converted before it is asked for; pydicom does that, and reads the sequences.

Source: DICOM PS3.5, chapter 7 (data elements); PS3.10, chapter 7 (file format).
"""

from __future__ import annotations

import io
import mmap
import struct
import zlib
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING

from medshelf.core.errors import MissingExtraError
from medshelf.formats.streams import size_of

if TYPE_CHECKING:
    from pydicom.dataelem import RawDataElement

File = mmap.mmap | io.BytesIO
IMPLICIT, EXPLICIT = "1.2.840.10008.1.2", "1.2.840.10008.1.2.1"
DEFLATED, BIG_ENDIAN = "1.2.840.10008.1.2.1.99", "1.2.840.10008.1.2.2"
UNDEFINED = 0xFFFFFFFF
_DELIMITERS, _END_OF_SEQUENCE = 0xFFFE, 0xFFFEE0DD
_PIXELS = {
    0x7FE00008: "FloatPixelData", 0x7FE00009: "DoubleFloatPixelData", 0x7FE00010: "PixelData",
}  # fmt: skip
_PREAMBLE_BYTES, _SYNTAX, _META_GROUP, _LAST_GROUP = 128, 0x00020010, 2, 1024
_MAX_INFLATED_BYTES, _MAX_INFLATED_RATIO = 1 << 28, 100
_LONG = frozenset({
    b"OB", b"OD", b"OF", b"OL", b"OV", b"OW", b"SQ", b"SV", b"UC", b"UN", b"UR", b"UT", b"UV",
})  # fmt: skip


@dataclass(frozen=True, slots=True)
class PixelElement:
    """Where the pixel data are in a file.

    Attributes:
        keyword: `PixelData`, `FloatPixelData` or `DoubleFloatPixelData`.
        vr: Its value representation.
        start: Position of the first byte of the value.
        length: Length of the value in bytes, as the file says; `UNDEFINED` where it does not.
    """

    keyword: str
    vr: str
    start: int
    length: int


@dataclass(frozen=True, slots=True)
class Elements:
    """What comes before the pixels of a file.

    Attributes:
        file: The whole file, or what was deflated in it.
        syntax: UID of the transfer syntax; guessed where the file does not state it.
        by_tag: The elements of the top level, in the order of the file.
        pixels: Where the pixels are; null where there are none.
    """

    file: File
    syntax: str
    by_tag: dict[int, RawDataElement]
    pixels: PixelElement | None


def read_elements(source: Path | bytes) -> Elements:
    """Read a file up to its pixels, with or without preamble and file meta information.

    Raises:
        FormatError: There is no such file.
        MissingExtraError: pydicom is not installed.
        ValueError: The file ends within an element, or a sequence is broken.
    """
    try:
        import pydicom  # noqa: F401
    except ModuleNotFoundError as error:
        raise MissingExtraError("pydicom", "dicom") from error
    file: File = io.BytesIO(source) if isinstance(source, bytes) else _mapped(source)
    syntax = _read_syntax(file)
    if syntax == DEFLATED:
        file = _inflated(file)
    head = file.read(6)
    file.seek(-len(head), io.SEEK_CUR)
    explicit = _is_vr(head[4:])
    if syntax is None:
        is_big = int.from_bytes(head[:2], "little") >= _LAST_GROUP
        syntax = IMPLICIT if not explicit else BIG_ENDIAN if is_big else EXPLICIT
    order = ">" if syntax == BIG_ENDIAN else "<"
    return Elements(file, syntax, *_walk(file, order, explicit=explicit))


def _is_vr(two: bytes) -> bool:
    return two.isalpha() and two.isupper()


def _mapped(path: Path) -> mmap.mmap:
    if not size_of(path):
        msg = "it is empty"
        raise ValueError(msg)
    with path.open("rb") as file:
        return mmap.mmap(file.fileno(), 0, access=mmap.ACCESS_READ)


def _read_syntax(file: File) -> str | None:
    """Read the file meta information, behind which the file is then positioned."""
    head = file.read(_PREAMBLE_BYTES + 4)
    at = len(head) if head[_PREAMBLE_BYTES:] == b"DICM" else 0
    file.seek(at)
    syntax = None
    while int.from_bytes(file.read(2), "little") == _META_GROUP:
        file.seek(at)
        tag, _, length = _next(file.read(8), file, "<", explicit=True)
        value = _value(file, tag, length)
        if tag == _SYNTAX:
            syntax = value.decode("ascii", "replace").strip(" \0") or None
        at = file.tell()
    file.seek(at)
    return syntax


def _inflated(file: File) -> io.BytesIO:
    packed = file.read()
    stream = zlib.decompressobj(-zlib.MAX_WBITS)
    limit = max(_MAX_INFLATED_BYTES, _MAX_INFLATED_RATIO * len(packed))
    try:
        data = stream.decompress(packed, limit)
    except zlib.error as error:
        msg = f"its deflated data are damaged ({error})"
        raise ValueError(msg) from error
    if not stream.eof:
        msg = f"its deflated data are cut off, or hold more than {len(data)} bytes"
        raise ValueError(msg)
    return io.BytesIO(data)


def _walk(
    file: File, order: str, *, explicit: bool
) -> tuple[dict[int, RawDataElement], PixelElement | None]:
    from pydicom.dataelem import RawDataElement
    from pydicom.tag import BaseTag

    elements: dict[int, RawDataElement] = {}
    while len(head := file.read(8)) == 8:  # noqa: PLR2004
        tag, vr, length = _next(head, file, order, explicit=explicit)
        start = file.tell()
        if tag in _PIXELS:
            return elements, PixelElement(_PIXELS[tag], vr.decode() or "OW", start, length)
        if length == UNDEFINED:
            vr = b"SQ"
            length = _find_end(file, tag, order, explicit=explicit) - start
            file.seek(start)
        value = _value(file, tag, length)
        elements[tag] = RawDataElement(
            BaseTag(tag), vr.decode() or None, length, value, start, not explicit, order == "<"
        )
    if head.strip(b"\0"):
        msg = f"it ends within an element, at byte {file.tell()}"
        raise ValueError(msg)
    return elements, None


def _next(head: bytes, file: File, order: str, *, explicit: bool) -> tuple[int, bytes, int]:
    """Return tag, value representation (empty if implicit) and length of an element.

    Args:
        head: The first 8 bytes of the element, behind which the file is positioned.
        file: Where 4 bytes more are read from, if the length is there.
        order: `<` or `>`, the byte order.
        explicit: Whether elements state their value representation; one that does not is implicit.
    """
    group, number, length = struct.unpack(order + "HHI", head.ljust(8, b"\0"))
    vr = head[4:6]
    if not explicit or group == _DELIMITERS or not _is_vr(vr):
        return group << 16 | number, b"", length
    if vr in _LONG:
        (length,) = struct.unpack(order + "I", file.read(4).ljust(4, b"\0"))
    else:
        (length,) = struct.unpack(order + "H", head[6:])
    return group << 16 | number, vr, length


def _value(file: File, tag: int, length: int) -> bytes:
    value = file.read(length)
    if len(value) < length:
        raise _cut_off(file, tag)
    return value


def _cut_off(file: File, tag: int) -> ValueError:
    return ValueError(
        f"it ends within element ({tag >> 16:04x},{tag & 0xFFFF:04x}), at byte {file.tell()}"
    )


def _find_end(file: File, tag: int, order: str, *, explicit: bool) -> int:
    """Return where the sequence that begins here ends, whose length is not stated."""
    depth = 1
    while depth:
        head = file.read(8)
        inner, _, length = _next(head, file, order, explicit=explicit)
        if len(head) < 8:  # noqa: PLR2004
            raise _cut_off(file, tag)
        if inner == _END_OF_SEQUENCE:
            depth -= 1
        elif length != UNDEFINED:
            _value(file, tag, length)
        elif inner >> 16 != _DELIMITERS:
            depth += 1
    return file.tell()

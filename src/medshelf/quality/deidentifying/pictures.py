"""What a picture's header says of persons, and the picture without it.

Nothing is decoded or compressed again. What the pixels need stays: their own blocks, colour
profiles, transparency, resolution, and how the picture is to be turned.
"""

from __future__ import annotations

import io
import re
import struct
import zlib
from collections.abc import Iterator
from contextlib import suppress
from typing import NamedTuple

from PIL import ExifTags, Image, TiffImagePlugin

from medshelf.quality.deidentifying.blocks import GIF, JPEG, PNG, WEBP, Block, Data, find_blocks
from medshelf.quality.deidentifying.tiff import without_texts
from medshelf.quality.personal.identifying import Kind, looks_like_name

TIFF_STARTS = (b"II*\0", b"MM\0*", b"II+\0", b"MM\0+")
_ORIENTATION = 274
_PEOPLE = frozenset({"Artist", "XPAuthor", "CameraOwnerName", "Copyright", "OwnerName"})
_TEXTS = frozenset({
    "ImageDescription", "UserComment", "XPComment", "XPTitle", "XPSubject", "XPKeywords",
    "DocumentName", "PageName", "HostComputer",
})  # fmt: skip
_SERIALS = frozenset({"BodySerialNumber", "LensSerialNumber", "CameraSerialNumber"})
_TEXT_PEOPLE = frozenset({"author", "artist", "copyright", "patient", "name", "patientname"})
_TECHNICAL = re.compile(
    r"(?i)software|date:|time|png:|exif:|icc|dpi|raw profile|thumb|signature|xml:"
)
_XMP_GPS, _XMP_CREATOR = (
    b"GPSLatitude",
    re.compile(rb"<dc:creator>.{0,200}?<rdf:li[^>]*>([^<]{2,80})", re.S),
)
_MAX_TEXT = 1 << 16


class Said(NamedTuple):
    """One thing that a picture's header says.

    Attributes:
        tag: Where, e.g. `EXIF Artist`.
        kind: What it looks like.
        text: The value, for whoever judges it; it must not be kept.
    """

    tag: str
    kind: Kind
    text: str


def what_it_says(data: Data) -> list[Said]:
    """Return what a picture's header says that may concern a person.

    Raises:
        ValueError: Its blocks do not fit together.
    """
    if data[:4] in TIFF_STARTS:
        with TiffImagePlugin.TiffImageFile(io.BytesIO(data[:])) as picture:
            return list(_exif(picture.getexif()))
    found: list[Said] = []
    for block in find_blocks(data) or ():
        held = data[block.payload : min(block.end, block.payload + _MAX_TEXT)]
        if block.use == "exif":
            found += _exif_of(held)
        elif block.use == "xmp" or b"ns.adobe.com" in held[:64]:
            found += _xmp(held)
        elif block.use == "text":
            found += _text(block, held)
    return found


def cleaned(data: bytes) -> tuple[bytes, list[str]]:
    """Return a picture without what its pixels do not need, and the names of what was removed.

    Raises:
        ValueError: It is of no format that can be cleaned, or its blocks do not fit together.
    """
    if data[:4] in TIFF_STARTS:
        return without_texts(data)
    if data[:2] == b"BM":
        length = int.from_bytes(data[2:6], "little")
        cut = data[:length] if 0 < length < len(data) else data
        return cut, ["after the end"] * (len(cut) < len(data))
    blocks = find_blocks(data)
    if blocks is None:
        msg = "it is no PNG, JPEG, GIF, WebP, TIFF or BMP picture"
        raise ValueError(msg)
    removed = sorted({each.name for each in blocks if each.use != "pixels"})
    if not removed:
        return data, []
    parts = [data[each.start : each.end] for each in blocks if each.use == "pixels"]
    _keep_orientation(data, blocks, parts)
    if data[:4] == WEBP:
        flags = bytearray(parts[1])
        if flags[:4] == b"VP8X":
            flags[8] &= ~0x0C | (0x08 if parts[-1][:4] == b"EXIF" else 0)
            parts[1] = bytes(flags)
        parts[0] = b"RIFF" + struct.pack("<I", sum(map(len, parts)) - 8) + b"WEBP"
    return b"".join(parts), removed


def _keep_orientation(data: bytes, blocks: tuple[Block, ...], parts: list[bytes]) -> None:
    """Put an EXIF block back that says no more than how the picture is to be turned."""
    held = [data[each.payload : each.end] for each in blocks if each.use == "exif"]
    turn = next((turn for each in held if (turn := _turn(each)) != 1), 1)
    if turn == 1 or data.startswith(GIF):
        return
    exif = struct.pack(">4sIHHHIHHI", b"MM\0*", 8, 1, _ORIENTATION, 3, 1, turn, 0, 0)
    if data.startswith(JPEG):
        parts.insert(1, struct.pack(">BBH6s", 0xFF, 0xE1, len(exif) + 8, b"Exif\0\0") + exif)
    elif data.startswith(PNG):
        crc = zlib.crc32(b"eXIf" + exif)
        parts.insert(2, struct.pack(">I4s", len(exif), b"eXIf") + exif + struct.pack(">I", crc))
    else:
        parts.append(struct.pack("<4sI", b"EXIF", len(exif)) + exif + b"\0" * (len(exif) % 2))


def _turn(held: bytes) -> int:
    with suppress(Exception):  # Pillow raises anything on damaged EXIF, which then turns nothing
        exif = Image.Exif()
        exif.load(held)
        turn = exif.get(_ORIENTATION, 1)
        return turn if turn in range(1, 9) else 1
    return 1


def _exif_of(held: bytes) -> Iterator[Said]:
    exif = Image.Exif()
    try:
        exif.load(held)
        yield from _exif(exif)
    except Exception:  # noqa: BLE001 - Pillow raises anything; what cannot be read is told as such
        yield Said("EXIF", "other", "")


def _exif(exif: Image.Exif) -> Iterator[Said]:
    if exif.get_ifd(ExifTags.IFD.GPSInfo):
        yield Said("EXIF GPSInfo", "gps", "")
    for number, value in (*exif.items(), *exif.get_ifd(ExifTags.IFD.Exif).items()):
        name = ExifTags.TAGS.get(number, str(number))
        text = _decoded(value, utf_16=name.startswith("XP"))
        if not text.strip(" \0"):
            continue
        if name in _SERIALS:
            yield Said(f"EXIF {name}", "serial", text)
        elif name in _PEOPLE:
            yield Said(f"EXIF {name}", "name" if looks_like_name(text) else "other", text)
        elif name in _TEXTS:
            yield Said(f"EXIF {name}", "text", text)


def _xmp(held: bytes) -> Iterator[Said]:
    if _XMP_GPS in held:
        yield Said("XMP GPSLatitude", "gps", "")
    for each in _XMP_CREATOR.findall(held):
        text = each.decode("utf-8", "replace")
        yield Said("XMP creator", "name" if looks_like_name(text) else "other", text)


def _text(block: Block, held: bytes) -> Iterator[Said]:
    if block.name not in ("tEXt", "zTXt", "iTXt"):
        yield Said(block.name, "text", _decoded(held))
        return
    key, _, rest = held.partition(b"\0")
    name = key.decode("latin-1")
    if name == "XML:com.adobe.xmp":
        yield from _xmp(rest)
    elif not _TECHNICAL.search(name):
        text = _decoded(_unpacked(block.name, rest))
        is_person = name.lower() in _TEXT_PEOPLE and looks_like_name(text)
        yield Said(f"{block.name} {_plain(name)}", "name" if is_person else "text", text)


def _unpacked(name: str, rest: bytes) -> bytes:
    if name == "tEXt":
        return rest
    packed = rest[1:] if name == "zTXt" else rest[2:].split(b"\0", 2)[-1]
    if name == "iTXt" and rest[:1] != b"\1":
        return packed
    with suppress(zlib.error):
        return zlib.decompressobj().decompress(packed, _MAX_TEXT)
    return b""


def _plain(name: str) -> str:
    """Return the keyword of a text that the standard knows; another may itself be personal."""
    known = ("Title", "Author", "Description", "Copyright", "Comment", "Disclaimer", "Source")
    return name if name in known else "other"


def _decoded(value: object, *, utf_16: bool = False) -> str:
    if isinstance(value, tuple):  # XPAuthor and its like, as Pillow gives them
        value = bytes(each & 0xFF for each in value if isinstance(each, int))
    if isinstance(value, bytes):
        return value.decode("utf-16-le" if utf_16 else "utf-8", "replace")[:_MAX_TEXT]
    return str(value) if isinstance(value, str | TiffImagePlugin.IFDRational | int) else ""

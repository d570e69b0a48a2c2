"""Archives written byte by byte, for what libraries refuse to write."""

from __future__ import annotations

import binascii
import io
import struct
import tarfile
import zlib
from dataclasses import dataclass
from pathlib import Path

STORED, DEFLATED = 0, 8
UTF8 = 0x800


@dataclass(frozen=True)
class Packed:
    """A zip member as it is written; what is None is computed from the data."""

    name: bytes
    data: bytes = b"x"
    method: int = STORED
    flags: int = UTF8
    attributes: int = 0
    system: int = 3
    size: int | None = None
    crc: int | None = None
    extra: bytes = b""
    date: int = 0x5A6E7B4D  # 2025-03-14 15:26:26

    def packed(self) -> bytes:
        if self.method == STORED:
            return self.data
        deflate = zlib.compressobj(9, zlib.DEFLATED, -15)
        return deflate.compress(self.data) + deflate.flush()

    def fields(self) -> bytes:
        """Return what local header and directory share, from the version to the lengths."""
        size = len(self.data) if self.size is None else self.size
        crc = binascii.crc32(self.data) if self.crc is None else self.crc
        numbers = (20, self.flags, self.method, self.date, crc, len(self.packed()), size)
        return struct.pack("<HHHIIIIHH", *numbers, len(self.name), len(self.extra))


def zip_bytes(*members: Packed) -> bytes:
    return b"".join(split_zip_bytes(*members))


def split_zip_bytes(*members: Packed, part: int | None = None, zip64: bool = False) -> list[bytes]:
    """Write a zip, cut after every `part` bytes; headers may lie across two parts."""
    out = io.BytesIO(b"PK\7\x08" if part else b"")
    out.seek(0, io.SEEK_END)
    part = part or 1 << 40
    directory = []
    for each in members:
        disk, at = divmod(out.tell(), part)
        out.write(b"PK\3\4" + each.fields() + each.name + each.extra + each.packed())
        rest = struct.pack("<HHHII", 0, disk, 0, each.attributes, at)
        version = bytes([20, each.system])
        directory.append(b"PK\1\2" + version + each.fields() + rest + each.name + each.extra)
    start, length = out.tell(), len(b"".join(directory))
    out.write(b"".join(directory))
    n, (disk, at) = len(members), divmod(start, part)
    if zip64:
        place = divmod(out.tell(), part)
        last = (out.tell() + 56 + 20) // part
        numbers = (44, 45, 45, last, disk, n, n, length, at)
        out.write(b"PK\6\6" + struct.pack("<QHHIIQQQQ", *numbers))
        out.write(b"PK\6\7" + struct.pack("<IQI", *place, last + 1))
        end = (0xFFFF, 0xFFFF, 0xFFFF, 0xFFFF, 0xFFFFFFFF, 0xFFFFFFFF, 0)
    else:
        end = (out.tell() // part, disk, n, n, length, at, 0)
    out.write(b"PK\5\6" + struct.pack("<HHHHIIH", *end))
    data = out.getvalue()
    return [data[at : at + part] for at in range(0, len(data), part)]


def split_zip(folder: Path, stem: str, *members: Packed, part: int, zip64: bool = False) -> Path:
    """Save a split zip; return the part that it is opened by."""
    parts = split_zip_bytes(*members, part=part, zip64=zip64)
    for number, data in enumerate(parts[:-1], 1):
        (folder / f"{stem}.z{number:02}").write_bytes(data)
    (folder / f"{stem}.zip").write_bytes(parts[-1])
    return folder / f"{stem}.zip"


def pieces(folder: Path, name: str, data: bytes, size: int) -> Path:
    """Save a file in pieces; return the first."""
    for number, at in enumerate(range(0, len(data), size), 1):
        (folder / f"{name}.{number:03}").write_bytes(data[at : at + size])
    return folder / f"{name}.001"


def tar_bytes(*members: tuple[tarfile.TarInfo, bytes], encoding: str = "utf-8") -> bytes:
    buffer = io.BytesIO()
    form = tarfile.PAX_FORMAT if encoding == "utf-8" else tarfile.GNU_FORMAT
    with tarfile.open(fileobj=buffer, mode="w", format=form, encoding=encoding) as target:
        for info, data in members:
            target.addfile(info, io.BytesIO(data))
    return buffer.getvalue()


def tarred(name: str, data: bytes = b"x", **facts: object) -> tuple[tarfile.TarInfo, bytes]:
    info = tarfile.TarInfo(name)
    info.size = len(data)
    for fact, value in facts.items():
        setattr(info, fact, value)
    return info, data


def seven_zip_bytes(*members: tuple[str, bytes], attributes: tuple[int, ...] = ()) -> bytes:
    """Write a 7z of members that are not empty, stored one after the other."""
    data = b"".join(each for _, each in members)
    sizes = b"".join(_number(len(each)) for _, each in members[:-1])
    crcs = b"".join(struct.pack("<I", binascii.crc32(each)) for _, each in members)
    names = b"\0" + b"".join(f"{name}\0".encode("utf-16-le") for name, _ in members)
    listed = b"\x0d" + _number(len(members)) if len(members) > 1 else b""
    listed += b"\x09" + sizes if len(members) > 1 else b""
    flags = struct.pack(f"<{len(attributes)}I", *attributes)
    states = b"\x15" + _number(len(flags) + 2) + b"\1\0" + flags if attributes else b""
    header = (
        b"\1\4"
        + b"\6\0\1\x09" + _number(len(data)) + b"\0"
        + b"\7\x0b\1\0\1\1\0\x0c" + _number(len(data)) + b"\0"
        + b"\x08" + listed + b"\x0a\1" + crcs + b"\0\0"
        + b"\5" + _number(len(members)) + b"\x11" + _number(len(names)) + names + states
        + b"\0\0"
    )  # fmt: skip
    start = struct.pack("<QQI", len(data), len(header), binascii.crc32(header))
    signature = b"7z\xbc\xaf\x27\x1c\0\4" + struct.pack("<I", binascii.crc32(start))
    return signature + start + data + header


def _number(value: int) -> bytes:
    return bytes([value]) if value < 0x80 else bytes([0x80 | value >> 8, value & 0xFF])

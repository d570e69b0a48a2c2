"""The bytes of archives and of their members, from any place, without a copy on disk."""

from __future__ import annotations

import bz2
import io
import lzma
import mmap
import struct
import sys
import threading
import zipfile
import zlib
from collections.abc import Callable, Iterator
from contextlib import ExitStack, contextmanager
from functools import partial
from pathlib import Path
from typing import Any, BinaryIO, Literal, cast

from medshelf.core.errors import FormatError, MedshelfError, MissingExtraError
from medshelf.formats.archive_index import Member
from medshelf.formats.streams import Stream, open_anywhere, open_stream

Kind = Literal["zip", "tar", "gzip", "bzip2", "xz", "zstd"]
ReadAt = Callable[[int, int], bytes]
"""Gives so many bytes from a place on; fewer only where they end."""

_crc32: Callable[[bytes], int] = zlib.crc32
_decompressobj: Callable[[int], Any] = zlib.decompressobj
try:
    from isal import isal_zlib
except ImportError:
    pass
else:
    _crc32, _decompressobj = isal_zlib.crc32, isal_zlib.decompressobj

_LOCAL_HEADER = struct.Struct("<4s22xHH")
_RAW_DEFLATE = -15
_BUFFER_BYTES = 1 << 16
_CHUNK_BYTES = 1 << 20
_INDEX_FROM_BYTES = 4 << 20  # less of a tar.gz is unpacked in the time that an index takes
_SHORT = "its data and the size that the archive states differ"
_WRONG_CRC = "its CRC is not the stated one"


@contextmanager
def failures(path: Path, member: str = "") -> Iterator[None]:
    """Turn whatever damaged bytes make zipfile, tarfile and decoders raise into a FormatError."""
    try:
        yield
    except MedshelfError:
        raise
    except UnicodeDecodeError as error:
        reason = f"its names are not {error.encoding}"
        raise FormatError(path, reason, "Pass their encoding, e.g. encoding='gbk'") from error
    except Exception as error:
        if isinstance(error, OSError) and error.errno:
            reason = error.strerror or str(error)
            raise FormatError(path, reason, "Check path and permissions") from error
        what = f"member {member!r} is damaged" if member else "not a whole zip or tar archive"
        raise FormatError(path, f"{what} ({str(error) or type(error).__name__})") from error


class Source:
    """The bytes of an archive, unpacked if it is a compressed tar, from any place.

    It is closed when nobody holds it or its `read_at` any more.

    Args:
        path: The archive.
        kind: What it is.
        size_bytes: Its length.
    """

    def __init__(self, path: Path, kind: Kind, size_bytes: int) -> None:
        self._closing, self._lock, self._path = ExitStack(), threading.Lock(), path
        self._mapped: mmap.mmap | None = None
        if kind in ("zip", "tar"):
            with path.open("rb") as file:
                mapped = mmap.mmap(file.fileno(), 0, access=mmap.ACCESS_READ)
            self._mapped = self._closing.enter_context(mapped)
            return
        if kind == "gzip" and size_bytes >= _INDEX_FROM_BYTES:
            self._stream = self._closing.enter_context(open_anywhere(path))
        elif kind == "gzip":
            self._stream = self._closing.enter_context(open_stream(path, "gzip"))
        else:
            opened = _OPENERS[kind](path)
            self._stream = Stream(path, self._closing.enter_context(cast("BinaryIO", opened)))

    def __del__(self) -> None:
        """Close the file."""
        self.close()

    def close(self) -> None:
        """Close the file; nothing can be read any more."""
        self._closing.close()

    def open_file(self) -> BinaryIO:
        """Open the archive itself once more."""
        return self._path.open("rb")

    def check_rest(self, offset: int, limit_bytes: int) -> None:
        """Read on to the end, where checksums are, unless that is too far to be honest."""
        while data := self.read_at(_CHUNK_BYTES, offset):
            offset += len(data)
            if offset > limit_bytes:
                msg = f"it unpacks to more than {limit_bytes:,} bytes, as a bomb does"
                raise ValueError(msg)

    def read_at(self, n_bytes: int, offset: int) -> bytes:
        """Return so many bytes from a place on; fewer only where the archive ends."""
        if self._mapped is not None:
            return self._mapped[offset : offset + n_bytes]
        with self._lock:
            self._stream.seek(offset)
            return self._stream.head(n_bytes)


def _open_zstd(path: Path) -> BinaryIO:
    try:
        if sys.version_info >= (3, 14):
            from compression import zstd
        else:
            from backports import zstd
    except ImportError as error:
        raise MissingExtraError("backports.zstd", "archives") from error
    return cast("BinaryIO", zstd.open(path))


_OPENERS: dict[str, Callable[[Path], Any]] = {
    "bzip2": bz2.open,
    "xz": lzma.open,
    "zstd": _open_zstd,
}


def read_data(source: Source, kind: Kind, entry: Member) -> bytes:
    """Read the data of a member that is stored or deflated.

    Raises:
        Exception: Size or CRC are not the stated ones, or the data are damaged.
    """
    if kind == "zip":
        data = source.read_at(entry.packed_bytes, _zip_data_start(source.read_at, entry))
        if entry.method == zipfile.ZIP_DEFLATED:
            data = _decompressobj(_RAW_DEFLATE).decompress(data, entry.size_bytes + 1)
    else:
        data = source.read_at(entry.size_bytes, entry.offset)
    if len(data) != entry.size_bytes:
        raise EOFError(_SHORT)
    if kind == "zip" and _crc32(data) != entry.crc:
        raise zipfile.BadZipFile(_WRONG_CRC)
    return data


def open_data(path: Path, source: Source, kind: Kind, entry: Member) -> BinaryIO:
    """Open a member as a stream that raises FormatError where its data are damaged."""
    with ExitStack() as closing:
        if kind == "zip":
            read_at = _unpacked(closing.enter_context(source.open_file()), source, entry)
        else:
            read_at = partial(_from, source.read_at, entry.offset)
        raw = _Raw(path, entry, read_at, closing.pop_all())
    return io.BufferedReader(raw, _BUFFER_BYTES)


def _from(read_at: ReadAt, start: int, n_bytes: int, offset: int) -> bytes:
    return read_at(n_bytes, start + offset)


def _unpacked(file: BinaryIO, source: Source, entry: Member) -> ReadAt:
    """Read any place of a zip member; backwards starts anew."""
    info = zipfile.ZipInfo("member")
    info.file_size, info.compress_size = entry.size_bytes, entry.packed_bytes
    info.compress_type, info.CRC = entry.method, entry.crc
    file.seek(_zip_data_start(source.read_at, entry))
    stream = zipfile.ZipExtFile(file, "r", info)

    def read_at(n_bytes: int, offset: int) -> bytes:
        if stream.tell() != offset:
            stream.seek(offset)
        return stream.read(n_bytes)

    return read_at


def _zip_data_start(read_at: ReadAt, entry: Member) -> int:
    header = read_at(_LOCAL_HEADER.size, entry.offset)
    signature, name_bytes, extra_bytes = _LOCAL_HEADER.unpack(header)
    if signature != b"PK\3\4":
        msg = f"no header at byte {entry.offset:,}"
        raise zipfile.BadZipFile(msg)
    return entry.offset + _LOCAL_HEADER.size + name_bytes + extra_bytes


class _Raw(io.RawIOBase):
    """A member as a stream that names it where its data are damaged."""

    def __init__(self, path: Path, entry: Member, read_at: ReadAt, closing: ExitStack) -> None:
        self._path, self._entry, self._read_at, self._closing = path, entry, read_at, closing
        self._at = 0

    def readable(self) -> bool:
        return True

    def seekable(self) -> bool:
        return True

    def seek(self, offset: int, whence: int = io.SEEK_SET) -> int:
        start = (0, self._at, self._entry.size_bytes)[whence]
        self._at = max(0, start + offset)
        return self._at

    def readinto(self, buffer: memoryview) -> int:  # type: ignore[override]
        n_bytes = max(0, min(len(buffer), self._entry.size_bytes - self._at))
        with failures(self._path, self._entry.name):
            data = self._read_at(n_bytes, self._at) if n_bytes else b""
            if len(data) != n_bytes:
                raise EOFError(_SHORT)
        buffer[:n_bytes] = data
        self._at += n_bytes
        return n_bytes

    def close(self) -> None:
        self._closing.close()
        super().close()

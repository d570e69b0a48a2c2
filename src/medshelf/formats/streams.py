"""Decoded bytes of a file as a stream: raw, gzip, zlib or bzip2, in memory that does not grow.

With the extra `fast`, gzip is decoded by ISA-L, and single places of a large gzip file are reached
through an index below the cache folder; without it by zlib, from the start, with the same bytes.
"""

from __future__ import annotations

import bz2
import gzip
import io
import zlib
from collections.abc import Callable, Iterator
from contextlib import ExitStack, contextmanager, suppress
from pathlib import Path, PureWindowsPath
from typing import Any, BinaryIO, Literal, cast

from medshelf.core.errors import FormatError, StorageError
from medshelf.core.files import atomic_path, fingerprint, lock
from medshelf.core.settings import Settings

_open_gzip: Callable[..., Any] = gzip.GzipFile
_DAMAGED: tuple[Any, ...] = (zlib.error, gzip.BadGzipFile)
try:
    from isal import igzip, isal_zlib
except ImportError:
    pass
else:
    _open_gzip = igzip.IGzipFile
    _DAMAGED += (isal_zlib.error,)

Encoding = Literal["raw", "text", "gzip", "zlib", "bzip2"]

GZIP_MAGIC = b"\x1f\x8b"
IN_MEMORY = Path("(bytes)")
# What one byte can decode to at most. Deflate: 258 bytes per 2 bits. bzip2: a block of 900,000
# bytes, each run of 5 of which stands for 259, in not less than 32 bytes.
MAX_RATIO: dict[Encoding, int] = {
    "raw": 1,
    "text": 1,
    "gzip": 1032,
    "zlib": 1032,
    "bzip2": 1_460_000,
}
_CHUNK_BYTES = 1 << 16
_INDEX_SPACING_BYTES = 1 << 21
_STEP_BYTES = 1 << 20
_TAIL_BYTES = 1 << 20
_ZLIB_OR_GZIP = 47
_CHECK = "Check path and permissions"


@contextmanager
def reading(path: Path) -> Iterator[None]:
    """Turn what the decoders and the operating system raise into a FormatError about `path`."""
    try:
        yield
    except EOFError as error:
        raise FormatError(path, "its compressed data end too early") from error
    except _DAMAGED as error:
        raise FormatError(path, f"its compressed data are damaged ({error})") from error
    except MemoryError as error:
        reason = "there is not enough memory for its values"
        raise FormatError(path, reason, "Read single slices, or close other programs") from error
    except OSError as error:
        if error.errno is None:
            raise FormatError(path, f"its compressed data are damaged ({error})") from error
        raise FormatError(path, error.strerror or str(error), _CHECK) from error


def name_of(source: Path | bytes) -> Path:
    """Return what error messages call a source."""
    return source if isinstance(source, Path) else IN_MEMORY


def size_of(source: Path | bytes) -> int:
    """Return the length in bytes.

    Raises:
        FormatError: There is no such file, or it is a folder, a pipe or a device.
    """
    if isinstance(source, bytes):
        return len(source)
    with reading(source):
        size = source.stat().st_size
        if not source.is_file():
            raise FormatError(source, "it is no regular file", "Pass the path of a file")
        return size


def beside(source: Path | bytes, name: str) -> Path:
    """Return the data file that a header names, which has to lie in its folder or below.

    Raises:
        FormatError: The name leads out of the folder or means several files, or the header came as
            bytes and has no folder.
    """
    path, pure = name_of(source), PureWindowsPath(name)
    if isinstance(source, bytes):
        raise FormatError(path, f"its values are in {name}", "Pass the path of the file")
    if name.upper().startswith("LIST") or "%" in name:
        reason = f"its values are in several files ({name}), which is not read"
        raise FormatError(path, reason, "Write it as one file, e.g. with SimpleITK")
    if not name or "\0" in name or pure.drive or pure.root or ".." in pure.parts:
        raise FormatError(path, f"it names {name!r} as its data, which is not in its folder")
    return path.parent / name


@contextmanager
def open_stream(source: Path | bytes, encoding: Encoding, start_bytes: int = 0) -> Iterator[Stream]:
    """Open the decoded bytes of what follows the first `start_bytes` of a file.

    Raises:
        FormatError: Here or in the block: the file cannot be opened, or its data are damaged.
    """
    path = name_of(source)
    size_of(source)
    with reading(path), ExitStack() as stack:
        file = io.BytesIO(source) if isinstance(source, bytes) else source.open("rb", buffering=0)
        stack.enter_context(cast("BinaryIO", file)).seek(start_bytes)
        decoded = stack.enter_context(_decoded(cast("BinaryIO", file), encoding))
        yield Stream(path, decoded, start_bytes if decoded is file else 0)


@contextmanager
def open_anywhere(path: Path) -> Iterator[Stream]:
    """Open the decoded bytes of a gzip file so that any place is reached at about the same cost.

    The first call for a file (as it is now: path, size and date) decodes it once to make an index
    in the cache, some 3 % of its decoded size. Without the package or a cache that can be written
    the stream is decoded from its start.

    Raises:
        FormatError: The file cannot be opened, or its data are damaged.
    """
    try:
        from indexed_gzip import IndexedGzipFile
    except ImportError:
        index = None
    else:
        index = _index_of(path)
    if index is None:
        with open_stream(path, "gzip") as stream:
            yield stream
        return
    with (
        reading(path),
        IndexedGzipFile(str(path), index_file=str(index), buffer_size=_CHUNK_BYTES) as file,
    ):
        yield Stream(path, file)


class Stream:
    """Decoded bytes, read forwards."""

    def __init__(self, path: Path, file: BinaryIO, start_bytes: int = 0) -> None:
        self._path, self._file, self._start = path, file, start_bytes

    def seek(self, offset_bytes: int) -> None:
        """Go to a place in the decoded bytes, counted from their start."""
        self._file.seek(self._start + offset_bytes)

    def fill(self, view: memoryview) -> None:
        """Read as many bytes as `view` holds.

        Raises:
            FormatError: There are not as many left.
        """
        done = 0
        while done < len(view):
            n_bytes = cast("io.BytesIO", self._file).readinto(view[done : done + _STEP_BYTES])
            if not n_bytes:
                reason = f"its values end {len(view) - done} bytes too early"
                raise FormatError(self._path, reason)
            done += n_bytes

    def head(self, n_bytes: int) -> bytes:
        """Read `n_bytes`, or what there is."""
        parts = []
        while n_bytes > 0 and (part := self._file.read(n_bytes)):
            parts.append(part)
            n_bytes -= len(part)
        return b"".join(parts)

    def finish(self) -> None:
        """Read on to the end, so that the checksum there is checked, but no more than 1 MiB."""
        self.head(_TAIL_BYTES)


def compression_of(source: Path | bytes) -> Encoding:
    """Say by its first bytes whether a file is `gzip` or `raw`.

    Raises:
        FormatError: It cannot be opened, or what gzip holds is gzip again.
    """
    with open_stream(source, "raw") as stream:
        if stream.head(2) != GZIP_MAGIC:
            return "raw"
    with open_stream(source, "gzip") as stream:
        if stream.head(2) == GZIP_MAGIC:
            reason = "it is compressed with gzip twice"
            raise FormatError(name_of(source), reason, "Run gunzip on it once")
    return "gzip"


def _decoded(file: BinaryIO, encoding: Encoding) -> BinaryIO:
    if encoding == "gzip":
        return cast("BinaryIO", _open_gzip(fileobj=file, mode="rb"))
    if encoding == "bzip2":
        return cast("BinaryIO", bz2.BZ2File(file))
    if encoding == "zlib":
        return cast("BinaryIO", io.BufferedReader(_ZlibReader(file), _CHUNK_BYTES))
    return file


class _ZlibReader(io.RawIOBase):
    """One zlib or gzip stream, its checksum checked at the end."""

    def __init__(self, file: BinaryIO) -> None:
        self._file, self._inflate = file, zlib.decompressobj(wbits=_ZLIB_OR_GZIP)
        self._at = 0

    def readable(self) -> bool:
        return True

    def seekable(self) -> bool:
        return True

    def seek(self, offset: int, whence: int = 0) -> int:
        if whence == 0:
            while self._at < offset and self.read(min(_STEP_BYTES, offset - self._at)):
                pass
        return self._at

    def tell(self) -> int:
        return self._at

    def readinto(self, buffer: memoryview) -> int:  # type: ignore[override]
        part = b""
        while not part and not self._inflate.eof:
            data = self._inflate.unconsumed_tail or self._file.read(_CHUNK_BYTES)
            part = self._inflate.decompress(data, len(buffer))
            if not data and not part:
                raise EOFError
        buffer[: len(part)] = part
        self._at += len(part)
        return len(part)


def _index_of(path: Path) -> Path | None:
    from indexed_gzip import IndexedGzipFile

    size_of(path)
    folder = Settings.from_environment().cache / "indexes"
    target = folder / f"{path.name}-{fingerprint(path)}.index"
    if target.exists():
        return target
    with suppress(StorageError):  # the index saves time, reading needs none
        with lock(target), reading(path):
            if not target.exists():
                with IndexedGzipFile(str(path), spacing=_INDEX_SPACING_BYTES) as file:
                    file.build_full_index()
                    with atomic_path(target) as part:
                        file.export_index(str(part))
        return target
    return None

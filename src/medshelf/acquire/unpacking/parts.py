"""Archives in several files: split zips (`.z01` ... `.zip`), and any cut in pieces (`.001` ...).

Source: PKWARE APPNOTE 6.3.10, sections 4.3.14 to 4.3.16 and 8.
"""

from __future__ import annotations

import io
import re
import struct
from bisect import bisect_right
from collections.abc import Sequence
from contextlib import ExitStack
from itertools import accumulate
from pathlib import Path, PurePath
from typing import BinaryIO, cast

from medshelf.core.errors import FormatError
from medshelf.formats.archive_data import Source

_PIECE = re.compile(r"\.\d{3}$")
_SPLIT = re.compile(r"(?i)\.z\d\d$")
_END, _END_BYTES, _COMMENT_BYTES = b"PK\5\6", 22, 0xFFFF
_LOCATOR = struct.Struct("<4sIQI")
_LOCATOR_MAGIC, _END64_MAGIC = b"PK\6\7", b"PK\6\6"
_N_PARTS_MAX = 10_000


def is_continuation(path: PurePath) -> bool:
    """Say whether a file is a part of an archive that is opened by another part."""
    piece = _PIECE.search(path.name) is not None and path.suffix != ".001"
    return piece or _SPLIT.search(path.name) is not None


def parts_of(path: Path) -> tuple[Path, ...]:
    """Return the files that make up an archive, in order; of most archives it is one.

    Raises:
        FormatError: One is missing, or `path` is not the one that the archive is opened by.
    """
    if is_continuation(path):
        remedy = "Pass the first, .001; of a split zip the last, .zip"
        raise FormatError(path, "it is a part of a split archive", remedy)
    if path.suffix == ".001":
        last = max(
            int(each.suffix[1:])
            for each in sorted(path.parent.iterdir())
            if each.stem == path.stem and _PIECE.search(each.name)
        )
        return _existing([path.with_suffix(f".{each:03}") for each in range(1, last + 1)])
    n_before = _parts_before(path) if path.suffix.lower() == ".zip" else 0
    letter = path.suffix[1:2]
    return _existing([*(path.with_suffix(f".{letter}{n + 1:02}") for n in range(n_before)), path])


class Joined(io.RawIOBase):
    """Files as one, to be read.

    Args:
        parts: The files in order.
        cut: Where the files end for the reader, from their start; null takes them whole.
        tail: What follows there.
    """

    def __init__(self, parts: Sequence[Path], cut: int | None = None, tail: bytes = b"") -> None:
        self._files: list[BinaryIO] = [each.open("rb") for each in parts]
        self._ends = list(accumulate(each.stat().st_size for each in parts))
        if cut is not None:
            self._ends[-1] = cut
        self._files.append(io.BytesIO(tail))
        self._ends.append(self._ends[-1] + len(tail))
        self._at = 0

    def readable(self) -> bool:
        """Say yes."""
        return True

    def seekable(self) -> bool:
        """Say yes."""
        return True

    def seek(self, offset: int, whence: int = io.SEEK_SET) -> int:
        """Go to a place."""
        at = offset + (0, self._at, self._ends[-1])[whence]
        if at < 0:
            msg = "a place before the first byte"
            raise EOFError(msg)
        self._at = at
        return at

    def readinto(self, buffer: memoryview) -> int:  # type: ignore[override]
        """Read up to the end of a part."""
        number = bisect_right(self._ends, self._at)
        if number == len(self._ends):
            return 0
        start = self._ends[number - 1] if number else 0
        self._files[number].seek(self._at - start)
        data = self._files[number].read(min(len(buffer), self._ends[number] - self._at))
        buffer[: len(data)] = data
        self._at += len(data)
        return len(data)

    def close(self) -> None:
        """Close all files."""
        for each in self._files:
            each.close()
        super().close()


class SplitZip(Source):
    """The bytes of a zip in parts.

    Attributes:
        disks: As `formats.archive_index.index_zip` takes them.

    Args:
        parts: The files in order.
    """

    def __init__(self, parts: Sequence[Path]) -> None:
        self._parts, self._closing = parts, ExitStack()
        self._cut: int | None = None
        self._tail = b""
        starts = [0, *accumulate(each.stat().st_size for each in parts)]
        self.disks: tuple[int, ...] = (0,)
        if parts[0].suffix != ".001":
            self.disks = (*starts[:-1], starts[self._directory_disk(starts)])
        self._file = self._closing.enter_context(self.open_file())

    def open_file(self) -> BinaryIO:
        """Open the parts once more, as one file."""
        return cast("BinaryIO", io.BufferedReader(self._joined()))

    def _joined(self) -> Joined:
        return Joined(self._parts, self._cut, self._tail)

    def read_at(self, n_bytes: int, offset: int) -> bytes:
        """Return so many bytes from a place on; fewer only where the parts end."""
        self._file.seek(offset)
        return self._file.read(n_bytes)

    def _directory_disk(self, starts: Sequence[int]) -> int:
        """Return the part that the directory begins in; a zip64 is made to look unsplit."""
        data, at = _tail(self._parts[-1])
        disk = int(struct.unpack_from("<H", data, at + 6)[0])
        place = at - _LOCATOR.size
        magic, end_disk, offset, _ = _LOCATOR.unpack_from(data, max(0, place))
        if place < 0 or magic != _LOCATOR_MAGIC:
            return disk
        end = starts[end_disk] + offset
        self._cut = starts[-1] - len(data) + place
        self._tail = _LOCATOR.pack(magic, 0, end, 1) + data[at:]
        with self._joined() as file:
            file.seek(end)
            record = file.read(56) or b""
        if not record.startswith(_END64_MAGIC):
            msg = "its zip64 end record is not where it should be"
            raise ValueError(msg)
        return int(struct.unpack_from("<I", record, 20)[0])


def _existing(paths: Sequence[Path]) -> tuple[Path, ...]:
    for each in paths:
        if not each.is_file():
            remedy = "Fetch all parts of the archive into one folder"
            raise FormatError(paths[-1], f"its part {each.name} is missing", remedy)
    return tuple(paths)


def _tail(path: Path) -> tuple[bytes, int]:
    """Return the end of a zip, and the place of its end record in that; -1 if there is none."""
    with path.open("rb") as file:
        size_bytes = file.seek(0, io.SEEK_END)
        file.seek(max(0, size_bytes - _END_BYTES - _COMMENT_BYTES - _LOCATOR.size))
        data = file.read()
    return data, data.rfind(_END, 0, max(0, len(data) - _END_BYTES + len(_END)))


def _parts_before(path: Path) -> int:
    data, at = _tail(path)
    if at < 0:
        return 0
    number = int(struct.unpack_from("<H", data, at + 4)[0])
    place = at - _LOCATOR.size
    if place >= 0 and data.startswith(_LOCATOR_MAGIC, place):
        number = max(1, _LOCATOR.unpack_from(data, place)[3]) - 1
    if number > _N_PARTS_MAX:
        raise FormatError(path, f"it is said to have {number:,} more parts")
    return number

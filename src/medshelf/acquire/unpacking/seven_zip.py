"""7z archives, by py7zr: only the decoding is its own, no file is written by it."""

from __future__ import annotations

import zlib
from collections.abc import Sequence
from contextlib import ExitStack
from pathlib import Path, PurePosixPath
from typing import TYPE_CHECKING, BinaryIO, cast

import py7zr
from py7zr.exceptions import PasswordRequired
from py7zr.io import Py7zIO, WriterFactory

from medshelf.acquire.unpacking.parts import Joined
from medshelf.core.errors import FormatError
from medshelf.formats.archive_data import failures
from medshelf.formats.archive_index import Member

if TYPE_CHECKING:
    from medshelf.acquire.unpacking.sources import Item, Target


def list_members(path: Path, parts: Sequence[Path]) -> list[Member]:
    """List the files in a 7z archive.

    Args:
        path: The archive, for errors.
        parts: The files that it lies in.

    Raises:
        FormatError: It is damaged, or protected by a password.
    """
    with failures(path), cast("BinaryIO", Joined(parts)) as file:
        try:
            with py7zr.SevenZipFile(file) as archive:
                members = [_member(each) for each in archive.files if not each.is_directory]
                if not archive.needs_password():
                    return members
        except PasswordRequired:
            pass
        remedy = "Unpack it with a program that asks for the password"
        raise FormatError(path, "it is protected by a password", remedy)


def copy(path: Path, parts: Sequence[Path], items: Sequence[Item], target: Target) -> None:
    """Hand the bytes of members to a target, in one pass: many members are packed as one.

    Args:
        path: The archive, for errors.
        parts: The files that it lies in.
        items: The members that are wanted.
        target: What takes them.

    Raises:
        FormatError: Data are damaged.
    """
    with (
        failures(path),
        cast("BinaryIO", Joined(parts)) as file,
        py7zr.SevenZipFile(file) as archive,
    ):
        writers = _Writers(path, items, target)
        archive.extract(targets=[each.member.name for each in items], factory=writers)


def _member(file: py7zr.py7zr.ArchiveFile) -> Member:
    special = file.is_symlink or file.is_junction or file.is_socket
    date = file.lastwritetime
    return Member(
        file.filename,
        file.uncompressed or 0,
        0,
        file.id,
        file.crc32 or 0,
        problem="it is a link or a device" if special else "",
        modified_s=int(date.totimestamp()) if date is not None else 0,
    )


class _Writers(WriterFactory):
    def __init__(self, path: Path, items: Sequence[Item], target: Target) -> None:
        self._path, self._target = path, target
        self._items = {str(PurePosixPath(each.member.name)): each for each in items}

    def create(self, filename: str) -> Py7zIO:
        return _Writer(self._path, self._items[filename], self._target)


class _Writer(Py7zIO):
    """One member; it is checked here, since py7zr closes it before it checks it."""

    def __init__(self, path: Path, item: Item, target: Target) -> None:
        self._path, self._member, self._open = path, item.member, ExitStack()
        self._write = self._open.enter_context(target.part(item))
        self._crc = self._n_bytes = 0

    def write(self, s: bytes | bytearray) -> int:
        self._write(s)
        self._crc, self._n_bytes = zlib.crc32(s, self._crc), self._n_bytes + len(s)
        return len(s)

    def close(self) -> None:
        with self._open:
            if (self._n_bytes, self._crc) != (self._member.size_bytes, self._member.crc):
                raise FormatError(self._path, f"member {self._member.name!r} is damaged")

    def read(self, size: int | None = None) -> bytes:  # noqa: ARG002
        return b""

    def seek(self, offset: int, whence: int = 0) -> int:  # noqa: ARG002
        return self._n_bytes

    def flush(self) -> None:
        pass

    def size(self) -> int:
        return self._n_bytes

"""Archives as members and their bytes: zip and tar, zips in parts, 7z."""

from __future__ import annotations

import re
import zipfile
from collections.abc import Callable, Sequence
from contextlib import AbstractContextManager, closing
from dataclasses import dataclass
from functools import partial
from pathlib import Path, PurePath
from typing import IO, BinaryIO, NamedTuple, Protocol

from medshelf.acquire.unpacking.names import file_name, guess_encoding
from medshelf.acquire.unpacking.parts import SplitZip, parts_of
from medshelf.core.errors import FormatError, MissingExtraError
from medshelf.core.issues import Issue
from medshelf.formats.archive import kind_of, list_members
from medshelf.formats.archive_data import Kind, Source, failures, open_data, read_data
from medshelf.formats.archive_index import Member, index_zip

_SUFFIX = re.compile(
    r"(?i)\.(zip|7z|tar|tgz|tbz2?|txz|tar\.(gz|bz2|xz|zst)|(zip|7z)\.001)(?![\w.])$"
)
_SEVEN_ZIP = b"7z\xbc\xaf\x27\x1c"
_UTF8_FLAG = 0x800
_AT_ONCE_BYTES = 4 << 20
_AT_ONCE_METHODS = (zipfile.ZIP_STORED, zipfile.ZIP_DEFLATED)
_CHUNK_BYTES = 1 << 20


class Item(NamedTuple):
    """A member, and where it goes: a path below a folder, with `/` between folders."""

    member: Member
    path: str


class Target(Protocol):
    """What takes the bytes of members."""

    def part(self, item: Item) -> AbstractContextManager[Callable[[bytes | bytearray], object]]:
        """Take the bytes of a file; it is in place when the block has ended well."""

    def again(self, item: Item, of: Item) -> None:
        """Take for `item` the bytes that were taken last, for `of`."""


@dataclass(frozen=True, slots=True)
class Opened:
    """An archive that can be unpacked.

    Attributes:
        items: Its files, each once; what cannot be unpacked says so in its member's `problem`.
        size_bytes: Length of the archive, all its parts together.
        copy: Hands the bytes of some items to a target, in whatever order is fastest.
        issues: What had to be guessed.
    """

    items: tuple[Item, ...]
    size_bytes: int
    copy: Callable[[Sequence[Item], Target], None]
    issues: tuple[Issue, ...] = ()


def stem_of(path: PurePath) -> str | None:
    """Return the name of an archive without its suffix; null where it is no archive's name."""
    return path.name[: found.start()] if (found := _SUFFIX.search(path.name)) else None


def open_archive(path: Path, encoding: str | None) -> Opened:
    """Open an archive and list what is in it.

    Args:
        path: A zip, tar or 7z; of a split one see `parts_of`.
        encoding: Of names that are not marked as UTF-8; guessed by default.

    Raises:
        FormatError: It is no such archive, damaged, protected by a password, or a part is missing.
        MissingExtraError: A 7z or a tar.zst, and the extra `archives` is not installed.
        SettingError: There is no such encoding.
    """
    with failures(path):
        parts = parts_of(path)
        with parts[0].open("rb") as file:
            start = file.read(len(_SEVEN_ZIP))
        if start == _SEVEN_ZIP:
            return _open_seven_zip(path, parts)
        if len(parts) > 1:
            return _open_split(path, parts, encoding)
        kind, size_bytes = kind_of(path), path.stat().st_size
    undeclared = _undeclared_zip_names if kind == "zip" else _undeclared_tar_names
    codec, issues = (encoding, []) if encoding else _guessed(path, undeclared(path))
    items = _items(list_members(path, encoding=codec), backslashes=kind == "zip")
    # A length of 0 keeps `Source` from building an index of a tar.gz, which is read forwards here.
    copy = partial(_copy, path, kind, lambda: Source(path, kind, 0))
    return Opened(items, size_bytes, copy, tuple(issues))


def _open_split(path: Path, parts: Sequence[Path], encoding: str | None) -> Opened:
    codec, issues = encoding, list[Issue]()
    with closing(SplitZip(parts)) as source, source.open_file() as file:
        if encoding is None:
            codec, issues = _guessed(path, _undeclared_zip_names(path, file))
        items = _items(index_zip(path, codec, file, source.disks), backslashes=True)
    size_bytes = sum(each.stat().st_size for each in parts)
    copy = partial(_copy, path, "zip", lambda: SplitZip(parts))
    return Opened(items, size_bytes, copy, tuple(issues))


def _copy(
    path: Path,
    kind: Kind,
    opened: Callable[[], Source],
    items: Sequence[Item],
    target: Target,
) -> None:
    """Copy members in the order of the archive; data that several share are unpacked once."""
    last: Item | None = None
    with failures(path), closing(opened()) as source:
        for item in sorted(items, key=lambda each: (each.member.offset, each.path)):
            member = item.member
            if last is not None and member.size_bytes and last.member.offset == member.offset:
                target.again(item, last)
                continue
            with failures(path, member.name), target.part(item) as write:
                if member.size_bytes <= _AT_ONCE_BYTES and member.method in _AT_ONCE_METHODS:
                    write(read_data(source, kind, member))
                else:
                    _stream(open_data(path, source, kind, member), write)
            last = item


def _stream(opened: BinaryIO, write: Callable[[bytes], object]) -> None:
    with opened as stream:
        while chunk := stream.read(_CHUNK_BYTES):
            write(chunk)


def _items(members: Sequence[Member], *, backslashes: bool) -> tuple[Item, ...]:
    """Give each member its path; a member that is listed twice, alike in all, counts once."""
    alike = {(each.name, each.size_bytes, each.crc, each.problem): each for each in members}
    return tuple(
        Item(each, file_name(each.name, backslashes=backslashes)) for each in alike.values()
    )


def _guessed(path: Path, names: Sequence[bytes]) -> tuple[str | None, list[Issue]]:
    """Return the encoding of names that do not state it, and an Issue that says so."""
    if not names:
        return None, []
    codec = guess_encoding(names)
    first = names[0].decode(codec or "cp437", "replace")
    said = f"the names do not state their encoding, and {codec or 'CP437'} was taken: {first!r}"
    remedy = "If names look wrong, pass the right encoding, e.g. --encoding gbk"
    return codec, [Issue("archive-encoding-guessed", "warning", str(path), said, remedy)]


def _undeclared_zip_names(path: Path, file: IO[bytes] | None = None) -> list[bytes]:
    with failures(path), zipfile.ZipFile(file or path) as archive:
        infos = archive.infolist()
    return [
        each.orig_filename.encode("cp437")
        for each in infos
        if not each.orig_filename.isascii() and not each.flag_bits & _UTF8_FLAG
    ]


def _undeclared_tar_names(path: Path) -> list[bytes]:
    """Return the names of a tar that are not UTF-8, which is what a tar should have."""
    try:
        list_members(path)
    except FormatError as error:
        if not isinstance(error.__cause__, UnicodeDecodeError):
            raise
        names = [each.name for each in list_members(path, encoding="latin-1")]
        return [each.encode("latin-1", "replace") for each in names if not each.isascii()]
    return []


def _open_seven_zip(path: Path, parts: Sequence[Path]) -> Opened:
    try:
        from medshelf.acquire.unpacking import seven_zip
    except ImportError as error:
        raise MissingExtraError("py7zr", "archives") from error
    members = seven_zip.list_members(path, parts)
    size_bytes = sum(each.stat().st_size for each in parts)
    copy = partial(seven_zip.copy, path, parts)
    return Opened(_items(members, backslashes=False), size_bytes, copy)

"""Which members an archive has and where they lie, from the headers of zip and tar alone.

What cannot be opened (password, dangling link, unknown compression ...) is listed all the same and
carries its reason, so that nothing is skipped in silence.

Source: PKWARE APPNOTE 6.3.10; POSIX.1-2017, pax, ustar interchange format.
"""

from __future__ import annotations

import posixpath
import stat
import struct
import tarfile
import time
import zipfile
from collections.abc import Callable, Sequence
from itertools import pairwise
from pathlib import Path
from typing import IO, NamedTuple, cast

from medshelf.core.errors import FormatError

_MAX_RATIO = 1100  # deflate cannot pass 1032:1
_FREE_BYTES = 1 << 28  # what any archive may unpack to, however small it is
_MAX_HEADER_BYTES = 1 << 20
_BLOCK_BYTES = 512
_MAX_LINKS = 16
_MAX_PADDING_BYTES = 1 << 16
_ZIP_METHODS = (zipfile.ZIP_STORED, zipfile.ZIP_DEFLATED, zipfile.ZIP_BZIP2, zipfile.ZIP_LZMA)
_ZIP_ENCRYPTED = 0x41
_UNIX = 3
_AES = 99
_LATEST_S = 1 << 40
_TIMES = 0x5455  # extra field of Info-ZIP: dates in UTC, to the second


class Member(NamedTuple):
    """A file in an archive.

    Attributes:
        name: As stored, without a leading `./`; always with `/` between folders.
        size_bytes: Unpacked length, as the archive states it.
        packed_bytes: Length in the archive.
        offset: Of a zip member's header in the file; of a tar member's data in the unpacked tar.
        crc: CRC-32 of a zip member; 0 in a tar, which has none.
        method: How a zip member is packed: 0 stored, 8 deflated, 12 bzip2, 14 LZMA.
        problem: Why the member cannot be opened; empty where it can.
        modified_s: When it was last changed, in seconds since 1970 UTC, as the archive states it;
            0 where it does not. A zip without UTC dates is taken to have local ones.
    """

    name: str
    size_bytes: int
    packed_bytes: int
    offset: int
    crc: int = 0
    method: int = zipfile.ZIP_STORED
    problem: str = ""
    modified_s: int = 0


def index_zip(
    path: Path,
    encoding: str | None,
    file: IO[bytes] | None = None,
    disks: Sequence[int] = (0,),
) -> list[Member]:
    """List the members of a zip archive from its central directory.

    Args:
        path: The archive.
        encoding: Of names that are not marked as UTF-8; null is CP437.
        file: Its bytes, if they do not all lie in `path`.
        disks: Where each part of a split archive begins in `file`, and at the end, once more, the
            one with the central directory.

    Raises:
        FormatError: Members overlap: a few bytes would unpack to a great many.
        Exception: Whatever `zipfile` raises for a damaged archive.
    """
    with zipfile.ZipFile(file or path, metadata_encoding=encoding) as archive:
        infos, end = archive.infolist(), archive.start_dir
    if len(disks) > 1:
        for info in infos:
            info.header_offset += disks[info.volume] - disks[-1]
    starts = sorted((each.header_offset, each.compress_size) for each in infos)
    for (start, packed_bytes), following in pairwise([*starts, (end, 0)]):
        if start < 0 or start + packed_bytes > following[0]:
            raise FormatError(path, "its members overlap, as those of a zip bomb do")
    return _marked_duplicates([_zip_member(each) for each in infos if not each.is_dir()])


def index_tar(
    path: Path, read_at: Callable[[int, int], bytes], limit_bytes: int, encoding: str | None
) -> list[Member]:
    """List the members of a tar, following links within it; of one name the last one counts.

    Args:
        path: The archive, for errors.
        read_at: Gives up to so many bytes from a place in the unpacked tar.
        limit_bytes: Beyond which no member may lie.
        encoding: Of names; null is UTF-8.

    Raises:
        FormatError: The tar ends without its end mark, or a header is damaged.
        Exception: Whatever `tarfile` raises for a damaged archive.
    """
    files: dict[str, Member] = {}
    links: dict[str, str] = {}
    headers = cast("IO[bytes]", _Headers(read_at, limit_bytes))
    with tarfile.open(
        fileobj=headers, mode="r:", encoding=encoding or "utf-8", errors="strict"
    ) as tar:
        for info in tar:
            if info.size < 0 or info.offset_data + info.size > limit_bytes:
                reason = f"member {info.name!r} ends beyond the end of the archive"
                raise FormatError(path, reason)
            name = _plain(info.name)
            files.pop(name, None), links.pop(name, None)
            if info.isreg():
                problem = "it is stored with holes (sparse)" if info.issparse() else _danger(name)
                at, date = info.offset_data, int(info.mtime) if abs(info.mtime) < _LATEST_S else 0
                files[name] = Member(
                    name, info.size, info.size, at, problem=problem, modified_s=date
                )
            elif info.issym() or info.islnk():
                links[name] = _link_target(name, info)
        end = tar.offset
    if read_at(_BLOCK_BYTES, end) != bytes(_BLOCK_BYTES):
        raise FormatError(path, f"at byte {end:,} is neither a header nor the end mark of a tar")
    return [*files.values(), *(_followed(name, files, links) for name in links)]


def unpacked_limit(packed_bytes: int) -> int:
    """Return how many bytes so many packed ones may become before it is taken for a bomb."""
    return _FREE_BYTES + _MAX_RATIO * packed_bytes


class _Headers:
    """The unpacked tar as `tarfile` reads it: forwards, header by header, in bounded memory."""

    def __init__(self, read_at: Callable[[int, int], bytes], limit_bytes: int) -> None:
        self._read_at, self._limit_bytes, self._at = read_at, limit_bytes, 0

    def tell(self) -> int:
        return self._at

    def seek(self, offset: int) -> None:
        if not self._at - 1 <= offset <= self._limit_bytes:
            msg = f"a header says that the next one is at byte {offset:,}"
            raise tarfile.ReadError(msg)
        self._at = offset

    def read(self, n_bytes: int) -> bytes:
        if not 0 <= n_bytes <= _MAX_HEADER_BYTES:
            msg = f"a header says that it has {n_bytes:,} bytes"
            raise tarfile.ReadError(msg)
        data = self._read_at(n_bytes, self._at)
        self._at += len(data)
        return data


def _zip_member(info: zipfile.ZipInfo) -> Member:
    name = _plain(info.filename)
    return Member(
        name,
        info.file_size,
        info.compress_size,
        info.header_offset,
        info.CRC,
        info.compress_type,
        _zip_problem(info) or _danger(_plain(info.orig_filename)),
        _zip_date(info),
    )


def _zip_date(info: zipfile.ZipInfo) -> int:
    extra, at = info.extra, 0
    while at + 4 <= len(extra):
        kind, size = struct.unpack_from("<HH", extra, at)
        if kind == _TIMES and size >= 5 and len(extra) >= at + 9 and extra[at + 4] & 1:  # noqa: PLR2004
            return int(struct.unpack_from("<i", extra, at + 5)[0])
        at += 4 + size
    try:
        return int(time.mktime((*info.date_time, 0, 0, -1)))
    except (OverflowError, ValueError):
        return 0


def _zip_problem(info: zipfile.ZipInfo) -> str:
    if info.flag_bits & _ZIP_ENCRYPTED or info.compress_type == _AES:
        return "it is protected by a password"
    if info.compress_type not in _ZIP_METHODS:
        return f"it is packed by method {info.compress_type}, which is not supported"
    if info.compress_size > 2 * info.file_size + _MAX_PADDING_BYTES:
        return f"its {info.compress_size:,} bytes are more than it unpacks to"
    if info.create_system == _UNIX and stat.S_ISLNK(info.external_attr >> 16):
        return "it is a link"
    if info.file_size > unpacked_limit(info.compress_size):
        return f"its {info.compress_size:,} bytes would unpack to {info.file_size:,}, as a bomb"
    return ""


def _marked_duplicates(members: list[Member]) -> list[Member]:
    """Mark names that stand for different data: which one is meant, no tool agrees upon."""
    contents: dict[str, set[tuple[int, int]]] = {}
    for each in members:
        contents.setdefault(each.name, set()).add((each.crc, each.size_bytes))
    problem = "its name occurs more than once, with different data"
    return [
        each._replace(problem=problem) if len(contents[each.name]) > 1 else each for each in members
    ]


def _plain(name: str) -> str:
    while name.startswith("./"):
        name = name[2:]
    return name


def _danger(name: str) -> str:
    if "\0" in name:
        return "its name holds a NUL"
    parts = name.replace("\\", "/").split("/")
    if not parts[0] or ".." in parts or parts[0].endswith(":"):
        return "its name leads out of the archive"
    return ""


def _link_target(name: str, info: tarfile.TarInfo) -> str:
    """Return what a link points to: a symbolic one from its folder, a hard one from the root."""
    folder = posixpath.dirname(name) if info.issym() else ""
    return posixpath.normpath(posixpath.join(folder, info.linkname))


def _followed(name: str, files: dict[str, Member], links: dict[str, str]) -> Member:
    target = name
    for _ in range(_MAX_LINKS):
        if target not in links:
            break
        target = links[target]
    if target in files:
        return files[target]._replace(name=name, problem=files[target].problem or _danger(name))
    return Member(name, 0, 0, 0, problem=f"it is a link to {target!r}, no file of the archive")

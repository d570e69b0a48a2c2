"""Members of zip and tar archives, read where they lie: nothing is unpacked to disk.

An archive is listed once per process and state of its file (path, size, date). After that, a member
of a zip or a plain tar is one read at its place; a zip's CRC is checked each time, by ISA-L where
`medshelf[fast]` is installed. A compressed tar costs more: listing unpacks all of it, so the list
is kept in the cache. With `medshelf[fast]`, a member of a tar.gz then takes the unpacking of some
2 MiB more than itself. Of a tar.bz2 or tar.xz, or without the extra, everything is unpacked that
lies between the last member read and this one, or before this one if it comes earlier; so read in
the order of `iter_members`.

A zip or plain tar is mapped: while it is in use it must not be shortened, only replaced. Functions
take the archive's path, so that worker processes open handles of their own.
"""

from __future__ import annotations

import codecs
import json
import os
from collections.abc import Iterator
from contextlib import closing, suppress
from functools import lru_cache
from pathlib import Path
from typing import BinaryIO, NamedTuple

from medshelf.core.errors import FormatError, SettingError, StorageError
from medshelf.core.files import atomic_path, fingerprint, lock
from medshelf.core.settings import Settings
from medshelf.formats.archive_data import Kind, Source, failures, open_data, read_data
from medshelf.formats.archive_index import Member, index_tar, index_zip, unpacked_limit

MAX_BYTES = 1 << 31
"""What `read_member` takes into memory unless told otherwise: 2 GiB."""

_MAGIC: dict[bytes, Kind] = {
    b"PK": "zip",
    b"\x1f\x8b": "gzip",
    b"BZh": "bzip2",
    b"\xfd7zXZ\0": "xz",
    b"\x28\xb5\x2f\xfd": "zstd",
}
_USTAR, _USTAR_END = b"ustar", 262
_LAYOUT = 2  # of a kept list; counts up when Member changes
_PACKED_AT_ONCE = (0, 8)  # a zip's methods stored and deflated; a tar's members are all 0


class _File(NamedTuple):
    """A file in its present state, as a key."""

    path: str
    device: int
    inode: int
    size_bytes: int
    date_ns: int


class _Index(NamedTuple):
    kind: Kind
    members: tuple[Member, ...]
    by_name: dict[str, Member]


def list_members(path: Path, *, encoding: str | None = None) -> tuple[Member, ...]:
    """List the files in an archive, sorted by name; folders are left out.

    All else is listed, also what macOS adds (`__MACOSX/`, `._name`) and what cannot be opened,
    which says so in `problem`.

    Args:
        path: A zip or tar, the latter plain or compressed by gzip, bzip2, xz or, with
            `medshelf[archives]`, zstd.
        encoding: Of names that are not marked as UTF-8, e.g. `gbk`; null is CP437 in a zip and
            UTF-8 in a tar.

    Raises:
        FormatError: The file is no such archive, damaged or truncated, or its names are in another
            encoding.
        MissingExtraError: It is packed by zstd, which needs `medshelf[archives]`.
        SettingError: There is no such encoding.
    """
    return _index_of(path, encoding)[1].members


def read_member(
    path: Path, member: str, *, encoding: str | None = None, max_bytes: int = MAX_BYTES
) -> bytes:
    """Read a member into memory.

    Args:
        path: The archive.
        member: Its name, as `list_members` gives it.
        encoding: Of names, as for `list_members`.
        max_bytes: A larger member is refused.

    Raises:
        FormatError: There is no such member, it cannot be opened, is larger than `max_bytes`, or
            its data are damaged.
        SettingError: There is no such encoding.
    """
    file, index, entry = _find(path, member, encoding)
    if entry.size_bytes > max_bytes:
        reason = f"member {member!r} has {entry.size_bytes:,} bytes, more than {max_bytes:,}"
        raise FormatError(path, reason, "Pass a larger max_bytes, or read it with open_member")
    with failures(path, member):
        if entry.method in _PACKED_AT_ONCE:
            return read_data(_source_of(file, index.kind), index.kind, entry)
        with open_data(path, _source_of(file, index.kind), index.kind, entry) as stream:
            return stream.read()


def open_member(path: Path, member: str, *, encoding: str | None = None) -> BinaryIO:
    """Open a member for reading and seeking; it is unpacked as it is read.

    Args:
        path: The archive.
        member: Its name, as `list_members` gives it.
        encoding: Of names, as for `list_members`.

    Returns:
        A stream that raises FormatError where it meets damaged data. A zip's CRC is known when the
        last byte is read.

    Raises:
        FormatError: There is no such member, or it cannot be opened.
        SettingError: There is no such encoding.
    """
    file, index, entry = _find(path, member, encoding)
    with failures(path, member):
        return open_data(path, _source_of(file, index.kind), index.kind, entry)


def iter_members(path: Path, *, encoding: str | None = None) -> Iterator[tuple[Member, BinaryIO]]:
    """Open one member after the other, in the order of the archive.

    Each stream is closed when the next is asked for. A compressed tar is unpacked once for the
    whole walk, and once more before if it has not been listed yet.

    Args:
        path: The archive.
        encoding: Of names, as for `list_members`.

    Raises:
        FormatError: The archive is damaged, or a member cannot be opened.
        SettingError: There is no such encoding.
    """
    for entry in sorted(_index_of(path, encoding)[1].members, key=lambda each: each.offset):
        with open_member(path, entry.name, encoding=encoding) as stream:
            yield entry, stream


def _find(path: Path, member: str, encoding: str | None) -> tuple[_File, _Index, Member]:
    file, index = _index_of(path, encoding)
    entry = index.by_name.get(member)
    if entry is None:
        reason = f"there is no member {member!r} in it"
        raise FormatError(path, reason, "Take a name that list_members gives")
    if entry.problem:
        raise FormatError(path, f"member {member!r}: {entry.problem}", "Repack it without that")
    return file, index, entry


def _index_of(path: Path, encoding: str | None) -> tuple[_File, _Index]:
    with failures(path):
        state = path.stat()
        file = _File(str(path), state.st_dev, state.st_ino, state.st_size, state.st_mtime_ns)
        return file, _make_index(file, encoding)


@lru_cache(maxsize=64)
def _make_index(file: _File, encoding: str | None) -> _Index:
    path = Path(file.path)
    try:
        codec = codecs.lookup(encoding).name if encoding else None
    except LookupError as error:
        problem = f"There is no encoding {encoding!r}"
        raise SettingError(problem, "Pass one that Python knows, e.g. gbk or utf-8") from error
    kind = kind_of(path)
    if kind == "zip":
        members = index_zip(path, codec)
    elif kind == "tar":
        members = index_tar(path, _source_of(file, kind).read_at, file.size_bytes, codec)
    else:
        members = _compressed_tar_members(file, kind, codec)
    members.sort()
    return _Index(kind, tuple(members), {each.name: each for each in members})


def kind_of(path: Path) -> Kind:
    """Say by its first bytes what an archive is; `tar` where they are none of the others.

    Raises:
        OSError: The file cannot be opened.
    """
    with path.open("rb") as file:
        start = file.read(_USTAR_END)
    if start.endswith(_USTAR) and len(start) == _USTAR_END:  # whatever its first name begins with
        return "tar"
    return next((kind for magic, kind in _MAGIC.items() if start.startswith(magic)), "tar")


def _compressed_tar_members(file: _File, kind: Kind, encoding: str | None) -> list[Member]:
    """List a compressed tar, from the cache if it has been listed before."""
    path = Path(file.path)
    folder = Settings.from_environment().cache / "indexes"
    target = folder / f"{path.name[:64]}-{fingerprint(path)}-{encoding or 'utf-8'}.{_LAYOUT}.json"
    if target.exists():
        return [Member(*each) for each in json.loads(target.read_text("utf-8"))]
    limit, reached = unpacked_limit(file.size_bytes), 0

    def read_at(n_bytes: int, at: int) -> bytes:
        nonlocal reached
        data = source.read_at(n_bytes, at)
        reached = max(reached, at + len(data))
        return data

    # A length of 0 means no index: to read forwards, it costs more than it saves.
    with closing(Source(path, kind, 0)) as source:
        members = index_tar(path, read_at, limit, encoding)
        source.check_rest(reached, limit)
    with suppress(StorageError), lock(target), atomic_path(target) as part:
        part.write_text(json.dumps(members), encoding="utf-8")
    return members


def _source_of(file: _File, kind: Kind) -> Source:
    """Open an archive; what unpacks has a state, which a forked process must not share."""
    return _source(file, kind, 0 if kind in ("zip", "tar") else os.getpid())


@lru_cache(maxsize=16)
def _source(file: _File, kind: Kind, process: int) -> Source:  # noqa: ARG001 - part of the key
    return Source(Path(file.path), kind, file.size_bytes)

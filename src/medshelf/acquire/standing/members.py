"""What an archive holds, member by member, so that the same content packed anew is recognised."""

from __future__ import annotations

import hashlib
import lzma
import tarfile
import zipfile
import zlib
from collections.abc import Iterator
from pathlib import Path
from typing import IO

from medshelf.acquire.transfers.hashing import CHUNK_BYTES

# Medical images and tables unpack to a few times their length; what goes far beyond is a bomb.
_MAX_RATIO = 200
_MIN_LIMIT_BYTES = 1 << 30
_DAMAGED = (
    zipfile.BadZipFile,
    tarfile.TarError,
    zlib.error,
    lzma.LZMAError,
    EOFError,
    OSError,
    RuntimeError,
    NotImplementedError,
    ValueError,
)


def hash_members(path: Path) -> dict[str, str] | None:
    """Hash the files in a zip or tar archive.

    Returns:
        Name to `sha256:` and hex digits; null where the file is no such archive, is damaged or
        encrypted, names a member twice, or unpacks beyond all measure.
    """
    found: dict[str, str] = {}
    left = max(_MIN_LIMIT_BYTES, _MAX_RATIO * path.stat().st_size)
    try:
        for name, stream in _members(path):
            state = hashlib.sha256()
            while chunk := stream.read(CHUNK_BYTES):
                state.update(chunk)
                left -= len(chunk)
                if left < 0:
                    return None
            if name in found:
                return None
            found[name] = f"sha256:{state.hexdigest()}"
    except _DAMAGED:
        return None
    return found or None


def _members(path: Path) -> Iterator[tuple[str, IO[bytes]]]:
    if zipfile.is_zipfile(path):
        with zipfile.ZipFile(path) as archive:
            for entry in archive.infolist():
                if not entry.is_dir():
                    with archive.open(entry) as stream:
                        yield entry.filename, stream
        return
    with tarfile.open(path, "r:*") as tar:
        for member in tar:
            stream_of = tar.extractfile(member) if member.isreg() else None
            if stream_of is not None:
                with stream_of:
                    yield member.name, stream_of

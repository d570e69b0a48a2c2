"""The file of a medium: its bytes once, what they are by their beginning, and why they fail."""

from __future__ import annotations

import re
import zlib
from dataclasses import dataclass, replace
from functools import lru_cache
from pathlib import Path
from typing import Any

from medshelf.core.errors import (
    LayoutError,
    MedshelfError,
    MissingExtraError,
    NotFetchedError,
    UnsupportedError,
)
from medshelf.dataset import decoding
from medshelf.dataset.fields import Medium
from medshelf.formats.archive import list_members
from medshelf.formats.npz import read_headers
from medshelf.quality.measuring.digests import file_digest

CONTAINERS = ("npz", "h5", "h5.gz", "parquet")
_HELD_BYTES = 1 << 28
_HEAD_BYTES = 512
_STARTS = (
    (b"\x89PNG\r\n\x1a\n", "png"),
    (b"\xff\xd8\xff", "jpg"),
    *((each, "tif") for each in (b"II*\0", b"MM\0*", b"II+\0", b"MM\0+")),
    (b"GIF8", "gif"),
    (b"BM", "bmp"),
    (b"\x93NUMPY", "npy"),
    (b"\x89HDF\r\n\x1a\n", "h5"),
    (b"PAR1", "parquet"),
    (b"PK", "zip"),
    (b"NRRD", "nrrd"),
)
_GZIP = b"\x1f\x8b"
_NIFTI_LENGTHS = (b"\x5c\x01\0\0", b"\0\0\x01\x5c")
_SAME = {
    "jpg": ("jpeg",),
    "tif": ("tiff",),
    "dcm": ("ima",),
    "nii": ("hdr", "img"),
    "nii.gz": ("hdr.gz", "img.gz"),
    "mha": ("mhd",),
    "nrrd": ("nhdr",),
    "zip": ("npz",),
}
_CUT = re.compile(
    r"truncat|too early|too few|too short|premature|incomplete|cut off|unexpected end"
)
_ENDS = {"png": b"IEND\xaeB`\x82", "jpg": b"\xff\xd9"}
_TAIL_BYTES = 1 << 10


@dataclass(frozen=True, slots=True, eq=False)
class Source:
    """The file of a medium.

    Attributes:
        medium: Which.
        data: All bytes of a picture, a DICOM file or an archive's member; null for others, which
            are decoded from their path.
        size_bytes: Of the file or member; null for a row or frame of a container.
        digest: Of these bytes; null likewise.
        actual_format: What the first bytes say, as the manifest calls it where both agree.
    """

    medium: Medium
    data: bytes | None
    size_bytes: int | None
    digest: str | None
    actual_format: str | None


def open_source(root: Path, medium: Medium) -> Source:
    """Read what is to be known of a file before it is decoded.

    Raises:
        OSError: A loose file is not there or cannot be read.
        MedshelfError: As `decoding.source`.
    """
    if medium.format in CONTAINERS:
        return Source(medium, None, None, None, _kind(_head_of(_loose(root, medium)), medium))
    if medium.member is not None and medium.format == "npy":
        return Source(medium, None, None, None, "npy")
    file = decoding.source(root, medium)
    whole = medium.index is None
    if isinstance(file, Path):
        size, held = file.stat().st_size, medium.format in _FROM_BYTES
        if not held or size > _HELD_BYTES:
            digest = file_digest(file) if whole else None
            return Source(medium, None, size if whole else None, digest, _kind(_head(file), medium))
        file = file.read_bytes()
    digest = file_digest(file) if whole else None
    kind = _kind(file[:_HEAD_BYTES], medium)
    return Source(medium, file, len(file) if whole else None, digest, kind)


def error_of(root: Path, source: Source | None, medium: Medium, error: Exception) -> dict[str, Any]:
    """Return the columns `error` and `error_message` for what reading or decoding raised."""
    message = _message(error)
    reason = _reason(root, source, medium, error)
    return {"error": reason, "error_message": message or type(error).__name__}


def _reason(root: Path, source: Source | None, medium: Medium, error: Exception) -> str:
    if isinstance(error, UnsupportedError | MissingExtraError):
        return "undecoded"
    if isinstance(error, NotFetchedError | LayoutError) or not _is_there(root, medium):
        return "missing"
    if _is_empty(root, source, medium):
        return "empty"
    return "truncated" if _is_cut(source, error) else "damaged"


def _is_there(root: Path, medium: Medium) -> bool:
    try:
        path = _loose(root, medium)
        if not path.is_file():
            return False
        if medium.member is None or medium.format in ("h5", "h5.gz", "parquet"):
            return True
        return medium.member in _names(path, path.stat().st_mtime_ns)
    except (OSError, MedshelfError, ValueError):
        return True


@lru_cache(maxsize=4)
def _names(path: Path, _: int) -> frozenset[str]:
    if path.suffix == ".npz":
        return frozenset(read_headers(path))
    return frozenset(each.name for each in list_members(path))


def _is_empty(root: Path, source: Source | None, medium: Medium) -> bool:
    if source is not None and source.size_bytes is not None:
        return source.size_bytes == 0
    try:
        return medium.path is not None and _loose(root, medium).stat().st_size == 0
    except (OSError, MedshelfError):
        return False


def _is_cut(source: Source | None, error: Exception) -> bool:
    """Say whether a file ends too early: by its end where that is known, else by the message."""
    data = None if source is None else source.data
    if data is not None and (end := _ENDS.get(str(_start(data)))):
        return end not in data[-_TAIL_BYTES:]
    return _CUT.search(_message(error).lower()) is not None


def _message(error: Exception) -> str:
    return error.problem if isinstance(error, MedshelfError) else str(error)


def _loose(root: Path, medium: Medium) -> Path:
    file = decoding.source(root, replace(medium, member=None))
    if not isinstance(file, Path):  # pragma: no cover - without a member it is a path
        raise TypeError(file)
    return file


def _head(path: Path) -> bytes:
    with path.open("rb") as file:
        return file.read(_HEAD_BYTES)


def _head_of(path: Path) -> bytes:
    return _container_head(path, path.stat().st_mtime_ns)


@lru_cache(maxsize=64)
def _container_head(path: Path, _: int) -> bytes:
    return _head(path)


def _kind(head: bytes, medium: Medium) -> str | None:
    kind = _start(head)
    if kind is not None and medium.format in _SAME.get(kind, ()):
        return medium.format
    return kind


def _start(head: bytes) -> str | None:
    for start, kind in _STARTS:
        if head.startswith(start):
            return kind
    if head.startswith(_GZIP):
        return _packed(head)
    return next((kind for kind, found in _later(head).items() if found), None)


def _later(head: bytes) -> dict[str, bool]:
    """Say of formats that do not begin with letters of their own whether bytes are theirs."""
    return {
        "dcm": head[128:132] == b"DICM",
        "webp": head[:4] == b"RIFF" and head[8:12] == b"WEBP",
        "nii": head[:4] in _NIFTI_LENGTHS or head[4:7] == b"n+2",
        "mha": re.match(rb"(ObjectType|NDims|Comment)\s*=", head) is not None,
    }


def _packed(head: bytes) -> str | None:
    try:
        inner = _start(zlib.decompressobj(31).decompress(head, _HEAD_BYTES))
    except zlib.error:
        return None
    return f"{inner}.gz" if inner else "gz"


_FROM_BYTES = (*decoding.PICTURES, "dcm", "ima")
"""Formats that are decoded from bytes, so that they are read once."""

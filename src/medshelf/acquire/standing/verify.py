"""Compare files with their published hashes. A hash is remembered as long as its file stays."""

from __future__ import annotations

import time
from collections.abc import Iterator
from contextlib import contextmanager, suppress
from dataclasses import dataclass
from enum import StrEnum
from pathlib import Path
from typing import Annotated

from pydantic import BaseModel, ConfigDict, StringConstraints, ValidationError

from medshelf.acquire.transfers.hashing import CHUNK_BYTES, new_hash
from medshelf.catalog.record import FileRecord
from medshelf.core.errors import StorageError
from medshelf.core.files import fingerprint, write_text
from medshelf.core.progress import progress_bar
from medshelf.core.settings import Settings

_SETTLED_NS = 2_000_000_000


class Status(StrEnum):
    """How a file compares with what its publisher says of it."""

    VERIFIED = "verified"
    MODIFIED = "modified"
    UNPUBLISHED = "unpublished"


@dataclass(frozen=True, slots=True)
class Verdict:
    """The result of a comparison.

    Attributes:
        status: Verified, modified, or unpublished where there is no hash to compare with.
        expected: Published hash, or length where only that is published; null where neither is.
        actual: The same of the file that lies there; the MD5 where nothing is published.
    """

    status: Status
    expected: str | None
    actual: str


class _Memo(BaseModel):
    model_config = ConfigDict(extra="forbid", frozen=True)

    ctime_ns: int
    digests: dict[str, Annotated[str, StringConstraints(pattern=r"^[a-z0-9-]+:[0-9a-f]{32,}$")]]


def digest(path: Path, algorithm: str = "md5") -> str:
    """Hash a file, chunk by chunk.

    Args:
        path: The file.
        algorithm: As for `hashing.new_hash`.

    Returns:
        `algorithm:` and hex digits.

    Raises:
        StorageError: The file cannot be read.
    """
    with read_errors(path), path.open("rb") as file:
        size_bytes = path.stat().st_size
        state = new_hash(algorithm, size_bytes)
        with progress_bar(f"check {path.name}", size_bytes, unit="B") as bar:
            while chunk := file.read(CHUNK_BYTES):
                state.update(chunk)
                bar.update(len(chunk))
    return f"{algorithm}:{state.hexdigest()}"


def known_digest(path: Path, algorithm: str, settings: Settings) -> str:
    """Return the hash of a file, from the cache where the file is as it was.

    Raises:
        StorageError: The file cannot be read.
    """
    with read_errors(path):
        before = (fingerprint(path), path.stat().st_ctime_ns)
    digests = _read_digests(path, settings)
    if algorithm not in digests:
        digests = {**digests, algorithm: digest(path, algorithm)}
        with read_errors(path):
            after = (fingerprint(path), path.stat().st_ctime_ns)
        if before == after:
            remember(path, digests, settings)
    return digests[algorithm]


def remember(path: Path, digests: dict[str, str], settings: Settings) -> None:
    """Keep the hashes of a file in the cache; without a cache nothing is lost but time.

    A file that was written a moment ago is not remembered: a second change within the same tick of
    the clock would go unseen.
    """
    with read_errors(path):
        stat = path.stat()
    if time.time_ns() - stat.st_mtime_ns < _SETTLED_NS:
        return
    memo = _Memo(ctime_ns=stat.st_ctime_ns, digests=digests)
    with suppress(StorageError):
        write_text(_memo_path(path, settings), memo.model_dump_json())


def verify(path: Path, file: FileRecord, settings: Settings) -> Verdict:
    """Compare a file with what is published of it.

    Raises:
        StorageError: The file cannot be read.
    """
    return compare(path, file, known_digest(path, hash_algorithm(file), settings))


def hash_algorithm(file: FileRecord) -> str:
    """Return the algorithm of the published hash, `md5` where none is published."""
    return file.hash.partition(":")[0] if file.hash else "md5"


def compare(path: Path, file: FileRecord, actual: str) -> Verdict:
    """Judge a file by its hash, already computed with the published hash's algorithm."""
    if file.hash is not None:
        status = Status.VERIFIED if actual == file.hash else Status.MODIFIED
        return Verdict(status, file.hash, actual)
    size_bytes = path.stat().st_size
    if file.size_bytes not in {None, size_bytes}:
        return Verdict(Status.MODIFIED, f"{file.size_bytes:,} bytes", f"{size_bytes:,} bytes")
    return Verdict(Status.UNPUBLISHED, None, actual)


@contextmanager
def read_errors(path: Path) -> Iterator[None]:
    """Turn the operating system's refusals to read `path` into a StorageError."""
    try:
        yield
    except OSError as error:
        problem = f"Cannot read {path}: {error.strerror or error}"
        remedy = "Check the permissions of the file and its folder, and that its disk is connected"
        raise StorageError(problem, remedy) from error


def _memo_path(path: Path, settings: Settings) -> Path:
    return settings.cache / "digests" / f"{fingerprint(path)}.json"


def _read_digests(path: Path, settings: Settings) -> dict[str, str]:
    try:
        memo = _Memo.model_validate_json(_memo_path(path, settings).read_bytes())
        # The modification time can be set by hand or by a copying tool; the change time cannot.
        unchanged = memo.ctime_ns == path.stat().st_ctime_ns
    except (OSError, ValidationError):
        return {}
    return memo.digests if unchanged else {}

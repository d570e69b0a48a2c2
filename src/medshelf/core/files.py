"""Writing so that nothing half-written is ever taken for whole."""

from __future__ import annotations

import errno
import hashlib
import os
import shutil
from collections.abc import Iterator
from contextlib import contextmanager, suppress
from contextvars import ContextVar
from pathlib import Path

from filelock import FileLock, Timeout

from medshelf.core.errors import InUseError, StorageError

_FULL = {errno.ENOSPC, errno.EDQUOT, errno.EFBIG}
_N_SYNCED = 8
_LATER: ContextVar[dict[Path, None] | None] = ContextVar("later", default=None)


@contextmanager
def storage_errors(path: Path) -> Iterator[None]:
    """Turn the operating system's refusals to write below `path` into a StorageError."""
    try:
        yield
    except OSError as error:
        full = error.errno in _FULL
        raise StorageError(
            f"Cannot write {path}: {error.strerror or error}",
            "Free some disk space"
            if full
            else "Check the folder's permissions, or set "
            "MEDSHELF_HOME and XDG_CACHE_HOME to folders that can be written",
        ) from error


def make_folder(folder: Path) -> Path:
    """Create `folder` and its parents where they do not exist.

    Raises:
        StorageError: The folder cannot be made.
    """
    with storage_errors(folder):
        folder.mkdir(parents=True, exist_ok=True)
    return folder


@contextmanager
def atomic_path(target: Path) -> Iterator[Path]:
    """Yield a path to write to; it replaces `target` only when the block ends well.

    The path lies beside `target` and its name is fixed, so what a killed process left is
    overwritten. Whoever may have a rival writing the same target holds `lock` meanwhile.

    Raises:
        StorageError: The folder is read-only or full.
    """
    make_folder(target.parent)
    part = target.with_name(f".{target.name}.part")
    with storage_errors(target):
        try:
            yield part
            if (later := _LATER.get()) is None:
                _sync(part)
            else:
                later[target] = None
            part.replace(target)
        finally:
            part.unlink(missing_ok=True)


@contextmanager
def synced_together() -> Iterator[None]:
    """Bring what `atomic_path` writes in the block to the disk when it ends, not one by one.

    For many small files that count only when something written after the block says so: waiting
    for all of them together takes a fraction of the time.

    Raises:
        StorageError: A file cannot be brought to the disk.
    """
    written: dict[Path, None] = {}
    token = _LATER.set(written)
    try:
        yield
    finally:
        _LATER.reset(token)
    from concurrent.futures import ThreadPoolExecutor

    with ThreadPoolExecutor(_N_SYNCED) as threads:
        list(threads.map(_sync_if_there, written))


def _sync_if_there(path: Path) -> None:
    with storage_errors(path), suppress(FileNotFoundError):
        _sync(path)


def _sync(path: Path) -> None:
    with path.open("rb") as file:
        os.fsync(file.fileno())


def write_text(target: Path, text: str) -> None:
    """Write a UTF-8 file atomically."""
    with atomic_path(target) as part:
        part.write_text(text, encoding="utf-8")


@contextmanager
def lock(target: Path, *, timeout_s: float = -1) -> Iterator[None]:
    """Hold the lock file beside `target`; other processes wait for it.

    Raises:
        InUseError: Another process held it longer than `timeout_s` (-1 waits for ever).
        StorageError: The folder cannot be written.
    """
    make_folder(target.parent)
    path = target.with_name(f".{target.name}.lock")
    file_lock = FileLock(path, timeout=timeout_s)
    try:
        with storage_errors(path):
            file_lock.acquire()
    except StorageError as error:
        if not isinstance(error.__cause__, Timeout):
            raise
        raise InUseError(
            f"{target} is in use by another medshelf process",
            "Wait for it to end, or stop it",
        ) from error
    try:
        yield
    finally:
        file_lock.release()


def require_space(folder: Path, size_bytes: int) -> None:
    """Refuse a write that the disk has no room for.

    Args:
        folder: An existing folder on the disk in question.
        size_bytes: How much is to be written.

    Raises:
        StorageError: Less is free.
    """
    free = shutil.disk_usage(folder).free
    if size_bytes > free:
        raise StorageError(
            f"{folder} has {free:,} bytes free, {size_bytes:,} are needed",
            "Free some disk space, or set MEDSHELF_HOME and XDG_CACHE_HOME to a larger disk",
        )


def fingerprint(path: Path) -> str:
    """Identify a file's present content by path, size and modification time (32 hex digits)."""
    path = path.resolve()
    stat = path.stat()
    text = f"{path}\0{stat.st_size}\0{stat.st_mtime_ns}"
    return hashlib.sha256(text.encode()).hexdigest()[:32]

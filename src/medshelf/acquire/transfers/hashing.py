"""Hashes of files, of what lies there and of what is still coming."""

from __future__ import annotations

import hashlib
import threading
from collections.abc import Iterable
from pathlib import Path
from typing import Any

CHUNK_BYTES = 1 << 20

_GIT = "git-sha1"


def new_hash(algorithm: str, size_bytes: int) -> Any:
    """Begin a hash.

    Args:
        algorithm: `md5`, `sha1`, `sha256`, `sha512`, or `git-sha1`, which git gives a file.
        size_bytes: Length of the file, which git hashes first.

    Source: https://git-scm.com/book/en/v2/Git-Internals-Git-Objects
    """
    if algorithm == _GIT:
        return hashlib.sha1(b"blob %d\0" % size_bytes, usedforsecurity=False)
    return hashlib.new(algorithm, usedforsecurity=False)


class FollowingHash:
    """Hashes a file from its beginning while its bytes still come, in a thread of its own.

    The bytes are read back from the file, where the system still holds them in memory: so the
    order in which they come, and what came before the process began, make no difference.
    """

    def __init__(self, path: Path, algorithm: str, size_bytes: int) -> None:
        self.algorithm = algorithm
        self._path = path
        self._state = new_hash(algorithm, size_bytes)
        self._ready = 0
        self._ended = False
        self._error: OSError | None = None
        self._change = threading.Condition()
        self._thread = threading.Thread(target=self._run, daemon=True)
        self._thread.start()

    def reach(self, position: int) -> None:
        """Say that all bytes before a position have come."""
        with self._change:
            self._ready = max(self._ready, position)
            self._change.notify()

    def finish(self) -> str:
        """Wait for the last byte; return `algorithm:` and hex digits.

        Raises:
            OSError: The file cannot be read.
        """
        self.close()
        if self._error is not None:
            raise self._error
        return f"{self.algorithm}:{self._state.hexdigest()}"

    def close(self) -> None:
        """End the thread once it has caught up."""
        with self._change:
            self._ended = True
            self._change.notify()
        self._thread.join()

    def abandon(self) -> None:
        """End the thread soon; what it has hashed is of no use any more."""
        with self._change:
            self._ready = 0
        self.close()

    def _run(self) -> None:
        position = 0
        try:
            with self._path.open("rb", buffering=0) as file:
                while position < (ready := self._wait(position)):
                    chunk = file.read(min(CHUNK_BYTES, ready - position))
                    if not chunk:
                        return
                    self._state.update(chunk)
                    position += len(chunk)
        except OSError as error:
            self._error = error

    def _wait(self, position: int) -> int:
        with self._change:
            while self._ready <= position and not self._ended:
                self._change.wait()
            return self._ready


def hash_file(path: Path, algorithms: Iterable[str]) -> dict[str, str]:
    """Hash a file with several algorithms in one pass.

    Returns:
        Algorithm to `algorithm:` and hex digits.

    Raises:
        OSError: It cannot be read.
    """
    with path.open("rb", buffering=0) as file:
        size_bytes = path.stat().st_size
        states = {each: new_hash(each, size_bytes) for each in algorithms}
        while chunk := file.read(CHUNK_BYTES):
            for state in states.values():
                state.update(chunk)
    return {name: f"{name}:{state.hexdigest()}" for name, state in states.items()}

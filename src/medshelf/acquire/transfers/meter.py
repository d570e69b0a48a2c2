"""What is counted while a file comes: progress that is shown, and hashes."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager, nullcontext
from pathlib import Path
from typing import TYPE_CHECKING, Any

from medshelf.acquire.remote import RemoteFile
from medshelf.acquire.transfers.hashing import FollowingHash
from medshelf.core.progress import progress_bar

if TYPE_CHECKING:
    from medshelf.acquire.transfers.session import Session

# Below it, a bar would not be seen and a thread would cost more than it saves.
_SMALL_BYTES = 4 << 20


class Meter:
    """Counts the bytes of one file into the session's total, a bar and the hashes."""

    def __init__(self, session: Session, remote: RemoteFile, part: Path) -> None:
        self._session = session
        self._remote = remote
        self._part = part
        self._counted = 0
        self._bar: Any = None
        self._hashes: list[FollowingHash] = []

    def restart(self, counted: int) -> None:
        """Correct the total: so much of the file is there."""
        self._session.progress(counted - self._counted)
        self._counted = counted

    @contextmanager
    def running(self, size_bytes: int | None, start: int) -> Iterator[Meter]:
        """Show a bar and hash what comes; leave the hashes in the session if all went well.

        Args:
            size_bytes: Length of the whole file; null where nobody knows.
            start: How much of it is there already.
        """
        small = size_bytes is not None and size_bytes < _SMALL_BYTES
        bar = (
            nullcontext()
            if small
            else progress_bar(self._remote.name, size_bytes or 0, unit="B", start=start)
        )
        if size_bytes is not None and not small:
            algorithms = needed_algorithms(self._remote.hash)
            self._hashes = [FollowingHash(self._part, each, size_bytes) for each in algorithms]
        with bar as shown:
            self._bar = shown
            try:
                yield self
                if self._hashes:
                    found = {each.algorithm: each.finish() for each in self._hashes}
                    self._session.digests[self._part] = found
            finally:
                for each in self._hashes:
                    each.abandon()
                self._hashes = []
                self._bar = None

    def add(self, n_bytes: int, prefix: int) -> None:
        """Count bytes that came.

        Args:
            n_bytes: How many.
            prefix: All bytes before this position are there.
        """
        self._session.progress(n_bytes)
        self._counted += n_bytes
        if self._bar is not None:
            self._bar.update(n_bytes)
        for each in self._hashes:
            each.reach(prefix)


def needed_algorithms(published: str | None) -> tuple[str, ...]:
    """Return the algorithms of a file's hashes: the published one, and SHA-256 for the lock."""
    algorithm = published.partition(":")[0] if published else "sha256"
    return tuple(dict.fromkeys((algorithm, "sha256")))

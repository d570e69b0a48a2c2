"""A large file over several connections: segments of one length, taken from the front.

They are taken in order, so that the hash can follow from the beginning while the rest comes.
"""

from __future__ import annotations

import os
import threading
from pathlib import Path

import httpx

from medshelf.acquire.remote import RemoteFile
from medshelf.acquire.transfers import answer, partial
from medshelf.acquire.transfers.answer import GO_ON, TryAgain
from medshelf.acquire.transfers.failures import connection_errors, persist
from medshelf.acquire.transfers.meter import Meter
from medshelf.acquire.transfers.session import Session
from medshelf.core.errors import DownloadError
from medshelf.core.files import storage_errors

SEGMENT_BYTES = 8 << 20


class Changed(Exception):  # noqa: N818 - a signal between two functions, not an error
    """The server does not send ranges of the same file any more."""


def fetch_segments(
    session: Session, remote: RemoteFile, part: Path, memo: partial.Memo, meter: Meter
) -> None:
    """Fetch the segments of a part that are missing.

    Raises:
        Changed: The part is of no use any more.
        MedshelfError: The server refuses, or fails again and again.
    """
    _Segments(session, remote, part, memo, meter).run()


class _Segments:
    def __init__(
        self, session: Session, remote: RemoteFile, part: Path, memo: partial.Memo, meter: Meter
    ) -> None:
        self.session, self.remote, self.part, self.memo = session, remote, part, memo
        self.meter = meter
        self.size_bytes = memo.size_bytes or 0
        self.length = memo.segment_bytes or SEGMENT_BYTES
        self.done = partial.read_segments(part, memo)
        n_segments = -(-self.size_bytes // self.length)
        self.waiting = iter([each for each in range(n_segments) if each not in self.done])
        self.n_left = n_segments - len(self.done)
        self.first_missing = 0
        self.failures: list[BaseException] = []
        self.guard = threading.Lock()

    def run(self) -> None:
        counted = partial.counted_bytes(self.part, self.remote.source)
        n_threads = min(self.remote.limits.ranges, self.n_left)
        threads = [threading.Thread(target=self._work, daemon=True) for _ in range(n_threads)]
        with self.meter.running(self.size_bytes, counted), storage_errors(self.part):
            self.file = self.part.open("r+b", buffering=0)
            self.list = partial.segments_path(self.part).open("ab", buffering=0)
            self._count(0)
            for thread in threads:
                thread.start()
            for thread in threads:
                thread.join()
            # Not closed where the wait was interrupted: a thread may be writing at this moment.
            self.file.close()
            self.list.close()
            if self.failures:
                raise self.failures[0]

    def _work(self) -> None:
        try:
            while not self.failures:
                with self.guard:
                    number = next(self.waiting, None)
                if number is None:
                    return
                _Segment(self, number).fetch()
                self._finish(number)
        except BaseException as error:  # noqa: BLE001 - raised again by the thread that waits
            self.failures.append(error)

    def _finish(self, number: int) -> None:
        with self.guard:
            self.list.write(b"%d\n" % number)
            self.done.add(number)
            self._count(0)

    def _count(self, n_bytes: int) -> None:
        while self.first_missing in self.done:
            self.first_missing += 1
        self.meter.add(n_bytes, min(self.first_missing * self.length, self.size_bytes))

    def count(self, n_bytes: int) -> None:
        with self.guard:
            self._count(n_bytes)


class _Segment:
    """One segment; what a broken connection left of it is gone on from."""

    def __init__(self, whole: _Segments, number: int) -> None:
        self.whole = whole
        self.position = number * whole.length
        self.end = min(self.position + whole.length, whole.size_bytes)

    def fetch(self) -> None:
        persist(self.whole.session, self._once)

    def _once(self) -> None:
        whole = self.whole
        headers = {
            "Range": f"bytes={self.position}-{self.end - 1}",
            "If-Range": str(whole.memo.validator),
        }
        source = whole.remote.source
        with connection_errors(source), whole.session.open(whole.remote, headers) as response:
            if response.status_code == httpx.codes.REQUESTED_RANGE_NOT_SATISFIABLE:
                raise Changed
            answer.refuse_status(response, whole.remote)
            self._check(response)
            for chunk in response.iter_raw():
                self._write(chunk)
        if self.position < self.end:
            problem = f"{source} sent {self.end - self.position:,} bytes less than it was asked for"
            raise TryAgain(DownloadError(problem, GO_ON))

    def _check(self, response: httpx.Response) -> None:
        total = answer.range_total(response, self.position)
        same = answer.is_version(response, str(self.whole.memo.validator))
        partly = response.status_code == httpx.codes.PARTIAL_CONTENT
        if not (partly and same and total == self.whole.size_bytes):
            raise Changed

    def _write(self, chunk: bytes) -> None:
        whole = self.whole
        whole.session.check()
        if whole.failures:
            raise whole.failures[0]
        if self.position + len(chunk) > self.end:
            raise Changed
        written = 0
        while written < len(chunk):
            written += os.pwrite(
                whole.file.fileno(), memoryview(chunk)[written:], self.position + written
            )
        self.position += len(chunk)
        whole.count(len(chunk))

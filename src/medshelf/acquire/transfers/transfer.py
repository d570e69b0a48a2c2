"""One file over http: resumed where a connection broke, never half-taken.

A part is added to only if the server says, by If-Range, that it still holds the same file. Large
files come in segments over several connections where the host sends ranges, see `segments`.

Source: https://www.rfc-editor.org/rfc/rfc9110#name-range-requests
"""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from itertools import chain
from pathlib import Path

import httpx

from medshelf.acquire.remote import RemoteFile
from medshelf.acquire.transfers import answer, partial
from medshelf.acquire.transfers.answer import CHANGED, GO_ON, TryAgain
from medshelf.acquire.transfers.failures import connection_errors, persist
from medshelf.acquire.transfers.hashing import new_hash
from medshelf.acquire.transfers.meter import Meter, needed_algorithms
from medshelf.acquire.transfers.segments import SEGMENT_BYTES, Changed, fetch_segments
from medshelf.acquire.transfers.session import BY_HAND, Session, shared
from medshelf.core.errors import DownloadError, OfflineError
from medshelf.core.files import require_space, storage_errors
from medshelf.core.settings import Settings

# A try that brought this much does not count as failed: a large file over a weak line gets whole.
_PROGRESS_BYTES = 16 << 20
_MIN_SEGMENTS = 4
SMALL_BYTES = 128 << 10
"""Up to this length, to write down what a part is a part of costs more than to fetch it again."""


@dataclass(frozen=True, slots=True)
class _Span:
    """Which bytes of the file an answer is about to send.

    Attributes:
        start: Position of the first one; 0 where the whole file comes.
        size_bytes: Length of the whole file; null where neither server nor record say.
    """

    start: int
    size_bytes: int | None


def transfer(remote: RemoteFile, part: Path, settings: Settings) -> None:
    """Fill `part` with the bytes of a file; what a broken call left is gone on from.

    `MEDSHELF_DOWNLOAD_TRIES` (5) bounds the tries, `MEDSHELF_DOWNLOAD_TIMEOUT_S` (30) the wait for
    the server's next bytes. Hashes that were computed meanwhile are left in the session.

    Raises:
        OfflineError: The network is switched off or out of reach.
        GateError: Only the user can open the way.
        DownloadError: The server refused, failed, or sent something else than the file.
        StorageError: The folder is read-only or full.
        SettingError: One of the two variables makes no sense.
    """
    if settings.offline:
        problem = (
            f"{remote.name} would be fetched from {remote.source}, but MEDSHELF_OFFLINE is set"
        )
        raise OfflineError(problem, f"Unset MEDSHELF_OFFLINE, or {BY_HAND}")
    with shared() as session:
        one = _Transfer(session, remote, part)
        persist(session, one.once, one.progressed)


class _Transfer:
    """One file on its way; `once` is tried until it does not ask for another try."""

    def __init__(self, session: Session, remote: RemoteFile, part: Path) -> None:
        self.session = session
        self.remote = remote
        self.part = part
        self.meter = Meter(session, remote, part)
        self.ranges = remote.ranges and remote.limits.ranges > 1
        self._before = 0

    def progressed(self) -> bool:
        """Whether the last try brought so much that it does not count as a failure."""
        return self._counted() - self._before >= _PROGRESS_BYTES

    def once(self) -> None:
        """Ask for what is missing.

        Raises:
            TryAgain: It did not come whole.
        """
        if 0 < (self.remote.size_bytes or 0) <= SMALL_BYTES:
            self._fetch_small()
            return
        self._before = self._counted()
        self.meter.restart(self._before)
        memo = self._memo()
        if memo is not None and memo.segment_bytes is not None:
            self._go_on_in_segments(memo)
        elif memo is not None and 0 < partial.received_bytes(self.part) == memo.size_bytes:
            return
        elif self.ranges and self._before == 0 and self._is_large():
            self._begin_in_segments()
        else:
            self._go_on(memo)

    def _counted(self) -> int:
        return partial.counted_bytes(self.part, self.remote.source)

    def _memo(self) -> partial.Memo | None:
        return partial.read_memo(self.part, self.remote.source)

    def _is_large(self) -> bool:
        return (self.remote.size_bytes or 0) >= _MIN_SEGMENTS * SEGMENT_BYTES

    @contextmanager
    def _ask(self, headers: dict[str, str]) -> Iterator[httpx.Response]:
        with (
            connection_errors(self.remote.source),
            self.session.open(self.remote, headers) as response,
        ):
            if response.status_code == httpx.codes.REQUESTED_RANGE_NOT_SATISFIABLE:
                raise self._wrong_part()
            answer.refuse_status(response, self.remote)
            yield response

    def _fetch_small(self) -> None:
        size_bytes = self.remote.size_bytes or 0
        body = bytearray()
        with self._ask({}) as response:
            self._span(response)
            for chunk in response.iter_raw():
                body += chunk
                if len(body) > size_bytes:
                    raise self._too_much(size_bytes)
            answer.refuse_page(response, self.remote, bytes(body))
        if len(body) < size_bytes:
            raise self._too_little(len(body), size_bytes)
        with storage_errors(self.part):
            self.part.write_bytes(body)
        states = {each: new_hash(each, size_bytes) for each in needed_algorithms(self.remote.hash)}
        for state in states.values():
            state.update(body)
        digests = {name: f"{name}:{state.hexdigest()}" for name, state in states.items()}
        self.session.digests[self.part] = digests
        self.meter.add(size_bytes, size_bytes)

    def _too_little(self, received: int, size_bytes: int | None) -> TryAgain:
        of = size_bytes or "unknown"
        problem = f"{self.remote.source} sent {received:,} of {of} bytes"
        return TryAgain(DownloadError(problem, GO_ON))

    def _too_much(self, size_bytes: int | None) -> DownloadError:
        problem = f"{self.remote.source} sent more than the {size_bytes:,} bytes of "
        return DownloadError(problem + self.remote.name, CHANGED)

    def _go_on(self, memo: partial.Memo | None) -> None:
        headers = {}
        start = partial.received_bytes(self.part)
        if memo and memo.validator and start:
            headers = {"Range": f"bytes={start}-", "If-Range": memo.validator}
        with self._ask(headers) as response:
            self._receive(response)

    def _begin_in_segments(self) -> None:
        with self._ask({"Range": f"bytes=0-{SEGMENT_BYTES - 1}"}) as response:
            if response.status_code == httpx.codes.OK:
                self._receive(response)
                return
            total = answer.range_total(response, 0)
            version = answer.validator(response)
            if total is None or version is None or total != self.remote.size_bytes:
                raise self._wrong_part()
            memo = partial.Memo(
                url=self.remote.source,
                validator=version,
                size_bytes=total,
                segment_bytes=SEGMENT_BYTES,
            )
            partial.start(self.part, memo)
        self._go_on_in_segments(memo)

    def _go_on_in_segments(self, memo: partial.Memo) -> None:
        require_space(self.part.parent, (memo.size_bytes or 0) - self._counted())
        try:
            fetch_segments(self.session, self.remote, self.part, memo, self.meter)
        except Changed:
            raise self._wrong_part() from None

    def _wrong_part(self) -> TryAgain:
        self.ranges = False
        partial.discard(self.part)
        self.meter.restart(0)
        problem = f"{self.remote.source} does not send the part of the file that is still missing"
        again = DownloadError(problem, "Run the same command again: it begins anew")
        return TryAgain(again, asked_s=0)

    def _receive(self, response: httpx.Response) -> None:
        chunks = response.iter_raw()
        first = next(chunks, b"")
        answer.refuse_page(response, self.remote, first)
        span = self._span(response)
        if span.start == 0:
            self._start(answer.validator(response), span.size_bytes)
        if span.size_bytes is not None:
            require_space(self.part.parent, span.size_bytes - span.start)
        self._append(chain([first], chunks), span)
        received = partial.received_bytes(self.part)
        if received < (span.size_bytes or 1):
            raise self._too_little(received, span.size_bytes)

    def _start(self, version: str | None, size_bytes: int | None) -> None:
        memo = partial.Memo(url=self.remote.source, validator=version, size_bytes=size_bytes)
        partial.start(self.part, memo)
        self.meter.restart(0)

    def _span(self, response: httpx.Response) -> _Span:
        """Find out which bytes an answer holds; a part that they do not continue is thrown away."""
        start = 0
        total = answer.content_length(response)
        if response.status_code == httpx.codes.PARTIAL_CONTENT:
            start = partial.received_bytes(self.part)
            total = answer.range_total(response, start)
            if total is None or not _continues(response, self._memo(), total):
                raise self._wrong_part()
        wanted = self.remote.size_bytes
        if total is not None and wanted not in {None, total}:
            problem = f"{self.remote.source} offers {total:,} bytes, but {self.remote.name} has "
            raise DownloadError(f"{problem}{wanted:,}", CHANGED)
        return _Span(start, wanted if total is None else total)

    def _append(self, chunks: Iterator[bytes], span: _Span) -> None:
        with (
            storage_errors(self.part),
            self.part.open("ab") as file,
            self.meter.running(span.size_bytes, span.start) as meter,
        ):
            for chunk in chunks:
                self.session.check()
                file.write(chunk)
                position = file.tell()
                if span.size_bytes is not None and position > span.size_bytes:
                    break
                # What is hashed is read back from the file, so it must be there.
                file.flush()
                meter.add(len(chunk), position)
            else:
                return
        partial.discard(self.part)
        self.meter.restart(0)
        raise self._too_much(span.size_bytes)


def _continues(response: httpx.Response, memo: partial.Memo | None, total: int) -> bool:
    if memo is None or memo.validator is None:
        return False
    return memo.size_bytes in {None, total} and answer.is_version(response, memo.validator)

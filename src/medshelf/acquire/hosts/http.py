"""Files behind http and https addresses: resumed where a connection broke, never half-taken.

A part is added to only if the server says, by If-Range, that it still holds the same file.

Source: https://www.rfc-editor.org/rfc/rfc9110#name-range-requests
"""

from __future__ import annotations

import os
import ssl
import time
from collections.abc import Iterator
from dataclasses import dataclass
from itertools import chain
from pathlib import Path

import httpx

from medshelf.acquire import answer, partial
from medshelf.acquire.answer import BY_HAND, CHANGED, GO_ON, GONE, TryAgain
from medshelf.acquire.backoff import delay_s
from medshelf.catalog.record import FileRecord
from medshelf.core.errors import DownloadError, MedshelfError, OfflineError, SettingError
from medshelf.core.files import require_space, storage_errors
from medshelf.core.progress import progress_bar
from medshelf.core.settings import Settings
from medshelf.core.version import __version__

_USER_AGENT = f"medshelf/{__version__} (+public medical datasets, fetched one file at a time)"

# A try that brought this much does not count as failed: a large file over a weak line gets whole.
_PROGRESS_BYTES = 16 << 20


@dataclass(frozen=True, slots=True)
class _Span:
    """Which bytes of the file an answer is about to send.

    Attributes:
        start: Position of the first one; 0 where the whole file comes.
        size_bytes: Length of the whole file; null where neither server nor record say.
    """

    start: int
    size_bytes: int | None


def fetch(file: FileRecord, target: Path, settings: Settings) -> None:
    """Fill `target` with the bytes behind `file.url`; what a broken call left is gone on from.

    `MEDSHELF_DOWNLOAD_TRIES` (5) bounds the tries, `MEDSHELF_DOWNLOAD_TIMEOUT_S` (30) the wait for
    the server's next bytes.

    Raises:
        OfflineError: The network is switched off or out of reach.
        DownloadError: The server refused, failed, or sent something else than the file.
        StorageError: The folder is read-only or full.
        SettingError: One of the two variables makes no sense.
    """
    if settings.offline:
        problem = f"{file.name} would be fetched from {file.url}, but MEDSHELF_OFFLINE is set"
        raise OfflineError(problem, f"Unset MEDSHELF_OFFLINE, or {BY_HAND}")
    tries = int(_positive("MEDSHELF_DOWNLOAD_TRIES", default=5))
    failures = 0
    with _client(file.url) as client:
        while not _is_whole(file, target):
            before = partial.received_bytes(target)
            try:
                _fetch_once(client, file, target)
                break
            except TryAgain as error:
                if partial.received_bytes(target) - before >= _PROGRESS_BYTES:
                    failures = 0
                failures += 1
                unreachable = failures == 1 and isinstance(error.final, OfflineError)
                if unreachable or failures >= tries:
                    raise error.final from error.__cause__
                time.sleep(delay_s(failures, error.asked_s))


def _client(url: str) -> httpx.Client:
    def refuse_downgrade(request: httpx.Request) -> None:
        if url.lower().startswith("https:") and request.url.scheme != "https":
            problem = f"{url} redirects to {request.url}, which is not encrypted"
            remedy = f"Anyone on the way could alter the file: report it, or {BY_HAND}"
            raise DownloadError(problem, remedy)

    return httpx.Client(
        # Compressed on the way, neither lengths nor ranges would be those of the file.
        headers={"User-Agent": _USER_AGENT, "Accept-Encoding": "identity"},
        timeout=_positive("MEDSHELF_DOWNLOAD_TIMEOUT_S", default=30),
        follow_redirects=True,
        event_hooks={"request": [refuse_downgrade]},
    )


def _positive(variable: str, *, default: int) -> float:
    value = os.environ.get(variable) or str(default)
    if not (value.isascii() and value.isdigit()) or int(value) == 0:
        problem = f"{variable}={value} is not a whole number above 0"
        raise SettingError(problem, f"Set {variable}={default} or unset it")
    return int(value)


def _is_whole(file: FileRecord, target: Path) -> bool:
    memo = partial.read_memo(target, file.url)
    return memo is not None and 0 < partial.received_bytes(target) == memo.size_bytes


def _fetch_once(client: httpx.Client, file: FileRecord, target: Path) -> None:
    memo = partial.read_memo(target, file.url)
    start = partial.received_bytes(target)
    headers = {}
    if memo and memo.validator and start:
        headers = {"Range": f"bytes={start}-", "If-Range": memo.validator}
    try:
        with client.stream("GET", file.url, headers=headers) as response:
            _receive(response, file, target)
    except (httpx.ConnectError, httpx.ConnectTimeout) as error:
        raise _connection_failure(file.url, error) from error
    except (
        httpx.InvalidURL,
        httpx.UnsupportedProtocol,
        httpx.TooManyRedirects,
        UnicodeError,  # a host name or a cookie that is no ASCII
    ) as error:
        problem = f"{file.url} leads nowhere ({error})"
        raise DownloadError(problem, GONE) from error
    except httpx.TransportError as error:
        reason = str(error) or type(error).__name__
        problem = f"The connection to {file.url} broke off ({reason})"
        raise TryAgain(DownloadError(problem, GO_ON)) from error


def _receive(response: httpx.Response, file: FileRecord, target: Path) -> None:
    if response.status_code == httpx.codes.REQUESTED_RANGE_NOT_SATISFIABLE:
        raise _wrong_part(file, target)
    answer.refuse_status(response, file.url)
    chunks = response.iter_raw()
    first = next(chunks, b"")
    answer.refuse_page(response, file, first)
    span = _span(response, file, target)
    if span.start == 0:
        version = answer.validator(response)
        memo = partial.Memo(url=file.url, validator=version, size_bytes=span.size_bytes)
        partial.start(target, memo)
    if span.size_bytes is not None:
        require_space(target.parent, span.size_bytes - span.start)
    _append(chain([first], chunks), file, target, span)
    received = partial.received_bytes(target)
    if received < (span.size_bytes or 1):
        problem = f"{file.url} sent {received:,} of {span.size_bytes or 'unknown'} bytes"
        raise TryAgain(DownloadError(problem, GO_ON))


def _span(response: httpx.Response, file: FileRecord, target: Path) -> _Span:
    """Find out which bytes an answer holds; a part that they do not continue is thrown away."""
    start = 0
    total = answer.content_length(response)
    if response.status_code == httpx.codes.PARTIAL_CONTENT:
        start = partial.received_bytes(target)
        total = answer.range_total(response, start)
        memo = partial.read_memo(target, file.url)
        if total is None or not _continues(response, memo, total):
            raise _wrong_part(file, target)
    if total is not None and file.size_bytes not in {None, total}:
        problem = f"{file.url} offers {total:,} bytes, but {file.name} has {file.size_bytes:,}"
        raise DownloadError(problem, CHANGED)
    return _Span(start, file.size_bytes if total is None else total)


def _continues(response: httpx.Response, memo: partial.Memo | None, total: int) -> bool:
    if memo is None or memo.validator is None:
        return False
    return memo.size_bytes in {None, total} and answer.is_version(response, memo.validator)


def _wrong_part(file: FileRecord, target: Path) -> TryAgain:
    partial.discard(target)
    problem = f"{file.url} does not send the part of the file that is still missing"
    return TryAgain(DownloadError(problem, "Run the same command again: it begins anew"), asked_s=0)


def _append(chunks: Iterator[bytes], file: FileRecord, target: Path, span: _Span) -> None:
    with (
        storage_errors(target),
        target.open("ab") as part,
        progress_bar(file.name, span.size_bytes or 0, unit="B", start=span.start) as bar,
    ):
        for chunk in chunks:
            part.write(chunk)
            bar.update(len(chunk))
            if span.size_bytes is not None and part.tell() > span.size_bytes:
                break
        else:
            return
    partial.discard(target)
    problem = f"{file.url} sent more than the {span.size_bytes:,} bytes of {file.name}"
    raise DownloadError(problem, CHANGED)


def _connection_failure(url: str, error: httpx.TransportError) -> MedshelfError | TryAgain:
    cause: BaseException | None = error
    while cause is not None:
        if isinstance(cause, ssl.SSLError):
            return DownloadError(
                f"The server of {url} could not prove that it is what it says ({cause})",
                "If your network has its own certificates, set SSL_CERT_FILE to them; "
                "medshelf never goes on without this proof",
            )
        cause = cause.__cause__ or cause.__context__
    reason = str(error) or type(error).__name__
    return TryAgain(
        OfflineError(
            f"No network, or the server is down: {url} cannot be reached ({reason})",
            f"Check the connection and any proxy settings, or {BY_HAND}",
        )
    )

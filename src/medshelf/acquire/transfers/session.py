"""What all transfers of a process share: connections, the hosts' limits, progress, results.

Redirects are followed here and not by the HTTP library: a credential goes to the host that it is
for and to no other, an encrypted address never leads to one that is not, and the address of a
redirect, which may be signed, is never shown.
"""

from __future__ import annotations

import logging
import os
import threading
from collections.abc import Callable, Iterator, Mapping
from contextlib import contextmanager
from http.cookiejar import CookieJar, DefaultCookiePolicy
from pathlib import Path

import httpx

from medshelf.acquire.remote import RemoteFile
from medshelf.acquire.transfers.pacing import HostGate
from medshelf.core.errors import DownloadError, SettingError
from medshelf.core.version import __version__

USER_AGENT = f"medshelf/{__version__} (+public medical datasets)"
BY_HAND = "download the file by hand and add its folder to MEDSHELF_DATA"

_MAX_REDIRECTS = 20
_MAX_REDIRECT_BODY = 64 << 10
_LOGGERS = ("httpx", "httpcore.connection", "httpcore.http11", "httpcore.http2", "httpcore.proxy")
_LOOPBACK = {"127.0.0.1", "::1", "localhost"}


class Stopped(BaseException):
    """The transfers were told to stop; no error, and nothing catches it but who told."""


class _Silence(threading.local, logging.Filter):
    """Keeps log lines of the HTTP library back: they hold addresses, and those may be signed."""

    active = False

    def filter(self, record: logging.LogRecord) -> bool:  # noqa: ARG002 - the form of filters
        """Let a line pass where no request is being sent by this thread."""
        return not self.active


_SILENCE = _Silence()
for _name in _LOGGERS:
    logging.getLogger(_name).addFilter(_SILENCE)


class Session:
    """Connections and limits; made by `shared` and used by many threads.

    Attributes:
        tries: How often a transfer that fails is tried.
        users: How many hold it; the last one closes it.
        stopped: Set to end all transfers soon.
        digests: Hashes, by algorithm, of the parts that came whole; whoever uses one takes it out.
        progress: Called with the number of bytes that came, or did not count after all (negative).
    """

    def __init__(self) -> None:
        self.tries = int(positive("MEDSHELF_DOWNLOAD_TRIES", default=5))
        self.users = 0
        self.stopped = threading.Event()
        self.digests: dict[Path, dict[str, str]] = {}
        self.progress: Callable[[int], None] = lambda _: None
        self._gates: dict[str, HostGate] = {}
        self._guard = threading.Lock()
        self.client = httpx.Client(
            # Compressed on the way, neither lengths nor ranges would be those of the file.
            headers={"User-Agent": USER_AGENT, "Accept-Encoding": "identity"},
            timeout=positive("MEDSHELF_DOWNLOAD_TIMEOUT_S", default=30),
            limits=httpx.Limits(max_connections=None, max_keepalive_connections=64),
            # Cookies belong to one chain of redirects, see `open`.
            cookies=CookieJar(DefaultCookiePolicy(allowed_domains=[])),
        )

    def gate(self, url: httpx.URL, remote: RemoteFile) -> HostGate:
        """Return what guards the host of an address; the first user's limits count."""
        host = f"{url.host}:{url.port}"
        with self._guard:
            if host not in self._gates:
                self._gates[host] = HostGate(remote.limits, self.stopped)
            return self._gates[host]

    def check(self) -> None:
        """Raise Stopped where the transfers were told to stop."""
        if self.stopped.is_set():
            raise Stopped

    def pause(self, seconds: float) -> None:
        """Wait, but not where the transfers were told to stop."""
        self.stopped.wait(seconds)
        self.check()

    @contextmanager
    def open(
        self,
        remote: RemoteFile,
        headers: Mapping[str, str],
        *,
        method: str = "GET",
        json: object = None,
    ) -> Iterator[httpx.Response]:
        """Ask for a file, follow redirects, and yield the answer that is none.

        Raises:
            DownloadError: A redirect leaves the encrypted web.
            httpx.HTTPError: The connection failed, or the redirects have no end.
        """
        first = url = httpx.URL(remote.url)
        jar = httpx.Cookies()
        for _ in range(_MAX_REDIRECTS + 1):
            self.check()
            request = self.client.build_request(method, url, headers=dict(headers), json=json)
            request.headers.update(_allowed_headers(remote, first, url))
            if jar:
                jar.set_cookie_header(request)
            gate = self.gate(url, remote)
            with gate.turn():
                response = self._send(request)
                try:
                    gate.note(response.headers)
                    if response.next_request is None:
                        yield response
                        return
                    _drain(response)
                finally:
                    response.close()
            jar.extract_cookies(response)
            method = response.next_request.method
            json = json if method == request.method else None
            url = response.next_request.url
            _refuse_downgrade(remote, first, url)
        message = "it redirects for ever"
        raise httpx.TooManyRedirects(message, request=request)

    def _send(self, request: httpx.Request) -> httpx.Response:
        _SILENCE.active = True
        try:
            return self.client.send(request, stream=True)
        finally:
            _SILENCE.active = False


def positive(variable: str, *, default: int) -> float:
    """Return the whole number above 0 that an environment variable holds.

    Raises:
        SettingError: It holds something else.
    """
    value = os.environ.get(variable) or str(default)
    if not (value.isascii() and value.isdigit()) or int(value) == 0:
        problem = f"{variable}={value} is not a whole number above 0"
        raise SettingError(problem, f"Set {variable}={default} or unset it")
    return int(value)


_shared: list[Session] = []
_lock = threading.Lock()


@contextmanager
def shared() -> Iterator[Session]:
    """Yield the session of this process; whoever comes while it is used shares it.

    Raises:
        SettingError: A variable of the environment makes no sense.
    """
    with _lock:
        if not _shared or _shared[0].stopped.is_set():
            _shared[:] = [Session()]
        session = _shared[0]
        session.users += 1
    try:
        yield session
    finally:
        with _lock:
            session.users -= 1
            if not session.users:
                session.client.close()
                if _shared == [session]:
                    _shared.clear()


def _origin(url: httpx.URL) -> tuple[str, str, int | None]:
    return url.scheme, url.host, url.port


def _allowed_headers(remote: RemoteFile, first: httpx.URL, url: httpx.URL) -> dict[str, str]:
    headers = dict(remote.headers)
    safe = url.scheme == "https" or url.host in _LOOPBACK
    if remote.credential is not None and safe and _origin(url) == _origin(first):
        headers |= remote.credential.headers()
    return headers


def _refuse_downgrade(remote: RemoteFile, first: httpx.URL, url: httpx.URL) -> None:
    if first.scheme == "https" and url.scheme != "https":
        place = url.copy_with(query=None, fragment=None, userinfo=b"")
        problem = f"{remote.source} redirects to {place}, which is not encrypted"
        remedy = f"Anyone on the way could alter the file: report it, or {BY_HAND}"
        raise DownloadError(problem, remedy)


def _drain(response: httpx.Response) -> None:
    """Read the short body of a redirect, so that the connection can be used again."""
    read = 0
    for chunk in response.iter_raw():
        read += len(chunk)
        if read > _MAX_REDIRECT_BODY:
            return

"""A real HTTP server that answers a path's first, second, ... request as ROUTES says."""

from __future__ import annotations

import threading
import time
from collections import Counter
from collections.abc import Callable, Iterator, Mapping
from contextlib import contextmanager
from dataclasses import dataclass, field
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from typing import Any


@dataclass(frozen=True)
class Reply:
    """One answer.

    Attributes:
        status: Its code.
        headers: Its headers; `{other}` becomes the server's `other`.
        raw: Sent instead of everything else, then the connection is cut.
        endless: A GET gets a body without end.
        drips: The header comes in small pieces, without end.
        silent: Nothing comes until the server is closed.
        delay_s: It takes so long.
        meets: It waits for another request to be under way.
    """

    status: int = 200
    headers: Mapping[str, str] = field(default_factory=dict)
    raw: bytes | None = None
    endless: bool = False
    drips: bool = False
    silent: bool = False
    delay_s: float = 0.0
    meets: bool = False


def _to(status: int, location: str, **headers: str) -> tuple[Reply, ...]:
    return (Reply(status, {"Location": location, **headers}),)


_OK = Reply()
_CUT = Reply(raw=b"")
_HTML = {"Content-Type": "text/html; charset=utf-8"}
_AT_ONCE = {"Retry-After": "0"}

ROUTES: dict[str, tuple[Reply, ...]] = {
    "/ok": (_OK,),
    "/page": (Reply(headers=_HTML),),
    "/login": (Reply(headers=_HTML),),
    "/accounts/login/": (Reply(headers=_HTML),),
    "/endless": (Reply(405), Reply(endless=True)),
    "/empty-file": (Reply(405), Reply(416)),
    **{f"/head-{code}": (Reply(code), _OK) for code in (400, 403, 404, 405, 501)},
    "/head-cut": (_CUT, _OK),
    "/head-silent": (Reply(silent=True), _OK),
    **{f"/{code}": (Reply(code),) for code in (401, 403, 404, 410, 418, 451, 999)},
    "/gated-repo": (Reply(403, {"X-Error-Code": "GatedRepo"}),),
    "/odd-code": (Reply(403, {"X-Error-Code": "\x1b[31m<b>"}),),
    "/challenge": (Reply(202, {"x-amzn-waf-action": "challenge"}),),
    "/busy-once": (Reply(429, {"Retry-After": "1"}), _OK),
    "/down-twice": (Reply(503, _AT_ONCE), Reply(503, _AT_ONCE), _OK),
    "/busy": (Reply(429, _AT_ONCE),),
    "/down": (Reply(503, _AT_ONCE),),
    "/broken": (Reply(500),),
    "/busy-for-hours": (Reply(503, {"Retry-After": "7200"}),),
    "/cut": (_CUT,),
    "/garbage": (Reply(raw=b"\x00\xff\x1b[31m garbage\r\n\r\n" * 9),),
    "/long-header": (Reply(raw=b"HTTP/1.1 200 OK\r\nX: " + b"a" * 1_000_000),),
    "/silent": (Reply(silent=True),),
    "/drips": (Reply(drips=True),),
    "/301": _to(301, "/ok"),
    "/308": _to(308, "/ok?page=2"),
    "/302": _to(302, "/ok?signature=secret"),
    "/301-302": _to(301, "/302"),
    "/302-301": _to(302, "/301"),
    "/slash": _to(301, "/slash/"),
    "/slash/": (_OK,),
    "/301-gone": _to(301, "/404"),
    "/301-login": _to(301, "/accounts/login/?next=/data"),
    "/302-login": _to(302, "/accounts/login/?next=/data"),
    "/301-page": _to(301, "/page"),
    "/302-other-host": _to(302, "{other}/ok"),
    "/302-nowhere": _to(302, "http://127.0.0.1:1/x"),
    "/no-location": (Reply(301),),
    "/loop": _to(302, "/loop"),
    "/file": _to(302, "file:///etc/passwd"),
    "/odd-port": _to(302, "http://127.0.0.1:99999/"),
    "/odd-cookie": (Reply(405, {"Set-Cookie": "who=\xfc"}), _OK),
    "/wants-cookie": (*_to(302, "/wants-cookie", **{"Set-Cookie": "seen=1"}), _OK),
    "/meet-1": (Reply(meets=True),),
    "/meet-2": (Reply(meets=True),),
    **{f"/page-{number}": (Reply(delay_s=0.03),) for number in range(5)},
}


@dataclass(frozen=True)
class Asked:
    """One request, with the moment (s, monotonic) at which it came."""

    host: str
    method: str
    path: str
    headers: Mapping[str, str]
    moment_s: float


class LinkServer(ThreadingHTTPServer):
    """Answers on 127.0.0.1, which is `localhost` too, and keeps what it was asked.

    Attributes:
        scheme: Of its addresses.
        other: What `{other}` in a header becomes.
        routes: Further routes.
        asked: The requests.
        most_under_way: So many requests were under way at once, by host and for `any` host.
        client_left: A client closed the connection while a body without end was sent.
    """

    daemon_threads = True
    block_on_close = False

    def __init__(self, address: str = "127.0.0.1") -> None:
        super().__init__((address, 0), _Handler)
        self.address = address
        self.scheme = "http"
        self.other = ""
        self.routes: dict[str, tuple[Reply, ...]] = {}
        self.asked: list[Asked] = []
        self.counts: Counter[str] = Counter()
        self.under_way: Counter[str] = Counter()
        self.most_under_way: Counter[str] = Counter()
        self.guard = threading.Lock()
        self.closing = threading.Event()
        self.client_left = threading.Event()
        self.meeting = threading.Barrier(2)

    def url(self, path: str, host: str | None = None) -> str:
        """Return the address of a route."""
        return f"{self.scheme}://{host or self.address}:{self.server_port}{path}"

    def lines(self) -> list[str]:
        """Return the requests as `METHOD path`."""
        return [f"{each.method} {each.path}" for each in self.asked]

    def handle_error(self, request: Any, client_address: Any) -> None:
        """Say nothing where a client has gone away, which it does to leave bodies unread."""


@contextmanager
def running(prepare: Callable[[LinkServer], None] | None = None, **options: str) -> Iterator[Any]:
    """Run a server in a thread of its own until the block ends."""
    with LinkServer(**options) as server:
        if prepare:
            prepare(server)
        thread = threading.Thread(target=server.serve_forever, kwargs={"poll_interval": 0.02})
        thread.start()
        try:
            yield server
        finally:
            server.closing.set()
            server.shutdown()
            thread.join()


class _Handler(BaseHTTPRequestHandler):
    server: LinkServer
    protocol_version = "HTTP/1.1"

    def do_GET(self) -> None:
        route = self.path.partition("?")[0]
        replies = self.server.routes.get(route) or ROUTES[route]
        host = self.headers["Host"].partition(":")[0]
        asked = Asked(host, self.command, self.path, dict(self.headers), time.monotonic())
        with self.server.guard:
            number = self.server.counts[self.path]
            self.server.asked.append(asked)
            self.server.counts[self.path] += 1
            self.server.under_way.update([host, "any"])
            self.server.most_under_way |= self.server.under_way
        reply = replies[min(number, len(replies) - 1)]
        time.sleep(reply.delay_s)
        if reply.meets:
            self.server.meeting.wait(10)
        # Before the answer: once it has that, the client may ask again.
        with self.server.guard:
            self.server.under_way.subtract([host, "any"])
        self._send(reply)

    do_HEAD = do_GET  # noqa: N815

    def _send(self, reply: Reply) -> None:
        if reply.silent:
            self.server.closing.wait(30)
        if reply.raw is not None or reply.silent:
            self.wfile.write(reply.raw or b"")
            self.close_connection = True
            return
        if reply.drips:
            self._drip()
        self.send_response(reply.status)
        for name, value in reply.headers.items():
            self.send_header(name, value.format(other=self.server.other))
        if reply.endless:
            self._pour()
        self.send_header("Content-Length", "0")
        self.end_headers()

    def _drip(self) -> None:
        self.wfile.write(b"HTTP/1.1 200 OK\r\n")
        while not self.server.closing.wait(0.02):
            self.wfile.write(b"X-Wait: a little\r\n")

    def _pour(self) -> None:
        self.end_headers()
        try:
            while not self.server.closing.is_set():
                self.wfile.write(bytes(65536))
        except OSError:
            self.server.client_left.set()
            raise

    def log_message(self, *args: object) -> None:
        """Keep the terminal clean."""

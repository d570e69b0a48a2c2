"""A real HTTP server on 127.0.0.1 that misbehaves as the first part of a path says."""

from __future__ import annotations

import hashlib
import random
import re
import ssl
import threading
import time
from collections import Counter
from collections.abc import Callable, Iterator, Mapping
from contextlib import contextmanager
from dataclasses import dataclass, field
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path
from typing import Any

CONTENT = random.Random(1).randbytes(300_000)
OTHER_CONTENT = random.Random(2).randbytes(300_000)
PAGE = b"\n<!DOCTYPE html><html><body>Please log in</body></html>"
CONTENT_MD5 = f"md5:{hashlib.md5(CONTENT).hexdigest()}"
OTHER_MD5 = f"md5:{hashlib.md5(OTHER_CONTENT).hexdigest()}"
MOMENT = "Wed, 21 Oct 2015 07:28:00 GMT"
ALWAYS = 10**9


@dataclass(frozen=True)
class Behaviour:
    """How the server answers.

    Attributes:
        contents: Body of the first, second, ... request; the last one from then on.
        headers: Sent with every body; `{n}` becomes the number of the content.
        ranges: Range requests are honoured.
        framed: Content-Length is sent.
        cuts: So many answers break off in the middle.
        stalls: So many answers fall silent in the middle.
        refusals: So many requests are answered with `status` first.
        status: Status of a refusal.
        refusal_headers: Headers of a refusal.
        shift: Added to the first byte's position in Content-Range.
        drip_s: Pause after each chunk of 8 KiB.
        unsatisfied: Range requests are answered with 416.
    """

    contents: tuple[bytes, ...] = (CONTENT,)
    headers: Mapping[str, str] = field(default_factory=lambda: {"ETag": '"v{n}"'})
    ranges: bool = True
    framed: bool = True
    cuts: int = 0
    stalls: int = 0
    refusals: int = 0
    status: int = 503
    refusal_headers: Mapping[str, str] = field(default_factory=lambda: {"Retry-After": "0"})
    shift: int = 0
    drip_s: float = 0.0
    unsatisfied: bool = False


def _refusing(status: int, **headers: str) -> Behaviour:
    named = {name.replace("_", "-"): value for name, value in headers.items()}
    return Behaviour(refusals=ALWAYS, status=status, refusal_headers=named)


BEHAVIOURS = {
    "normal": Behaviour(),
    "cut-once": Behaviour(cuts=1),
    "cut-once-dated": Behaviour(cuts=1, headers={"Last-Modified": MOMENT}),
    "cut-once-weak": Behaviour(cuts=1, headers={"ETag": 'W/"v{n}"'}),
    "cut-once-bare": Behaviour(cuts=1, headers={}),
    "cut-once-no-range": Behaviour(cuts=1, ranges=False),
    "cut-once-wrong-range": Behaviour(cuts=1, shift=1),
    "cut-always": Behaviour(cuts=ALWAYS),
    "changes": Behaviour(cuts=1, contents=(OTHER_CONTENT, CONTENT)),
    "changes-unsaid": Behaviour(cuts=1, contents=(OTHER_CONTENT, CONTENT), headers={"ETag": '"v"'}),
    "416-to-ranges": Behaviour(unsatisfied=True),
    "stalls-once": Behaviour(stalls=1),
    "slow": Behaviour(drip_s=0.04),
    "unframed": Behaviour(framed=False),
    "unframed-cut-once": Behaviour(framed=False, cuts=1, ranges=False),
    "unframed-long": Behaviour(framed=False, contents=(CONTENT * 2,)),
    "empty": Behaviour(contents=(b"", CONTENT)),
    "wrong-bytes": Behaviour(contents=(OTHER_CONTENT,)),
    "wrong-length": Behaviour(contents=(CONTENT[:-1],)),
    "page": Behaviour(contents=(PAGE,), headers={"Content-Type": "text/html; charset=utf-8"}),
    "unnamed-page": Behaviour(contents=(PAGE,)),
    "busy-twice": Behaviour(refusals=2, status=429),
    "busy-until": Behaviour(refusals=1, status=429, refusal_headers={"Retry-After": MOMENT}),
    "busy-a-second": Behaviour(refusals=1, status=429, refusal_headers={"Retry-After": "1"}),
    "down": _refusing(503, Retry_After="0"),
    "redirect": _refusing(302, Location="/normal/toy.npz"),
    "redirect-to-plain": _refusing(302, Location="http://127.0.0.1:9/toy.npz"),
    "redirect-to-no-name": _refusing(302, Location="http://xn--/toy.npz"),
    "redirect-with-odd-cookie": _refusing(
        302, Location="/normal/toy.npz", Set_Cookie="a=\xfc; Path=/"
    ),
    "redirect-for-ever": _refusing(302, Location="/redirect-for-ever/toy.npz"),
    **{str(status): _refusing(status) for status in (401, 403, 404, 410, 418)},
}


@dataclass(frozen=True)
class Request:
    """One request, with the status and the number of bytes that it is about to be answered."""

    path: str
    headers: Mapping[str, str]
    status: int
    n_bytes: int


class MisbehavingServer(ThreadingHTTPServer):
    """Answers `/<behaviour>/<any name>` and keeps what it was asked."""

    daemon_threads = True

    def __init__(self) -> None:
        super().__init__(("127.0.0.1", 0), _Handler)
        self.requests: list[Request] = []
        self.counts: Counter[str] = Counter()
        self.guard = threading.Lock()
        self.scheme = "http"

    def url(self, behaviour: str, name: str = "toy.npz") -> str:
        """Return the address that is answered in this way."""
        return f"{self.scheme}://127.0.0.1:{self.server_port}/{behaviour}/{name}"

    def use_tls(self, certificate: Path, key: Path) -> None:
        """Speak https from now on."""
        context = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
        context.load_cert_chain(certificate, key)
        self.socket = context.wrap_socket(self.socket, server_side=True)
        self.scheme = "https"

    def handle_error(self, request: Any, client_address: Any) -> None:
        """Say nothing where a client has gone away, which the tests make them do."""


@contextmanager
def running(prepare: Callable[[MisbehavingServer], None] | None = None) -> Iterator[Any]:
    """Run a server in a thread of its own until the block ends."""
    with MisbehavingServer() as server:
        if prepare:
            prepare(server)
        thread = threading.Thread(target=server.serve_forever, kwargs={"poll_interval": 0.02})
        thread.start()
        yield server
        server.shutdown()
        thread.join()


class _Handler(BaseHTTPRequestHandler):
    server: MisbehavingServer
    protocol_version = "HTTP/1.1"

    def do_GET(self) -> None:
        behaviour = BEHAVIOURS[self.path.split("/")[1]]
        with self.server.guard:
            count = self.server.counts[self.path]
            self.server.counts[self.path] += 1
        if behaviour.unsatisfied and "Range" in self.headers:
            self._refuse(_refusing(416))
        elif count < behaviour.refusals:
            self._refuse(behaviour)
        else:
            self._send(behaviour, count - behaviour.refusals)

    def _refuse(self, behaviour: Behaviour) -> None:
        self._keep(behaviour.status, 0)
        self.send_response(behaviour.status)
        for name, value in behaviour.refusal_headers.items():
            self.send_header(name, value)
        self.send_header("Content-Length", "0")
        self.end_headers()

    def _send(self, behaviour: Behaviour, count: int) -> None:
        number = min(count, len(behaviour.contents) - 1)
        content = behaviour.contents[number]
        headers = {name: each.format(n=number) for name, each in behaviour.headers.items()}
        span = self._span(behaviour, headers)
        start, stop = span or (0, len(content))
        stop = min(stop, len(content))
        broken = count < max(behaviour.cuts, behaviour.stalls)
        end = (start + stop) // 2 if broken else stop
        self._keep(206 if span else 200, end - start)
        self.send_response(206 if span else 200)
        for name, value in headers.items():
            self.send_header(name, value)
        if behaviour.framed:
            self.send_header("Content-Length", str(stop - start))
        if span:
            first = start + behaviour.shift
            self.send_header("Content-Range", f"bytes {first}-{stop - 1}/{len(content)}")
        self.end_headers()
        self.close_connection = broken or not behaviour.framed
        self._write(content[start:end], behaviour.drip_s)
        if count < behaviour.stalls:
            time.sleep(2)

    def _span(self, behaviour: Behaviour, headers: Mapping[str, str]) -> tuple[int, int] | None:
        match = re.fullmatch(r"bytes=(\d+)-(\d*)", self.headers.get("Range", ""))
        wanted = self.headers.get("If-Range")
        if match is None or not behaviour.ranges or wanted not in {None, *headers.values()}:
            return None
        return int(match[1]), int(match[2]) + 1 if match[2] else ALWAYS

    def _write(self, content: bytes, drip_s: float) -> None:
        for position in range(0, len(content), 8192):
            self.wfile.write(content[position : position + 8192])
            if drip_s:
                time.sleep(drip_s)

    def _keep(self, status: int, n_bytes: int) -> None:
        with self.server.guard:
            headers = dict(self.headers.items())
            self.server.requests.append(Request(self.path, headers, status, n_bytes))

    def log_message(self, *args: object) -> None:
        """Keep the terminal clean."""

"""A real HTTP server whose answers follow a script, one step per request; then it behaves."""

from __future__ import annotations

import hashlib
import re
import threading
from collections.abc import Callable, Iterator, Sequence
from contextlib import contextmanager
from dataclasses import dataclass, field
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from typing import Any

Act = Callable[["Handler"], None]


@dataclass
class Script:
    """What a server has and does.

    Attributes:
        contents: Path to bytes.
        steps: What it does about the first, second, ... request instead of answering well.
        asked: Path and headers of each request, header names in lower case.
        sent: Path to number of body bytes.
    """

    contents: dict[str, bytes]
    steps: list[Act] = field(default_factory=list)
    asked: list[tuple[str, dict[str, str]]] = field(default_factory=list)
    sent: dict[str, int] = field(default_factory=dict)
    guard: threading.Lock = field(default_factory=threading.Lock)
    port: int = 0

    def url(self, path: str) -> str:
        return f"http://127.0.0.1:{self.port}{path}"


class Handler(BaseHTTPRequestHandler):
    protocol_version = "HTTP/1.1"
    script: Script

    def do_GET(self) -> None:
        script = self.script
        with script.guard:
            headers = {name.lower(): value for name, value in self.headers.items()}
            script.asked.append((self.path, headers))
            step = script.steps.pop(0) if script.steps else well
        step(self)

    def content(self) -> bytes | None:
        return self.script.contents.get(self.path.partition("?")[0])

    def refuse(self, status: int, body: bytes = b"", **headers: str) -> None:
        self.send_response(status)
        for name, value in headers.items():
            self.send_header(name.replace("_", "-"), value)
        self.send_header("Content-Length", str(len(body)))
        self.end_headers()
        self.wfile.write(body)

    def send(
        self, content: bytes, *, honour: bool = True, cut: int | None = None, shift: int = 0
    ) -> None:
        """Send a file or the range that is asked for; break off after `cut` bytes."""
        etag = f'"{hashlib.md5(content).hexdigest()}"'
        match = re.fullmatch(r"bytes=(\d+)-(\d*)", self.headers.get("Range", ""))
        same = self.headers.get("If-Range") in {None, etag}
        start, stop = 0, len(content)
        partly = match is not None and honour and same
        if match is not None and partly:
            start = int(match[1])
            stop = min(int(match[2]) + 1 if match[2] else stop, stop)
            if start >= len(content):
                self.refuse(416)
                return
        self.send_response(206 if partly else 200)
        self.send_header("ETag", etag)
        self.send_header("Accept-Ranges", "bytes")
        self.send_header("Content-Length", str(stop - start))
        if partly:
            place = f"bytes {start + shift}-{stop - 1 + shift}/{len(content)}"
            self.send_header("Content-Range", place)
        self.end_headers()
        body = content[start:stop][:cut]
        with self.script.guard:
            self.script.sent[self.path] = self.script.sent.get(self.path, 0) + len(body)
        self.wfile.write(body)
        self.close_connection = cut is not None

    def log_message(self, *args: object) -> None:
        """Keep the terminal clean."""


def well(handler: Handler) -> None:
    content = handler.content()
    if content is None:
        handler.refuse(404)
    else:
        handler.send(content)


class _Server(ThreadingHTTPServer):
    daemon_threads = True

    def handle_error(self, request: Any, client_address: Any) -> None:
        """Say nothing where a client has gone away, which the tests make them do."""


@contextmanager
def scripted(contents: dict[str, bytes], steps: Sequence[Act] = ()) -> Iterator[Script]:
    """Run a server until the block ends."""
    script = Script(contents, list(steps))
    handler = type("Bound", (Handler,), {"script": script})
    with _Server(("127.0.0.1", 0), handler) as server:
        script.port = server.server_port
        thread = threading.Thread(target=server.serve_forever, kwargs={"poll_interval": 0.01})
        thread.start()
        try:
            yield script
        finally:
            server.shutdown()
            thread.join()


def refuse_all(status: int) -> Act:
    """Return a step that refuses."""
    return lambda handler: handler.refuse(status)

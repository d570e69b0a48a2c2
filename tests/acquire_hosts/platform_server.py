"""A real HTTP server on the loopback that answers as a function of the request says."""

from __future__ import annotations

import hashlib
import json
import re
import threading
from collections.abc import Callable, Iterator, Mapping
from contextlib import contextmanager
from dataclasses import dataclass, field
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from typing import Any
from urllib.parse import parse_qsl, unquote, urlsplit

HTML = {"Content-Type": "text/html; charset=utf-8"}


@dataclass(frozen=True)
class Ask:
    """One request: `path` is unquoted, header names are in lower case."""

    method: str
    path: str
    query: Mapping[str, str]
    headers: Mapping[str, str]
    body: bytes = b""

    @property
    def authorization(self) -> str:
        """What the client says it may."""
        return self.headers.get("authorization", "")


@dataclass(frozen=True)
class Answer:
    """What the server says."""

    status: int = 200
    body: bytes = b""
    headers: Mapping[str, str] = field(default_factory=dict)


def say(fields: object, status: int = 200, **headers: str) -> Answer:
    """Answer with JSON; `_` in a header's name stands for `-`."""
    named = {name.replace("_", "-"): value for name, value in headers.items()}
    kind = {"Content-Type": "application/json"}
    return Answer(status, json.dumps(fields).encode(), {**kind, **named})


def go_to(url: str, status: int = 302, **headers: str) -> Answer:
    """Redirect."""
    named = {name.replace("_", "-"): value for name, value in headers.items()}
    return Answer(status, headers={"Location": url, **named})


def send(ask: Ask, content: bytes, **headers: str) -> Answer:
    """Send a file, or the range of it that is asked for."""
    named = {name.replace("_", "-"): value for name, value in headers.items()}
    etag = f'"{hashlib.md5(content).hexdigest()}"'
    fields = {"ETag": etag, "Accept-Ranges": "bytes", "Content-Type": "application/octet-stream"}
    fields |= named
    match = re.fullmatch(r"bytes=(\d+)-(\d*)", ask.headers.get("range", ""))
    if match is None or ask.headers.get("if-range", fields["ETag"]) != fields["ETag"]:
        return Answer(200, content, fields)
    first, last = int(match[1]), min(int(match[2] or len(content) - 1), len(content) - 1)
    if first > last:
        return Answer(416, b"", {"Content-Range": f"bytes */{len(content)}"})
    fields["Content-Range"] = f"bytes {first}-{last}/{len(content)}"
    return Answer(206, content[first : last + 1], fields)


class PlatformServer(ThreadingHTTPServer):
    """Answers on 127.0.0.1 and keeps what it was asked."""

    daemon_threads = True

    def __init__(self, answer: Callable[[Ask], Answer]) -> None:
        super().__init__(("127.0.0.1", 0), _Handler)
        self.answer = answer
        self.asked: list[Ask] = []
        self.guard = threading.Lock()

    @property
    def url(self) -> str:
        """Its address, without a slash at the end."""
        return f"http://127.0.0.1:{self.server_port}"

    @property
    def other_name(self) -> str:
        """The same server under another name: another host for whoever guards credentials."""
        return f"http://localhost:{self.server_port}"

    def lines(self) -> list[str]:
        """Return the requests as `METHOD path`."""
        return [f"{each.method} {each.path}" for each in self.asked]

    def sent_to(self, host: str) -> list[Ask]:
        """Return the requests that came under a name."""
        return [each for each in self.asked if each.headers["host"].startswith(host)]

    def handle_error(self, request: Any, client_address: Any) -> None:
        """Say nothing where a client has gone away."""


@contextmanager
def serving(answer: Callable[[Ask], Answer]) -> Iterator[PlatformServer]:
    """Run a server in a thread of its own until the block ends."""
    with PlatformServer(answer) as server:
        thread = threading.Thread(target=server.serve_forever, kwargs={"poll_interval": 0.01})
        thread.start()
        try:
            yield server
        finally:
            server.shutdown()
            thread.join()


class _Handler(BaseHTTPRequestHandler):
    server: PlatformServer
    protocol_version = "HTTP/1.1"

    def do_GET(self) -> None:
        parts = urlsplit(self.path)
        query = dict(parse_qsl(parts.query, keep_blank_values=True))
        headers = {name.lower(): value for name, value in self.headers.items()}
        body = self.rfile.read(int(headers.get("content-length", "0")))
        ask = Ask(self.command, unquote(parts.path), query, headers, body)
        with self.server.guard:
            self.server.asked.append(ask)
        answer = self.server.answer(ask)
        self.send_response(answer.status)
        for name, value in answer.headers.items():
            self.send_header(name, value)
        self.send_header("Content-Length", str(len(answer.body)))
        self.end_headers()
        if self.command != "HEAD":
            self.wfile.write(answer.body)

    do_HEAD = do_GET  # noqa: N815
    do_POST = do_GET  # noqa: N815

    def log_message(self, *args: object) -> None:
        """Keep the terminal clean."""

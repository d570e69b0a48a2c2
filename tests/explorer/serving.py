"""A real server in a thread, and a browser-like client."""

from __future__ import annotations

import secrets
import socket
import threading
import time
from collections.abc import Iterator, Sequence
from contextlib import contextmanager, suppress
from dataclasses import dataclass

import httpx

from medshelf.explorer.app import build
from medshelf.explorer.holdings import Holdings
from medshelf.explorer.listening import Wish, listening
from medshelf.explorer.server import make
from medshelf.explorer.site import Page, Site


@dataclass(frozen=True)
class Running:
    """A server that runs: its port, its token (None: open to all)."""

    port: int
    token: str | None

    @property
    def origin(self) -> str:
        return f"http://127.0.0.1:{self.port}"

    def client(self, *, known: bool = True) -> httpx.Client:
        """Return a client; if `known`, it has spent the token, which works once."""
        made = httpx.Client(base_url=self.origin, timeout=30, trust_env=False)
        if known and self.token:
            assert made.get("/", params={"token": self.token}).status_code == 303
        return made

    def raw(self, request: bytes) -> bytes:
        """Send bytes as the only request of a connection, and return all that comes back."""
        line, _, rest = request.partition(b"\r\n")
        parts = []
        made = socket.create_connection(("127.0.0.1", self.port), timeout=10)
        with made, suppress(ConnectionError):
            made.sendall(b"%b\r\nConnection: close\r\n%b" % (line, rest))
            while part := made.recv(65_536):
                parts.append(part)
        return b"".join(parts)


@contextmanager
def running(
    holdings: Holdings | None = None, *, pages: Sequence[Page] = (), with_token: bool = False
) -> Iterator[Running]:
    """Serve in a thread until the block ends, with further pages beside medshelf's own."""
    app, further = build(holdings or Holdings()), Site()
    for page in pages:
        further.add(page)
    app.include_router(further.router)
    wish = Wish("127.0.0.1", with_token=with_token)
    token = secrets.token_urlsafe(24) if with_token else None
    with listening(wish) as sockets:
        port = sockets[0].getsockname()[1]
        server = make(app, wish, port, token)
        thread = threading.Thread(target=server.run, kwargs={"sockets": sockets}, daemon=True)
        thread.start()
        deadline = time.monotonic() + 60
        while not server.started and time.monotonic() < deadline:
            time.sleep(0.01)
        try:
            yield Running(port, token)
        finally:
            server.should_exit = True
            thread.join(30)

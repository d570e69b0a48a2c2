"""Who may see what is shown: the owner of this server, from its own address, and by looking only.

Pure ASGI, in front of the whole app: what it refuses costs nothing further.
"""

from __future__ import annotations

import ipaddress
import logging
import secrets
from dataclasses import dataclass
from hmac import compare_digest
from socket import gethostname
from typing import TYPE_CHECKING
from urllib.parse import parse_qsl

from fastapi import Request
from fastapi.responses import HTMLResponse, RedirectResponse, Response

from medshelf.explorer.failures import failed

if TYPE_CHECKING:
    from collections.abc import Iterable

    from starlette.types import ASGIApp, Message, Receive, Scope, Send

    from medshelf.explorer.listening import Wish

    Pairs = Iterable[tuple[bytes, bytes]]

_LOG = logging.getLogger(__name__)

_LOOPBACK = ("localhost", "127.0.0.1", "[::1]")
HEADERS = {
    b"content-security-policy": (
        b"default-src 'none'; script-src 'self'; style-src 'self'; img-src 'self' blob: data:; "
        b"connect-src 'self'; worker-src blob:; form-action 'self'; base-uri 'none'; "
        b"frame-ancestors 'none'"
    ),
    b"cross-origin-opener-policy": b"same-origin",
    b"cross-origin-resource-policy": b"same-origin",
    b"referrer-policy": b"no-referrer",
    b"x-content-type-options": b"nosniff",
}
_N_PATH = 2_048
_N_ADDRESS = 8_192
_NO_PAGES = ("/api/", "/media/", "/static/")
_OPEN = ("/static/", "/healthz")


@dataclass(frozen=True, slots=True)
class Hosts:
    """The names by which this server may be called.

    Attributes:
        names: Names and addresses, as they stand in an address bar, in lower case.
        port: Own port.
        any_address: Whether every IP address will do; only a name can be made to lead elsewhere.
    """

    names: tuple[str, ...]
    port: int
    any_address: bool = False

    def has(self, host: str) -> bool:
        """Tell whether the header Host means this server."""
        name, colon, port = host.lower().rpartition(":")
        if not colon or "]" in port:
            name, port = host.lower(), "80"
        if port != str(self.port):
            return False
        return name in self.names or (self.any_address and _is_address(name))


def hosts_of(wish: Wish, port: int) -> Hosts:
    """Return the names by which a server may be called that listens as it was wished."""
    own = {wish.called.lower()} if wish.is_local else {wish.called.lower(), gethostname().lower()}
    return Hosts((*_LOOPBACK, *own), port, any_address=wish.is_everywhere)


class Guard:
    """Let requests of the owner through to an app, and put the headers of safety on all answers.

    Args:
        app: What is guarded.
        hosts: By which names it may be called.
        token: What opens it, once; None leaves it open to every user of this machine.
    """

    def __init__(self, app: ASGIApp, hosts: Hosts, token: str | None) -> None:
        self._app = app
        self._hosts = hosts
        self._token = token
        self._closed = token is not None
        self._cookie = f"medshelf-{hosts.port}"
        self._session = secrets.token_urlsafe(32)

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        """Answer, or let the app answer."""
        if scope["type"] == "lifespan":
            await self._app(scope, receive, send)
        elif scope["type"] == "http":
            answer = self._refusal(scope) or self._entrance(scope) or self._app
            # Pages know GET only; to HEAD the server sends what GET gives, without the body.
            sending = _Sending(send)
            try:
                await answer({**scope, "method": "GET"}, receive, sending)
            except Exception:
                if not sending.is_complete:
                    raise
                _LOG.exception("%s could not be made", scope["path"])
        else:
            await send({"type": "websocket.close", "code": 1008})

    def _refusal(self, scope: Scope) -> Response | None:
        """Return why a request is no honest look from here."""
        request = Request(scope)
        if not self._is_own(scope["headers"]):
            return Response(status_code=421)
        if scope["method"] not in {"GET", "HEAD"}:
            answer = failed(request, 405)
            answer.headers["Allow"] = "GET, HEAD"
            return answer
        if len(scope["raw_path"]) > _N_PATH:
            return failed(_bare(scope), 404)
        if len(scope["raw_path"]) + len(scope["query_string"]) > _N_ADDRESS:
            return failed(_bare(scope), 414)
        if _has_body(scope["headers"]):
            return failed(request, 413)
        return failed(request, 403) if _is_foreign(scope) else None

    def _entrance(self, scope: Scope) -> Response | None:
        """Return what someone without the cookie gets; who brings the token gets the cookie."""
        if not self._closed or scope["path"].startswith(_OPEN):
            return None
        query = parse_qsl(scope["query_string"].decode("latin-1"), keep_blank_values=True)
        token = next((value for name, value in query if name == "token"), None)
        known = self._has_cookie(scope["headers"])
        if token is None:
            return None if known else failed(Request(scope), 403)
        if not known and not self._spend(token, scope["method"]):
            return failed(_bare(scope), 403)
        return self._welcome(scope)

    def _spend(self, token: str, method: str) -> bool:
        unspent = self._token
        if unspent is None or method != "GET" or not _equal(token, unspent):
            return False
        self._token = None
        return True

    def _welcome(self, scope: Scope) -> Response:
        """Set the cookie and lead to the same address without the token."""
        query = b"&".join(
            each for each in scope["query_string"].split(b"&") if not each.startswith(b"token=")
        )
        path = "/" + scope["raw_path"].decode("latin-1").lstrip("/\\")
        place = f"{path}?{query.decode('latin-1')}" if query else path
        sites = _values(scope["headers"], b"sec-fetch-site")
        answer: Response = RedirectResponse(place, 303)
        if set(sites) - {b"none", b"same-origin"}:
            # A browser holds a strict cookie back all along a chain of redirects from elsewhere.
            answer = HTMLResponse(
                '<!doctype html><meta charset="utf-8"><title>medshelf</title>'
                '<link rel="icon" href="/static/icon.svg">'
                f'<meta http-equiv="refresh" content="0; url={_quoted(place)}">'
                f'<a href="{_quoted(place)}">medshelf</a>'
            )
        answer.set_cookie(self._cookie, self._session, httponly=True, samesite="strict")
        return answer

    def _is_own(self, headers: Pairs) -> bool:
        hosts = _values(headers, b"host")
        return len(hosts) == 1 and self._hosts.has(hosts[0].decode("latin-1"))

    def _has_cookie(self, headers: Pairs) -> bool:
        for line in _values(headers, b"cookie"):
            for each in line.decode("latin-1").split(";"):
                name, _, value = each.strip().partition("=")
                if name == self._cookie and _equal(value, self._session):
                    return True
        return False


def _values(headers: Pairs, name: bytes) -> list[bytes]:
    return [value for each, value in headers if each == name]


def _has_body(headers: Pairs) -> bool:
    lengths = _values(headers, b"content-length")
    return any(each.strip(b"0") for each in lengths) or bool(_values(headers, b"transfer-encoding"))


def _is_foreign(scope: Scope) -> bool:
    """Tell whether another site asks, other than by a link to a page of ours."""
    headers = scope["headers"]
    if not set(_values(headers, b"sec-fetch-site")) - {b"same-origin", b"none"}:
        return False
    link = (
        _values(headers, b"sec-fetch-mode") == [b"navigate"]
        and _values(headers, b"sec-fetch-dest") == [b"document"]
        and not scope["path"].startswith(_NO_PAGES)
    )
    return not link


def _equal(given: str, expected: str) -> bool:
    return compare_digest(given.encode(), expected.encode())


def _is_address(name: str) -> bool:
    try:
        ipaddress.ip_address(name.removeprefix("[").removesuffix("]"))
    except ValueError:
        return False
    return True


def _quoted(place: str) -> str:
    return place.replace("&", "&amp;").replace('"', "&quot;").replace("<", "&lt;")


def _bare(scope: Scope) -> Request:
    """Return a request that keeps no more of its address than the language."""
    path = scope["path"][: len("/api/en/")]
    return Request({**scope, "path": path, "raw_path": path.encode(), "query_string": b""})


class _Sending:
    """Put the headers of safety on an answer, and remember whether all of it was sent."""

    def __init__(self, send: Send) -> None:
        self._send = send
        self.is_complete = False

    async def __call__(self, message: Message) -> None:
        if message["type"] == "http.response.start":
            given = [(name, value) for name, value in message["headers"] if name not in HEADERS]
            if not _values(given, b"cache-control"):
                given.append((b"cache-control", b"private, no-cache"))
            message = {**message, "headers": [*given, *HEADERS.items()]}
        await self._send(message)
        self.is_complete = message["type"] == "http.response.body" and not message.get("more_body")

"""What a server's answer says: whether it is the file, which part of it, and of which version."""

from __future__ import annotations

import re
from pathlib import PurePath

import httpx

from medshelf.acquire.remote import Refusal, RemoteFile
from medshelf.acquire.transfers.backoff import rate_reset_s, read_retry_after
from medshelf.acquire.transfers.session import BY_HAND
from medshelf.core.errors import DownloadError, GateError, MedshelfError

MAX_REFUSAL_BYTES = 64 << 10
GO_ON = "Run the same command again: it goes on where this one stopped"
GONE = "It may have moved: look for a newer medshelf, or report it"
CHANGED = "The publisher may have changed the file: look for a newer medshelf, or report it"

_LOG_IN = f"The publisher may ask for registration: open the address in a browser; then {BY_HAND}"
_REMEDIES = {401: _LOG_IN, 403: _LOG_IN, 404: GONE, 410: GONE}
_FINE = {httpx.codes.OK, httpx.codes.PARTIAL_CONTENT}
_LATER = {httpx.codes.REQUEST_TIMEOUT, httpx.codes.TOO_MANY_REQUESTS}
_FORBIDDEN = httpx.codes.FORBIDDEN
_SERVER_ERROR = 500

_STRONG_ETAG = re.compile(r'"[\x21\x23-\x7e]*"')
_CONTENT_RANGE = re.compile(r"bytes (\d+)-(\d+)/(\d+)")
_HTML = re.compile(rb"(\xef\xbb\xbf)?\s*<(!doctype html|html)", re.IGNORECASE)
_HTML_SUFFIXES = {".htm", ".html"}


class TryAgain(Exception):  # noqa: N818 - a signal between two functions, not an error
    """A try failed in a way that the next one may not.

    Args:
        final: What to raise when no try is left.
        asked_s: How long the server asked to wait.
    """

    def __init__(self, final: MedshelfError, asked_s: float | None = None) -> None:
        super().__init__(final)
        self.final = final
        self.asked_s = asked_s


def refuse_status(response: httpx.Response, remote: RemoteFile) -> None:
    """Let only answers pass that carry a file or a part of one.

    Raises:
        GateError: Only the user can open the way.
        DownloadError: The server refuses for good.
        TryAgain: It refuses for now.
    """
    status = response.status_code
    if status in _FINE:
        return
    problem = f"{remote.source} answered {status} {response.reason_phrase}".rstrip()
    asked_s = rate_reset_s(response.headers)
    if status >= _SERVER_ERROR or status in _LATER or (status == _FORBIDDEN and asked_s):
        remedy = "The server is busy or down: run the same command again later"
        told_s = read_retry_after(response.headers.get("Retry-After"))
        raise TryAgain(DownloadError(problem, remedy), asked_s if told_s is None else told_s)
    explained = _explain(response, remote, _read_start(response))
    if explained is not None:
        raise explained
    if status == httpx.codes.UNAUTHORIZED and remote.credential is not None:
        step = f"Renew the credential in {remote.credential.source}"
        raise GateError("credential", f"{problem}: the credential is wrong or has expired", step)
    remedy = _REMEDIES.get(status, f"Open the address in a browser to see why, or {BY_HAND}")
    raise DownloadError(problem, remedy)


def refuse_page(response: httpx.Response, remote: RemoteFile, first: bytes) -> None:
    """Refuse a web page where a data file is expected.

    Args:
        response: The answer.
        remote: What was asked for.
        first: The first bytes of the body.

    Raises:
        GateError: The host says that the page is a gate.
        DownloadError: It is a page by its header or by its content.
    """
    if PurePath(remote.name).suffix.lower() in _HTML_SUFFIXES:
        return
    kind = response.headers.get("Content-Type", "").partition(";")[0].strip().lower()
    whole = response.status_code == httpx.codes.OK
    if kind == "text/html" or (whole and _HTML.match(first)):
        explained = _explain(response, remote, first[:MAX_REFUSAL_BYTES])
        if explained is not None:
            raise explained
        problem = (
            f"{remote.source} sent a web page instead of {remote.name}: probably a login page, or "
            "the start page of a public network (captive portal)"
        )
        raise DownloadError(
            problem,
            f"Open the address in a browser, log in there; run the command again, or {BY_HAND}",
        )


def _explain(response: httpx.Response, remote: RemoteFile, body: bytes) -> MedshelfError | None:
    if remote.explain is None:
        return None
    headers = {name.lower(): value for name, value in response.headers.items()}
    text = body.decode("utf-8", "replace")
    return remote.explain(
        Refusal(remote.source, remote.name, response.status_code, headers, text, remote.credential)
    )


def _read_start(response: httpx.Response) -> bytes:
    body = b""
    for chunk in response.iter_raw():
        body += chunk
        if len(body) >= MAX_REFUSAL_BYTES:
            break
    return body[:MAX_REFUSAL_BYTES]


def content_length(response: httpx.Response) -> int | None:
    """Return the length of the body in bytes; null where the server does not say."""
    value: str = response.headers.get("Content-Length", "")
    return int(value) if value.isascii() and value.isdigit() else None


def range_total(response: httpx.Response, start: int) -> int | None:
    """Return the length of the whole file if the answer goes on at byte `start`, else null."""
    match = _CONTENT_RANGE.fullmatch(response.headers.get("Content-Range", "").strip())
    if match is None:
        return None
    first, last, total = (int(each) for each in match.groups())
    return total if first == start and first <= last < total else None


def validator(response: httpx.Response) -> str | None:
    """Return what tells this version of the file from others: strong ETag, else Last-Modified.

    Source: https://www.rfc-editor.org/rfc/rfc9110#name-if-range
    """
    etag: str = response.headers.get("ETag", "")
    if _STRONG_ETAG.fullmatch(etag):
        return etag
    modified: str = response.headers.get("Last-Modified", "")
    return modified if modified and modified.isascii() and modified.isprintable() else None


def is_version(response: httpx.Response, known: str) -> bool:
    """Whether the answer does not contradict the validator that is known of the part."""
    name = "ETag" if known.startswith('"') else "Last-Modified"
    return bool(response.headers.get(name, known) == known)

"""What the answer to a link means: whether it leads where it should, and if not, why."""

from __future__ import annotations

import re
import socket
import ssl
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from enum import Enum, StrEnum, auto
from http import HTTPStatus

import httpx

from medshelf.acquire.transfers.backoff import MAX_DELAY_S, read_retry_after

_REDIRECTS = {301, 302, 303, 307, 308}
_PERMANENT = {301, 308}
_EMPTY_FILE = 416  # it has no first byte to send
_GONE = {404, 410}
_BUSY = {408, 425, 429, *range(500, 600)}

_LOGIN_HOST = re.compile(rb"(login|signin|accounts?|auth|idp|sso|passport)\.")
_LOGIN_PATH = re.compile(
    r"/(log-?in|sign-?in|servicelogin|loginpage|sso|oauth2?|authorize|authenticate|saml2?)(?![a-z])",
    re.IGNORECASE,
)
_WORD = re.compile(r"[A-Za-z]{1,40}")
_REASON_LENGTH = 200


class LinkStatus(StrEnum):
    """What became of a link."""

    OK = "ok"
    MOVED = "moved"
    GATED = "gated"
    DEAD = "dead"
    LIMITED = "limited"
    UNSUPPORTED = "unsupported"


class Again(Enum):
    """Whether it makes sense to ask again."""

    NEVER = auto()
    WITH_GET = auto()
    LATER = auto()


@dataclass(frozen=True, slots=True)
class Finding:
    """What became of an address.

    Attributes:
        status: Whether it leads somewhere.
        detail: The reason, as part of a sentence.
        url: Where moved, the new address; else where the redirects ended, after temporary ones
            without the query, where storage addresses carry their key.
        http_status: Of the last answer; null where none came.
        again: Whether another try may find something else.
        asked_s: How long the server asked to be left alone.
        is_page: The answer is a web page.
        unreachable: No connection came about.
    """

    status: LinkStatus
    detail: str
    url: str
    http_status: int | None = None
    again: Again = Again.WITH_GET
    asked_s: float | None = None
    is_page: bool = False
    unreachable: bool = False


def judge(response: httpx.Response, hops: Sequence[httpx.Response]) -> Finding:
    """Say what an answer means.

    Args:
        response: The answer at the end of the redirects.
        hops: The redirects.
    """
    status, detail = _read_status(response)
    url = shown(response.url, hops)
    if status is LinkStatus.OK and hops:
        start, new = hops[0].url, _new_address(hops)
        if _is_login(response.url) and not _is_login(start):
            status, detail = LinkStatus.GATED, f"redirects to a login page, {url}"
        elif _place(new) != _place(start):
            url = str(new)
            status, detail = LinkStatus.MOVED, f"moved for good to {url}"
    asked_s = read_retry_after(response.headers.get("Retry-After"))
    kind = response.headers.get("Content-Type", "").partition(";")[0].strip().lower()
    return Finding(
        status,
        detail,
        url,
        response.status_code,
        again=_read_again(status, asked_s),
        asked_s=asked_s,
        is_page=kind == "text/html",
    )


def explain(error: Exception, url: str) -> Finding:
    """Say why no answer came from `url`."""
    causes = list(_causes(error))
    texts = ("".join(filter(str.isprintable, str(each))) for each in reversed(causes))
    reason = next(filter(None, texts), type(error).__name__)[:_REASON_LENGTH]
    kind = next(each for each in _FAILURES if any(isinstance(cause, each) for cause in causes))
    status, what = _FAILURES[kind]
    unreachable = isinstance(error, httpx.ConnectError | httpx.ConnectTimeout | httpx.ProxyError)
    detail = what.format(reason=reason)
    return Finding(status, detail, url, again=Again.LATER, unreachable=unreachable)


def shown(url: httpx.URL, hops: Sequence[httpx.Response]) -> str:
    """Return an address as it may be printed: without keys that a temporary redirect gave it."""
    if any(hop.status_code not in _PERMANENT for hop in hops):
        url = url.copy_with(query=None, userinfo=b"")
    return str(url)


def _read_status(response: httpx.Response) -> tuple[LinkStatus, str]:
    """Read the code and what two platforms add to it.

    Source: https://docs.aws.amazon.com/waf/latest/developerguide/waf-captcha-and-challenge-actions.html
    (the code of a challenge is 202); huggingface.co names the gate in X-Error-Code.
    """
    code = response.status_code
    phrase = HTTPStatus(code).phrase if code in set(HTTPStatus) else ""
    said = f"answered {code} {phrase}".rstrip()
    if _WORD.fullmatch(reason := response.headers.get("X-Error-Code", "")):
        said += f" ({reason})"
    if "x-amzn-waf-action" in response.headers:
        return LinkStatus.GATED, f"{said}: asks for proof that a human is there"
    if code in _REDIRECTS:
        return LinkStatus.DEAD, f"{said} without a new address"
    if code < HTTPStatus.BAD_REQUEST or code == _EMPTY_FILE:
        return LinkStatus.OK, said
    if code in _GONE:
        return LinkStatus.DEAD, said
    if code in _BUSY:
        return LinkStatus.LIMITED, f"{said}: ask again later"
    return LinkStatus.GATED, f"{said}: may want a login, accepted terms or a browser"


def _read_again(status: LinkStatus, asked_s: float | None) -> Again:
    if status is LinkStatus.LIMITED:
        return Again.LATER if (asked_s or 0) <= MAX_DELAY_S else Again.NEVER
    return Again.NEVER if status in {LinkStatus.OK, LinkStatus.MOVED} else Again.WITH_GET


def _new_address(hops: Sequence[httpx.Response]) -> httpx.URL:
    """Return what the permanent redirects that come first lead to."""
    url = hops[0].url
    for hop in hops:
        if hop.status_code not in _PERMANENT or hop.next_request is None:
            break
        url = hop.next_request.url
    return url


def _place(url: httpx.URL) -> tuple[bytes, int | None, str, bytes]:
    """Return what differs where an address is another one; the scheme alone does not make it so."""
    return url.raw_host, url.port, url.path.rstrip("/"), url.query


def _is_login(url: httpx.URL) -> bool:
    return bool(_LOGIN_HOST.match(url.raw_host) or _LOGIN_PATH.search(url.path))


# The first that is among the causes of an error explains it.
_FAILURES: dict[type[BaseException], tuple[LinkStatus, str]] = {
    ssl.SSLCertVerificationError: (LinkStatus.DEAD, "certificate error: {reason}"),
    ssl.SSLError: (LinkStatus.DEAD, "no secure connection: {reason}"),
    socket.gaierror: (LinkStatus.DEAD, "the host name does not resolve: {reason}"),
    ConnectionRefusedError: (LinkStatus.DEAD, "connection refused"),
    httpx.ConnectTimeout: (LinkStatus.DEAD, "no connection came about in time"),
    httpx.ConnectError: (LinkStatus.DEAD, "cannot be reached: {reason}"),
    TimeoutError: (LinkStatus.LIMITED, "the answer did not come in time"),
    httpx.TimeoutException: (LinkStatus.LIMITED, "the answer did not come in time"),
    Exception: (LinkStatus.DEAD, "no proper HTTP answer: {reason}"),
}


def _causes(error: BaseException) -> Iterator[BaseException]:
    cause: BaseException | None = error
    while cause is not None:
        # No failure: it only says that more bytes were waited for when the failure came.
        if not isinstance(cause, ssl.SSLWantReadError):
            yield cause
        members = cause.exceptions if isinstance(cause, BaseExceptionGroup) else ()
        cause = next(iter(members), None) or cause.__cause__ or cause.__context__

"""Whether the addresses of the catalog still lead somewhere; asked politely, and no body is kept.

A link is asked for with HEAD. Many servers answer HEAD with an error where GET works, so HEAD is
believed only where it says yes; then one byte is asked for with GET, and the body is left unread.
One request at a time goes to a host, redirects included, and a pause follows each.
"""

from __future__ import annotations

import asyncio
import time
from collections import Counter, defaultdict
from collections.abc import AsyncIterator, Iterable, Mapping, Sequence
from contextlib import asynccontextmanager
from dataclasses import dataclass, replace
from http import HTTPStatus
from http.cookiejar import Cookie, CookieJar, DefaultCookiePolicy
from urllib.request import Request

import httpx

from medshelf.acquire.link_answer import (
    Again,
    Finding,
    LinkStatus,
    explain,
    judge,
    shown,
)
from medshelf.acquire.transfers.backoff import delay_s
from medshelf.core.errors import OfflineError, SettingError
from medshelf.core.progress import progress_bar
from medshelf.core.settings import Settings
from medshelf.core.version import __version__

_USER_AGENT = f"medshelf/{__version__} (+link check, one request at a time per host)"
_SCHEMES = {"http", "https"}
_MAX_PORT = 65535
_TRIES = 3
_MAX_REDIRECTS = 10
_OFFLINE_HOSTS = 3  # so many unreachable hosts, and no other, are taken for a missing network


@dataclass(frozen=True, slots=True, order=True)
class Link:
    """An address in a record.

    Attributes:
        dataset: Id of the record.
        field: Where it stands there, e.g. `homepage`.
        url: The address.
        is_file: A data file is expected there: a web page instead of it is a gate.
    """

    dataset: str
    field: str
    url: str
    is_file: bool = False


@dataclass(frozen=True, slots=True)
class Verdict:
    """What was found behind a link.

    Attributes:
        link: The link.
        status: `ok`; `moved` for good, to another host, path or query; `gated`: the server wants
            a login, accepted terms or a browser; `dead`: it says that there is nothing, or cannot
            be reached; `limited`: it is busy, failing or slow, ask later; `unsupported`: no
            usable http or https address.
        detail: The reason, as part of a sentence.
        final_url: Where moved, the new address for the record; else where the redirects ended,
            after temporary ones without the query, which may hold a key. Null where not asked.
        http_status: Of the last answer; null where none came.
    """

    link: Link
    status: LinkStatus
    detail: str
    final_url: str | None
    http_status: int | None


def check_links(
    links: Iterable[Link],
    *,
    timeout_s: float = 20.0,
    n_workers: int = 8,
    pause_s: float = 1.0,
    settings: Settings | None = None,
) -> list[Verdict]:
    """Ask for every address once; return a verdict per link, by dataset, field and address.

    Runs an event loop of its own, so it cannot be called from within one.

    Args:
        links: The links; addresses may repeat.
        timeout_s: Limit for a connection, and again for an answer's header.
        n_workers: Requests under way at once, all to different hosts.
        pause_s: Between an answer of a host and the next request to it.
        settings: The environment's by default.

    Raises:
        OfflineError: The network is switched off, or no server at all could be reached.
        SettingError: A number makes no sense.
    """
    settings = settings or Settings.from_environment()
    if settings.offline:
        problem = "Links cannot be checked: MEDSHELF_OFFLINE is set"
        raise OfflineError(problem, "Unset MEDSHELF_OFFLINE")
    if not (timeout_s > 0 and n_workers >= 1 and pause_s >= 0):
        problem = f"Links cannot be checked with {timeout_s=}, {n_workers=}, {pause_s=}"
        raise SettingError(problem, "Use a time limit and workers above 0, and no negative pause")
    ordered = sorted(links)
    addresses = {link.url: _address(link.url) for link in ordered}
    wanted = sorted({each for each in addresses.values() if each is not None}, key=str)
    findings = asyncio.run(_Asker(timeout_s, n_workers, pause_s).ask_all(wanted))
    _require_network(findings)
    return [_verdict(link, addresses[link.url], findings) for link in ordered]


def count_statuses(verdicts: Iterable[Verdict]) -> dict[LinkStatus, int]:
    """Count the verdicts by status; every status is a key."""
    counts = Counter(each.status for each in verdicts)
    return {status: counts[status] for status in LinkStatus}


def _address(url: str) -> httpx.URL | None:
    try:
        address = httpx.URL(url).copy_with(fragment=None)
        return address if _is_usable(address) else None
    except (httpx.InvalidURL, UnicodeError):
        return None


def _is_usable(url: httpx.URL) -> bool:
    return url.scheme in _SCHEMES and url.host != "" and (url.port or 0) <= _MAX_PORT


def _verdict(
    link: Link, address: httpx.URL | None, findings: Mapping[httpx.URL, Finding]
) -> Verdict:
    if address is None:
        detail = "no usable http or https address"
        return Verdict(link, LinkStatus.UNSUPPORTED, detail, None, None)
    finding = findings[address]
    status, detail = finding.status, finding.detail
    if link.is_file and finding.is_page and status in {LinkStatus.OK, LinkStatus.MOVED}:
        status = LinkStatus.GATED
        detail = "sends a web page instead of the file: probably a login, quota or start page"
    return Verdict(link, status, detail, finding.url, finding.http_status)


def _require_network(findings: Mapping[httpx.URL, Finding]) -> None:
    hosts = {url.raw_host for url in findings}
    if len(hosts) >= _OFFLINE_HOSTS and all(each.unreachable for each in findings.values()):
        first = findings[min(findings, key=str)]
        problem = f"None of {len(hosts)} hosts could be reached; {first.url}: {first.detail}"
        raise OfflineError(problem, "Check the connection, any proxy settings and SSL_CERT_FILE")


class _AsciiCookies(DefaultCookiePolicy):
    """Passes over the cookies that httpx cannot send back."""

    def set_ok(self, cookie: Cookie, request: Request) -> bool:
        return f"{cookie.name}{cookie.value}".isascii() and super().set_ok(cookie, request)


class _Gate:
    """Lets one request at a time through to a host."""

    def __init__(self) -> None:
        self._lock = asyncio.Lock()
        self._free_at_s = 0.0

    def rest(self, duration_s: float) -> None:
        """Let nothing through for so long."""
        self._free_at_s = max(self._free_at_s, time.monotonic() + duration_s)

    @asynccontextmanager
    async def turn(self, pause_s: float) -> AsyncIterator[None]:
        async with self._lock:
            while (wait_s := self._free_at_s - time.monotonic()) > 0:
                await asyncio.sleep(wait_s)
            try:
                yield
            finally:
                self.rest(pause_s)


class _Asker:
    """Asks for addresses: those of a host one after the other, hosts side by side."""

    def __init__(self, timeout_s: float, n_workers: int, pause_s: float) -> None:
        self._timeout_s = timeout_s
        self._pause_s = pause_s
        self._slots = asyncio.Semaphore(n_workers)
        self._gates: defaultdict[bytes, _Gate] = defaultdict(_Gate)
        self._lost: dict[tuple[str, bytes], Finding] = {}
        self._certificates = httpx.create_ssl_context()

    async def ask_all(self, urls: Iterable[httpx.URL]) -> dict[httpx.URL, Finding]:
        by_host: defaultdict[bytes, list[httpx.URL]] = defaultdict(list)
        for url in urls:
            by_host[url.raw_host].append(url)
        findings: dict[httpx.URL, Finding] = {}
        with progress_bar("Links", sum(map(len, by_host.values())), unit="link") as bar:

            async def ask_host(host: bytes) -> None:
                for url in by_host[host]:
                    findings[url] = await self._ask(url)
                    bar.update()

            await asyncio.gather(*map(ask_host, by_host))
        return findings

    async def _ask(self, url: httpx.URL) -> Finding:
        method, failures = "HEAD", 0
        # A client per address: no cookie of one answer changes another.
        async with httpx.AsyncClient(
            headers={"User-Agent": _USER_AGENT},
            timeout=self._timeout_s,
            cookies=CookieJar(_AsciiCookies()),
            verify=self._certificates,
            limits=httpx.Limits(max_keepalive_connections=0),
        ) as client:
            while True:
                finding, last = await self._follow(client, method, url)
                failures += finding.again is Again.LATER
                if finding.again is Again.NEVER or failures == _TRIES:
                    break
                if finding.again is Again.LATER:
                    self._gates[last.raw_host].rest(delay_s(failures, finding.asked_s))
                elif method == "GET":
                    break
                method = "GET"
        if finding.unreachable or finding.http_status == HTTPStatus.TOO_MANY_REQUESTS:
            self._lost.setdefault(_origin(last), finding)
        return finding

    async def _follow(
        self, client: httpx.AsyncClient, method: str, url: httpx.URL
    ) -> tuple[Finding, httpx.URL]:
        """Go along the redirects; return what was found, and the address that came last."""
        headers = {"Range": "bytes=0-0"} if method == "GET" else None
        request = client.build_request(method, url, headers=headers)
        hops: list[httpx.Response] = []
        while True:
            refused = self._refuse(request.url, hops)
            if refused is not None:
                return refused, request.url
            try:
                response = await self._send(client, request)
            except (httpx.TransportError, httpx.InvalidURL, UnicodeError, TimeoutError) as error:
                return explain(error, shown(request.url, hops)), request.url
            if response.next_request is None:
                return judge(response, hops), request.url
            hops.append(response)
            request = response.next_request

    def _refuse(self, url: httpx.URL, hops: Sequence[httpx.Response]) -> Finding | None:
        """Say why an address is not asked for; null where it is."""
        end = shown(url, hops)
        if not _is_usable(url):
            detail = f"redirects to {end}, which is no usable http or https address"
            return Finding(LinkStatus.UNSUPPORTED, detail, end, hops[-1].status_code)
        if len(hops) > _MAX_REDIRECTS:
            detail = f"redirects more than {_MAX_REDIRECTS} times"
            return Finding(LinkStatus.DEAD, detail, end, hops[-1].status_code)
        lost = self._lost.get(_origin(url))
        if lost is None:
            return None
        return replace(lost, detail=f"not asked again: {lost.detail}", url=end, again=Again.NEVER)

    async def _send(self, client: httpx.AsyncClient, request: httpx.Request) -> httpx.Response:
        async with (
            self._gates[request.url.raw_host].turn(self._pause_s),
            self._slots,
            # httpx limits the wait for each piece: a server that drips would never end.
            asyncio.timeout(2 * self._timeout_s),
        ):
            response = await client.send(request, stream=True)
            await response.aclose()
        return response


def _origin(url: httpx.URL) -> tuple[str, bytes]:
    return url.scheme, url.netloc

"""The server: what it shows, whom it lets in, and a clean stop.

What costs time to import is imported when it is needed, so that a wrong option is refused at once.
"""

from __future__ import annotations

import gc
import logging
import os
import secrets
import signal
import threading
from collections.abc import Callable, Iterator
from contextlib import contextmanager, nullcontext
from dataclasses import dataclass
from typing import TYPE_CHECKING

from medshelf.core.errors import DownloadError, MissingExtraError, OfflineError, SettingError
from medshelf.core.files import storage_errors
from medshelf.explorer.listening import Wish, listening

if TYPE_CHECKING:
    import uvicorn
    from starlette.types import ASGIApp

    from medshelf.explorer.holdings import Holdings

_N_HEADERS = 32_768
_FINISH_S = 1
_LEAVE_S = 2


@dataclass(frozen=True, slots=True)
class Opened:
    """A server that takes connections.

    Attributes:
        url: What to open; it holds the token.
        port: Where it listens.
    """

    url: str
    port: int


def serve(holdings: Holdings, wish: Wish, ready: Callable[[Opened], None]) -> None:
    """Serve until the process is told to stop by SIGINT or SIGTERM.

    Args:
        holdings: What is shown.
        wish: Where, and to whom.
        ready: Called once the address is known and connections are taken.

    Raises:
        MissingExtraError: The extra `serve` is not installed.
        UnknownNameError: A dataset is named that the catalog does not know.
        FormatError: A manifest is named that is not there, or is damaged.
        SettingError: The port is taken, the host is none of this machine, or a server that others
            can reach is to have no token. Also: the files of a manifest lie elsewhere.
    """
    _require_packages()
    if not (wish.with_token or wish.is_local):
        problem = f"A server at {wish.host} can be reached from other machines, so it needs a token"
        raise SettingError(problem, "Leave out --no-token, or leave out --host")
    require_known(holdings)
    with listening(wish) as sockets:
        port = sockets[0].getsockname()[1]
        token = secrets.token_urlsafe(24) if wish.with_token else None
        with _kept():
            from medshelf.explorer.app import build

            server = make(build(holdings), wish, port, token)
        url = f"http://{wish.called}:{port}/" + (f"?token={token}" if token else "")
        with _stopped_by_signals(server), _browser(wish, url):
            ready(Opened(url, port))
            server.run(sockets=sockets)


def make(app: ASGIApp, wish: Wish, port: int, token: str | None) -> uvicorn.Server:
    """Return a server with a guarded app, not started yet."""
    import uvicorn

    from medshelf.explorer.guard import Guard, hosts_of

    config = uvicorn.Config(
        Guard(app, hosts_of(wish, port), token),
        http="h11",
        ws="none",
        loop="asyncio",
        lifespan="off",
        log_config=None,
        log_level="warning",
        access_log=False,
        server_header=False,
        proxy_headers=False,
        timeout_graceful_shutdown=_FINISH_S,
        h11_max_incomplete_event_size=_N_HEADERS,
    )
    return uvicorn.Server(config)


def require_known(holdings: Holdings) -> None:
    """Refuse names that the catalog does not know, and files that are no manifests.

    Raises:
        UnknownNameError: There is no such dataset.
        FormatError: A manifest is not there, or is damaged.
        SettingError: The files of a manifest lie elsewhere.
    """
    for name in holdings.named:
        if name.lower().endswith(".parquet"):
            from medshelf.api.manifests import open_manifest

            open_manifest(name, root=holdings.root)
        else:
            from medshelf.catalog.shelf import find_record

            find_record(name)


def fetch_assets() -> tuple[str, ...]:
    """Fetch the JavaScript of others that is absent or altered; return what was fetched.

    Raises:
        OfflineError: `MEDSHELF_OFFLINE` is set.
        DownloadError: The registry is not known, does not answer, or has other files.
        StorageError: The installation cannot be written.
    """
    from medshelf.core.settings import Settings
    from medshelf.explorer import vendoring

    if Settings.from_environment().offline and vendoring.wanting():
        problem = "MEDSHELF_OFFLINE is set, and files for the pages are missing"
        raise OfflineError(problem, "Unset it, or go on without live search and 3D")
    try:
        with storage_errors(vendoring.FOLDER):
            fetched = vendoring.provide()
    except vendoring.VendoringError as error:
        remedy = "Set npm_config_registry to a registry of npm that can be reached from here"
        raise DownloadError(str(error), remedy) from error
    return tuple(f"{each.name} {each.version}" for each in fetched)


def missing_assets() -> tuple[str, ...]:
    """Return the packages of which a file is absent or altered."""
    from medshelf.explorer import vendoring

    return tuple(each.name for each in vendoring.wanting())


def _require_packages() -> None:
    for package in ("fastapi", "uvicorn"):
        try:
            __import__(package)
        except ImportError as error:
            raise MissingExtraError(package, "serve") from error


@contextmanager
def _kept() -> Iterator[None]:
    """Do not look for garbage in what stays: neither while it is made, nor with every request."""
    gc.disable()
    try:
        yield
    finally:
        gc.enable()
        gc.freeze()


@contextmanager
def _browser(wish: Wish, url: str) -> Iterator[None]:
    if wish.with_browser:
        from medshelf.explorer.opening import browser_at
    with browser_at(url) if wish.with_browser else nullcontext():
        yield


@contextmanager
def _stopped_by_signals(server: uvicorn.Server) -> Iterator[None]:
    """Stop the server on SIGINT and SIGTERM, and the process where a decoder does not finish.

    A thread that decodes cannot be stopped, and Python waits for it. Nothing is lost without it:
    whatever it would have written can be made again.
    """

    def leave(number: int, frame: object) -> None:  # noqa: ARG001 - the signature of a handler
        server.should_exit = True
        logging.getLogger("uvicorn.error").setLevel(logging.CRITICAL)  # what is cut off is no news
        late = threading.Timer(_LEAVE_S, os._exit, (0,))
        late.daemon = True
        late.start()

    server.handle_exit = leave  # type: ignore[assignment, method-assign]
    before = {each: signal.signal(each, leave) for each in (signal.SIGINT, signal.SIGTERM)}
    try:
        yield
    finally:
        for each, handler in before.items():
            signal.signal(each, handler)

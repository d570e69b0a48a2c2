"""What a connection that failed means, and how often it is tried again."""

from __future__ import annotations

import ssl
from collections.abc import Callable, Iterator
from contextlib import contextmanager

import httpx

from medshelf.acquire.transfers.answer import GO_ON, GONE, TryAgain
from medshelf.acquire.transfers.backoff import PATIENCE_S, delay_s
from medshelf.acquire.transfers.session import BY_HAND, Session
from medshelf.core.errors import DownloadError, GateError, MedshelfError, OfflineError


@contextmanager
def connection_errors(source: str) -> Iterator[None]:
    """Turn what the HTTP library raises into errors that say what to do, or into TryAgain.

    Args:
        source: The address, as it may be shown.
    """
    try:
        yield
    except (httpx.ConnectError, httpx.ConnectTimeout) as error:
        raise _not_connected(source, error) from error
    except (
        httpx.InvalidURL,
        httpx.UnsupportedProtocol,
        httpx.TooManyRedirects,
        UnicodeError,  # a host name or a cookie that is no ASCII
    ) as error:
        problem = f"{source} leads nowhere ({error})"
        raise DownloadError(problem, GONE) from error
    except httpx.TransportError as error:
        reason = str(error) or type(error).__name__
        problem = f"The connection to {source} broke off ({reason})"
        raise TryAgain(DownloadError(problem, GO_ON)) from error


def persist(
    session: Session, act: Callable[[], None], progressed: Callable[[], bool] = lambda: False
) -> None:
    """Call `act` until it does not raise TryAgain, with growing pauses.

    Args:
        session: Bounds the number of tries.
        act: What may fail.
        progressed: Asked after a failure: so much was won that it does not count.

    Raises:
        MedshelfError: What the last try said; the network is given up on at the first one.
    """
    failures = 0
    while True:
        try:
            return act()
        except TryAgain as error:
            failures = 1 if progressed() else failures + 1
            unreachable = failures == 1 and isinstance(error.final, OfflineError)
            if unreachable or failures >= session.tries:
                raise error.final from error.__cause__
            if error.asked_s is not None and error.asked_s > PATIENCE_S:
                raise _not_today(error.final, error.asked_s) from None
            session.pause(delay_s(failures, error.asked_s))


def _not_today(final: MedshelfError, asked_s: float) -> GateError:
    minutes = round(asked_s / 60)
    problem = f"{final.problem}, and asks to be left alone for {minutes:,} minutes"
    return GateError("quota", problem, f"Wait {minutes:,} minutes")


def _not_connected(source: str, error: httpx.TransportError) -> MedshelfError | TryAgain:
    cause: BaseException | None = error
    while cause is not None:
        if isinstance(cause, ssl.SSLError):
            return DownloadError(
                f"The server of {source} could not prove that it is what it says ({cause})",
                "If your network has its own certificates, set SSL_CERT_FILE to them; "
                "medshelf never goes on without this proof",
            )
        cause = cause.__cause__ or cause.__context__
    reason = str(error) or type(error).__name__
    return TryAgain(
        OfflineError(
            f"No network, or the server is down: {source} cannot be reached ({reason})",
            f"Check the connection and any proxy settings, or {BY_HAND}",
        )
    )

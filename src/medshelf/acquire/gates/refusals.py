"""What the hosts' refusals have in common."""

from __future__ import annotations

from http import HTTPStatus

from medshelf.acquire.remote import Refusal
from medshelf.core.errors import DownloadError, GateError

NEWER = "The publisher may have changed it: look for a newer medshelf, or report it"

UNAUTHORIZED = HTTPStatus.UNAUTHORIZED
FORBIDDEN = HTTPStatus.FORBIDDEN
REFUSED = frozenset({HTTPStatus.UNAUTHORIZED, HTTPStatus.FORBIDDEN})
MISSING = frozenset({HTTPStatus.NOT_FOUND, HTTPStatus.GONE})


def missing(what: str, platform: str) -> DownloadError:
    """Say that a platform does not have something, or hides it."""
    return DownloadError(f"{what} does not exist on {platform} (any more), or is private", NEWER)


def stale_login(refusal: Refusal, platform: str, page: str) -> GateError:
    """Say that a platform does not accept the credential that was sent."""
    source = refusal.credential.source if refusal.credential else "the request"
    problem = f"{platform} does not accept the credential in {source} (any more)"
    return GateError("credential", problem, "Make a new one and put it there", page=page)


def says_json(refusal: Refusal) -> bool:
    """Whether the platform's API refuses, and not something in front of it."""
    return refusal.headers.get("content-type", "").startswith("application/json")

"""Which platforms' credentials are at hand, without showing them."""

from __future__ import annotations

import os
import stat
from dataclasses import dataclass
from pathlib import Path

from medshelf.acquire.gates.credentials import PLATFORMS, Platform
from medshelf.core.errors import SettingError

_OTHERS = stat.S_IRWXG | stat.S_IRWXO


@dataclass(frozen=True, slots=True)
class Found:
    """A line of `login_status`.

    Attributes:
        platform: Key of `PLATFORMS`.
        name: Its name.
        source: Where a credential lies; null where there is none.
        problem: What is wrong with it, as part of a sentence; null where nothing is.
        setup: How to give one, as one sentence without a full stop.
        page: Where the platform gives it out.
    """

    platform: str
    name: str
    source: str | None
    problem: str | None
    setup: str
    page: str


def login_status() -> tuple[Found, ...]:
    """Say for every platform whether a credential is at hand, without showing it."""
    return tuple(_status(key, platform) for key, platform in PLATFORMS.items())


def _status(key: str, platform: Platform) -> Found:
    source, problem = None, None
    try:
        credential = platform.find("")
    except SettingError as error:
        problem = error.problem
    else:
        source = credential.source if credential else None
        problem = _exposure(source) if source else None
    return Found(key, platform.name, source, problem, platform.setup, platform.page)


def _exposure(source: str) -> str | None:
    path = Path(source)
    if os.name != "posix" or not path.is_absolute() or not path.stat().st_mode & _OTHERS:
        return None
    return f"other users of this machine may read {path}; run: chmod 600 {path}"

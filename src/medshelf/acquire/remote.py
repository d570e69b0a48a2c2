"""What a host module says of the files that it knows, and what the engine asks of it."""

from __future__ import annotations

import os
from collections.abc import Callable, Mapping
from dataclasses import dataclass, field

from medshelf.acquire.gates.credentials import Credential
from medshelf.core.errors import MedshelfError


@dataclass(frozen=True, slots=True)
class Limits:
    """What a host puts up with; it counts for all files of one host name together.

    Attributes:
        connections: Requests at once.
        ranges: Connections at once for one large file.
        requests_per_minute: Null where the host names no limit.
    """

    connections: int = 4
    ranges: int = 4
    requests_per_minute: int | None = None


@dataclass(frozen=True, slots=True)
class Refusal:
    """An answer that is not the file.

    Attributes:
        source: The address that was asked, as it may be shown.
        name: Name of the file, or what was asked for.
        status: HTTP status; 200 where a web page came instead of a file.
        headers: Of the answer; names in lower case.
        text: First part of the body (at most 64 KiB), decoded as UTF-8 with replacements.
        credential: What was sent; null where nothing was.
    """

    source: str
    name: str
    status: int
    headers: Mapping[str, str]
    text: str
    credential: Credential | None


Explain = Callable[[Refusal], MedshelfError | None]
"""Says why a host refuses, as GateError where the user can open the gate; null leaves it to the
engine, which knows what the status alone means."""


@dataclass(frozen=True, slots=True)
class RemoteFile:
    """One file that a host offers over http or https.

    Attributes:
        name: Path below the raw folder, with `/`; the engine refuses one that leads out of it.
        url: What is asked for; never shown, because it may be signed.
        source: The same as it may be shown, written and compared: stable, without a secret.
        size_bytes: Published length; null where it is not published.
        hash: `md5:`, `sha1:`, `sha256:`, `sha512:` or `git-sha1:` (of a git blob) and hex digits;
            null where none is published.
        headers: Sent with every request, also after a redirect to another host; no secrets.
        credential: Sent to the host of `url` only.
        limits: What the host puts up with.
        ranges: The host can send a part of the file; False where it makes the file on the fly.
        zipped: The host may pack the file into a zip of its own on the way; it is taken out again,
            and length and hash are those of what was in it.
        explain: Says why the host refuses.
    """

    name: str
    url: str = field(repr=False)
    source: str
    size_bytes: int | None = None
    hash: str | None = None
    headers: Mapping[str, str] = field(default_factory=dict)
    credential: Credential | None = None
    limits: Limits = Limits()
    ranges: bool = True
    zipped: bool = False
    explain: Explain | None = None


def endpoint(platform: str, default: str) -> str:
    """Return the root of a platform's addresses, without a slash at the end.

    `MEDSHELF_<PLATFORM>_ENDPOINT` names another one: a mirror, or a server of one's own.
    """
    variable = f"MEDSHELF_{platform.upper().replace('-', '_')}_ENDPOINT"
    return (os.environ.get(variable) or default).rstrip("/")

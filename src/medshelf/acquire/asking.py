"""Questions to the platforms' interfaces: what files there are, and where they lie."""

from __future__ import annotations

import json as json_module
from collections.abc import Mapping
from dataclasses import dataclass, replace
from typing import Any

from medshelf.acquire.gates.credentials import Credential
from medshelf.acquire.remote import Explain, Limits, RemoteFile
from medshelf.acquire.transfers.answer import refuse_status
from medshelf.acquire.transfers.failures import connection_errors, persist
from medshelf.acquire.transfers.session import BY_HAND, Session, shared
from medshelf.core.errors import DownloadError, OfflineError
from medshelf.core.settings import Settings

_MAX_BYTES = 64 << 20


@dataclass(frozen=True, slots=True)
class Answer:
    """What a platform said.

    Attributes:
        status: 200, or another one of success.
        headers: Names in lower case.
        body: At most 64 MiB.
        url: Where the redirects ended; may be signed, so it is never shown.
    """

    status: int
    headers: Mapping[str, str]
    body: bytes
    url: str


def ask(  # noqa: PLR0913 - what a request may have
    url: str,
    settings: Settings,
    *,
    source: str | None = None,
    method: str = "GET",
    json: object = None,
    headers: Mapping[str, str] | None = None,
    credential: Credential | None = None,
    limits: Limits | None = None,
    explain: Explain | None = None,
    what: str = "the list of files",
) -> Answer:
    """Ask a platform, with patience where it is busy.

    Args:
        url: What is asked.
        settings: Whether the network may be used.
        source: The same as it may be shown; the url by default.
        method: GET, POST or HEAD.
        json: Body of the request.
        headers: Sent with it; no secrets.
        credential: Sent to the host of `url` only.
        limits: What the host puts up with.
        explain: Says why the host refuses.
        what: What is asked for, for messages.

    Raises:
        OfflineError: The network is switched off or out of reach.
        GateError: Only the user can open the way.
        DownloadError: The server refused, failed, or sent far too much.
    """
    source = source or url
    if settings.offline:
        problem = f"{source} would be asked for {what}, but MEDSHELF_OFFLINE is set"
        raise OfflineError(problem, f"Unset MEDSHELF_OFFLINE, or {BY_HAND}")
    remote = RemoteFile(what, url, source, credential=credential, explain=explain)
    remote = replace(remote, headers=headers or {}, limits=limits or Limits())
    answers: list[Answer] = []

    with shared() as session:

        def once() -> None:
            answers.append(_once(session, remote, method, json))

        persist(session, once)
    return answers[0]


def get_json(url: str, settings: Settings, **request: Any) -> Any:
    """Ask a platform for JSON; keywords as for `ask`.

    Raises:
        DownloadError: The answer is no JSON; and as `ask`.
    """
    answer = ask(url, settings, **request)
    try:
        return json_module.loads(answer.body)
    except (ValueError, RecursionError) as error:
        source = request.get("source") or url
        problem = f"{source} was asked for {request.get('what', 'the list of files')}, and sent "
        problem += "something else than JSON"
        remedy = f"The platform may be down, or a login page is in between: try later, or {BY_HAND}"
        raise DownloadError(problem, remedy) from error


def get_text(url: str, settings: Settings, **request: Any) -> str:
    """Ask a platform for text in UTF-8; keywords and errors as for `ask`."""
    return ask(url, settings, **request).body.decode("utf-8", "replace")


def _once(session: Session, remote: RemoteFile, method: str, json: object) -> Answer:
    with (
        connection_errors(remote.source),
        session.open(remote, {}, method=method, json=json) as response,
    ):
        if not response.is_success:
            refuse_status(response, remote)
        body = bytearray()
        for chunk in response.iter_bytes():
            body += chunk
            if len(body) > _MAX_BYTES:
                problem = f"{remote.source} sent more than {_MAX_BYTES >> 20} MiB as {remote.name}"
                raise DownloadError(problem, f"Report it, or {BY_HAND}")
        headers = {name.lower(): value for name, value in response.headers.items()}
        return Answer(response.status_code, headers, bytes(body), str(response.url))

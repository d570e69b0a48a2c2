"""PhysioNet, open, restricted and credentialed: `physionet:PROJECT/VERSION/FILE`.

Every version has a `SHA256SUMS.txt`, which is the listing too. A password is asked for only from a
client that calls itself wget; others get 403 without a question.

Source: https://physionet.org/about/
"""

from __future__ import annotations

import re
from collections.abc import Iterator
from typing import Any
from urllib.parse import unquote

from medshelf.acquire.asking import get_text
from medshelf.acquire.gates.credentials import PLATFORMS, find_credential
from medshelf.acquire.gates.refusals import FORBIDDEN, MISSING, NEWER, REFUSED, missing, stale_login
from medshelf.acquire.listing import choose, host_of, match_address, quoted
from medshelf.acquire.remote import Refusal, RemoteFile, endpoint
from medshelf.catalog.record import FileRecord
from medshelf.core.errors import DownloadError, GateError, MedshelfError
from medshelf.core.settings import Settings

_FORM = r"physionet:(?P<project>[a-z0-9-]+)/(?P<version>[0-9][\w.-]*)(/(?P<path>.+))?"
_SUMS = "SHA256SUMS.txt"
_LINE = re.compile(r"([0-9a-f]{64})[ \t]+\*?(?:\./)?(.+)")
_LOGIN_PAGE = 200


def resolve(file: FileRecord, settings: Settings) -> tuple[RemoteFile, ...]:
    """Say which files of a project's version an entry is.

    Raises:
        DownloadError: There is no such project, version or file.
        GateError: A login, a training or a signed agreement is missing.
        OfflineError: The network is switched off or out of reach.
        SettingError: The address has another form.
    """
    match = match_address(file, _FORM, "physionet:PROJECT/VERSION/FILE")
    path = unquote(match["path"] or "")
    project = _Project(match["project"], match["version"])
    if path and not file.many and (file.hash or path == _SUMS):
        return (project.file(file.name, path, file.hash),)
    return choose(file, project.files(settings), path, project.page)


class _Project:
    """One version of a project, and how to ask for it."""

    def __init__(self, name: str, version: str) -> None:
        root = endpoint("physionet", "https://physionet.org")
        self.folder = f"{root}/files/{name}/{version}"
        self.page = f"{root}/content/{name}/{version}/"
        credential = find_credential("physionet", host_of(root))
        self.asking: dict[str, Any] = {
            "headers": {"User-Agent": "Wget/1.21.4"},
            "credential": credential,
            "explain": self.explain,
        }

    def files(self, settings: Settings) -> Iterator[RemoteFile]:
        url = f"{self.folder}/{_SUMS}"
        yield self.file(_SUMS, _SUMS, None)
        for line in get_text(url, settings, source=url, **self.asking).splitlines():
            match = _LINE.fullmatch(line.rstrip())
            if match is None and line.strip():
                raise DownloadError(f"{url} has a line that is no hash and file name", NEWER)
            if match:
                yield self.file(match[2], match[2], f"sha256:{match[1]}")

    def file(self, name: str, path: str, checksum: str | None) -> RemoteFile:
        url = f"{self.folder}/{quoted(path)}"
        return RemoteFile(name=name, url=url, source=url, hash=checksum, **self.asking)

    def explain(self, refusal: Refusal) -> MedshelfError | None:
        if refusal.status in MISSING:
            return missing(refusal.source, "PhysioNet")
        if refusal.status not in {*REFUSED, _LOGIN_PAGE}:
            return None
        if refusal.credential is None:
            problem = f"{self.page} is for PhysioNet's users, and ~/.netrc names none"
            step = (
                "Log in, do what its Files section asks (identity check, training, data use "
                f"agreement), and {PLATFORMS['physionet'].setup[0].lower()}"
                f"{PLATFORMS['physionet'].setup[1:]}"
            )
            return GateError("login", problem, step, page=self.page)
        if refusal.status == FORBIDDEN:
            problem = f"This PhysioNet account may not read {self.page}"
            step = (
                "Do in a browser what its Files section asks: credentialing with CITI training, "
                "and the data use agreement, which every version needs anew"
            )
            return GateError("licence", problem, step, page=self.page)
        return stale_login(refusal, "PhysioNet", self.page)

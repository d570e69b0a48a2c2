"""Kaggle: `kaggle:OWNER/NAME@VERSION/FILE` (datasets) and `kaggle-competition:NAME/FILE`.

Without a file it is the zip of all. Kaggle publishes no hashes, and packs some single text files
into a zip of their own on the way, which are taken out again.
`KAGGLE_API_ENDPOINT` names another server.

Source: https://www.kaggle.com/docs/api
"""

from __future__ import annotations

import os
from collections.abc import Iterator
from pathlib import PurePosixPath
from typing import Any
from urllib.parse import quote, unquote, urlencode

from pydantic import BaseModel, Field

from medshelf.acquire.gates.credentials import find_credential
from medshelf.acquire.gates.refusals import FORBIDDEN, MISSING, NEWER, REFUSED, missing, stale_login
from medshelf.acquire.listing import choose, get_as, host_of, match_address, quoted
from medshelf.acquire.remote import Refusal, RemoteFile, endpoint
from medshelf.catalog.record import FileRecord
from medshelf.core.errors import DownloadError, GateError, MedshelfError
from medshelf.core.settings import Settings

_FORM = (
    r"kaggle:(?P<dataset>[\w-]+/[\w-]+)(@(?P<version>\d+))?(/(?P<path>.+))?"
    r"|kaggle-competition:(?P<competition>[\w-]+)(/(?P<member>.+))?"
)
_MAX_PAGES = 10_000
_PACKED = {".zip", ".gz", ".7z", ".tar", ".png", ".jpg", ".jpeg", ".npz"}
_LOGIN_PAGE = 200


class _File(BaseModel):
    name: str
    size_bytes: int | None = Field(default=None, alias="totalBytes")


class _Page(BaseModel):
    files: list[_File] = []
    dataset_files: list[_File] = Field(default=[], alias="datasetFiles")
    next_token: str = Field(default="", alias="nextPageToken")


def resolve(file: FileRecord, settings: Settings) -> tuple[RemoteFile, ...]:
    """Say which files of a dataset or competition an entry is.

    Raises:
        DownloadError: There is no such dataset, competition or file.
        GateError: A login, the acceptance of rules, or a phone number is missing.
        OfflineError: The network is switched off or out of reach.
        SettingError: The address has another form.
    """
    match = match_address(file, _FORM, "kaggle:OWNER/NAME/FILE or kaggle-competition:NAME/FILE")
    place = _Place(match["dataset"], match["version"], match["competition"])
    path = unquote(match["path"] or match["member"] or "")
    if file.many:
        return choose(file, place.files(settings), path, place.page)
    return (place.file(file.name, path, file.size_bytes),)


class _Place:
    """One dataset or competition, and how to ask for it."""

    def __init__(self, dataset: str | None, version: str | None, competition: str | None) -> None:
        root = endpoint("kaggle", os.environ.get("KAGGLE_API_ENDPOINT") or "https://www.kaggle.com")
        api = f"{root}/api/v1"
        if competition:
            self.page = f"{root}/competitions/{competition}"
            self.list_url = f"{api}/competitions/data/list/{competition}"
            self.all_url = f"{api}/competitions/data/download-all/{competition}"
            self.file_url = f"{api}/competitions/data/download/{competition}"
        else:
            self.page = f"{root}/datasets/{dataset}"
            self.list_url = f"{api}/datasets/list/{dataset}"
            self.all_url = self.file_url = f"{api}/datasets/download/{dataset}"
        self.competition = competition
        self.query = {"datasetVersionNumber": version} if version else {}
        self.account = f"{root}/settings"
        credential = find_credential("kaggle", host_of(root))
        self.asking: dict[str, Any] = {"credential": credential, "explain": self.explain}

    def files(self, settings: Settings) -> Iterator[RemoteFile]:
        query = {**self.query, "pageSize": "200"}
        for _ in range(_MAX_PAGES):
            url = f"{self.list_url}?{urlencode(query)}"
            page = get_as(_Page, url, settings, source=self.page, **self.asking)
            for each in (*page.files, *page.dataset_files):
                size_bytes = each.size_bytes if _is_packed(each.name) else None
                yield self.file(each.name, each.name, size_bytes)
            if not page.next_token:
                return
            query["pageToken"] = page.next_token
        raise DownloadError(f"{self.page} lists its files without end", NEWER)

    def file(self, name: str, path: str, size_bytes: int | None) -> RemoteFile:
        url = f"{self.file_url}/{quote(path, safe='')}" if path else self.all_url
        return RemoteFile(
            name=name,
            url=f"{url}?{urlencode(self.query)}" if self.query else url,
            source=f"{self.page}/{quoted(path)}" if path else self.page,
            size_bytes=size_bytes,
            zipped=bool(path) and not _is_packed(path),
            **self.asking,
        )

    def explain(self, refusal: Refusal) -> MedshelfError | None:
        if refusal.status in MISSING:
            return missing(refusal.source, "Kaggle")
        if refusal.status not in {*REFUSED, _LOGIN_PAGE}:
            return None
        if refusal.credential is None:
            problem = f"Kaggle gives {self.page} only to its users, and no API token is at hand"
            step = "Log in, make a token, and set KAGGLE_API_TOKEN to it (or save kaggle.json)"
            return GateError("login", problem, step, page=self.account)
        if refusal.status == FORBIDDEN:
            return self._forbidden(refusal.text.lower())
        return stale_login(refusal, "Kaggle", self.account)

    def _forbidden(self, message: str) -> GateError:
        if "phone" in message or "verify" in message:
            problem = f"Kaggle asks this account for a verified phone number before {self.page}"
            return GateError("rules", problem, "Verify it in a browser", page=self.account)
        if self.competition:
            problem = f"This account has not accepted the rules of {self.page}"
            step = "Join the competition and accept its rules in a browser"
            return GateError("rules", problem, step, page=f"{self.page}/rules")
        if "consent" in message:
            problem = f"{self.page} asks for consent to its terms first"
            return GateError("rules", problem, "Give it in a browser", page=self.page)
        problem = f"{self.page} is private, or not shared with this account"
        return GateError("private", problem, "Look at the page in a browser", page=self.page)


def _is_packed(path: str) -> bool:
    return PurePosixPath(path).suffix.lower() in _PACKED

"""figshare: `figshare:ARTICLE@VERSION/FILE`; without a version the newest, without a file all.

Source: https://docs.figshare.com/
"""

from __future__ import annotations

from typing import Any
from urllib.parse import unquote

from pydantic import BaseModel

from medshelf.acquire.gates.credentials import PLATFORMS, find_credential
from medshelf.acquire.gates.refusals import (
    MISSING,
    REFUSED,
    UNAUTHORIZED,
    missing,
    says_json,
    stale_login,
)
from medshelf.acquire.listing import choose, get_as, host_of, match_address, quoted
from medshelf.acquire.remote import Refusal, RemoteFile, endpoint
from medshelf.catalog.record import FileRecord
from medshelf.core.errors import GateError, MedshelfError
from medshelf.core.settings import Settings

_FORM = r"figshare:(?P<article>\d+)(@(?P<version>\d+))?(/(?P<path>.+))?"


class _File(BaseModel):
    id: int
    name: str
    size: int
    is_link_only: bool = False
    download_url: str
    supplied_md5: str | None = None
    computed_md5: str | None = None


class _Article(BaseModel):
    files: list[_File] = []


def resolve(file: FileRecord, settings: Settings) -> tuple[RemoteFile, ...]:
    """Say which files of an article an entry is.

    Raises:
        DownloadError: There is no such article or file, or only a link to another place.
        GateError: The article is private, or figshare refuses the network.
        OfflineError: The network is switched off or out of reach.
        SettingError: The address has another form.
    """
    match = match_address(file, _FORM, "figshare:ARTICLE@VERSION/FILE")
    place = _Place(match["article"], match["version"])
    return choose(file, place.files(settings), unquote(match["path"] or ""), place.page)


class _Place:
    """One article, and how to ask for it."""

    def __init__(self, article: str, version: str | None) -> None:
        self.root = endpoint("figshare", "https://api.figshare.com")
        self.page = f"https://figshare.com/articles/dataset/_/{article}"
        self.api = f"{self.root}/v2/articles/{article}"
        if version:
            self.page += f"/{version}"
            self.api += f"/versions/{version}"
        self.credential = find_credential("figshare", host_of(self.root))
        self.asking: dict[str, Any] = {"credential": self.credential, "explain": self.explain}

    def files(self, settings: Settings) -> list[RemoteFile]:
        answer = get_as(_Article, self.api, settings, source=self.page, **self.asking)
        return [self.file(each) for each in answer.files]

    def file(self, listed: _File) -> RemoteFile:
        if listed.is_link_only:
            problem = f"{self.page} has only a link to {listed.name}, not the file"
            raise GateError("manual", problem, "Follow the link in a browser", page=self.page)
        md5 = listed.computed_md5 or listed.supplied_md5
        # Guests are sent to the downloader; who has a token asks the API, which it is for.
        own_url = f"{self.root}/v2/file/download/{listed.id}"
        return RemoteFile(
            name=listed.name,
            url=own_url if self.credential else listed.download_url,
            source=f"{self.page}#{quoted(listed.name)}",
            size_bytes=listed.size,
            hash=f"md5:{md5}" if md5 else None,
            **self.asking,
        )

    def explain(self, refusal: Refusal) -> MedshelfError | None:
        if refusal.status in MISSING:
            return missing(self.page, "figshare")
        if refusal.status not in REFUSED:
            return None
        if not says_json(refusal):
            problem = f"figshare refuses this network when {self.page} is asked for"
            step = "Download the file in a browser, or try again from another network"
            return GateError("quota", problem, step, page=self.page)
        if refusal.credential is None:
            problem = f"{self.page} is private, and no token is at hand"
            return GateError("login", problem, PLATFORMS["figshare"].setup, page=self.page)
        if refusal.status == UNAUTHORIZED:
            return stale_login(refusal, "figshare", PLATFORMS["figshare"].page)
        problem = f"{self.page} is private and not shared with this account"
        return GateError("private", problem, "Look at the page in a browser", page=self.page)

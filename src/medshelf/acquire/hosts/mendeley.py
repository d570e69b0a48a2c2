"""Mendeley Data: `mendeley:DATASET/VERSION/FOLDER/FILE`; without a path all files.

Source: https://data.mendeley.com/api/docs/
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from typing import TypeVar
from urllib.parse import quote, unquote

from pydantic import BaseModel

from medshelf.acquire.gates.refusals import MISSING, NEWER, REFUSED, missing
from medshelf.acquire.listing import choose, get_as, match_address, quoted
from medshelf.acquire.remote import Refusal, RemoteFile, endpoint
from medshelf.catalog.record import FileRecord
from medshelf.core.errors import DownloadError, GateError, MedshelfError
from medshelf.core.settings import Settings

_FORM = r"mendeley:(?P<dataset>[a-z0-9]+)/(?P<version>\d+)(/(?P<path>.+))?"
_MAX_DEPTH = 50
_T = TypeVar("_T")


class _Folder(BaseModel):
    id: str
    name: str
    parent_id: str | None = None


class _Content(BaseModel):
    sha256_hash: str
    size: int


class _File(BaseModel):
    id: str
    filename: str
    content_details: _Content


def resolve(file: FileRecord, settings: Settings) -> tuple[RemoteFile, ...]:
    """Say which files of a dataset's version an entry is.

    Raises:
        DownloadError: There is no such dataset, version or file.
        GateError: The dataset is not public.
        OfflineError: The network is switched off or out of reach.
        SettingError: The address has another form.
    """
    match = match_address(file, _FORM, "mendeley:DATASET/VERSION/FILE")
    place = _Place(match["dataset"], match["version"], settings)
    return choose(file, place.files(), unquote(match["path"] or ""), place.page)


class _Place:
    """One version of a dataset, and how to ask for it."""

    def __init__(self, dataset: str, version: str, settings: Settings) -> None:
        self.root = endpoint("mendeley", "https://data.mendeley.com")
        self.dataset = dataset
        self.version = version
        self.settings = settings
        self.page = f"{self.root}/datasets/{dataset}/{version}"
        self.api = f"{self.root}/public-api/datasets/{dataset}"

    def files(self) -> Iterator[RemoteFile]:
        folders = {each.id: each for each in self.ask(list[_Folder], f"folders/{self.version}")}
        for folder in ("root", *folders):
            query = f"files?folder_id={quote(folder, safe='')}&version={self.version}"
            for each in self.ask(list[_File], query):
                yield self.file(each, self.path(folder, folders))

    def ask(self, model: type[_T], path: str) -> _T:
        url = f"{self.api}/{path}"
        return get_as(model, url, self.settings, source=self.page, explain=self.explain)

    def path(self, folder: str, folders: Mapping[str, _Folder]) -> str:
        names: list[str] = []
        current = folders.get(folder)
        while current is not None:
            names.insert(0, current.name)
            current = folders.get(current.parent_id or "")
            if len(names) > _MAX_DEPTH:
                raise DownloadError(f"{self.page} has folders without end", NEWER)
        return "".join(f"{name}/" for name in names)

    def file(self, listed: _File, folder: str) -> RemoteFile:
        name = f"{folder}{listed.filename}"
        number = quote(listed.id, safe="")
        return RemoteFile(
            name=name,
            url=f"{self.root}/public-files/datasets/{self.dataset}/files/{number}/file_downloaded",
            source=f"{self.page}#{quoted(name)}",
            size_bytes=listed.content_details.size,
            hash=f"sha256:{listed.content_details.sha256_hash}",
            explain=self.explain,
        )

    def explain(self, refusal: Refusal) -> MedshelfError | None:
        if refusal.status in REFUSED:
            problem = f"{self.page} is not public, or Mendeley Data refuses programs"
            step = "Download the files in a browser"
            return GateError("private", problem, step, page=self.page)
        return missing(self.page, "Mendeley Data") if refusal.status in MISSING else None

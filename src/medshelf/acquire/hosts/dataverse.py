"""Dataverse: `dataverse:DOI#FOLDER/FILE`, or `dataverse:SERVER/DOI#FILE` elsewhere than at Harvard.

Tables that the server has turned into its own format are asked for as they were uploaded: only
those bytes have the published name, size and hash.

Source: https://guides.dataverse.org/en/latest/api/dataaccess.html
"""

from __future__ import annotations

from typing import Any
from urllib.parse import unquote

from pydantic import BaseModel, Field

from medshelf.acquire.gates.credentials import find_credential
from medshelf.acquire.gates.refusals import MISSING, REFUSED, UNAUTHORIZED, missing, stale_login
from medshelf.acquire.listing import choose, get_as, match_address, quoted
from medshelf.acquire.remote import Refusal, RemoteFile, endpoint
from medshelf.catalog.record import FileRecord
from medshelf.core.errors import GateError, MedshelfError
from medshelf.core.settings import Settings

_FORM = r"dataverse:((?P<server>[\w-]+(\.[\w-]+)+)/)??(?P<doi>10\.\d+/[^#]+)(#(?P<path>.+))?"
_HARVARD = "dataverse.harvard.edu"
_HASHES = {"MD5": "md5", "SHA-1": "sha1", "SHA-256": "sha256", "SHA-512": "sha512"}


class _Checksum(BaseModel):
    type: str
    value: str


class _DataFile(BaseModel):
    id: int
    size: int = Field(alias="filesize")
    filename: str
    checksum: _Checksum | None = None
    original_format: str | None = Field(default=None, alias="originalFileFormat")
    original_size: int | None = Field(default=None, alias="originalFileSize")
    original_name: str | None = Field(default=None, alias="originalFileName")


class _File(BaseModel):
    label: str
    folder: str = Field(default="", alias="directoryLabel")
    data: _DataFile = Field(alias="dataFile")


class _Version(BaseModel):
    files: list[_File] = []


class _Data(BaseModel):
    version: _Version = Field(alias="latestVersion")


class _Answer(BaseModel):
    data: _Data


def resolve(file: FileRecord, settings: Settings) -> tuple[RemoteFile, ...]:
    """Say which files of a dataset an entry is.

    Raises:
        DownloadError: There is no such dataset or file.
        GateError: The file is restricted, or a guestbook must be filled in.
        OfflineError: The network is switched off or out of reach.
        SettingError: The address has another form.
    """
    match = match_address(file, _FORM, "dataverse:DOI#FILE")
    place = _Place(match["server"] or _HARVARD, match["doi"])
    url = f"{place.root}/api/datasets/:persistentId/?persistentId=doi:{place.doi}"
    answer = get_as(_Answer, url, settings, source=place.page, **place.asking)
    files = [place.file(each) for each in answer.data.version.files]
    return choose(file, files, unquote(match["path"] or ""), place.page)


class _Place:
    """One dataset, and how to ask for it."""

    def __init__(self, server: str, doi: str) -> None:
        self.root = endpoint("dataverse", f"https://{server}")
        self.doi = quoted(doi)
        self.page = f"{self.root}/dataset.xhtml?persistentId=doi:{self.doi}"
        # A token is one installation's: the variable's is taken for Harvard's.
        credential = find_credential("dataverse") if server == _HARVARD else None
        self.asking: dict[str, Any] = {"credential": credential, "explain": self.explain}

    def file(self, listed: _File) -> RemoteFile:
        data = listed.data
        changed = data.original_format is not None
        label = (data.original_name or listed.label) if changed else listed.label
        checksum = data.checksum
        algorithm = _HASHES.get(checksum.type.upper()) if checksum else None
        return RemoteFile(
            name=f"{listed.folder}/{label}" if listed.folder else label,
            url=f"{self.root}/api/access/datafile/{data.id}{'?format=original' * changed}",
            source=f"{self.root}/file.xhtml?fileId={data.id}",
            size_bytes=data.original_size if changed else data.size,
            hash=f"{algorithm}:{checksum.value}" if checksum and algorithm else None,
            **self.asking,
        )

    def explain(self, refusal: Refusal) -> MedshelfError | None:
        if refusal.status in MISSING:
            return missing(refusal.source, self.root)
        if "guestbook" in refusal.text.lower():
            problem = f"{self.page} wants its guestbook filled in first"
            return GateError("rules", problem, "Download the file in a browser", page=self.page)
        if refusal.status not in REFUSED:
            return None
        if refusal.credential is None:
            problem = f"{refusal.source} is restricted, and no token is at hand"
            step = "Ask for access in a browser, then set DATAVERSE_API_TOKEN"
            return GateError("login", problem, step, page=self.page)
        if refusal.status == UNAUTHORIZED:
            return stale_login(refusal, self.root, self.root)
        problem = f"{refusal.source} is restricted, and this account may not have it"
        return GateError("approval", problem, "Ask for access in a browser", page=self.page)

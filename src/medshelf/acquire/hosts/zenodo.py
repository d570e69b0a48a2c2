"""Zenodo: `zenodo:RECORD/FILE`, or `zenodo:RECORD` for all files of a record.

RECORD is the number of a version, not of the concept, which moves to the newest one.

Source: https://developers.zenodo.org/
"""

from __future__ import annotations

from typing import Any
from urllib.parse import unquote

from pydantic import BaseModel

from medshelf.acquire.gates.credentials import find_credential
from medshelf.acquire.gates.refusals import MISSING, REFUSED, missing, says_json
from medshelf.acquire.listing import choose, get_as, host_of, match_address, quoted
from medshelf.acquire.remote import Limits, Refusal, RemoteFile, endpoint
from medshelf.catalog.record import FileRecord
from medshelf.core.errors import GateError, MedshelfError
from medshelf.core.settings import Settings

_FORM = r"zenodo:(?P<record>\d+)(/(?P<path>.+))?"


class _File(BaseModel):
    key: str
    size: int
    checksum: str


class _Answer(BaseModel):
    files: list[_File] = []
    metadata: dict[str, Any] = {}


def resolve(file: FileRecord, settings: Settings) -> tuple[RemoteFile, ...]:
    """Say which files of a record an entry is.

    Raises:
        DownloadError: There is no such record or file.
        GateError: The record's files are not open to everybody.
        OfflineError: The network is switched off or out of reach.
        SettingError: The address has another form.
    """
    match = match_address(file, _FORM, "zenodo:RECORD/FILE")
    path = unquote(match["path"] or "")
    record = _Record(match["record"])
    if path and not file.many and file.hash and file.size_bytes:
        return (record.file(file.name, path, file.size_bytes, file.hash),)
    url = f"{record.root}/api/records/{record.number}"
    answer = get_as(_Answer, url, settings, source=record.page, **record.asking)
    if not answer.files and answer.metadata.get("access_right") not in {None, "open"}:
        raise record.restricted()
    files = [record.file(each.key, each.key, each.size, each.checksum) for each in answer.files]
    return choose(file, files, path, record.page)


class _Record:
    """One record, and how to ask for it."""

    def __init__(self, number: str) -> None:
        self.number = number
        self.root = endpoint("zenodo", "https://zenodo.org")
        self.page = f"{self.root}/records/{number}"
        self.credential = find_credential("zenodo", host_of(self.root))
        self.asking: dict[str, Any] = {
            "credential": self.credential,
            "limits": Limits(requests_per_minute=100 if self.credential else 60),
            "explain": self.explain,
        }

    def file(self, name: str, key: str, size_bytes: int, checksum: str) -> RemoteFile:
        path = quoted(key)
        return RemoteFile(
            name=name,
            url=f"{self.root}/api/records/{self.number}/files/{path}/content",
            source=f"{self.page}/files/{path}",
            size_bytes=size_bytes,
            hash=checksum,
            **self.asking,
        )

    def explain(self, refusal: Refusal) -> MedshelfError | None:
        if refusal.status in REFUSED and says_json(refusal):
            return self.restricted()
        return missing(refusal.source, "Zenodo") if refusal.status in MISSING else None

    def restricted(self) -> GateError:
        step = "Ask for access to the record in a browser"
        if self.credential is None:
            problem = f"The files of {self.page} are restricted, and no token is at hand"
            step += ", then set ZENODO_ACCESS_TOKEN"
        else:
            problem = f"The files of {self.page} are restricted, and this account may not have them"
        return GateError("approval", problem, step, page=self.page)

"""Dataverse: tables as they were uploaded, restricted files, guestbooks, tokens."""

from __future__ import annotations

import hashlib
from collections.abc import Callable
from dataclasses import dataclass

import pytest

from medshelf.core.errors import DownloadError, SettingError
from tests.acquire_hosts.conftest import SECRET
from tests.acquire_hosts.host_checks import gated, refused, resolve, taken
from tests.acquire_hosts.platform_server import Answer, Ask, PlatformServer, go_to, say, send

IMAGES = b"PK images"
TABLE = b"lesion_id,dx\nHAM_1,nv\n"
INGESTED = b"lesion_id\tdx\n"
FILES = {"HAM_part_1.zip": IMAGES, "meta/HAM.csv": TABLE}
DOI = "10.7910/DVN/DBW86T"


@dataclass
class Dataverse:
    """An installation with one dataset.

    Attributes:
        restricted: Files are for those on the list.
        listed: Who has the token is on it.
        guestbook: It must be filled in.
        storage: Where files come from.
    """

    restricted: bool = False
    listed: bool = False
    guestbook: bool = False
    storage: str = ""

    def answer(self, ask: Ask) -> Answer:
        key = ask.headers.get("x-dataverse-key", "")
        if ask.path.startswith("/s3/"):
            return send(ask, {"1": IMAGES, "2": TABLE, "tab": INGESTED}[ask.path[4:]])
        if key not in {"", SECRET}:
            return say({"status": "ERROR", "message": "Bad API key"}, 401)
        if ask.path == "/api/datasets/:persistentId/":
            if ask.query["persistentId"] == f"doi:{DOI}":
                return say({"status": "OK", "data": {"latestVersion": {"files": self.files()}}})
            return say({"status": "ERROR", "message": "not found"}, 404)
        return self.refusal(known=bool(key)) or self.file(ask)

    def refusal(self, *, known: bool) -> Answer | None:
        if self.guestbook:
            message = "You may not download this file without the required Guestbook response."
            return say({"status": "ERROR", "message": message}, 400)
        if self.restricted and not (known and self.listed):
            message = "Not authorized to access this object via this API endpoint."
            return say({"status": "ERROR", "message": message}, 403 if known else 401)
        return None

    def file(self, ask: Ask) -> Answer:
        number = ask.path.removeprefix("/api/access/datafile/")
        if number == "2" and ask.query.get("format") != "original":
            number = "tab"
        return go_to(f"{self.storage}/s3/{number}", 303)

    def files(self) -> list[dict[str, object]]:
        table = {
            "id": 2,
            "filename": "HAM.tab",
            "filesize": len(INGESTED),
            "contentType": "text/tab-separated-values",
            "originalFileFormat": "text/csv",
            "originalFileSize": len(TABLE),
            "originalFileName": "HAM.csv",
            "md5": hashlib.md5(TABLE).hexdigest(),
            "checksum": {"type": "MD5", "value": hashlib.md5(TABLE).hexdigest()},
        }
        images = {
            "id": 1,
            "filename": "HAM_part_1.zip",
            "filesize": len(IMAGES),
            "checksum": {"type": "SHA-1", "value": hashlib.sha1(IMAGES).hexdigest()},
        }
        return [
            {"label": "HAM_part_1.zip", "restricted": self.restricted, "dataFile": images},
            {"label": "HAM.tab", "directoryLabel": "meta", "dataFile": table},
        ]


@pytest.fixture
def dataverse() -> Dataverse:
    return Dataverse()


@pytest.fixture
def server(
    dataverse: Dataverse,
    serve: Callable[[Callable[[Ask], Answer]], PlatformServer],
    monkeypatch: pytest.MonkeyPatch,
) -> PlatformServer:
    server = serve(dataverse.answer)
    dataverse.storage = server.other_name
    monkeypatch.setenv("MEDSHELF_DATAVERSE_ENDPOINT", server.url)
    return server


@pytest.mark.usefixtures("server")
def test_tables_come_as_they_were_uploaded() -> None:
    assert taken(f"dataverse:{DOI}", "*") == FILES
    assert taken(f"dataverse:{DOI}#meta/HAM.csv", "HAM.csv") == {"HAM.csv": TABLE}
    assert [each.hash and each.hash[:4] for each in resolve(f"dataverse:{DOI}", "*")] == [
        "sha1",
        "md5:",
    ]


def test_a_restricted_file(
    dataverse: Dataverse, server: PlatformServer, monkeypatch: pytest.MonkeyPatch
) -> None:
    dataverse.restricted = True
    url = f"dataverse:{DOI}#HAM_part_1.zip"
    gated(url, "login", "restricted", "DATAVERSE_API_TOKEN", f"doi:{DOI}")
    monkeypatch.setenv("DATAVERSE_API_TOKEN", SECRET + "x")
    gated(url, "credential", "DATAVERSE_API_TOKEN")
    monkeypatch.setenv("DATAVERSE_API_TOKEN", SECRET)
    gated(url, "approval", "this account may not", "Ask for access")
    dataverse.listed = True
    assert taken(url) == {"toy.zip": IMAGES}
    elsewhere = [each.headers for each in server.sent_to("localhost")]
    assert elsewhere
    assert all("x-dataverse-key" not in each for each in elsewhere)


def test_another_installation_gets_no_token(
    server: PlatformServer, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("DATAVERSE_API_TOKEN", SECRET)
    assert taken(f"dataverse:dataverse.example.org/{DOI}#HAM_part_1.zip") == {"toy.zip": IMAGES}
    assert all("x-dataverse-key" not in each.headers for each in server.asked)


@pytest.mark.usefixtures("server")
def test_a_guestbook(dataverse: Dataverse) -> None:
    dataverse.guestbook = True
    gated(f"dataverse:{DOI}#HAM_part_1.zip", "rules", "guestbook", "browser")


@pytest.mark.usefixtures("server")
def test_what_is_not_there() -> None:
    refused("dataverse:10.7910/DVN/NONE#a.zip", DownloadError, "DVN/NONE", "does not exist")
    refused(f"dataverse:{DOI}#no.zip", DownloadError, "no.zip", "meta/HAM.csv")
    refused("dataverse:DVN/DBW86T", SettingError, "dataverse:DOI#FILE")

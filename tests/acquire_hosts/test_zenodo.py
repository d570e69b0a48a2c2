"""Zenodo's records: files with MD5, restricted and withdrawn records."""

from __future__ import annotations

import hashlib
import re
from collections.abc import Callable
from dataclasses import dataclass

import pytest

from medshelf.core.errors import DownloadError, OfflineError, SettingError
from tests.acquire_hosts.conftest import SECRET
from tests.acquire_hosts.host_checks import gated, refused, resolve, take, taken
from tests.acquire_hosts.platform_server import Answer, Ask, PlatformServer, go_to, say, send

FILES = {"toy.zip": b"PK toy", "tables/a b.csv": b"id,label\n1,2\n"}


@dataclass
class Zenodo:
    """The records API and the files of one record, 3431873.

    Attributes:
        restricted: Only who has the token sees and gets files.
        storage: Files come from there, by a redirect; empty where they come from here.
        unusual: Requests are met by the page for robots.
    """

    restricted: bool = False
    storage: str = ""
    unusual: bool = False

    def answer(self, ask: Ask) -> Answer:
        if self.unusual:
            return Answer(403, b"<html>Unusual traffic", {"Content-Type": "text/html"})
        return self.api(ask)

    def api(self, ask: Ask) -> Answer:
        allowed = not self.restricted or ask.authorization == f"Bearer {SECRET}"
        if ask.path == "/api/records/3431873":
            return self.record() if allowed else self.record(files=False)
        if ask.path == "/api/records/7":
            return say({"status": 410, "message": "The record has been deleted."}, 410)
        match = re.fullmatch(r"/api/records/3431873/files/(.+)/content", ask.path)
        if match is None or match[1] not in FILES:
            message = "The persistent identifier does not exist."
            return say({"status": 404, "message": message}, 404)
        if not allowed:
            return say({"status": 403, "message": "Permission denied."}, 403)
        if self.storage and "signature" not in ask.query:
            return go_to(f"{self.storage}{ask.path}?signature=0")
        return send(ask, FILES[match[1]])

    def record(self, *, files: bool = True) -> Answer:
        listed = [
            {
                "id": "0",
                "key": name,
                "size": len(content),
                "checksum": f"md5:{hashlib.md5(content).hexdigest()}",
                "links": {"self": f"https://zenodo.org/api/records/3431873/files/{name}/content"},
            }
            for name, content in FILES.items()
        ]
        right = "restricted" if self.restricted else "open"
        fields = {
            "id": 3431873,
            "files": listed if files else [],
            "metadata": {"access_right": right},
        }
        return say(fields, X_RateLimit_Limit="60", X_RateLimit_Remaining="59")


@pytest.fixture
def zenodo() -> Zenodo:
    return Zenodo()


@pytest.fixture
def server(
    zenodo: Zenodo,
    serve: Callable[[Callable[[Ask], Answer]], PlatformServer],
    monkeypatch: pytest.MonkeyPatch,
) -> PlatformServer:
    server = serve(zenodo.answer)
    monkeypatch.setenv("MEDSHELF_ZENODO_ENDPOINT", server.url)
    return server


def test_all_files_of_a_record(server: PlatformServer) -> None:
    assert taken("zenodo:3431873", "*") == FILES
    assert server.lines()[0] == "GET /api/records/3431873"


@pytest.mark.parametrize("path", ["tables/a%20b.csv", "tables/a b.csv"])
@pytest.mark.usefixtures("server")
def test_one_file(path: str) -> None:
    assert taken(f"zenodo:3431873/{path}", "a.csv") == {"a.csv": FILES["tables/a b.csv"]}


def test_what_the_record_knows_is_not_asked_for(server: PlatformServer) -> None:
    md5 = f"md5:{hashlib.md5(FILES['toy.zip']).hexdigest()}"
    (remote,) = resolve("zenodo:3431873/toy.zip", hash=md5, size_bytes=6)
    assert server.asked == []
    assert take(remote) == FILES["toy.zip"]
    assert remote.source == f"{server.url}/records/3431873/files/toy.zip"


def test_guests_and_users_have_different_limits(
    server: PlatformServer, monkeypatch: pytest.MonkeyPatch
) -> None:
    (guest,) = resolve("zenodo:3431873/toy.zip")
    monkeypatch.setenv("ZENODO_ACCESS_TOKEN", SECRET)
    (user,) = resolve("zenodo:3431873/toy.zip")
    assert (guest.limits.requests_per_minute, user.limits.requests_per_minute) == (60, 100)
    assert server.asked[-1].authorization == f"Bearer {SECRET}"


@pytest.mark.usefixtures("server")
def test_a_restricted_record(zenodo: Zenodo, monkeypatch: pytest.MonkeyPatch) -> None:
    zenodo.restricted = True
    error = gated("zenodo:3431873/toy.zip", "approval", "restricted", "ZENODO_ACCESS_TOKEN")
    assert (error.page or "").endswith("/records/3431873")
    monkeypatch.setenv("ZENODO_ACCESS_TOKEN", "other")
    assert "ZENODO" not in str(gated("zenodo:3431873/toy.zip", "approval", "this account"))
    monkeypatch.setenv("ZENODO_ACCESS_TOKEN", SECRET)
    assert taken("zenodo:3431873/toy.zip") == {"toy.zip": FILES["toy.zip"]}


@pytest.mark.usefixtures("server")
def test_a_restricted_file_whose_hash_is_known(zenodo: Zenodo) -> None:
    zenodo.restricted = True
    (remote,) = resolve("zenodo:3431873/toy.zip", hash=f"md5:{'0' * 32}", size_bytes=6)
    with pytest.raises(DownloadError, match="restricted"):
        take(remote)


def test_the_token_stays_with_zenodo(
    zenodo: Zenodo, server: PlatformServer, monkeypatch: pytest.MonkeyPatch
) -> None:
    zenodo.storage = server.other_name
    monkeypatch.setenv("ZENODO_ACCESS_TOKEN", SECRET)
    assert taken("zenodo:3431873/toy.zip") == {"toy.zip": FILES["toy.zip"]}
    (elsewhere,) = server.sent_to("localhost")
    assert elsewhere.authorization == ""
    assert {each.authorization for each in server.sent_to("127")} == {f"Bearer {SECRET}"}


@pytest.mark.usefixtures("server")
@pytest.mark.parametrize("record", ["7", "8"])
def test_a_record_that_is_not_there(record: str) -> None:
    refused(f"zenodo:{record}/toy.zip", DownloadError, f"/records/{record}", "does not exist")


@pytest.mark.usefixtures("server")
def test_a_file_that_is_not_there() -> None:
    refused("zenodo:3431873/other.zip", DownloadError, "other.zip", "toy.zip", "tables/a b.csv")
    refused("zenodo:3431873", DownloadError, "one file only")


@pytest.mark.usefixtures("server")
def test_a_page_for_robots_is_no_restriction(zenodo: Zenodo) -> None:
    zenodo.unusual = True
    error = refused("zenodo:3431873/toy.zip", DownloadError, "403")
    assert "restricted" not in str(error)


@pytest.mark.parametrize("body", [[], {"files": 7}, {"files": [{"key": "a"}]}, "text"])
def test_another_form_of_answer(
    body: object,
    serve: Callable[[Callable[[Ask], Answer]], PlatformServer],
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    monkeypatch.setenv("MEDSHELF_ZENODO_ENDPOINT", serve(lambda _: say(body)).url)
    refused("zenodo:3431873/toy.zip", DownloadError, "unknown form", "newer medshelf")


@pytest.mark.parametrize("url", ["zenodo:", "zenodo:abc/toy.zip", "zenodo://3431873/toy.zip"])
def test_an_address_of_another_form(url: str) -> None:
    refused(url, SettingError, url, "zenodo:RECORD/FILE", "Correct the address")


def test_offline(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("MEDSHELF_OFFLINE", "1")
    refused("zenodo:3431873/toy.zip", OfflineError, "MEDSHELF_OFFLINE")

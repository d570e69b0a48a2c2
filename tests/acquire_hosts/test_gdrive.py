"""Google Drive: the page before large files, used-up quota, files that are not shared."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass

import pytest

from medshelf.core.errors import DownloadError, SettingError
from tests.acquire_hosts.host_checks import gated, refused, resolve, taken
from tests.acquire_hosts.platform_server import HTML, Answer, Ask, PlatformServer, go_to, send

CONTENT = b"PK" + bytes(1000)
ID = "1AbC-d_E"
_WARNING = """<!DOCTYPE html><html><head><title>Google Drive - Virus scan warning</title></head>
<body>
<p class="uc-warning-caption">Google Drive can't scan this file for viruses.</p>
<form id="download-form" action="{action}" method="get">
<input type="submit" id="uc-download-link" value="Download anyway"/>
<input type="hidden" name="id" value="{id}"><input type="hidden" name="export" value="download">
<input type="hidden" name="confirm" value="t"><input type="hidden" name="uuid" value="a&amp;b">
</form></body></html>"""
_QUOTA = """<!DOCTYPE html><html><head><title>Google Drive - Quota exceeded</title></head><body>
<p class="uc-error-caption">Sorry, you can't view or download this file at this time.</p>
<p class="uc-error-subcaption">Too many users have viewed or downloaded this file recently. Please
try accessing the file again later.</p></body></html>"""
_LOGIN = """<!doctype html><html><head><base href="https://accounts.google.com/v3/signin/">
<title>Sign in - Google Accounts</title></head></html>"""


@dataclass
class Drive:
    """Drive with one file.

    Attributes:
        state: small, large (asks first), quota, private, absent, odd.
        action: Where the form of the page leads.
        url: Its own address.
        fails_late: The quota is used up between the question and the download.
    """

    state: str = "small"
    action: str = "/download"
    url: str = ""
    fails_late: bool = False

    def answer(self, ask: Ask) -> Answer:
        if self.state == "absent" or ask.query.get("id") != ID:
            return Answer(404, b"<html>Error 404 (Not Found)", HTML)
        if ask.path == "/uc":
            return go_to(f"{self.url}/download?id={ID}&export=download&confirm=t", 303)
        pages = {"quota": _QUOTA, "private": _LOGIN, "odd": "<html>?</html>"}
        if self.state in pages:
            return Answer(200, pages[self.state].encode(), HTML)
        if self.state == "large" and ask.query.get("uuid") != "a&b":
            return Answer(200, _WARNING.format(action=self.action, id=ID).encode(), HTML)
        if self.fails_late and "range" not in ask.headers:
            return Answer(403, _QUOTA.encode(), HTML)
        return send(ask, CONTENT, Content_Disposition='attachment; filename="a.zip"')


@pytest.fixture
def drive() -> Drive:
    return Drive()


@pytest.fixture
def server(
    drive: Drive,
    serve: Callable[[Callable[[Ask], Answer]], PlatformServer],
    monkeypatch: pytest.MonkeyPatch,
) -> PlatformServer:
    server = serve(drive.answer)
    drive.url = server.url
    monkeypatch.setenv("MEDSHELF_GDRIVE_ENDPOINT", server.url)
    return server


@pytest.mark.parametrize("state", ["small", "large"])
def test_a_file(state: str, drive: Drive, server: PlatformServer) -> None:
    drive.state = state
    assert taken(f"gdrive:{ID}") == {"toy.zip": CONTENT}
    assert resolve(f"gdrive:{ID}")[0].source == f"{server.url}/file/d/{ID}/view"


@pytest.mark.usefixtures("server")
@pytest.mark.parametrize(
    ("state", "kind", "words"),
    [
        ("quota", "quota", ["too many have asked", "24 hours"]),
        ("private", "private", ["not shared", "Ask its owner"]),
    ],
)
def test_pages_instead_of_a_file(state: str, kind: str, words: list[str], drive: Drive) -> None:
    drive.state = state
    gated(f"gdrive:{ID}", kind, *words, f"/file/d/{ID}/view")


@pytest.mark.usefixtures("server")
def test_a_quota_that_ends_between_question_and_download(drive: Drive) -> None:
    drive.fails_late = True
    gated(f"gdrive:{ID}", "quota", "24 hours")


@pytest.mark.usefixtures("server")
def test_a_page_that_nobody_knows(drive: Drive) -> None:
    drive.state = "odd"
    refused(f"gdrive:{ID}", DownloadError, "not understood", "browser")


@pytest.mark.usefixtures("server")
def test_a_form_does_not_lead_away(drive: Drive) -> None:
    drive.state, drive.action = "large", "http://localhost:1/download"
    refused(f"gdrive:{ID}", DownloadError, "not understood")


@pytest.mark.usefixtures("server")
def test_what_is_not_there(drive: Drive) -> None:
    drive.state = "absent"
    refused(f"gdrive:{ID}", DownloadError, f"/file/d/{ID}/view", "does not exist")
    refused("gdrive:https://drive.google.com/file/d/x", SettingError, "gdrive:ID")

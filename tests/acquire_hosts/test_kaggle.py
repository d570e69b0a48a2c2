"""Kaggle's datasets and competitions: tokens, rules, phone numbers, pages of files."""

from __future__ import annotations

import base64
from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path

import pytest

from medshelf.core.errors import DownloadError, SettingError
from tests.acquire_hosts.conftest import SECRET
from tests.acquire_hosts.host_checks import gated, refused, resolve, taken
from tests.acquire_hosts.platform_server import Answer, Ask, PlatformServer, go_to, say, send

FILES = {"train/a b.png": b"\x89PNG", "labels.csv": b"id,label\n", "sub/more.zip": b"PK"}
ALL = b"PK all of it"
_RULES = "You must accept this competition's rules before you'll be able to download files."


@dataclass
class Kaggle:
    """The API with one dataset and one competition.

    Attributes:
        refusal: What an API user is told with 403; empty where nothing is refused.
        public: The dataset needs no token.
        storage: Where files come from.
    """

    refusal: str = ""
    public: bool = False
    storage: str = ""

    def answer(self, ask: Ask) -> Answer:
        if ask.path.startswith("/bucket/"):
            return send(ask, ALL if ask.path == "/bucket/" else FILES[ask.path[8:]])
        known = {f"Bearer {SECRET}", _basic("ada", SECRET)}
        if ask.authorization not in known and not (self.public and not ask.authorization):
            return say({"code": 401, "message": "Unauthenticated"}, 401)
        if self.refusal:
            return say({"code": 403, "message": self.refusal}, 403)
        return self.api(ask, ask.path.removeprefix("/api/v1/"))

    def api(self, ask: Ask, path: str) -> Answer:
        if path in {"datasets/list/ada/scans", "competitions/data/list/rsna"}:
            key = "datasetFiles" if path.startswith("datasets") else "files"
            names = list(FILES)
            page = names[2:] if ask.query.get("pageToken") == "a/b+c=" else names[:2]
            following = "" if ask.query.get("pageToken") else "a/b+c="
            files = [{"name": name, "totalBytes": len(FILES[name])} for name in page]
            return say({key: files, "nextPageToken": following})
        for place in ("datasets/download/ada/scans", "competitions/data/download/rsna"):
            if path.startswith(f"{place}/") and path[len(place) + 1 :] in FILES:
                return self.store(path[len(place) + 1 :])
        if path in {"datasets/download/ada/scans", "competitions/data/download-all/rsna"}:
            return self.store("")
        return say({"code": 404, "message": "Not found"}, 404)

    def store(self, name: str) -> Answer:
        return go_to(f"{self.storage}/bucket/{name.replace(' ', '%20')}?X-Goog-Signature=0")


def _basic(user: str, key: str) -> str:
    return "Basic " + base64.b64encode(f"{user}:{key}".encode()).decode()


@pytest.fixture
def kaggle() -> Kaggle:
    return Kaggle()


@pytest.fixture
def server(
    kaggle: Kaggle,
    serve: Callable[[Callable[[Ask], Answer]], PlatformServer],
    monkeypatch: pytest.MonkeyPatch,
) -> PlatformServer:
    server = serve(kaggle.answer)
    kaggle.storage = server.other_name
    monkeypatch.setenv("KAGGLE_API_ENDPOINT", server.url)
    return server


@pytest.fixture
def token(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("KAGGLE_API_TOKEN", SECRET)


@pytest.mark.parametrize("place", ["kaggle:ada/scans", "kaggle-competition:rsna"])
@pytest.mark.usefixtures("token")
def test_all_files_page_by_page(place: str, server: PlatformServer) -> None:
    assert taken(place, "*") == FILES
    assert len([each for each in server.asked if "/list/" in each.path]) == 2


@pytest.mark.parametrize("place", ["kaggle:ada/scans", "kaggle-competition:rsna"])
@pytest.mark.usefixtures("server", "token")
def test_one_file_and_the_zip_of_all(place: str) -> None:
    assert taken(place) == {"toy.zip": ALL}
    assert taken(f"{place}/train/a b.png", "a.png") == {"a.png": FILES["train/a b.png"]}


@pytest.mark.usefixtures("server", "token")
def test_a_text_file_has_no_known_size() -> None:
    sizes = {each.name: each.size_bytes for each in resolve("kaggle:ada/scans", "*")}
    assert sizes == {"labels.csv": None, "sub/more.zip": 2, "train/a b.png": 4}


@pytest.mark.usefixtures("token")
def test_a_version(server: PlatformServer) -> None:
    assert taken("kaggle:ada/scans@9") == {"toy.zip": ALL}
    assert server.asked[0].query == {"datasetVersionNumber": "9"}
    resolve("kaggle:ada/scans@9", "*")
    assert all(each.query["datasetVersionNumber"] == "9" for each in server.asked[2:])


@pytest.mark.usefixtures("token")
def test_the_token_stays_with_kaggle(server: PlatformServer) -> None:
    assert taken("kaggle-competition:rsna") == {"toy.zip": ALL}
    assert [each.authorization for each in server.sent_to("127")] == [f"Bearer {SECRET}"]
    assert [each.authorization for each in server.sent_to("localhost")] == [""]


@pytest.mark.usefixtures("server")
def test_the_old_key_file(home: Path) -> None:
    path = home / ".kaggle" / "kaggle.json"
    path.parent.mkdir()
    path.write_text(f'{{"username": "ada", "key": "{SECRET}"}}', "utf-8")
    assert taken("kaggle:ada/scans") == {"toy.zip": ALL}


@pytest.mark.usefixtures("server")
def test_a_public_dataset_needs_no_token(kaggle: Kaggle) -> None:
    kaggle.public = True
    assert taken("kaggle:ada/scans") == {"toy.zip": ALL}


@pytest.mark.usefixtures("server")
def test_no_token(monkeypatch: pytest.MonkeyPatch) -> None:
    for url in ("kaggle:ada/scans", "kaggle-competition:rsna/labels.csv"):
        error = gated(url, "login", "no API token", "KAGGLE_API_TOKEN", "kaggle.json")
        assert (error.page or "").endswith("/settings")
    monkeypatch.setenv("KAGGLE_API_TOKEN", SECRET + "x")
    gated("kaggle:ada/scans", "credential", "KAGGLE_API_TOKEN", "/settings")


@pytest.mark.parametrize(
    "message", [_RULES, "Permission 'competitions.participate' was denied", "403 - Forbidden"]
)
@pytest.mark.usefixtures("server", "token")
def test_rules_that_are_not_accepted(message: str, kaggle: Kaggle) -> None:
    kaggle.refusal = message
    for name in ("toy.zip", "*"):
        gated("kaggle-competition:rsna", "rules", "accept its rules", "/rsna/rules", name=name)
    kaggle.refusal = ""
    assert taken("kaggle-competition:rsna") == {"toy.zip": ALL}


@pytest.mark.parametrize(
    ("message", "kind", "words"),
    [
        ("Permission 'datasets.get' was denied", "private", ["not shared", "/ada/scans"]),
        ("You must verify your phone number", "rules", ["phone", "/settings"]),
        ("User consent required", "rules", ["consent", "/ada/scans"]),
    ],
)
@pytest.mark.usefixtures("server", "token")
def test_a_closed_dataset(message: str, kind: str, words: list[str], kaggle: Kaggle) -> None:
    kaggle.refusal = message
    gated("kaggle:ada/scans", kind, *words)


@pytest.mark.usefixtures("server", "token")
def test_what_is_not_there() -> None:
    refused("kaggle:ada/other", DownloadError, "/datasets/ada/other", "does not exist")
    refused("kaggle:ada/scans/no.csv", DownloadError, "no.csv", "does not exist")


@pytest.mark.parametrize("url", ["kaggle:scans", "kaggle-competition:", "kaggle:https://a/b"])
def test_an_address_of_another_form(url: str) -> None:
    refused(url, SettingError, url, "kaggle:OWNER/NAME/FILE")

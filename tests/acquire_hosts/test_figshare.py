"""figshare's articles: files with MD5, private articles, networks that it refuses."""

from __future__ import annotations

import hashlib
from collections.abc import Callable
from dataclasses import dataclass

import pytest

from medshelf.core.errors import DownloadError, SettingError
from tests.acquire_hosts.conftest import SECRET
from tests.acquire_hosts.host_checks import gated, refused, resolve, taken
from tests.acquire_hosts.platform_server import HTML, Answer, Ask, PlatformServer, go_to, say, send

FILES = {"toy.zip": b"PK toy", "labels b.csv": b"id\n"}


@dataclass
class Figshare:
    """The API with article 123 in two versions, and the downloader.

    Attributes:
        private: Only who has the token sees the article.
        robots: The network is refused.
        link_only: The article has only links.
        url: Where files come from.
    """

    private: bool = False
    robots: bool = False
    link_only: bool = False
    url: str = ""

    def answer(self, ask: Ask) -> Answer:
        if ask.path.startswith("/files/"):
            return go_to(f"{self.url}/s3/{ask.path[7:]}?X-Amz-Signature=0")
        if ask.path.startswith("/s3/"):
            return send(ask, list(FILES.values())[int(ask.path[4:])])
        if self.robots:
            return Answer(403, b"<html>Forbidden", HTML)
        if ask.authorization not in {"", f"token {SECRET}"}:
            return say({"code": 0, "message": "Invalid OAuth token"}, 401)
        if self.private and not ask.authorization:
            return say({"code": 0, "message": "Forbidden"}, 403)
        return self.article(ask.path)

    def article(self, path: str) -> Answer:
        if path.startswith("/v2/file/download/"):
            return go_to(f"{self.url}/s3/{path[18:]}?X-Amz-Signature=0")
        if path == "/v2/articles/123/versions/1":
            return say({"id": 123, "version": 1, "files": self.files()[:1]})
        if path == "/v2/articles/123":
            return say({"id": 123, "version": 2, "files": self.files()})
        return say({"message": "Entity not found: article", "code": "EntityNotFound"}, 404)

    def files(self) -> list[dict[str, object]]:
        return [
            {
                "id": number,
                "name": name,
                "size": len(content),
                "is_link_only": self.link_only,
                "download_url": f"{self.url}/files/{number}",
                "supplied_md5": "",
                "computed_md5": hashlib.md5(content).hexdigest(),
                "mimetype": "application/zip",
            }
            for number, (name, content) in enumerate(FILES.items())
        ]


@pytest.fixture
def figshare() -> Figshare:
    return Figshare()


@pytest.fixture
def server(
    figshare: Figshare,
    serve: Callable[[Callable[[Ask], Answer]], PlatformServer],
    monkeypatch: pytest.MonkeyPatch,
) -> PlatformServer:
    server = serve(figshare.answer)
    figshare.url = server.other_name
    monkeypatch.setenv("MEDSHELF_FIGSHARE_ENDPOINT", server.url)
    return server


@pytest.mark.usefixtures("server")
def test_files_and_versions() -> None:
    assert taken("figshare:123", "*") == FILES
    assert taken("figshare:123@1", "*") == {"toy.zip": FILES["toy.zip"]}
    assert taken("figshare:123/labels%20b.csv", "b.csv") == {"b.csv": FILES["labels b.csv"]}
    assert all((each.hash or "").startswith("md5:") for each in resolve("figshare:123", "*"))


def test_a_private_article(
    figshare: Figshare, server: PlatformServer, monkeypatch: pytest.MonkeyPatch
) -> None:
    figshare.private = True
    gated("figshare:123/toy.zip", "login", "private", "FIGSHARE_TOKEN", "/_/123")
    monkeypatch.setenv("FIGSHARE_TOKEN", SECRET + "x")
    gated("figshare:123/toy.zip", "credential", "FIGSHARE_TOKEN")
    monkeypatch.setenv("FIGSHARE_TOKEN", SECRET)
    assert taken("figshare:123/toy.zip") == {"toy.zip": FILES["toy.zip"]}
    assert {each.authorization for each in server.sent_to("localhost")} == {""}


@pytest.mark.usefixtures("server")
def test_a_network_that_is_refused(figshare: Figshare) -> None:
    figshare.robots = True
    gated("figshare:123/toy.zip", "quota", "refuses this network", "another network")


@pytest.mark.usefixtures("server")
def test_a_link_instead_of_a_file(figshare: Figshare) -> None:
    figshare.link_only = True
    gated("figshare:123/toy.zip", "manual", "only a link to toy.zip")


@pytest.mark.usefixtures("server")
def test_what_is_not_there() -> None:
    refused("figshare:9/toy.zip", DownloadError, "/_/9 does not exist")
    refused("figshare:123/no.zip", DownloadError, "no.zip", "labels b.csv")
    refused("figshare:s/c2d3/toy.zip", SettingError, "figshare:ARTICLE@VERSION/FILE")

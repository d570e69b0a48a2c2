"""GitHub: release assets, raw files, files kept with Git LFS, the API's quota."""

from __future__ import annotations

import hashlib
from collections.abc import Callable
from dataclasses import dataclass

import pytest

from medshelf.core.errors import DownloadError, SettingError
from tests.acquire_hosts.conftest import SECRET
from tests.acquire_hosts.host_checks import gated, refused, resolve, taken
from tests.acquire_hosts.platform_server import Answer, Ask, PlatformServer, go_to, say, send

CONTENT = b"PK large" * 1000
POINTER = b"version https://git-lfs.github.com/spec/v1\noid sha256:%s\nsize %d\n" % (
    hashlib.sha256(CONTENT).hexdigest().encode(),
    len(CONTENT),
)
RAW = {"data/a b.csv": b"id,label\n", "data/like-a-pointer.txt": b"x" * len(POINTER)}
ATTRIBUTES = b"*.zip filter=lfs diff=lfs merge=lfs -text\n"
ASSETS = {"toy.zip": b"PK asset", "old.zip": b"PK old"}


@dataclass
class GitHub:
    """All of GitHub's hosts in one, with one repository.

    Attributes:
        lfs: The archive is kept with Git LFS.
        exhausted: The API was asked too often by guests.
        lfs_budget: The owner's LFS traffic is used up.
        truncated: The tree is too long to be listed.
        other: Where assets come from.
    """

    lfs: bool = True
    exhausted: bool = False
    lfs_budget: bool = False
    truncated: bool = False
    other: str = ""

    def answer(self, ask: Ask) -> Answer:
        room, _, path = ask.path[1:].partition("/")
        if room == "api":
            return self.api(ask, path.removeprefix("repos/ada/scans/"))
        if room == "raw":
            name = path.removeprefix("ada/scans/v1/")
            return send(ask, self.files()[name]) if name in self.files() else Answer(404)
        if room == "media":
            if self.lfs_budget:
                text = b"This repository exceeded its LFS budget."
                return Answer(403, text, {"Content-Type": "text/plain"})
            return send(ask, CONTENT)
        name = ask.path.rpartition("/")[2]
        if ask.path.startswith("/cdn/"):
            return send(ask, ASSETS[name])
        return go_to(f"{self.other}/cdn/{name}?sig=0")

    def api(self, ask: Ask, path: str) -> Answer:
        if ask.authorization not in {"", f"Bearer {SECRET}"}:
            return say({"message": "Bad credentials"}, 401)
        if self.exhausted and not ask.authorization:
            message = {"message": "API rate limit exceeded for 127.0.0.1."}
            return say(message, 403, X_RateLimit_Remaining="0")
        if path == "releases/tags/v1.0":
            return say({"assets": [self.asset(name) for name in ASSETS]})
        if path == "git/trees/v1":
            blobs = [self.blob(name, content) for name, content in self.files().items()]
            tree = [{"path": "data", "type": "tree", "sha": "0" * 40}, *blobs]
            return say({"tree": tree, "truncated": self.truncated})
        return say({"message": "Not Found"}, 404)

    def files(self) -> dict[str, bytes]:
        lfs = {".gitattributes": ATTRIBUTES, "images.zip": POINTER}
        return RAW | (lfs if self.lfs else {"images.zip": POINTER})

    def asset(self, name: str) -> dict[str, object]:
        content = ASSETS[name]
        digest = f"sha256:{hashlib.sha256(content).hexdigest()}"
        return {
            "name": name,
            "size": len(content),
            "digest": digest if name == "toy.zip" else None,
            "browser_download_url": f"https://github.com/ada/scans/releases/download/v1.0/{name}",
        }

    def blob(self, name: str, content: bytes) -> dict[str, object]:
        sha = hashlib.sha1(b"blob %d\0" % len(content) + content).hexdigest()
        return {"path": name, "type": "blob", "sha": sha, "size": len(content)}


@pytest.fixture
def github() -> GitHub:
    return GitHub()


@pytest.fixture
def server(
    github: GitHub,
    serve: Callable[[Callable[[Ask], Answer]], PlatformServer],
    monkeypatch: pytest.MonkeyPatch,
) -> PlatformServer:
    server = serve(github.answer)
    github.other = server.other_name
    monkeypatch.setenv("MEDSHELF_GITHUB_ENDPOINT", server.url)
    for room in ("api", "raw", "media"):
        monkeypatch.setenv(f"MEDSHELF_GITHUB_{room.upper()}_ENDPOINT", f"{server.url}/{room}")
    return server


@pytest.mark.usefixtures("server")
def test_assets_of_a_release() -> None:
    assert taken("github:ada/scans/releases/v1.0", "*") == ASSETS
    assert taken("github:ada/scans/releases/v1.0/toy.zip") == {"toy.zip": ASSETS["toy.zip"]}
    hashes = {each.name: each.hash for each in resolve("github:ada/scans/releases/v1.0", "*")}
    assert (hashes["toy.zip"] or "").startswith("sha256:")
    assert hashes["old.zip"] is None


@pytest.mark.usefixtures("server")
def test_raw_files() -> None:
    assert taken("github:ada/scans@v1/data/a b.csv", "a.csv") == {"a.csv": RAW["data/a b.csv"]}


def test_files_kept_with_lfs_come_whole(server: PlatformServer) -> None:
    expected = RAW | {".gitattributes": ATTRIBUTES, "images.zip": CONTENT}
    assert taken("github:ada/scans@v1", "*") == expected
    assert taken("github:ada/scans@v1/images.zip") == {"toy.zip": CONTENT}
    assert any(each.path == "/media/ada/scans/v1/images.zip" for each in server.asked)


def test_without_lfs_small_files_are_not_looked_into(
    github: GitHub, server: PlatformServer
) -> None:
    github.lfs = False
    assert len(resolve("github:ada/scans@v1", "*")) == 3
    assert server.lines() == ["GET /api/repos/ada/scans/git/trees/v1"]


def test_the_quota_and_the_token(
    github: GitHub, server: PlatformServer, monkeypatch: pytest.MonkeyPatch
) -> None:
    github.exhausted = True
    gated("github:ada/scans@v1", "quota", "too often", "GITHUB_TOKEN", name="*")
    monkeypatch.setenv("GITHUB_TOKEN", SECRET + "x")
    gated("github:ada/scans@v1", "credential", "GITHUB_TOKEN", name="*")
    monkeypatch.setenv("GITHUB_TOKEN", SECRET)
    server.asked.clear()
    assert taken("github:ada/scans/releases/v1.0/toy.zip") == {"toy.zip": ASSETS["toy.zip"]}
    others = [each for each in server.asked if not each.path.startswith("/api/")]
    assert {each.authorization for each in others} == {""}


@pytest.mark.usefixtures("server")
def test_lfs_traffic_that_is_used_up(github: GitHub) -> None:
    github.lfs_budget = True
    gated("github:ada/scans@v1/images.zip", "quota", "Git LFS traffic", "/ada/scans")


@pytest.mark.usefixtures("server")
def test_a_tree_too_long_to_list(github: GitHub) -> None:
    github.truncated = True
    refused("github:ada/scans@v1", DownloadError, "more files", "git clone", name="*")
    assert taken("github:ada/scans@v1/data/a b.csv", "a.csv") == {"a.csv": RAW["data/a b.csv"]}


@pytest.mark.usefixtures("server")
def test_what_is_not_there() -> None:
    refused("github:ada/other@v1/a.csv", DownloadError, "/ada/other", "does not exist")
    refused("github:ada/scans@v1/no.csv", DownloadError, "does not have no.csv")
    refused("github:ada/scans/releases/v1.0/no.zip", DownloadError, "no.zip", "toy.zip")
    refused("github:ada/scans", SettingError, "github:OWNER/REPO@REF/FILE")

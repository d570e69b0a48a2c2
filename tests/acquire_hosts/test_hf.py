"""The hub: pages of a tree, LFS and small files, and everything that 401 and 403 can mean."""

from __future__ import annotations

import hashlib
import json
import re
from collections.abc import Callable
from dataclasses import dataclass

import pytest

from medshelf.core.errors import DownloadError, SettingError
from tests.acquire_hosts.conftest import SECRET
from tests.acquire_hosts.host_checks import gated, refused, resolve, taken
from tests.acquire_hosts.platform_server import Answer, Ask, PlatformServer, go_to, say, send

COMMIT = "0123456789abcdef0123456789abcdef01234567"
REPO = "datasets/org/med-set"
LARGE = {"data/train-0.parquet": b"PAR1" * 100, "images/a b.zip": b"PK\x03\x04zip"}
SMALL = {"README.md": b"# card\n", "data/labels.csv": b"id\n1\n"}
FILES = LARGE | SMALL
_FOLDER = {"type": "directory", "oid": "0" * 40, "size": 0, "path": "data"}


@dataclass
class Hub:
    """The hub with one dataset.

    Attributes:
        state: open; gated, private, absent and disabled close it.
        granted: Who has the token is on the list of the gated set.
        waiting: The request of who has the token is not answered yet.
        url: Its own address.
        storage: Where large files come from.
        next_page: Address of the second page of the tree; its own by default.
    """

    state: str = "open"
    granted: bool = False
    waiting: bool = False
    url: str = ""
    storage: str = ""
    next_page: str = ""

    def answer(self, ask: Ask) -> Answer:
        if ask.path.startswith("/cdn/"):
            return send(ask, LARGE[ask.path.removeprefix("/cdn/")])
        return self.refusal(ask) or self.give(ask)

    def refusal(self, ask: Ask) -> Answer | None:
        if ask.authorization not in {"", f"Bearer {SECRET}"}:
            return _error(401, "", "Invalid credentials in Authorization header")
        return self.closed(ask, known=bool(ask.authorization))

    def give(self, ask: Ask) -> Answer:
        if ask.path.startswith(f"/api/{REPO}/"):
            return self.api(ask, ask.path.removeprefix(f"/api/{REPO}/"))
        match = re.fullmatch(rf"/{REPO}/resolve/{COMMIT}/(.+)", ask.path)
        if match is None or match[1] not in FILES:
            return _error(404, "EntryNotFound", "Entry not found")
        entry = _entry(match[1])
        headers = {"X_Repo_Commit": COMMIT, "ETag": f'"{entry["oid"]}"'}
        if match[1] in SMALL:
            return send(ask, SMALL[match[1]], **headers)
        headers["X_Linked_ETag"] = f'"{hashlib.sha256(LARGE[match[1]]).hexdigest()}"'
        headers["X_Linked_Size"] = str(len(LARGE[match[1]]))
        return go_to(f"{self.storage}/cdn/{match[1].replace(' ', '%20')}", 302, **headers)

    def closed(self, ask: Ask, *, known: bool) -> Answer | None:
        if self.state == "disabled":
            return _error(403, "", "Access to this resource is disabled.")
        if self.state == "absent" or (self.state == "private" and not known):
            return _error(404 if known else 401, "RepoNotFound", "Repository not found")
        # The list of a gated set's files is public.
        if self.state != "gated" or "/resolve/" not in ask.path or (known and self.granted):
            return None
        if not known:
            text = "Access to dataset org/med-set is restricted. You must have access to it."
            return _error(401, "GatedRepo", text)
        if self.waiting:
            text = "Your request to access dataset org/med-set is awaiting a review."
        else:
            text = "Access to dataset org/med-set is restricted and you are not in the authorized "
            text += f"list. Visit https://huggingface.co/{REPO} to ask for access."
        return _error(403, "GatedRepo", text)

    def api(self, ask: Ask, path: str) -> Answer:
        kind, _, revision = path.partition("/")
        if kind == "revision":
            if revision in {"main", "v1.0", "refs/convert/parquet"}:
                return say({"id": "org/med-set", "sha": COMMIT})
            return _error(404, "RevisionNotFound", "Invalid rev id")
        if kind == "paths-info":
            wanted = json.loads(ask.body)["paths"]
            entries = [_entry(name) for name in wanted if name in FILES]
            return say(entries + [_FOLDER] * ("data" in wanted))
        names = sorted(FILES)
        if ask.query.get("cursor"):
            return say([_entry(name) for name in names[2:]])
        url = self.next_page or f"{self.url}/api/{REPO}/tree/{COMMIT}"
        link = f'<{url}?recursive=true&cursor=abc>; rel="next"'
        return say([_FOLDER, *(_entry(name) for name in names[:2])], Link=link)


def _error(status: int, code: str, message: str) -> Answer:
    headers = {"X-Error-Message": message} | ({"X-Error-Code": code} if code else {})
    return Answer(status, json.dumps({"error": message}).encode(), headers)


def _entry(name: str) -> dict[str, object]:
    content = FILES[name]
    pointer = content if name in SMALL else b"version https://git-lfs..."
    blob = b"blob %d\0" % len(pointer) + pointer
    entry: dict[str, object] = {"type": "file", "path": name, "size": len(content)}
    entry["oid"] = hashlib.sha1(blob).hexdigest()
    if name in LARGE:
        oid = hashlib.sha256(content).hexdigest()
        entry["lfs"] = {"oid": oid, "size": len(content), "pointerSize": 134}
    return entry


@pytest.fixture
def hub() -> Hub:
    return Hub()


@pytest.fixture
def server(
    hub: Hub,
    serve: Callable[[Callable[[Ask], Answer]], PlatformServer],
    monkeypatch: pytest.MonkeyPatch,
) -> PlatformServer:
    server = serve(hub.answer)
    hub.url, hub.storage = server.url, server.other_name
    monkeypatch.setenv("HF_ENDPOINT", server.url + "/")
    return server


def test_all_files_page_by_page(server: PlatformServer) -> None:
    assert taken(f"hf:{REPO}", "*") == FILES
    assert len([each for each in server.asked if "/tree/" in each.path]) == 2


@pytest.mark.parametrize("name", sorted(FILES))
@pytest.mark.parametrize(
    "revision", ["", "@main", "@v1.0", f"@{COMMIT}", "@refs%2Fconvert%2Fparquet"]
)
@pytest.mark.usefixtures("server")
def test_one_file_of_a_revision(name: str, revision: str) -> None:
    assert taken(f"hf:{REPO}{revision}/{name}", "toy") == {"toy": FILES[name]}


@pytest.mark.usefixtures("server")
def test_files_in_a_folder_of_their_own() -> None:
    expected = {f"part/{name}": content for name, content in FILES.items()}
    assert taken(f"hf:{REPO}@v1.0#part", "part/*") == expected


def test_sources_name_the_commit(server: PlatformServer) -> None:
    (remote,) = resolve(f"hf:{REPO}/README.md")
    assert remote.source == f"{server.url}/{REPO}/blob/{COMMIT}/README.md"


def test_the_token_stays_with_the_hub(
    server: PlatformServer, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("HF_TOKEN", SECRET)
    assert taken(f"hf:{REPO}", "*") == FILES
    assert {each.authorization for each in server.sent_to("127")} == {f"Bearer {SECRET}"}
    assert [each.authorization for each in server.sent_to("localhost")] == ["", ""]


def test_a_list_does_not_lead_away(
    hub: Hub, server: PlatformServer, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("HF_TOKEN", SECRET)
    hub.next_page = f"{server.other_name}/api/{REPO}/tree/{COMMIT}"
    refused(f"hf:{REPO}", DownloadError, "without end", name="*")
    assert server.sent_to("localhost") == []


@pytest.mark.usefixtures("server")
def test_a_gated_set(hub: Hub, monkeypatch: pytest.MonkeyPatch) -> None:
    hub.state = "gated"
    url = f"hf:{REPO}/data/labels.csv"
    error = gated(url, "login", "gated", "accept the terms", "HF_TOKEN", "hf auth login")
    assert (error.page or "").endswith(f"/{REPO}")
    monkeypatch.setenv("HF_TOKEN", SECRET)
    gated(url, "approval", "not on its list", "Ask for access", f"/{REPO}")
    hub.waiting = True
    gated(url, "approval", "not answered", "Wait")
    hub.granted = True
    assert taken(url) == {"toy.zip": SMALL["data/labels.csv"]}


@pytest.mark.usefixtures("server")
def test_a_private_set(hub: Hub, monkeypatch: pytest.MonkeyPatch) -> None:
    hub.state = "private"
    gated(f"hf:{REPO}/README.md", "login", "gated, private or absent", f"/{REPO}")
    monkeypatch.setenv("HF_TOKEN", SECRET)
    assert taken(f"hf:{REPO}/README.md") == {"toy.zip": SMALL["README.md"]}


@pytest.mark.usefixtures("server")
def test_no_such_set(hub: Hub, monkeypatch: pytest.MonkeyPatch) -> None:
    hub.state = "absent"
    gated(f"hf:{REPO}/README.md", "login", "absent")
    monkeypatch.setenv("HF_TOKEN", SECRET)
    refused(f"hf:{REPO}/README.md", DownloadError, f"/{REPO} does not exist", "or is private")


@pytest.mark.usefixtures("server")
def test_a_stale_token(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("HF_TOKEN", SECRET + "x")
    gated(f"hf:{REPO}/README.md", "credential", "HF_TOKEN", "/settings/tokens")


@pytest.mark.usefixtures("server")
def test_a_disabled_set(hub: Hub) -> None:
    hub.state = "disabled"
    refused(f"hf:{REPO}/README.md", DownloadError, "has disabled", f"/{REPO}")


@pytest.mark.usefixtures("server")
def test_no_such_revision_or_file() -> None:
    refused(f"hf:{REPO}@v9/README.md", DownloadError, "does not exist")
    refused(f"hf:{REPO}/other.csv", DownloadError, "does not have other.csv")
    refused(f"hf:{REPO}/data", DownloadError, "does not have data")


@pytest.mark.parametrize("url", ["hf:org/med-set", "hf:datasets/one", "hf:spaces/a/b"])
def test_an_address_of_another_form(url: str) -> None:
    refused(url, SettingError, url, "hf:datasets/ORG/NAME@REVISION/FILE")


@pytest.mark.usefixtures("no_credentials")
def test_the_official_client_finds_the_same(hub: Hub, server: PlatformServer) -> None:
    client = pytest.importorskip("huggingface_hub")
    api = client.HfApi(endpoint=server.url, token=False)
    tree = api.list_repo_tree("org/med-set", repo_type="dataset", revision=COMMIT, recursive=True)
    listed = {each.path: each for each in tree if isinstance(each, client.RepoFile)}
    for remote in resolve(f"hf:{REPO}@{COMMIT}", "*"):
        theirs = listed.pop(remote.name)
        digest = f"sha256:{theirs.lfs.sha256}" if theirs.lfs else f"git-sha1:{theirs.blob_id}"
        assert (remote.size_bytes, remote.hash) == (theirs.size, digest)
    assert not listed
    hub.state = "gated"
    with pytest.raises(client.errors.GatedRepoError):
        api.hf_hub_download("org/med-set", "README.md", repo_type="dataset", revision=COMMIT)
    gated(f"hf:{REPO}@{COMMIT}/README.md", "login")

"""GitHub: `github:OWNER/REPO@REF/FILE` (raw files) and `github:OWNER/REPO/releases/TAG/ASSET`.

REF is a commit, tag or branch; `HEAD` is the default branch. Files that the repository keeps with
Git LFS are noticed (their raw address gives a small pointer) and come from where their content
lies. The API allows 60 requests an hour without a token.

Source: https://docs.github.com/en/rest
"""

from __future__ import annotations

import re
from collections.abc import Iterator
from typing import TypeVar
from urllib.parse import quote, unquote

from pydantic import BaseModel

from medshelf.acquire.asking import ask
from medshelf.acquire.gates.credentials import PLATFORMS, find_credential
from medshelf.acquire.gates.refusals import MISSING, UNAUTHORIZED, missing, stale_login
from medshelf.acquire.listing import choose, get_as, match_address, quoted
from medshelf.acquire.remote import Refusal, RemoteFile, endpoint
from medshelf.catalog.record import FileRecord
from medshelf.core.errors import DownloadError, GateError, MedshelfError
from medshelf.core.settings import Settings

_FORM = (
    r"github:(?P<repo>[\w.-]+/[\w.-]+)"
    r"(/releases/(?P<tag>[^/]+)(/(?P<asset>.+))?|@(?P<ref>[^/]+)(/(?P<path>.+))?)"
)
_POINTER = re.compile(
    rb"version https://git-lfs\.github\.com/spec/v1\n"
    rb"oid sha256:(?P<oid>[0-9a-f]{64})\nsize (?P<size>\d+)\n"
)
_T = TypeVar("_T")
# Of a pointer whose size has 1 to 15 digits.
_POINTER_BYTES = range(126, 141)


class _Asset(BaseModel):
    name: str
    size: int
    digest: str | None = None


class _Release(BaseModel):
    assets: list[_Asset]


class _Blob(BaseModel):
    path: str
    type: str
    sha: str
    size: int = 0


class _Tree(BaseModel):
    tree: list[_Blob]
    truncated: bool = False


def resolve(file: FileRecord, settings: Settings) -> tuple[RemoteFile, ...]:
    """Say which files of a repository or release an entry is.

    Raises:
        DownloadError: There is no such repository, release or file, or too many to list.
        GateError: The repository is private, or the API was asked too often.
        OfflineError: The network is switched off or out of reach.
        SettingError: The address has another form.
    """
    form = "github:OWNER/REPO@REF/FILE or github:OWNER/REPO/releases/TAG/ASSET"
    match = match_address(file, _FORM, form)
    repo = _Repo(match["repo"], settings)
    if match["tag"]:
        tag = unquote(match["tag"])
        where = f"{repo.page}/releases/tag/{tag}"
        return choose(file, repo.assets(tag), unquote(match["asset"] or ""), where)
    path = unquote(match["path"] or "")
    return choose(
        file, repo.files(unquote(match["ref"]), "" if file.many else path), path, repo.page
    )


class _Repo:
    """One repository, and how to ask for it."""

    def __init__(self, name: str, settings: Settings) -> None:
        self.name = name
        self.settings = settings
        self.page = f"{endpoint('github', 'https://github.com')}/{name}"
        self.api = f"{endpoint('github-api', 'https://api.github.com')}/repos/{name}"
        self.raw = f"{endpoint('github-raw', 'https://raw.githubusercontent.com')}/{name}"
        media = endpoint("github-media", "https://media.githubusercontent.com/media")
        self.media = f"{media}/{name}"

    def assets(self, tag: str) -> list[RemoteFile]:
        answer = self.ask(_Release, f"releases/tags/{quote(tag, safe='')}")
        folder = f"{self.page}/releases/download/{quote(tag, safe='')}"
        return [
            RemoteFile(
                name=each.name,
                url=f"{folder}/{quoted(each.name)}",
                source=f"{folder}/{quoted(each.name)}",
                size_bytes=each.size,
                hash=each.digest,
                explain=self.explain,
            )
            for each in answer.assets
        ]

    def files(self, ref: str, path: str) -> Iterator[RemoteFile]:
        """List the files at a ref; only the one at `path` where that is given."""
        reference = quote(ref, safe="")
        answer = self.ask(_Tree, f"git/trees/{reference}?recursive=1")
        if answer.truncated and not any(each.path == path for each in answer.tree):
            problem = f"{self.page} has more files than GitHub lists"
            raise DownloadError(problem, f"Clone it: git clone {self.page}")
        with_lfs = self.keeps_lfs(reference, answer.tree)
        for each in answer.tree:
            if each.type == "blob" and path in {"", each.path}:
                yield self.file(reference, each, with_lfs=with_lfs)

    def keeps_lfs(self, reference: str, tree: list[_Blob]) -> bool:
        if not any(each.path == ".gitattributes" for each in tree):
            return False
        return b"filter=lfs" in self.read(f"{self.raw}/{reference}/.gitattributes")

    def file(self, reference: str, blob: _Blob, *, with_lfs: bool) -> RemoteFile:
        address = f"{reference}/{quoted(blob.path)}"
        url, size_bytes, checksum = f"{self.raw}/{address}", blob.size, f"git-sha1:{blob.sha}"
        if (
            with_lfs
            and blob.size in _POINTER_BYTES
            and (match := _POINTER.fullmatch(self.read(url)))
        ):
            url = f"{self.media}/{address}"
            size_bytes, checksum = int(match["size"]), f"sha256:{match['oid'].decode()}"
        return RemoteFile(
            name=blob.path,
            url=url,
            source=f"{self.page}/blob/{address}",
            size_bytes=size_bytes,
            hash=checksum,
            explain=self.explain,
        )

    def read(self, url: str) -> bytes:
        return ask(url, self.settings, source=url, explain=self.explain).body

    def ask(self, model: type[_T], path: str) -> _T:
        asking = {"credential": find_credential("github"), "explain": self.explain}
        return get_as(model, f"{self.api}/{path}", self.settings, source=self.page, **asking)

    def explain(self, refusal: Refusal) -> MedshelfError | None:
        if refusal.status in MISSING:
            return missing(refusal.source, "GitHub")
        if refusal.status == UNAUTHORIZED:
            return stale_login(refusal, "GitHub", PLATFORMS["github"].page)
        if refusal.headers.get("x-ratelimit-remaining") == "0":
            problem = f"GitHub was asked too often from this network for {self.page}"
            step = "Wait an hour, or set GITHUB_TOKEN, with which one may ask more often"
            return GateError("quota", problem, step)
        if "budget" in refusal.text or "data quota" in refusal.text:
            problem = f"The owner of {self.page} has used up the month's Git LFS traffic"
            return GateError("quota", problem, "Look there for another source", page=self.page)
        return None

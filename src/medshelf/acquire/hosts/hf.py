"""The Hugging Face Hub: `hf:datasets/ORG/NAME@REVISION/FILE#FOLDER`; without a file, all of them.

The hub's HTTP API, without its client. REVISION is a commit, tag or branch (`main` by default), and
is pinned to its commit before anything is listed. All files come into FOLDER, where sets of several
repositories need one for each. `HF_ENDPOINT` names a mirror.

Source: https://huggingface.co/docs/hub/api
"""

from __future__ import annotations

import os
import re
from collections.abc import Iterator
from dataclasses import replace
from typing import Any
from urllib.parse import quote, unquote

from pydantic import BaseModel, TypeAdapter, ValidationError

from medshelf.acquire.asking import ask
from medshelf.acquire.gates.credentials import find_credential
from medshelf.acquire.gates.refusals import (
    FORBIDDEN,
    MISSING,
    NEWER,
    UNAUTHORIZED,
    missing,
    stale_login,
)
from medshelf.acquire.listing import choose, get_as, host_of, match_address, quoted
from medshelf.acquire.remote import Refusal, RemoteFile, endpoint
from medshelf.catalog.record import FileRecord
from medshelf.core.errors import DownloadError, GateError, MedshelfError
from medshelf.core.settings import Settings

_FORM = (
    r"hf:datasets/(?P<repo>[\w.-]+/[\w.-]+)(@(?P<revision>[^/#]+))?(/(?P<path>[^#]+))?"
    r"(#(?P<folder>[\w.-]+))?"
)
_COMMIT = re.compile(r"[0-9a-f]{40}")
_NEXT = re.compile(r'<([^>]+)>\s*;\s*rel="next"')
_MAX_PAGES = 10_000


class _Lfs(BaseModel):
    oid: str
    size: int


class _Entry(BaseModel):
    type: str
    path: str
    oid: str
    size: int
    lfs: _Lfs | None = None


class _Revision(BaseModel):
    sha: str


def resolve(file: FileRecord, settings: Settings) -> tuple[RemoteFile, ...]:
    """Say which files of a repository an entry is.

    Raises:
        DownloadError: There is no such revision or file.
        GateError: The repository is gated, private, or asks for a login.
        OfflineError: The network is switched off or out of reach.
        SettingError: The address has another form.
    """
    match = match_address(file, _FORM, "hf:datasets/ORG/NAME@REVISION/FILE")
    path = unquote(match["path"] or "")
    repo = _Repo(match["repo"], settings)
    commit = repo.pin(unquote(match["revision"] or "main"))
    entries = repo.entries(commit) if file.many or not path else repo.entry(commit, path)
    files = choose(file, [repo.file(commit, each) for each in entries], path, repo.page)
    folder = f"{match['folder']}/" if file.many and match["folder"] else ""
    return tuple(replace(each, name=f"{folder}{each.name}") for each in files)


class _Repo:
    """One dataset repository, and how to ask for it."""

    def __init__(self, name: str, settings: Settings) -> None:
        self.root = endpoint("hf", os.environ.get("HF_ENDPOINT") or "https://huggingface.co")
        self.page = f"{self.root}/datasets/{name}"
        self.api = f"{self.root}/api/datasets/{name}"
        self.settings = settings
        credential = find_credential("hf", host_of(self.root))
        self.asking: dict[str, Any] = {"credential": credential, "explain": self.explain}

    def pin(self, revision: str) -> str:
        if _COMMIT.fullmatch(revision):
            return revision
        url = f"{self.api}/revision/{quote(revision, safe='')}"
        return get_as(_Revision, url, self.settings, source=self.page, **self.asking).sha

    def entry(self, commit: str, path: str) -> list[_Entry]:
        url = f"{self.api}/paths-info/{commit}"
        asking = {"method": "POST", "json": {"paths": [path]}, **self.asking}
        listed = get_as(list[_Entry], url, self.settings, source=self.page, **asking)
        return [each for each in listed if each.type == "file"]

    def entries(self, commit: str) -> Iterator[_Entry]:
        url = f"{self.api}/tree/{commit}?recursive=true"
        for _ in range(_MAX_PAGES):
            answer = ask(url, self.settings, source=self.page, **self.asking)
            try:
                listed = TypeAdapter(list[_Entry]).validate_json(answer.body)
            except ValidationError:
                problem = f"{self.page} lists its files in an unknown form"
                raise DownloadError(problem, NEWER) from None
            yield from (each for each in listed if each.type == "file")
            match = _NEXT.search(answer.headers.get("link", ""))
            if match is None:
                return
            url = match[1]
            # The token goes with every page: only to the hub itself.
            if not url.startswith(f"{self.root}/"):
                break
        raise DownloadError(f"{self.page} lists its files without end", NEWER)

    def file(self, commit: str, entry: _Entry) -> RemoteFile:
        path = quoted(entry.path)
        return RemoteFile(
            name=entry.path,
            url=f"{self.page}/resolve/{commit}/{path}",
            source=f"{self.page}/blob/{commit}/{path}",
            size_bytes=entry.lfs.size if entry.lfs else entry.size,
            hash=f"sha256:{entry.lfs.oid}" if entry.lfs else f"git-sha1:{entry.oid}",
            **self.asking,
        )

    def explain(self, refusal: Refusal) -> MedshelfError | None:
        code = refusal.headers.get("x-error-code", "")
        message = f"{refusal.headers.get('x-error-message', '')} {refusal.text}"
        if refusal.status == UNAUTHORIZED:
            if refusal.credential:
                return stale_login(refusal, "Hugging Face", f"{self.root}/settings/tokens")
            return self._anonymous(gated=code == "GatedRepo")
        if "is disabled" in message:
            return DownloadError(f"Hugging Face has disabled {self.page}", NEWER)
        if refusal.status == FORBIDDEN:
            return self._forbidden(message, gated=code == "GatedRepo")
        return missing(refusal.source, "Hugging Face") if refusal.status in MISSING else None

    def _anonymous(self, *, gated: bool) -> GateError:
        if gated:
            problem = f"{self.page} is gated: its files are for accounts that accepted its terms"
        else:
            problem = f"{self.page} is gated, private or absent: guests are not told"
        step = (
            "Log in, accept the terms in a browser, and set HF_TOKEN to a read token of this "
            "account (or run: hf auth login)"
        )
        return GateError("login", problem, step, page=self.page)

    def _forbidden(self, message: str, *, gated: bool) -> GateError:
        if "awaiting a review" in message:
            problem = f"{self.page} is gated, and its owners have not answered the request yet"
            return GateError("approval", problem, "Wait for their answer", page=self.page)
        if gated or "authorized list" in message:
            problem = f"{self.page} is gated, and this account is not on its list"
            step = "Ask for access in a browser (some owners grant it at once, others by hand)"
            return GateError("approval", problem, step, page=self.page)
        problem = f"{self.page} is private, or the token may not read it"
        return GateError("private", problem, "Check the token's scopes", page=self.page)

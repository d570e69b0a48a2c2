"""What every host's tests do: ask, take the bytes, look at errors, look for the secret."""

from __future__ import annotations

import hashlib
import importlib
import traceback
from pathlib import Path
from typing import Any

import pytest

from medshelf.acquire.asking import ask
from medshelf.acquire.remote import RemoteFile
from medshelf.catalog.record import FileRecord
from medshelf.core.errors import GateError, MedshelfError
from medshelf.core.settings import Settings
from tests.acquire_hosts.conftest import SECRET


def resolve(url: str, name: str = "toy.zip", **fields: Any) -> tuple[RemoteFile, ...]:
    """Ask the host of an address what it is."""
    file = FileRecord(name=name, url=url, **fields)
    module = url.partition(":")[0].partition("-")[0]
    host = importlib.import_module(f"medshelf.acquire.hosts.{module}")
    files: tuple[RemoteFile, ...] = host.resolve(file, Settings.from_environment())
    for each in files:
        assert SECRET not in repr(each)
        assert SECRET not in f"{each.name} {each.source} {dict(each.headers)}"
    return files


def take(remote: RemoteFile) -> bytes:
    """Take the bytes of a small file as the engine does."""
    answer = ask(
        remote.url,
        Settings.from_environment(),
        source=remote.source,
        headers=remote.headers,
        credential=remote.credential,
        limits=remote.limits,
        explain=remote.explain,
        what=remote.name,
    )
    return answer.body


def taken(url: str, name: str = "toy.zip", **fields: Any) -> dict[str, bytes]:
    """Take all files behind an address; what is published of them must be true."""
    contents = {}
    for remote in resolve(url, name, **fields):
        content = take(remote)
        assert remote.size_bytes in {None, len(content)}
        assert remote.hash in {None, *_hashes(content)}
        contents[remote.name] = content
    return contents


def _hashes(content: bytes) -> set[str]:
    names = ("md5", "sha1", "sha256", "sha512")
    blob = b"blob %d\0" % len(content) + content
    hashes = {f"{name}:{hashlib.new(name, content).hexdigest()}" for name in names}
    return hashes | {f"git-sha1:{hashlib.sha1(blob).hexdigest()}"}


def refused(
    url: str, error: type[MedshelfError], *words: str, name: str = "toy.zip"
) -> MedshelfError:
    """Ask for an address and take it, which must fail with an error that says these words."""
    with pytest.raises(error) as caught:
        taken(url, name)
    for word in words:
        assert word in str(caught.value), str(caught.value)
    assert_hidden(caught.value)
    return caught.value


def gated(url: str, kind: str, *words: str, name: str = "toy.zip") -> GateError:
    """Ask for an address, which must be closed by a gate of this kind."""
    error = refused(url, GateError, *words, name=name)
    assert isinstance(error, GateError)
    assert error.kind == kind, str(error)
    return error


def assert_hidden(error: BaseException) -> None:
    """Fail where the text, the traceback or the representation of an error shows the secret."""
    shown = "".join(traceback.format_exception(error, chain=True))
    for each in (shown, repr(error), repr(error.__cause__), repr(vars(error))):
        assert SECRET not in each


def assert_not_written(folder: Path) -> None:
    """Fail where a file below `folder` has the secret in its name or content."""
    for path in sorted(folder.rglob("*")):
        assert SECRET not in path.name
        if path.is_file():
            assert SECRET.encode() not in path.read_bytes(), path

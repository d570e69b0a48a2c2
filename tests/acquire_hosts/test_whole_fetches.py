"""Hosts and engine together: files arrive, gates tell the command, the secret is nowhere."""

from __future__ import annotations

import hashlib
import io
import json
import logging
import zipfile
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest

from medshelf.acquire.fetch import fetch
from medshelf.catalog.record import Record
from medshelf.core.errors import ChecksumError, FormatError, GateError
from medshelf.core.settings import Settings
from tests.acquire_hosts import test_hf as on_hub
from tests.acquire_hosts import test_kaggle as on_kaggle
from tests.acquire_hosts import test_physionet as on_physionet
from tests.acquire_hosts.conftest import SECRET
from tests.acquire_hosts.host_checks import assert_hidden, assert_not_written
from tests.acquire_hosts.platform_server import HTML, Answer, Ask, PlatformServer, send

Serve = Callable[[Callable[[Ask], Answer]], PlatformServer]

_RECORD = {
    "id": "toy",
    "name": "Toy",
    "group": "chest",
    "dimensions": ["2D"],
    "modalities": ["x-ray"],
    "tasks": ["classification"],
    "licence": {"id": "CC-BY-4.0"},
    "access": "open",
}


def _record(url: str, name: str = "toy.zip", **fields: Any) -> Record:
    return Record.model_validate({**_RECORD, "files": [{"name": name, "url": url, **fields}]})


def _fetched(url: str, name: str = "toy.zip") -> dict[str, bytes]:
    folder = fetch(_record(url, name), options={}, settings=Settings.from_environment())
    beside = (".source.json", ".lock", ".txt.lock", "toy.licence.txt")
    return {
        path.relative_to(folder).as_posix(): path.read_bytes()
        for path in sorted(folder.rglob("*"))
        if path.is_file() and not path.name.endswith(beside)
    }


def _gate(url: str, name: str = "toy.zip") -> GateError:
    with pytest.raises(GateError) as caught:
        _fetched(url, name)
    assert "medshelf fetch toy" in str(caught.value)
    assert_hidden(caught.value)
    return caught.value


@pytest.fixture
def quiet(
    caplog: pytest.LogCaptureFixture, capfd: pytest.CaptureFixture[str], tmp_path: Path
) -> Callable[[], None]:
    """Return a function that looks for the secret in all output, logs and files."""
    caplog.set_level(logging.DEBUG)

    def check() -> None:
        shown = capfd.readouterr()
        assert SECRET not in shown.out + shown.err + caplog.text
        for folder in ("home", "cache", "share"):
            assert_not_written(tmp_path / folder)

    return check


def test_hugging_face(
    serve: Serve, monkeypatch: pytest.MonkeyPatch, quiet: Callable[[], None]
) -> None:
    hub = on_hub.Hub(state="gated")
    server = serve(hub.answer)
    hub.url, hub.storage = server.url, server.other_name
    monkeypatch.setenv("HF_ENDPOINT", server.url)
    url = f"hf:{on_hub.REPO}"
    assert _gate(url, "*").kind == "login"
    monkeypatch.setenv("HF_TOKEN", SECRET)
    assert _gate(url, "*").kind == "approval"
    hub.granted = True
    assert _fetched(url, "*") == on_hub.FILES
    assert all(not each.authorization for each in server.sent_to("localhost"))
    quiet()


def test_kaggle(serve: Serve, monkeypatch: pytest.MonkeyPatch, quiet: Callable[[], None]) -> None:
    kaggle = on_kaggle.Kaggle(refusal=on_kaggle._RULES)
    server = serve(kaggle.answer)
    kaggle.storage = server.other_name
    monkeypatch.setenv("KAGGLE_API_ENDPOINT", server.url)
    monkeypatch.setenv("KAGGLE_API_TOKEN", SECRET)
    error = _gate("kaggle-competition:rsna")
    assert (error.kind, error.page) == ("rules", f"{server.url}/competitions/rsna/rules")
    kaggle.refusal = ""
    assert _fetched("kaggle-competition:rsna") == {"toy.zip": on_kaggle.ALL}
    assert all(not each.authorization for each in server.sent_to("localhost"))
    quiet()


def _zipped(name: str, content: bytes) -> bytes:
    stream = io.BytesIO()
    with zipfile.ZipFile(stream, "w") as archive:
        archive.writestr(name, content)
    return stream.getvalue()


_TABLE = b"id,label\n1,0\n"


@pytest.mark.parametrize("facts", [{}, {"size_bytes": len(_TABLE)}])
@pytest.mark.parametrize(
    ("sent", "kept"),
    [
        (_zipped("labels.csv", _TABLE), _TABLE),
        (_TABLE, _TABLE),
        (_zipped("other.csv", _TABLE), None),
    ],
    ids=["zipped", "as it is", "another zip"],
)
def test_a_table_that_kaggle_packs_on_the_way(
    sent: bytes,
    kept: bytes | None,
    facts: dict[str, int],
    serve: Serve,
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    monkeypatch.setenv("KAGGLE_API_ENDPOINT", serve(lambda ask: send(ask, sent)).url)
    record = _record("kaggle:ada/scans/labels.csv", "labels.csv", **facts)
    if kept is None and facts:
        with pytest.raises(ChecksumError, match=r"labels\.csv"):
            fetch(record, options={})
        return
    folder = fetch(record, options={})
    assert (folder / "labels.csv").read_bytes() == (kept or sent)
    assert sorted(each.name for each in sorted(folder.glob("*.part*"))) == []
    lock = json.loads((folder / "files.lock").read_text("utf-8"))["files"]["labels.csv"]
    assert lock["sha256"] == f"sha256:{hashlib.sha256(kept or sent).hexdigest()}"


def test_a_damaged_zip_around_a_table(serve: Serve, monkeypatch: pytest.MonkeyPatch) -> None:
    damaged = _zipped("labels.csv", _TABLE).replace(_TABLE, _TABLE[::-1])
    server = serve(lambda ask: send(ask, damaged))
    monkeypatch.setenv("KAGGLE_API_ENDPOINT", server.url)
    record = _record("kaggle:ada/scans/labels.csv", "labels.csv")
    with pytest.raises(FormatError, match=r"labels\.csv came in is damaged"):
        fetch(record, options={})
    server.answer = lambda ask: send(ask, _zipped("labels.csv", _TABLE))
    assert (fetch(record, options={}) / "labels.csv").read_bytes() == _TABLE


def test_physionet(
    serve: Serve, monkeypatch: pytest.MonkeyPatch, home: Path, quiet: Callable[[], None]
) -> None:
    physionet = on_physionet.PhysioNet(credentialed=True)
    monkeypatch.setenv("MEDSHELF_PHYSIONET_ENDPOINT", serve(physionet.answer).url)
    url = "physionet:vindr-cxr/1.0.0"
    assert _gate(url, "*").kind == "login"
    on_physionet._log_in(home)
    assert _gate(url, "*").kind == "licence"
    physionet.signed = True
    files = {name: content for name, content in on_physionet.FILES.items() if "/" in name}
    assert _fetched(url, "files/*") == files
    quiet()


def test_a_login_page_instead_of_an_archive(serve: Serve, monkeypatch: pytest.MonkeyPatch) -> None:
    page = Answer(200, b"<!DOCTYPE html><html>Sign in", HTML)
    monkeypatch.setenv("KAGGLE_API_ENDPOINT", serve(lambda _: page).url)
    assert _gate("kaggle:ada/scans").kind == "login"
    monkeypatch.setenv("KAGGLE_API_TOKEN", SECRET)
    assert _gate("kaggle:ada/scans").kind == "credential"


def test_by_hand(tmp_path: Path) -> None:
    error = _gate("manual:synapse/syn3193805", "RawData.zip")
    folder = tmp_path / "home" / "raw" / "toy"
    assert "https://www.synapse.org/Synapse:syn3193805" in str(error)
    assert f"put it into {folder}" in str(error)
    folder.mkdir(parents=True, exist_ok=True)
    (folder / "RawData.zip").write_bytes(b"PK placed")
    assert _fetched("manual:synapse/syn3193805", "RawData.zip")["RawData.zip"] == b"PK placed"

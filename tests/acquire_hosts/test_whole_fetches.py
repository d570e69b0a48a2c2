"""Hosts and engine together: files arrive, gates tell the command, the secret is nowhere."""

from __future__ import annotations

import logging
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest

from medshelf.acquire.fetch import fetch
from medshelf.catalog.record import Record
from medshelf.core.errors import GateError
from medshelf.core.settings import Settings
from tests.acquire_hosts import test_hf as on_hub
from tests.acquire_hosts import test_kaggle as on_kaggle
from tests.acquire_hosts import test_physionet as on_physionet
from tests.acquire_hosts.conftest import SECRET
from tests.acquire_hosts.host_checks import assert_hidden, assert_not_written
from tests.acquire_hosts.platform_server import HTML, Answer, Ask, PlatformServer

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

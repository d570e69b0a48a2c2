"""A server, records whose files it holds, and the settings of the test's environment."""

from __future__ import annotations

import shutil
import subprocess
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import pytest

from medshelf.acquire.hosts import http
from medshelf.acquire.transfers import backoff
from medshelf.catalog.record import Record
from medshelf.core.settings import Settings
from tests.acquire.misbehaving_server import CONTENT, CONTENT_MD5, MisbehavingServer, running

_RECORD = {
    "id": "toy",
    "name": "Toy",
    "group": "chest",
    "version": "1.0",
    "homepage": "https://example.org/toy",
    "dimensions": ["2D"],
    "channels": 1,
    "sample_unit": "image",
    "modalities": ["x-ray"],
    "tasks": ["classification"],
    "label_tasks": [{"kind": "binary", "classes": ["no", "yes"]}],
    "splits": {"train": 1},
    "licence": {"id": "CC-BY-4.0"},
    "access": "open",
    "bibtex": "@misc{toy, title = {Toy}}",
    "reader": {"name": "medmnist-npz"},
}


@pytest.fixture
def server() -> Iterator[MisbehavingServer]:
    with running() as server:
        yield server


@pytest.fixture
def settings() -> Settings:
    return Settings.from_environment()


@pytest.fixture
def make_record() -> Callable[..., Record]:
    """Return a function that makes a record of one file; keywords replace the file's fields."""

    def make(url: str, **fields: Any) -> Record:
        file = {"name": "toy.npz", "url": url, "hash": CONTENT_MD5, "size_bytes": len(CONTENT)}
        return Record.model_validate({**_RECORD, "files": [{**file, **fields}]})

    return make


@pytest.fixture
def mount_disk(tmp_path: Path) -> Iterator[Callable[[str], Path]]:
    """Return a function that mounts a small disk; the test is skipped where that is forbidden."""
    folder = tmp_path / "disk"
    folder.mkdir()
    mounted = False

    def mount(options: str) -> Path:
        nonlocal mounted
        command = ["mount", "-t", "tmpfs", "-o", options, "tmpfs", str(folder)]
        try:
            mounted = subprocess.run(command, capture_output=True, check=False).returncode == 0
        except FileNotFoundError:
            mounted = False
        if not mounted:
            pytest.skip("this user may not mount a tmpfs")
        return folder

    yield mount
    if mounted:
        subprocess.run(["umount", str(folder)], check=True)


@pytest.fixture(autouse=True)
def short_delays(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(backoff, "BASE_DELAY_S", 0.02)


@pytest.fixture
def target(tmp_path: Path) -> Path:
    folder = tmp_path / "raw"
    folder.mkdir()
    return folder / "toy.npz.part"


@pytest.fixture
def download(
    server: MisbehavingServer,
    make_record: Callable[..., Record],
    target: Path,
    settings: Settings,
) -> Callable[..., None]:
    def run(behaviour: str, **fields: object) -> None:
        http.fetch(make_record(server.url(behaviour), **fields).files[0], target, settings)

    return run


@pytest.fixture
def certificate(tmp_path: Path) -> Path:
    if shutil.which("openssl") is None:
        pytest.skip("openssl, which makes the certificate, is not installed")
    path = tmp_path / "certificate.pem"
    command = "openssl req -x509 -newkey ec -pkeyopt ec_paramgen_curve:prime256v1 -nodes -days 2"
    extensions = ["subjectAltName=IP:127.0.0.1", "keyUsage=critical,digitalSignature,keyCertSign"]
    names = ["-subj", "/CN=127.0.0.1", "-keyout", str(tmp_path / "key.pem"), "-out", str(path)]
    added = [word for each in extensions for word in ("-addext", each)]
    subprocess.run([*command.split(), *names, *added], check=True, capture_output=True)
    return path

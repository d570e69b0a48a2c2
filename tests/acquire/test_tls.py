"""https: a server must prove who it is, and nothing leads from there to plain http."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from pathlib import Path

import pytest

from medshelf.acquire.hosts import http
from medshelf.catalog.record import Record
from medshelf.core.errors import DownloadError
from medshelf.core.settings import Settings
from tests.acquire.misbehaving_server import CONTENT, MisbehavingServer, running


@pytest.fixture
def secure_server(certificate: Path) -> Iterator[MisbehavingServer]:
    def prepare(server: MisbehavingServer) -> None:
        server.use_tls(certificate, certificate.with_name("key.pem"))

    with running(prepare) as server:
        yield server


def test_an_unknown_certificate_is_refused(
    secure_server: MisbehavingServer,
    make_record: Callable[..., Record],
    settings: Settings,
    tmp_path: Path,
) -> None:
    url = secure_server.url("normal")
    with pytest.raises(DownloadError) as caught:
        http.fetch(make_record(url).files[0], tmp_path / "part", settings)
    for word in (url, "could not prove", "SSL_CERT_FILE"):
        assert word in str(caught.value)
    assert secure_server.requests == []


def test_a_network_with_its_own_certificates(
    secure_server: MisbehavingServer,
    make_record: Callable[..., Record],
    settings: Settings,
    tmp_path: Path,
    certificate: Path,
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    monkeypatch.setenv("SSL_CERT_FILE", str(certificate))
    http.fetch(make_record(secure_server.url("normal")).files[0], tmp_path / "part", settings)
    assert (tmp_path / "part").read_bytes() == CONTENT


def test_a_redirect_to_plain_http_is_refused(
    secure_server: MisbehavingServer,
    make_record: Callable[..., Record],
    settings: Settings,
    tmp_path: Path,
    certificate: Path,
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    monkeypatch.setenv("SSL_CERT_FILE", str(certificate))
    url = secure_server.url("redirect-to-plain")
    with pytest.raises(DownloadError) as caught:
        http.fetch(make_record(url).files[0], tmp_path / "part", settings)
    for word in (url, "http://127.0.0.1:9/toy.npz", "not encrypted", "MEDSHELF_DATA"):
        assert word in str(caught.value)
    assert not (tmp_path / "part").exists()

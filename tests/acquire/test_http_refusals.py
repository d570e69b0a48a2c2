"""The download engine: answers that are not the file, and disks that cannot hold it."""

from __future__ import annotations

import socket
import time
from collections.abc import Callable
from dataclasses import replace
from pathlib import Path

import pytest

from medshelf.acquire.hosts import http
from medshelf.acquire.transfers import partial
from medshelf.catalog.record import Record
from medshelf.core.errors import (
    DownloadError,
    OfflineError,
    SettingError,
    StorageError,
)
from medshelf.core.settings import Settings
from tests.acquire.messages import assert_says
from tests.acquire.misbehaving_server import CONTENT, MisbehavingServer

HALF = len(CONTENT) // 2


def test_down_for_ever(
    download: Callable[..., None], server: MisbehavingServer, target: Path
) -> None:
    with pytest.raises(DownloadError) as caught:
        download("down")
    assert_says(caught.value, server.url("down"), "503", "again later")
    assert len(server.requests) == 5
    assert not target.exists()


@pytest.mark.parametrize(
    ("status", "remedy"),
    [
        ("401", "registration"),
        ("403", "registration"),
        ("404", "newer medshelf"),
        ("410", "newer medshelf"),
        ("418", "in a browser"),
    ],
)
def test_a_refusal_is_not_repeated(
    status: str, remedy: str, download: Callable[..., None], server: MisbehavingServer
) -> None:
    with pytest.raises(DownloadError) as caught:
        download(status)
    assert_says(caught.value, server.url(status), f"answered {status}", remedy)
    assert len(server.requests) == 1


@pytest.mark.parametrize("behaviour", ["page", "unnamed-page"])
def test_a_web_page_is_not_the_file(
    behaviour: str, download: Callable[..., None], server: MisbehavingServer, target: Path
) -> None:
    with pytest.raises(DownloadError) as caught:
        download(behaviour)
    assert_says(caught.value, server.url(behaviour), "toy.npz", "login page", "captive portal")
    assert_says(caught.value, "MEDSHELF_DATA")
    assert not target.exists()


def test_a_web_page_does_not_cost_the_part(
    server: MisbehavingServer,
    make_record: Callable[..., Record],
    target: Path,
    settings: Settings,
) -> None:
    file = make_record(server.url("page")).files[0]
    memo = partial.Memo(url=file.url, validator='"v0"', size_bytes=len(CONTENT))
    partial.start(target, memo)
    target.write_bytes(CONTENT[:HALF])
    with pytest.raises(DownloadError):
        http.fetch(file, target, settings)
    assert target.read_bytes() == CONTENT[:HALF]


def test_a_page_that_is_wanted_is_fetched(download: Callable[..., None], target: Path) -> None:
    download("page", name="index.html", hash=None, size_bytes=None)
    assert b"Please log in" in target.read_bytes()


def test_a_wrong_length_is_refused_before_the_body(
    download: Callable[..., None], target: Path
) -> None:
    with pytest.raises(DownloadError) as caught:
        download("wrong-length")
    assert_says(caught.value, "299,999 bytes", "toy.npz has 300,000", "newer medshelf")
    assert not target.exists()


def test_more_bytes_than_published_are_refused(download: Callable[..., None], target: Path) -> None:
    with pytest.raises(DownloadError) as caught:
        download("unframed-long")
    assert_says(caught.value, "more than the 300,000 bytes of toy.npz", "report it")
    assert not target.exists()


def test_without_content_length_the_published_length_tells_a_cut(
    download: Callable[..., None], server: MisbehavingServer, target: Path
) -> None:
    download("unframed-cut-once")
    assert target.read_bytes() == CONTENT
    assert len(server.requests) == 2


def test_without_any_length(download: Callable[..., None], target: Path) -> None:
    download("unframed", hash=None, size_bytes=None)
    assert target.read_bytes() == CONTENT


def test_an_empty_answer_is_no_file(
    download: Callable[..., None], server: MisbehavingServer, target: Path
) -> None:
    download("empty", hash=None, size_bytes=None)
    assert target.read_bytes() == CONTENT
    assert len(server.requests) == 2


def test_redirect(download: Callable[..., None], server: MisbehavingServer, target: Path) -> None:
    download("redirect")
    assert target.read_bytes() == CONTENT
    assert [request.status for request in server.requests] == [302, 200]


@pytest.mark.parametrize(
    "behaviour", ["redirect-for-ever", "redirect-to-no-name", "redirect-with-odd-cookie"]
)
def test_redirects_that_lead_nowhere(
    behaviour: str, download: Callable[..., None], server: MisbehavingServer
) -> None:
    with pytest.raises(DownloadError) as caught:
        download(behaviour)
    assert_says(caught.value, server.url(behaviour), "leads nowhere", "report it")


@pytest.mark.parametrize("url", ["http://", "http://127.0.0.1:none/toy.npz"])
def test_an_address_that_is_none(
    url: str, make_record: Callable[..., Record], target: Path, settings: Settings
) -> None:
    with pytest.raises(DownloadError) as caught:
        http.fetch(make_record(url).files[0], target, settings)
    assert_says(caught.value, url, "leads nowhere", "report it")


def test_no_network(make_record: Callable[..., Record], target: Path, settings: Settings) -> None:
    with socket.socket() as free:
        free.bind(("127.0.0.1", 0))
        url = f"http://127.0.0.1:{free.getsockname()[1]}/toy.npz"
    begin = time.monotonic()
    with pytest.raises(OfflineError) as caught:
        http.fetch(make_record(url).files[0], target, settings)
    assert time.monotonic() - begin < 1
    assert_says(caught.value, "No network", url, "proxy", "MEDSHELF_DATA")


def test_offline_opens_no_connection(
    server: MisbehavingServer,
    make_record: Callable[..., Record],
    target: Path,
    settings: Settings,
) -> None:
    file = make_record(server.url("normal")).files[0]
    with pytest.raises(OfflineError) as caught:
        http.fetch(file, target, replace(settings, offline=True))
    assert_says(caught.value, file.url, "Unset MEDSHELF_OFFLINE", "MEDSHELF_DATA")
    assert server.requests == []


@pytest.mark.parametrize("variable", ["MEDSHELF_DOWNLOAD_TRIES", "MEDSHELF_DOWNLOAD_TIMEOUT_S"])
@pytest.mark.parametrize("value", ["0", "-1", "many", "1.5"])
def test_odd_variables(
    variable: str,
    value: str,
    download: Callable[..., None],
    server: MisbehavingServer,
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    monkeypatch.setenv(variable, value)
    with pytest.raises(SettingError) as caught:
        download("normal")
    assert_says(caught.value, f"{variable}={value}", "unset it")
    assert server.requests == []


def test_a_full_disk_is_seen_before_the_body(
    server: MisbehavingServer,
    make_record: Callable[..., Record],
    mount_disk: Callable[[str], Path],
    settings: Settings,
) -> None:
    disk = mount_disk("size=200k")
    with pytest.raises(StorageError) as caught:
        http.fetch(make_record(server.url("normal")).files[0], disk / "toy.npz.part", settings)
    assert_says(caught.value, str(disk), "300,000 are needed", "Free some disk space")


def test_a_disk_that_fills_up(
    server: MisbehavingServer,
    make_record: Callable[..., Record],
    mount_disk: Callable[[str], Path],
    settings: Settings,
) -> None:
    disk = mount_disk("size=200k")
    file = make_record(server.url("unframed"), size_bytes=None).files[0]
    with pytest.raises(StorageError) as caught:
        http.fetch(file, disk / "toy.npz.part", settings)
    assert_says(caught.value, str(disk), "No space left", "Free some disk space")


def test_a_read_only_disk(
    server: MisbehavingServer,
    make_record: Callable[..., Record],
    mount_disk: Callable[[str], Path],
    settings: Settings,
) -> None:
    disk = mount_disk("ro")
    with pytest.raises(StorageError) as caught:
        http.fetch(make_record(server.url("normal")).files[0], disk / "toy.npz.part", settings)
    assert_says(caught.value, str(disk), "Read-only", "MEDSHELF_HOME")

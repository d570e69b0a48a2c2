"""The download engine against a server that does everything wrong, one thing at a time."""

from __future__ import annotations

import socket
import time
from collections.abc import Callable
from dataclasses import replace
from pathlib import Path

import pytest
from misbehaving_server import CONTENT, OTHER_CONTENT, MisbehavingServer

from medshelf import __version__
from medshelf.acquire import backoff, partial
from medshelf.acquire.hosts import http
from medshelf.catalog.record import FileRecord, Record
from medshelf.core.errors import (
    DownloadError,
    MedshelfError,
    OfflineError,
    SettingError,
    StorageError,
)
from medshelf.core.settings import Settings

HALF = len(CONTENT) // 2


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
        http.fetch(file_of(make_record(server.url(behaviour), **fields)), target, settings)

    return run


def file_of(record: Record) -> FileRecord:
    return record.files[0]


def ranges(server: MisbehavingServer) -> list[str | None]:
    return [request.headers.get("Range") for request in server.requests]


def assert_says(error: MedshelfError, *words: str) -> None:
    text = str(error)
    for word in words:
        assert word in text, text


def test_normal(download: Callable[..., None], server: MisbehavingServer, target: Path) -> None:
    download("normal")
    assert target.read_bytes() == CONTENT
    (request,) = server.requests
    assert request.headers["User-Agent"].startswith(f"medshelf/{__version__} (+")
    assert request.headers["Accept-Encoding"] == "identity"


@pytest.mark.parametrize("behaviour", ["cut-once", "cut-once-dated", "stalls-once"])
def test_a_broken_download_goes_on_with_the_rest_only(
    behaviour: str,
    download: Callable[..., None],
    server: MisbehavingServer,
    target: Path,
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    monkeypatch.setenv("MEDSHELF_DOWNLOAD_TIMEOUT_S", "1")
    download(behaviour)
    assert target.read_bytes() == CONTENT
    assert ranges(server) == [None, f"bytes={HALF}-"]
    assert sum(request.n_bytes for request in server.requests) == len(CONTENT)


@pytest.mark.parametrize("behaviour", ["cut-once-bare", "cut-once-weak"])
def test_without_a_strong_validator_it_begins_anew(
    behaviour: str, download: Callable[..., None], server: MisbehavingServer, target: Path
) -> None:
    download(behaviour)
    assert target.read_bytes() == CONTENT
    assert ranges(server) == [None, None]


def test_a_server_that_ignores_the_range(
    download: Callable[..., None], server: MisbehavingServer, target: Path
) -> None:
    download("cut-once-no-range")
    assert target.read_bytes() == CONTENT
    assert [request.status for request in server.requests] == [200, 200]
    assert ranges(server) == [None, f"bytes={HALF}-"]


def test_a_wrong_content_range_is_never_appended(
    download: Callable[..., None], server: MisbehavingServer, target: Path
) -> None:
    download("cut-once-wrong-range")
    assert target.read_bytes() == CONTENT
    assert ranges(server) == [None, f"bytes={HALF}-", None]


def test_a_file_that_changed_meanwhile_begins_anew(
    download: Callable[..., None], server: MisbehavingServer, target: Path
) -> None:
    download("changes")
    assert target.read_bytes() == CONTENT
    assert [request.status for request in server.requests] == [200, 200]


def test_a_range_that_cannot_be_satisfied_begins_anew(
    server: MisbehavingServer,
    make_record: Callable[..., Record],
    target: Path,
    settings: Settings,
) -> None:
    file = file_of(make_record(server.url("416-to-ranges")))
    partial.start(target, partial.Memo(url=file.url, validator='"v0"', size_bytes=None))
    target.write_bytes(CONTENT + b"too much")
    http.fetch(file, target, settings)
    assert target.read_bytes() == CONTENT
    assert [request.status for request in server.requests] == [416, 200]


def test_a_part_of_another_address_is_not_used(
    server: MisbehavingServer,
    make_record: Callable[..., Record],
    target: Path,
    settings: Settings,
) -> None:
    memo = partial.Memo(url="http://127.0.0.1/other", validator='"v0"', size_bytes=len(CONTENT))
    partial.start(target, memo)
    target.write_bytes(OTHER_CONTENT[:HALF])
    http.fetch(file_of(make_record(server.url("normal"))), target, settings)
    assert target.read_bytes() == CONTENT
    assert ranges(server) == [None]


@pytest.mark.parametrize("memo", ["", "{", '{"url": 1}', "[]"])
def test_a_damaged_memo_makes_the_part_worthless(
    memo: str, download: Callable[..., None], server: MisbehavingServer, target: Path
) -> None:
    target.write_bytes(OTHER_CONTENT[:HALF])
    partial.memo_path(target).write_text(memo)
    download("normal")
    assert target.read_bytes() == CONTENT
    assert ranges(server) == [None]


def test_a_whole_part_is_not_fetched_again(
    download: Callable[..., None], server: MisbehavingServer, target: Path
) -> None:
    download("normal")
    download("normal")
    assert len(server.requests) == 1
    assert target.read_bytes() == CONTENT


def test_cut_for_ever_ends_after_the_bounded_tries(
    download: Callable[..., None],
    server: MisbehavingServer,
    target: Path,
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    monkeypatch.setenv("MEDSHELF_DOWNLOAD_TRIES", "3")
    with pytest.raises(DownloadError) as caught:
        download("cut-always")
    assert_says(caught.value, server.url("cut-always"), "broke off", "goes on where this one")
    assert len(server.requests) == 3
    assert target.read_bytes() == CONTENT[: len(CONTENT) * 7 // 8]


def test_busy_then_ready(
    download: Callable[..., None], server: MisbehavingServer, target: Path
) -> None:
    download("busy-twice")
    assert target.read_bytes() == CONTENT
    assert [request.status for request in server.requests] == [429, 429, 200]


def test_retry_after_seconds_are_waited(download: Callable[..., None], target: Path) -> None:
    begin = time.monotonic()
    download("busy-a-second")
    assert time.monotonic() - begin >= 1
    assert target.read_bytes() == CONTENT


def test_retry_after_a_date_that_has_passed(download: Callable[..., None], target: Path) -> None:
    download("busy-until")
    assert target.read_bytes() == CONTENT


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
    file = file_of(make_record(server.url("page")))
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


def test_redirects_without_end(download: Callable[..., None], server: MisbehavingServer) -> None:
    with pytest.raises(DownloadError) as caught:
        download("redirect-for-ever")
    assert_says(caught.value, server.url("redirect-for-ever"), "leads nowhere", "report it")


@pytest.mark.parametrize("url", ["http://", "http://127.0.0.1:99999/toy.npz"])
def test_an_address_that_is_none(
    url: str, make_record: Callable[..., Record], target: Path, settings: Settings
) -> None:
    with pytest.raises(DownloadError) as caught:
        http.fetch(file_of(make_record(url)), target, settings)
    assert_says(caught.value, url, "leads nowhere", "report it")


def test_no_network(make_record: Callable[..., Record], target: Path, settings: Settings) -> None:
    with socket.socket() as free:
        free.bind(("127.0.0.1", 0))
        url = f"http://127.0.0.1:{free.getsockname()[1]}/toy.npz"
    begin = time.monotonic()
    with pytest.raises(OfflineError) as caught:
        http.fetch(file_of(make_record(url)), target, settings)
    assert time.monotonic() - begin < 1
    assert_says(caught.value, "No network", url, "proxy", "MEDSHELF_DATA")


def test_offline_opens_no_connection(
    server: MisbehavingServer,
    make_record: Callable[..., Record],
    target: Path,
    settings: Settings,
) -> None:
    file = file_of(make_record(server.url("normal")))
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
        http.fetch(file_of(make_record(server.url("normal"))), disk / "toy.npz.part", settings)
    assert_says(caught.value, str(disk), "300,000 are needed", "Free some disk space")


def test_a_disk_that_fills_up(
    server: MisbehavingServer,
    make_record: Callable[..., Record],
    mount_disk: Callable[[str], Path],
    settings: Settings,
) -> None:
    disk = mount_disk("size=200k")
    file = file_of(make_record(server.url("unframed"), size_bytes=None))
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
        http.fetch(file_of(make_record(server.url("normal"))), disk / "toy.npz.part", settings)
    assert_says(caught.value, str(disk), "Read-only", "MEDSHELF_HOME")

"""The download engine: broken lines, changed files, busy servers; never a wrong byte appended."""

from __future__ import annotations

import time
from collections.abc import Callable
from pathlib import Path

import pytest

from medshelf.acquire.hosts import http
from medshelf.acquire.transfers import partial
from medshelf.catalog.record import Record
from medshelf.core.errors import (
    DownloadError,
)
from medshelf.core.settings import Settings
from medshelf.core.version import __version__
from tests.acquire.messages import assert_says
from tests.acquire.misbehaving_server import CONTENT, MOMENT, OTHER_CONTENT, MisbehavingServer

HALF = len(CONTENT) // 2


def ranges(server: MisbehavingServer) -> list[str | None]:
    return [request.headers.get("Range") for request in server.requests]


def test_normal(download: Callable[..., None], server: MisbehavingServer, target: Path) -> None:
    download("normal")
    assert target.read_bytes() == CONTENT
    (request,) = server.requests
    assert request.headers["User-Agent"].startswith(f"medshelf/{__version__} (+")
    assert request.headers["Accept-Encoding"] == "identity"


@pytest.mark.parametrize(
    ("behaviour", "validator"),
    [("cut-once", '"v0"'), ("cut-once-dated", MOMENT), ("stalls-once", '"v0"')],
)
def test_a_broken_download_goes_on_with_the_rest_only(
    behaviour: str,
    validator: str,
    download: Callable[..., None],
    server: MisbehavingServer,
    target: Path,
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    monkeypatch.setenv("MEDSHELF_DOWNLOAD_TIMEOUT_S", "1")
    download(behaviour)
    assert target.read_bytes() == CONTENT
    assert ranges(server) == [None, f"bytes={HALF}-"]
    assert server.requests[1].headers["If-Range"] == validator
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
    file = make_record(server.url("416-to-ranges")).files[0]
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
    http.fetch(make_record(server.url("normal")).files[0], target, settings)
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

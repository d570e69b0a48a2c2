"""Processes that are killed, that meet, and that hit a limit."""

from __future__ import annotations

import subprocess
import sys
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from pathlib import Path

import pytest

from medshelf.acquire.fetch import fetch
from medshelf.catalog.record import Record
from medshelf.core.settings import Settings
from tests.acquire import fetch_program
from tests.acquire.misbehaving_server import CONTENT, MisbehavingServer

WAIT_S = 30


@pytest.fixture
def record(make_record: Callable[..., Record], server: MisbehavingServer) -> Record:
    return make_record(server.url("slow"))


@contextmanager
def fetching(record: Record, folder: Path, *arguments: str) -> Iterator[subprocess.Popen[str]]:
    path = folder / "record.json"
    path.write_text(record.model_dump_json(), "utf-8")
    process = subprocess.Popen(
        [sys.executable, fetch_program.__file__, str(path), *arguments],
        stdout=subprocess.PIPE,
        stderr=subprocess.PIPE,
        text=True,
    )
    with process:
        try:
            yield process
        finally:
            process.kill()


def wait_for_bytes(part: Path, n_bytes: int) -> None:
    deadline = time.monotonic() + WAIT_S
    while not part.exists() or part.stat().st_size < n_bytes:
        assert time.monotonic() < deadline, "no bytes came"
        time.sleep(0.01)


def test_what_a_killed_process_left_is_gone_on_from(
    record: Record, server: MisbehavingServer, settings: Settings, tmp_path: Path
) -> None:
    folder = settings.raw_folder("toy")
    part = folder / "toy.npz.part"
    with fetching(record, tmp_path) as process:
        wait_for_bytes(part, 50_000)
        process.kill()
        process.wait(WAIT_S)
    assert not (folder / "toy.npz").exists()
    received = part.stat().st_size
    assert 50_000 <= received < len(CONTENT)

    fetch(record, options={})
    assert (folder / "toy.npz").read_bytes() == CONTENT
    assert not part.exists()
    last = server.requests[-1]
    assert last.headers["Range"] == f"bytes={received}-"
    assert last.n_bytes == len(CONTENT) - received


def test_two_processes_fetch_one_body(
    record: Record, server: MisbehavingServer, settings: Settings, tmp_path: Path
) -> None:
    with fetching(record, tmp_path) as first, fetching(record, tmp_path) as second:
        for process in (first, second):
            out, error = process.communicate(timeout=WAIT_S)
            assert (process.returncode, error) == (0, "")
            assert out == str(settings.raw_folder("toy"))
    assert len(server.requests) == 1
    assert (settings.raw_folder("toy") / "toy.npz").read_bytes() == CONTENT


def test_a_limit_on_the_size_of_files_is_told(
    make_record: Callable[..., Record],
    server: MisbehavingServer,
    settings: Settings,
    tmp_path: Path,
) -> None:
    record = make_record(server.url("normal"))
    with fetching(record, tmp_path, "100000") as process:
        _, error = process.communicate(timeout=WAIT_S)
    assert process.returncode == 1
    assert f"StorageError: Cannot write {settings.raw_folder('toy')}" in error
    assert "File too large" in error
    assert not (settings.raw_folder("toy") / "toy.npz").exists()

"""Hashes, what is compared with them, and the memory of them."""

from __future__ import annotations

import hashlib
import os
import time
from pathlib import Path

import pytest

from medshelf.acquire.standing.verify import Status, digest, known_digest, verify
from medshelf.catalog.record import FileRecord
from medshelf.core.errors import StorageError
from medshelf.core.settings import Settings

TEXT = b"abc"
MD5 = "md5:900150983cd24fb0d6963f7d28e17f72"
SHA256 = "sha256:ba7816bf8f01cfea414140de5dae2223b00361a396177a9cb410ff61f20015ad"
WRONG = f"md5:{'0' * 32}"


@pytest.fixture
def path(tmp_path: Path) -> Path:
    path = tmp_path / "toy.npz"
    path.write_bytes(TEXT)
    settle(path)
    return path


def settle(path: Path, seconds: int = 10) -> None:
    moment = time.time_ns() - seconds * 10**9
    os.utime(path, ns=(moment, moment))


def memos(settings: Settings) -> list[Path]:
    return sorted((settings.cache / "digests").glob("*.json"))


def make_file(**fields: object) -> FileRecord:
    return FileRecord.model_validate({"name": "toy.npz", "url": "http://127.0.0.1/", **fields})


@pytest.mark.parametrize("expected", [MD5, SHA256])
def test_digest(expected: str, path: Path) -> None:
    assert digest(path, expected.partition(":")[0]) == expected


def test_digest_of_several_chunks(tmp_path: Path) -> None:
    content = bytes(range(256)) * 10_000
    path = tmp_path / "large"
    path.write_bytes(content)
    assert digest(path) == f"md5:{hashlib.md5(content).hexdigest()}"


@pytest.mark.parametrize(
    ("fields", "status", "expected", "actual"),
    [
        ({"hash": MD5}, Status.VERIFIED, MD5, MD5),
        ({"hash": SHA256}, Status.VERIFIED, SHA256, SHA256),
        ({"hash": WRONG}, Status.MODIFIED, WRONG, MD5),
        ({}, Status.UNPUBLISHED, None, MD5),
        ({"size_bytes": 3}, Status.UNPUBLISHED, None, MD5),
        ({"size_bytes": 4}, Status.MODIFIED, "4 bytes", "3 bytes"),
    ],
)
def test_verify(
    fields: dict[str, object],
    status: Status,
    expected: str | None,
    actual: str,
    path: Path,
    settings: Settings,
) -> None:
    for _ in range(2):
        verdict = verify(path, make_file(**fields), settings)
        assert (verdict.status, verdict.expected, verdict.actual) == (status, expected, actual)


def test_a_hash_is_computed_once(path: Path, settings: Settings) -> None:
    known_digest(path, "md5", settings)
    (memo,) = memos(settings)
    memo.write_text(memo.read_text().replace(MD5, WRONG))
    assert known_digest(path, "md5", settings) == WRONG  # so the memo was used


def test_two_algorithms_share_a_memo(path: Path, settings: Settings) -> None:
    assert known_digest(path, "md5", settings) == MD5
    assert known_digest(path, "sha256", settings) == SHA256
    (memo,) = memos(settings)
    assert MD5 in memo.read_text()
    assert SHA256 in memo.read_text()


@pytest.mark.parametrize("content", [b"", b"{", b"\xff\xfe", b'{"digests": {"md5": "x"}}', b"[]"])
def test_a_damaged_memo_is_ignored(content: bytes, path: Path, settings: Settings) -> None:
    known_digest(path, "md5", settings)
    (memo,) = memos(settings)
    memo.write_bytes(content)
    assert known_digest(path, "md5", settings) == MD5
    assert MD5 in memo.read_text()


def test_a_cache_that_cannot_be_written_is_no_error(path: Path, settings: Settings) -> None:
    settings.cache.parent.mkdir(parents=True, exist_ok=True)
    settings.cache.write_text("a file where the folder should be")
    assert known_digest(path, "md5", settings) == MD5


def test_a_changed_file_is_hashed_again(path: Path, settings: Settings) -> None:
    known_digest(path, "md5", settings)
    path.write_bytes(b"abcd")
    settle(path)
    assert known_digest(path, "md5", settings) != MD5


def test_a_change_hidden_behind_size_and_date_is_seen(path: Path, settings: Settings) -> None:
    known_digest(path, "md5", settings)
    before = path.stat().st_mtime_ns
    time.sleep(0.02)
    path.write_bytes(b"xyz")
    os.utime(path, ns=(before, before))
    assert known_digest(path, "md5", settings) == f"md5:{hashlib.md5(b'xyz').hexdigest()}"


def test_a_file_written_a_moment_ago_is_not_remembered(path: Path, settings: Settings) -> None:
    path.write_bytes(TEXT)
    known_digest(path, "md5", settings)
    assert memos(settings) == []


def test_a_file_that_cannot_be_read(tmp_path: Path, settings: Settings) -> None:
    with pytest.raises(StorageError) as caught:
        verify(tmp_path, make_file(), settings)
    assert str(tmp_path) in str(caught.value)
    assert "Is a directory" in str(caught.value)
    assert "Check the permissions" in str(caught.value)

"""Large files over several connections."""

from __future__ import annotations

import hashlib
import random
from pathlib import Path

import pytest

from medshelf.acquire.remote import Limits, RemoteFile
from medshelf.acquire.transfers import meter, partial, segments, transfer
from medshelf.acquire.transfers.session import shared
from medshelf.core.errors import DownloadError
from medshelf.core.settings import Settings
from tests.acquire.scripted_server import Act, Handler, Script, scripted

CONTENT = random.Random(7).randbytes(1_000_000)
LENGTH = 64 << 10


@pytest.fixture(autouse=True)
def small(monkeypatch: pytest.MonkeyPatch) -> None:
    for module in (segments, transfer):
        monkeypatch.setattr(module, "SEGMENT_BYTES", LENGTH)
    monkeypatch.setattr(meter, "_SMALL_BYTES", 1000)


def get(server: Script, part: Path, **fields: object) -> dict[str, str]:
    url = server.url("/file")
    published = f"md5:{hashlib.md5(CONTENT).hexdigest()}"
    remote = RemoteFile("f.bin", url, url, size_bytes=len(CONTENT), hash=published, **fields)
    with shared() as session:
        transfer.transfer(remote, part, Settings.from_environment())
        return session.digests.pop(part, {})


def ranges(server: Script) -> list[str | None]:
    return [headers.get("range") for _, headers in server.asked]


def test_every_segment_is_asked_for_once_and_hashed_meanwhile(tmp_path: Path) -> None:
    part = tmp_path / "f.bin.part"
    with scripted({"/file": CONTENT}) as server:
        digests = get(server, part)
        starts = range(0, len(CONTENT), LENGTH)
        wanted = [f"bytes={at}-{min(at + LENGTH, len(CONTENT)) - 1}" for at in starts]
        assert sorted(map(str, ranges(server)))[1:] == sorted(wanted)
        assert all("if-range" in headers for _, headers in server.asked[1:])
    assert part.read_bytes() == CONTENT
    assert digests == {
        "md5": f"md5:{hashlib.md5(CONTENT).hexdigest()}",
        "sha256": f"sha256:{hashlib.sha256(CONTENT).hexdigest()}",
    }


def test_what_a_broken_call_left_is_not_asked_for_again(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("MEDSHELF_DOWNLOAD_TRIES", "1")
    part = tmp_path / "f.bin.part"

    def well(handler: Handler) -> None:
        handler.send(CONTENT)

    def down(handler: Handler) -> None:
        handler.refuse(503)

    with scripted({"/file": CONTENT}, [well] * 6 + [down] * 8) as server:
        with pytest.raises(DownloadError, match="503"):
            get(server, part)
        memo = partial.read_memo(part, server.url("/file"))
        assert memo is not None
        done = partial.read_segments(part, memo)
        assert done
        before = len(server.asked)
        server.steps.clear()
        get(server, part)
        again = [str(each) for each in ranges(server)[before:]]
        assert not {f"bytes={n * LENGTH}-{(n + 1) * LENGTH - 1}" for n in done} & set(again)
    assert part.read_bytes() == CONTENT


@pytest.mark.parametrize("honest", [True, False])
def test_a_file_that_changes_between_segments_begins_anew(tmp_path: Path, honest: bool) -> None:
    other = random.Random(8).randbytes(len(CONTENT))

    def first(handler: Handler) -> None:
        handler.send(other)

    def ignoring(handler: Handler) -> None:
        handler.send(CONTENT, honour=honest)

    part = tmp_path / "f.bin.part"
    steps: list[Act] = [first, first, ignoring, ignoring]
    with scripted({"/file": CONTENT}, steps) as server:
        get(server, part)
    assert part.read_bytes() == CONTENT


def test_a_server_without_ranges_sends_the_whole(tmp_path: Path) -> None:
    part = tmp_path / "f.bin.part"
    with scripted(
        {"/file": CONTENT}, [lambda handler: handler.send(CONTENT, honour=False)]
    ) as server:
        get(server, part)
        assert len(server.asked) == 1
    assert part.read_bytes() == CONTENT


@pytest.mark.parametrize("fields", [{"ranges": False}, {"limits": Limits(ranges=1)}])
def test_a_host_that_wants_one_connection_gets_one(
    fields: dict[str, object], tmp_path: Path
) -> None:
    part = tmp_path / "f.bin.part"
    with scripted({"/file": CONTENT}) as server:
        get(server, part, **fields)
        assert ranges(server) == [None]
    assert part.read_bytes() == CONTENT


@pytest.mark.parametrize(
    "text", [b"0\n1\n2", b"0\nx\n\xff\n-1\n", b"0\n99999\n", b"0\n" + b"9" * 40 + b"\n"]
)
def test_a_damaged_list_of_segments_is_not_believed(text: bytes, tmp_path: Path) -> None:
    part = tmp_path / "f.bin.part"
    memo = partial.Memo(url="u", validator='"v"', size_bytes=10 * LENGTH, segment_bytes=LENGTH)
    partial.start(part, memo)
    partial.segments_path(part).write_bytes(text)
    assert partial.read_segments(part, memo) <= {0, 1}

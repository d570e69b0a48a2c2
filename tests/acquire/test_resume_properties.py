"""Any sequence of cuts and odd answers ends in the right bytes or in an error that says so."""

from __future__ import annotations

import hashlib
import random
import tempfile
from pathlib import Path

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from medshelf.acquire.remote import RemoteFile
from medshelf.acquire.transfers import segments, transfer
from medshelf.core.errors import MedshelfError
from medshelf.core.settings import Settings
from tests.acquire.scripted_server import Act, Handler, scripted

SIZE = 400_000
OLD = random.Random(5).randbytes(SIZE)
NEW = random.Random(6).randbytes(SIZE)
PAGE = b"<!doctype html><html>Please log in</html>"

pytestmark = pytest.mark.usefixtures("small_segments")


@pytest.fixture
def small_segments(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(segments, "SEGMENT_BYTES", 50_000)
    monkeypatch.setattr(transfer, "SEGMENT_BYTES", 50_000)


def cut(n_bytes: int) -> Act:
    return lambda handler: handler.send(OLD, cut=n_bytes)


def refusal(status: int) -> Act:
    return lambda handler: handler.refuse(status, Retry_After="0")


def replaced(handler: Handler) -> None:
    handler.script.contents["/file"] = NEW
    handler.send(NEW)


STEPS = st.one_of(
    st.integers(0, SIZE).map(cut),
    st.sampled_from([429, 500, 503, 404, 403, 416]).map(refusal),
    st.just(replaced),
    st.just(lambda handler: handler.send(OLD, honour=False)),
    st.just(lambda handler: handler.send(OLD, shift=1)),
    st.just(lambda handler: handler.send(OLD[:-1])),
    st.just(lambda handler: handler.send(OLD + b"x")),
    st.just(lambda handler: handler.refuse(200, PAGE, Content_Type="text/html")),
    st.just(lambda handler: handler.refuse(206, OLD[:10])),
)


@given(steps=st.lists(STEPS, max_size=8), sized=st.booleans())
@settings(
    max_examples=40, deadline=None, suppress_health_check=[HealthCheck.function_scoped_fixture]
)
def test_right_bytes_or_an_error(steps: list[Act], sized: bool) -> None:
    whole = {hashlib.sha256(each).hexdigest() for each in (OLD, NEW, OLD[:-1], OLD + b"x", PAGE)}
    with tempfile.TemporaryDirectory() as folder, scripted({"/file": OLD}, steps) as server:
        url = server.url("/file")
        size_bytes = SIZE if sized else None
        remote = RemoteFile("file.bin", url, url, size_bytes=size_bytes)
        part = Path(folder) / "file.bin.part"
        for _ in range(len(steps) + 2):
            try:
                transfer.transfer(remote, part, Settings.from_environment())
            except MedshelfError as error:
                said = str(error)
                assert url in said
                assert "->" in said
            else:
                # What came is one version of the file from its first to its last byte.
                assert hashlib.sha256(part.read_bytes()).hexdigest() in whole
                assert not sized or part.stat().st_size == SIZE
                return
        pytest.fail("the script has ended, and the server behaves")


@given(cuts=st.lists(st.integers(0, SIZE), max_size=4))
@settings(
    max_examples=10, deadline=None, suppress_health_check=[HealthCheck.function_scoped_fixture]
)
def test_cuts_alone_cost_no_byte_twice(cuts: list[int]) -> None:
    steps = [cut(each) for each in cuts]
    with tempfile.TemporaryDirectory() as folder, scripted({"/file": OLD}, steps) as server:
        url = server.url("/file")
        remote = RemoteFile("file.bin", url, url, size_bytes=SIZE)
        part = Path(folder) / "file.bin.part"
        transfer.transfer(remote, part, Settings.from_environment())
        assert part.read_bytes() == OLD
        # A cut may take what was on its way: never more than what one answer had in flight.
        assert server.sent["/file"] - SIZE <= 50_000 * (len(cuts) + 1)

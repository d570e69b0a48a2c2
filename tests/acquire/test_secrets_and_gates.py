"""Credentials go where they belong and nowhere else; closed gates say how they open."""

from __future__ import annotations

import logging
import time
from pathlib import Path
from threading import Lock, Thread

import pytest

from medshelf.acquire.asking import ask, get_json
from medshelf.acquire.gates.credentials import Credential, Secret
from medshelf.acquire.remote import Limits, Refusal, RemoteFile
from medshelf.acquire.transfers.session import shared
from medshelf.acquire.transfers.transfer import transfer
from medshelf.core.errors import DownloadError, GateError, MedshelfError, OfflineError
from medshelf.core.settings import Settings
from tests.acquire.scripted_server import Act, scripted

TOKEN = "s3cr3t-t0ken"
SIGNATURE = "X-Amz-Signature=s1gned"
CREDENTIAL = Credential("hf", "HF_TOKEN", "X-Platform-Key", Secret(TOKEN))
CONTENT = bytes(range(256)) * 20


def remote(url: str, **fields: object) -> RemoteFile:
    return RemoteFile("a.bin", url, url, **{"credential": CREDENTIAL, **fields})


def refusing(status: int, body: bytes = b"", **headers: str) -> Act:
    return lambda handler: handler.refuse(status, body, **headers)


@pytest.fixture
def part(tmp_path: Path) -> Path:
    return tmp_path / "a.bin.part"


def test_a_credential_goes_to_its_host_and_not_along_with_a_redirect(
    part: Path, settings: Settings, caplog: pytest.LogCaptureFixture
) -> None:
    caplog.set_level(logging.DEBUG)
    with scripted({"/a": CONTENT}) as storage, scripted({}) as platform:
        signed = f"{storage.url('/a')}?{SIGNATURE}"
        platform.steps = [refusing(302, Location=signed)]
        transfer(remote(platform.url("/a")), part, settings)
        assert platform.asked[0][1]["x-platform-key"] == TOKEN
        assert TOKEN not in str(storage.asked)
        assert SIGNATURE in storage.asked[0][0]
    assert part.read_bytes() == CONTENT
    written = "".join(path.read_text("latin-1") for path in sorted(part.parent.glob("*")))
    for secret in (TOKEN, "s1gned"):
        assert secret not in caplog.text + written


def test_a_redirect_on_the_same_host_keeps_the_credential(part: Path, settings: Settings) -> None:
    with scripted({"/b": CONTENT}, [refusing(302, Location="/b")]) as server:
        transfer(remote(server.url("/a")), part, settings)
        assert [headers["x-platform-key"] for _, headers in server.asked] == [TOKEN, TOKEN]


def test_a_signed_address_is_in_no_error(part: Path, settings: Settings) -> None:
    with scripted({}) as storage, scripted({}) as platform:
        platform.steps = [refusing(302, Location=f"{storage.url('/a')}?{SIGNATURE}")]
        with pytest.raises(DownloadError) as caught:
            transfer(remote(platform.url("/a")), part, settings)
    assert "404" in str(caught.value)
    chain: BaseException | None = caught.value
    while chain is not None:
        assert "s1gned" not in f"{chain} {chain!r}"
        chain = chain.__cause__ or chain.__context__


def test_nothing_shows_a_credential() -> None:
    assert TOKEN not in f"{CREDENTIAL!r} {remote('http://127.0.0.1/?sig=x')!r}"
    assert "sig=x" not in repr(RemoteFile("a", "http://127.0.0.1/?sig=x", "shown"))


def test_an_expired_token(part: Path, settings: Settings) -> None:
    with scripted({}, [refusing(401)]) as server, pytest.raises(GateError) as caught:
        transfer(remote(server.url("/a")), part, settings)
    assert caught.value.kind == "credential"
    assert "HF_TOKEN" in caught.value.step
    assert TOKEN not in str(caught.value)


def test_a_gate_that_is_closed_and_then_opened(part: Path, settings: Settings) -> None:
    def explain(refusal: Refusal) -> MedshelfError | None:
        assert (refusal.status, refusal.text) == (403, "You must accept the rules")
        assert refusal.headers["x-odd"] == "1"
        return GateError("rules", "Rules", "Accept them", page="https://example.org/rules")

    closed = refusing(403, b"You must accept the rules", X_Odd="1")
    with scripted({"/a": CONTENT}, [closed]) as server:
        asked = remote(server.url("/a"), explain=explain)
        with pytest.raises(GateError) as caught:
            transfer(asked, part, settings)
        assert caught.value.kind == "rules"
        transfer(asked, part, settings)
    assert part.read_bytes() == CONTENT


def test_a_page_instead_of_an_archive_is_explained(part: Path, settings: Settings) -> None:
    page = b"<html>Too many users have viewed this file</html>"

    def explain(refusal: Refusal) -> MedshelfError | None:
        assert "Too many users" in refusal.text
        return GateError("quota", "Quota", "Wait a day")

    with scripted({}, [refusing(200, page)]) as server, pytest.raises(GateError) as caught:
        transfer(remote(server.url("/a"), explain=explain), part, settings)
    assert caught.value.kind == "quota"


@pytest.mark.parametrize("kind", ["seconds", "a time to come"])
def test_a_long_pause_is_an_error_that_says_how_long(
    kind: str, part: Path, settings: Settings
) -> None:
    headers = {"Retry_After": "7200"}
    if kind == "a time to come":
        # Half a minute more than is looked for, so that a slow machine says the same.
        reset = str(int(time.time()) + 7200 + 30)
        headers = {"X_RateLimit_Remaining": "0", "X_RateLimit_Reset": reset}
    with scripted({}, [refusing(429, **headers)]) as server:
        with pytest.raises(GateError) as caught:
            transfer(remote(server.url("/a")), part, settings)
        assert len(server.asked) == 1
    assert caught.value.kind == "quota"
    assert "120 minutes" in str(caught.value)


def test_an_answer_that_was_the_last_one_makes_the_host_rest(settings: Settings) -> None:
    last = refusing(200, b"[]", X_RateLimit_Remaining="0", X_RateLimit_Reset="1")
    with scripted({}, [last, last]) as server, shared():
        begin = time.monotonic()
        ask(server.url("/list"), settings)
        ask(server.url("/list"), settings)
        assert time.monotonic() - begin >= 1


def test_questions_wait_and_are_answered(settings: Settings) -> None:
    busy = refusing(429, Retry_After="0")
    with scripted({}, [busy, busy, refusing(200, b'{"files": [1]}')]) as server:
        assert get_json(server.url("/list"), settings) == {"files": [1]}


@pytest.mark.parametrize("body", [b"<html>", b"", b"[" * 100_000])
def test_an_answer_that_is_no_json(body: bytes, settings: Settings) -> None:
    with scripted({}, [refusing(200, body)]) as server, pytest.raises(DownloadError) as caught:
        get_json(server.url("/list"), settings)
    assert "something else than JSON" in str(caught.value)


def test_offline_asks_nothing(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("MEDSHELF_OFFLINE", "1")
    with pytest.raises(OfflineError, match="MEDSHELF_OFFLINE"):
        ask("http://127.0.0.1:9/", Settings.from_environment())


def test_a_proxy_of_the_environment_is_used(
    part: Path, settings: Settings, monkeypatch: pytest.MonkeyPatch
) -> None:
    url = "http://data.example.invalid/a"
    with scripted({url: CONTENT}) as proxy:
        monkeypatch.setenv("http_proxy", proxy.url(""))
        transfer(remote(url), part, settings)
        # The address is not encrypted: the credential stays here.
        assert TOKEN not in str(proxy.asked)
    assert part.read_bytes() == CONTENT


def test_a_host_is_not_asked_wider_than_it_puts_up_with(settings: Settings, tmp_path: Path) -> None:
    now, most, guard = 0, 0, Lock()

    def slow(handler: object) -> None:
        nonlocal now, most
        with guard:
            now += 1
            most = max(most, now)
        time.sleep(0.03)
        with guard:
            now -= 1
        handler.refuse(200, CONTENT)  # type: ignore[attr-defined]

    with scripted({}, [slow] * 12) as server:
        url = server.url("/a")
        asked = RemoteFile("a.bin", url, url, limits=Limits(connections=2))
        with shared():
            threads = [
                Thread(target=transfer, args=(asked, tmp_path / f"{n}.part", settings))
                for n in range(12)
            ]
            for thread in threads:
                thread.start()
            for thread in threads:
                thread.join()
        assert len(server.asked) == 12
    assert most == 2

"""`medshelf serve`: it says what is wrong before it starts, and it stops when it is told to."""

from __future__ import annotations

import json
import os
import signal
import socket
import subprocess
import sys
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any

import httpx
import pytest
from typer.testing import CliRunner

from medshelf.cli import app
from medshelf.core.errors import (
    FormatError,
    MedshelfError,
    MissingExtraError,
    SettingError,
    UnknownNameError,
)
from medshelf.explorer import server
from medshelf.explorer.holdings import Holdings
from medshelf.explorer.listening import Wish, listening
from medshelf.explorer.opening import browser_at

SLOW_PAGE = """
import time
from medshelf.explorer.site import Language, Page, View

def slow(language: Language) -> View:
    print("begun", flush=True)
    time.sleep(600)

def register(site):
    site.add(Page("/slow", "about.html", slow))
"""
SERVE_WITH = """
import sys
from medshelf.explorer import pages
pages.__path__.append(sys.argv.pop(1))
from medshelf.cli import main
main()
"""


@contextmanager
def process(*command: str) -> Iterator[subprocess.Popen[str]]:
    made = subprocess.Popen(command, stdout=subprocess.PIPE, stderr=subprocess.PIPE, text=True)
    try:
        yield made
    finally:
        made.kill()
        made.communicate()


def told(running: subprocess.Popen[str]) -> dict[str, Any]:
    """Return the JSON that a server prints when it is ready."""
    assert running.stdout
    text = ""
    for line in running.stdout:
        text += line
        if line == "}\n":
            found: dict[str, Any] = json.loads(text)
            return found
    raise AssertionError(text + running.communicate()[1])


def never_ready(opened: server.Opened) -> None:
    raise AssertionError(opened)


def test_a_program_starts_a_server_looks_and_stops_it() -> None:
    with process(sys.executable, "-m", "medshelf", "serve", "breastmnist", "--json", "-q") as made:
        opened = told(made)
        assert opened["pid"] == made.pid
        assert f":{opened['port']}/?token=" in opened["url"]
        with httpx.Client(trust_env=False) as client:
            assert client.get(opened["url"]).status_code == 303
            shown = client.get(f"http://127.0.0.1:{opened['port']}/zh/about")
            assert "关于 medshelf" in shown.text
        made.send_signal(signal.SIGINT)
        rest, errors = made.communicate(timeout=20)
    assert (made.returncode, rest, errors) == (0, "", "")


def test_it_stops_in_mid_decode_and_a_client_that_left_costs_nothing(tmp_path: Path) -> None:
    (tmp_path / "slow.py").write_text(SLOW_PAGE)
    arguments = ("serve", "--json", "--no-token", "--quiet")
    with process(sys.executable, "-c", SERVE_WITH, str(tmp_path), *arguments) as made:
        port = told(made)["port"]
        request = f"GET /en/slow HTTP/1.1\r\nHost: 127.0.0.1:{port}\r\n\r\n".encode()
        gone = socket.create_connection(("127.0.0.1", port))
        gone.sendall(request)
        assert made.stdout
        assert made.stdout.readline() == "begun\n"
        gone.close()
        with socket.create_connection(("127.0.0.1", port)) as waiting:
            waiting.sendall(request)
            assert made.stdout.readline() == "begun\n"
            health = httpx.get(f"http://127.0.0.1:{port}/healthz", trust_env=False)
            assert health.text == "ok"
            made.send_signal(signal.SIGTERM)
            _, errors = made.communicate(timeout=20)
    assert (made.returncode, errors) == (0, "")


@pytest.mark.parametrize("host", ["localhost", "127.0.0.1"])
def test_a_taken_port_is_said(host: str) -> None:
    with listening(Wish(host)) as sockets:
        port = sockets[0].getsockname()[1]
        with pytest.raises(SettingError, match=rf"Port {port} of .* is taken.*\n.*--port"):
            server.serve(Holdings(), Wish(host, port), never_ready)


def test_only_this_machine_is_listened_to() -> None:
    with listening(Wish()) as sockets:
        ports = {each.getsockname()[1] for each in sockets}
        assert {each.getsockname()[0] for each in sockets} <= {"127.0.0.1", "::1"}
        assert len(ports) == 1
    with listening(Wish(port=ports.pop())) as again:
        assert again


@pytest.mark.parametrize("host", ["no.such.host.invalid", "203.0.113.7", "a" * 300, "é\x00"])
def test_a_host_that_is_not_here_is_said(host: str) -> None:
    with pytest.raises(SettingError, match="cannot listen"):
        server.serve(Holdings(), Wish(host), never_ready)


@pytest.mark.parametrize("host", ["0.0.0.0", "::", "192.168.7.1", "shelf.example"])
def test_a_server_for_others_needs_a_token(host: str) -> None:
    with pytest.raises(SettingError, match="needs a token"):
        server.serve(Holdings(), Wish(host, with_token=False), never_ready)


@pytest.mark.parametrize("host", ["localhost", "127.0.0.1", "127.0.0.2", "::1"])
def test_loopback_is_this_machine_alone(host: str) -> None:
    assert Wish(host).is_local


def test_unknown_names_and_broken_files_are_refused_before_it_starts(tmp_path: Path) -> None:
    broken = tmp_path / "broken.parquet"
    broken.write_bytes(b"PAR1 and no more")
    for named, kind, words in (
        ("brestmnist", UnknownNameError, "breastmnist"),
        (str(tmp_path / "none.parquet"), FormatError, "no such file"),
        (str(broken), FormatError, "broken.parquet"),
    ):
        with pytest.raises(kind, match=words):
            server.serve(Holdings((named,)), Wish(), never_ready)


def test_the_command_line_says_it_in_a_sentence() -> None:
    done = CliRunner().invoke(app, ["serve", "brestmnist", "--no-browser"])
    assert isinstance(done.exception, MedshelfError)
    assert done.stdout == ""
    assert CliRunner().invoke(app, ["serve", "--port", "70000"]).exit_code == 2


@pytest.mark.parametrize("package", ["fastapi", "uvicorn"])
def test_a_missing_extra_is_named(package: str, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setitem(sys.modules, package, None)
    with pytest.raises(MissingExtraError, match=r'pip install "medshelf\[serve\]"'):
        server.serve(Holdings(), Wish(), never_ready)


def test_a_browser_learns_the_token_from_a_file_of_its_owner(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    seen = tmp_path / "seen"
    browser = tmp_path / "browser"
    browser.write_text(f'#!/bin/sh\necho "$1" > {seen}.part; mv {seen}.part {seen}\n')
    browser.chmod(0o755)
    monkeypatch.setenv("BROWSER", f"{browser} %s")
    monkeypatch.setenv("TMPDIR", str(tmp_path))
    code = (
        "import sys, time; from pathlib import Path\n"
        "from medshelf.explorer.opening import browser_at\n"
        "with browser_at('http://127.0.0.1:1/?token=abc'):\n"
        "    while not Path(sys.argv[1]).exists(): time.sleep(0.01)\n"
        "    place = Path(Path(sys.argv[1]).read_text().strip().removeprefix('file://'))\n"
        "    print(oct(place.stat().st_mode & 0o777), '?token=abc' in place.read_text())\n"
        "print(place.exists())\n"
    )
    done = subprocess.run(
        [sys.executable, "-c", code, str(seen)],
        capture_output=True,
        text=True,
        check=True,
        timeout=60,
        env=dict(os.environ),
    )
    assert done.stdout.split() == ["0o600", "True", "False"]
    assert "token" not in seen.read_text()


def test_without_a_screen_no_browser_is_opened(monkeypatch: pytest.MonkeyPatch) -> None:
    for variable in ("BROWSER", "DISPLAY", "WAYLAND_DISPLAY"):
        monkeypatch.delenv(variable, raising=False)
    monkeypatch.setattr(sys, "platform", "linux")
    with browser_at("http://127.0.0.1:1/"):
        pass

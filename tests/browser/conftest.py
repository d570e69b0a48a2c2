"""One real server, one real Chromium and one page of it for all tests of a process."""

from __future__ import annotations

import json
import os
import shutil
import subprocess
import sys
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import httpx
import pytest

from tests.benchmark.run_files import make_run
from tests.browser.shelf import write_all
from tests.conftest import shared_data_folder

CHROMIUM = shutil.which("chromium") or shutil.which("chromium-browser")
PATIENCE_MS = 20_000
VIEWPORT = {"width": 1280, "height": 720}
_NO_NETWORK = """
import os, socket
def _refuse(self, address, *rest):
    with open(os.environ["CONNECTIONS"], "a") as file:
        file.write(f"{address}\\n")
    raise OSError("no network here")
socket.socket.connect = _refuse
"""


@dataclass(frozen=True)
class Site:
    """A server of its own process that cannot connect to anything.

    Attributes:
        origin: Start of all addresses.
        cookies: What lets a browser in.
        folder: Where its manifests lie.
        connections: What it tried to connect to, a line each.
    """

    origin: str
    cookies: list[dict[str, str]]
    folder: Path
    connections: Path


@dataclass
class Watched:
    """What a page did that no page may do."""

    origin: str
    errors: list[str] = field(default_factory=list)
    elsewhere: list[str] = field(default_factory=list)

    def watch(self, page: Any) -> None:
        page.on("console", lambda said: self._said(said) if said.type == "error" else None)
        page.on("pageerror", lambda error: self.errors.append(str(error)))
        page.on("dialog", lambda shown: (self.errors.append(shown.message), shown.dismiss()))
        page.on("request", lambda asked: self._asked(asked.url))

    def _said(self, said: Any) -> None:
        self.errors.append(f"{said.text} ({said.location.get('url', '')})")

    def _asked(self, url: str) -> None:
        if not url.startswith((f"{self.origin}/", "data:", "blob:", "about:")):
            self.elsewhere.append(url)


Open = Callable[..., Any]


@pytest.fixture(scope="session")
def site(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Site]:
    with serving(tmp_path_factory.mktemp("browser")) as made:
        yield made


@contextmanager
def serving(folder: Path) -> Iterator[Site]:
    """Write the manifests and serve them; one client has spent the token."""
    manifests = write_all(folder)
    _measure(folder / "home" / "runs")
    (folder / "python").mkdir()
    (folder / "python" / "sitecustomize.py").write_text(_NO_NETWORK)
    connections = folder / "connections"
    connections.touch()
    environment = {
        "PATH": os.environ["PATH"],
        "PYTHONPATH": str(folder / "python"),
        "CONNECTIONS": str(connections),
        "MEDSHELF_DATA": str(shared_data_folder() or folder / "none"),
        **{
            name: str(folder / "home")
            for name in ("HOME", "MEDSHELF_HOME", "XDG_CACHE_HOME", "XDG_DATA_HOME")
        },
    }
    command = [sys.executable, "-m", "medshelf", "serve", *map(str, manifests), "--json"]
    with (folder / "errors").open("w") as errors:
        server = subprocess.Popen(
            command, stdout=subprocess.PIPE, stderr=errors, env=environment, text=True
        )
    try:
        assert server.stdout
        lines = ""
        while "}" not in lines:
            line = server.stdout.readline()
            assert line, (folder / "errors").read_text()
            lines += line
        url = json.loads(lines)["url"]
        with httpx.Client(trust_env=False, timeout=60) as client:
            answer = client.get(url)
            cookies = [
                {"name": each.name, "value": each.value or "", "url": str(answer.url.join("/"))}
                for each in client.cookies.jar
            ]
        assert cookies
        yield Site(str(answer.url.join("/")).rstrip("/"), cookies, folder, connections)
    finally:
        server.terminate()
        server.wait(30)
        if server.stdout:
            server.stdout.close()


def _measure(runs: Path) -> None:
    """Leave two finished runs on BreastMNIST, where its labels are at hand."""
    data = shared_data_folder()
    if data is None or not (data / "breastmnist.npz").is_file():
        return
    with pytest.MonkeyPatch.context() as changed:
        changed.setenv("MEDSHELF_DATA", str(data))
        for seed in (0, 1):
            make_run(runs, dataset="breastmnist", seed=seed)


@pytest.fixture(scope="session")
def playwright() -> Iterator[Any]:
    if CHROMIUM is None:
        pytest.skip("There is no chromium on PATH")
    from playwright.sync_api import expect, sync_playwright

    expect.set_options(timeout=PATIENCE_MS)
    with sync_playwright() as made:
        yield made


@pytest.fixture(scope="session")
def browser(playwright: Any) -> Iterator[Any]:
    made = playwright.chromium.launch(executable_path=CHROMIUM)
    yield made
    made.close()


@pytest.fixture(scope="session")
def watcher(site: Site) -> Watched:
    return Watched(site.origin)


@pytest.fixture
def watched(site: Site, watcher: Watched) -> Iterator[Watched]:
    """What the pages of a test did; in the end no error, no request to elsewhere."""
    watcher.errors.clear()
    watcher.elsewhere.clear()
    yield watcher
    assert watcher.errors == []
    assert watcher.elsewhere == []
    assert site.connections.read_text() == ""


def new_page(site: Site, within: Any, watcher: Watched, **options: Any) -> Any:
    """Open a page in a context of its own, which is let in."""
    context = within.new_context(base_url=site.origin, **options)
    context.set_default_timeout(PATIENCE_MS)
    context.add_cookies(site.cookies)
    page = context.new_page()
    watcher.watch(page)
    return page


@pytest.fixture(scope="session")
def tab(site: Site, browser: Any, watcher: Watched) -> Iterator[Any]:
    """One page for all tests that need no other: to start one costs more than most tests do."""
    page = new_page(site, browser, watcher)
    yield page
    page.context.close()


@pytest.fixture
def visit(site: Site, browser: Any, watched: Watched, tab: Any) -> Iterator[Open]:
    """Open an address; with options of a context, or within another browser, in a page of its own.

    A test that provokes errors asks for `alone`, and closes its page.
    """
    own = []

    def opened(
        path: str,
        *,
        viewport: dict[str, int] = VIEWPORT,
        alone: bool = False,
        within: Any = None,
        **options: Any,
    ) -> Any:
        page = tab
        if alone or within or options:
            page = new_page(site, within or browser, watched, **options)
            own.append(page.context)
        page.set_viewport_size(viewport)
        page.emulate_media(media="screen", color_scheme="light", reduced_motion="no-preference")
        answer = page.goto(path)
        assert answer is not None
        assert answer.status == 200, page.inner_text("main")
        return page

    yield opened
    for each in own:
        each.close()

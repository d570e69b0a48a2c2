"""Hostile addresses and hostile words do no harm, and errors say what helps and nothing else."""

from __future__ import annotations

import logging
import socket
from collections.abc import Iterator
from pathlib import Path
from typing import Annotated, Any
from urllib.parse import quote

import httpx
import pytest
from fastapi import Query

from medshelf.core.errors import (
    FormatError,
    MissingExtraError,
    NotFetchedError,
    SettingError,
    UnknownNameError,
)
from medshelf.explorer.pages.about import AboutView, Part
from medshelf.explorer.rendering import inert, safe_link
from medshelf.explorer.site import Language, Page, View
from tests.explorer.serving import Running, running
from tests.explorer.test_faces import PAGES, Rules, address

SECRET = "a secret of the machine"
HOSTILE = [
    "<script>alert(1)</script>",
    '"><img src=x onerror=alert(1)>',
    "' autofocus onfocus='alert(1)",
    "javascript:alert(1)",
    "{{ 7 * 7 }}{% raw %}",
    "\u202egnp.exe\u2066",
    "&lt;b&gt;",
    "名字 😀",
]
ERRORS: dict[str, tuple[Exception, int]] = {
    "unknown": (UnknownNameError("dataset", HOSTILE[0], ["a", "b"]), 404),
    "unfetched": (
        NotFetchedError("x", "the raw tree", [], "Fetch it with: medshelf fetch x --root <r>"),
        404,
    ),
    "setting": (SettingError("Size 7 makes no sense", "Choose 128"), 400),
    "format": (FormatError(Path("a.png"), HOSTILE[1]), 500),
    "extra": (MissingExtraError("pydicom", "dicom"), 500),
}


def failing(name: str, language: Language) -> View:  # noqa: ARG001
    if name in ERRORS:
        raise ERRORS[name][0]
    raise ZeroDivisionError(SECRET)


def sized(
    language: Language,  # noqa: ARG001
    size: Annotated[int, Query(ge=16, le=512)] = 128,
) -> View:
    return AboutView(title=str(size), parts=(), keys={}, missing=False)


def spoken(language: Language, words: str) -> AboutView:  # noqa: ARG001
    parts = (Part(name=words, version=words, licence=words),)
    return AboutView(title=words, parts=parts, keys={}, missing=False)


FURTHER = (
    Page("/test/failing/{name}", "about.html", failing),
    Page("/test/sized", "about.html", sized),
    Page("/test/spoken", "about.html", spoken),
)
TARGETS = ("etc/passwd", "app.py", "site.css", "windows\\win.ini", "vendor.toml")
STEPS = (
    "../",
    "..%2f",
    "%2e%2e/",
    "%2e%2e%2f",
    "..\\",
    "..%5c",
    "%252e%252e%252f",
    "....//",
    "%c0%ae/",
)
TRAVERSALS = [
    *(f"{step * 6}{target}" for step in STEPS for target in TARGETS),
    *("%2fetc%2fpasswd", "/etc/passwd", "//etc/passwd", "file:///etc/passwd", "C:%5cwindows"),
    *("site.css%00", "%00", "a%00b", "%0d%0aX-Injected:%201", "%ff%fe", "a" * 10_000),
]


@pytest.fixture(scope="module")
def site() -> Iterator[Running]:
    with running(pages=FURTHER) as made:
        yield made


@pytest.fixture(scope="module")
def client(site: Running) -> Iterator[httpx.Client]:
    with site.client() as made:
        yield made


@pytest.mark.parametrize("prefix", ["/", "/static/", "/media/", "/en/", "/api/en/", "/manifests/"])
def test_no_address_leads_to_a_file(prefix: str, site: Running) -> None:
    host = f"Host: 127.0.0.1:{site.port}"
    for each in TRAVERSALS:
        answer = site.raw(f"GET {prefix}{each} HTTP/1.1\r\n{host}\r\n\r\n".encode())
        assert answer.split(b" ", 2)[1] in {b"404", b"400"}, each
        assert b"root:" not in answer
        assert b"sha512-" not in answer
        assert b"X-Injected" not in answer.split(b"\r\n\r\n")[0]


def test_a_link_that_leaves_the_static_folder_is_not_followed(client: httpx.Client) -> None:
    assert client.get("/static/").status_code == 404
    assert client.get("/static").status_code in {307, 404}
    assert client.get("/static/vendor").status_code == 404


@pytest.mark.parametrize("words", HOSTILE)
def test_hostile_words_come_out_inert(words: str, client: httpx.Client) -> None:
    for path in ("/en/test/spoken", "/zh/nowhere", f"/en/{quote(words, safe='')}"):
        shown = client.get(path, params={"words": words})
        found = Rules(shown.text)
        assert found.broken == []
        assert not [each for each in found.links if each.lower().startswith("javascript")]
        assert inert(words) in found.text or shown.status_code == 404
        assert not set("\u202e\u2066") & set(shown.text)
        assert "49" not in found.text
    told = client.get("/api/en/test/spoken", params={"words": words}).json()
    assert told["title"] == told["parts"][0]["name"] == words


@pytest.mark.parametrize(
    ("url", "safe"),
    [
        ("https://a.test/x?y=1", True),
        ("http://a.test", True),
        ("javascript:alert(1)", False),
        ("JaVaScRiPt:alert(1)", False),
        ("java\nscript:alert(1)", False),
        ("data:text/html,x", False),
        ("//a.test", False),
        ("file:///etc/passwd", False),
        ("http://[", False),
        ("", False),
        (None, False),
    ],
)
def test_only_web_addresses_become_links(url: str | None, safe: bool) -> None:
    assert safe_link(url) == (url if safe else "")


@pytest.mark.parametrize(("name", "status"), [(name, each[1]) for name, each in ERRORS.items()])
def test_an_error_of_medshelf_says_what_helps(name: str, status: int, client: httpx.Client) -> None:
    error: Any = ERRORS[name][0]
    told = client.get(f"/api/zh/test/failing/{name}")
    assert told.status_code == status
    assert told.json()["problem"] == error.problem
    assert told.json()["remedy"] == error.remedy
    shown = client.get(f"/zh/test/failing/{name}")
    assert shown.status_code == status
    found = Rules(shown.text)
    assert error.problem in found.text
    assert found.broken == []
    assert found.language == "zh-Hans"
    assert told.json()["title"] in found.text


def test_what_is_not_fetched_comes_with_the_line_that_fetches_it(client: httpx.Client) -> None:
    told = client.get("/api/en/test/failing/unfetched").json()
    assert told["command"] == "medshelf fetch x --root <r>"
    shown = client.get("/en/test/failing/unfetched").text
    assert "<code>medshelf fetch x --root &lt;r&gt;</code>" in shown
    extra = client.get("/api/en/test/failing/extra").json()
    assert extra["command"] == 'pip install "medshelf[dicom]"'
    assert client.get("/api/en/test/failing/setting").json()["command"] is None


def test_a_surprise_is_logged_and_not_shown(
    client: httpx.Client, caplog: pytest.LogCaptureFixture
) -> None:
    with caplog.at_level(logging.ERROR):
        for path in ("/en/test/failing/surprise", "/api/en/test/failing/surprise"):
            answer = client.get(path)
            assert answer.status_code == 500
            assert SECRET not in answer.text
            assert "Traceback" not in answer.text
            assert "ZeroDivision" not in answer.text
            assert "content-security-policy" in answer.headers
    assert SECRET in caplog.text
    assert client.get("/healthz").text == "ok"


@pytest.mark.parametrize("size", ["7", "513", "x", "", "1e3", "<b>", "9" * 500])
def test_a_parameter_that_makes_no_sense_is_named(size: str, client: httpx.Client) -> None:
    told = client.get("/api/en/test/sized", params={"size": size})
    assert told.status_code == 400
    assert told.json()["parameter"] == "size"
    shown = client.get("/zh/test/sized", params={"size": size})
    assert shown.status_code == 400
    assert "<code>size</code>" in shown.text
    assert "参数有误" in shown.text


def test_a_missing_parameter_is_named(client: httpx.Client) -> None:
    assert client.get("/api/en/test/spoken").json()["parameter"] == "words"


@pytest.mark.parametrize(
    ("path", "accepted", "language"),
    [
        ("/nowhere", "zh-CN,zh;q=0.9,en;q=0.8", "zh-Hans"),
        ("/nowhere", "fr", "en"),
        ("/zh/nowhere", "en", "zh-Hans"),
        ("/en/nowhere", "zh", "en"),
    ],
)
def test_an_error_page_speaks_the_language_of_its_address_else_of_its_reader(
    path: str, accepted: str, language: str, client: httpx.Client
) -> None:
    shown = client.get(path, headers={"Accept-Language": accepted})
    assert shown.status_code == 404
    assert Rules(shown.text).language == language


def test_errors_below_api_and_media_are_json(client: httpx.Client) -> None:
    for path in ("/api/en/nowhere", "/api/nowhere", "/media/a/0/0/thumb.jpg"):
        answer = client.get(path)
        assert answer.headers["content-type"] == "application/json"
        assert answer.json()["status"] == 404


@pytest.mark.parametrize(
    ("accepted", "place"),
    [
        ("zh-CN,zh;q=0.9,en;q=0.8", "/zh/"),
        ("en-GB,zh;q=0.9", "/en/"),
        ("en;q=0.1,zh;q=0.2", "/zh/"),
        ("fr", "/en/"),
        ("zh;q=0", "/en/"),
        ("zh;q=x", "/en/"),
        ("", "/en/"),
        (",;q=,zh;q=1" * 50, "/zh/"),
    ],
)
def test_the_first_page_is_in_the_readers_language(
    accepted: str, place: str, client: httpx.Client
) -> None:
    answer = client.get("/", headers={"Accept-Language": accepted})
    assert answer.headers["location"] == place
    assert answer.headers["vary"] == "Accept-Language"


def test_the_server_opens_no_connection(
    client: httpx.Client, site: Running, monkeypatch: pytest.MonkeyPatch
) -> None:
    asked: list[Any] = []
    connect = socket.socket.connect

    def watched(own: socket.socket, place: Any) -> None:
        if place[:2] != ("127.0.0.1", site.port):
            asked.append(place)
            raise OSError(place)
        connect(own, place)

    monkeypatch.setattr(socket.socket, "connect", watched)
    monkeypatch.setattr(socket.socket, "connect_ex", watched)
    for page in PAGES:
        for prefix in ("/en", "/api/zh"):
            client.get(f"{prefix}{address(page)}")
    assert asked == []

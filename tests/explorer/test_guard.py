"""Strangers stay out of a real server: other names, other sites, other users, other verbs."""

from __future__ import annotations

import http.client
from collections.abc import Iterator

import httpx
import pytest

from medshelf.explorer.guard import HEADERS, Hosts, hosts_of
from medshelf.explorer.listening import Wish
from tests.explorer.serving import Running, running

LINK = {"Sec-Fetch-Mode": "navigate", "Sec-Fetch-Dest": "document"}


@pytest.fixture(scope="module")
def site() -> Iterator[Running]:
    with running() as made:
        yield made


@pytest.fixture(scope="module")
def client(site: Running) -> Iterator[httpx.Client]:
    with site.client() as made:
        yield made


@pytest.fixture
def closed() -> Iterator[Running]:
    """A server whose token is not spent yet."""
    with running(with_token=True) as made:
        yield made


def status(answer: bytes) -> int:
    return int(answer.split(b" ", 2)[1])


# Names


@pytest.mark.parametrize(
    ("host", "expected"),
    [
        ("localhost:{port}", 200),
        ("127.0.0.1:{port}", 200),
        ("[::1]:{port}", 200),
        ("LOCALHOST:{port}", 200),
        ("localhost", 421),
        ("localhost:1", 421),
        ("127.0.0.1:{port}0", 421),
        ("127.0.0.1.evil.test:{port}", 421),
        ("evil.test:{port}", 421),
        ("evil.test", 421),
        ("localhost.:{port}", 421),
        ("user@localhost:{port}", 421),
        ("[::1]", 421),
        ("0.0.0.0:{port}", 421),
        ("2130706433:{port}", 421),
        ("", 421),
    ],
)
def test_only_the_own_name_with_the_own_port_will_do(
    host: str, expected: int, site: Running
) -> None:
    named = host.format(port=site.port)
    answer = site.raw(f"GET /en/about HTTP/1.1\r\nHost: {named}\r\n\r\n".encode())
    assert status(answer) == expected
    if expected == 421:
        assert answer.endswith(b"\r\n\r\n")


def test_a_doubled_or_missing_host_is_refused(site: Running) -> None:
    own = f"Host: 127.0.0.1:{site.port}\r\n"
    for head in (
        f"GET /en/about HTTP/1.1\r\n{own}Host: evil.test\r\n\r\n",
        f"GET /en/about HTTP/1.1\r\n{own}{own}\r\n",
        "GET /en/about HTTP/1.1\r\n\r\n",
        "GET /en/about HTTP/1.0\r\n\r\n",
        f"GET /en/about HTTP/1.1\r\nX-Forwarded-Host: 127.0.0.1:{site.port}\r\nHost: a\r\n\r\n",
    ):
        answer = site.raw(head.encode())
        assert status(answer) in {400, 421}
        assert b"medshelf" not in answer


@pytest.mark.parametrize(
    ("host", "expected"),
    [("shelf:80", True), ("shelf", True), ("10.0.0.7", True), ("[fe80::1]", True), ("a.b", False)],
)
def test_a_server_for_other_machines_takes_addresses_and_its_own_name(
    host: str, expected: bool
) -> None:
    assert Hosts(("shelf",), 80, any_address=True).has(host) is expected
    assert Hosts(("shelf",), 80).has("10.0.0.7") is False


@pytest.mark.parametrize("host", ["localhost", "127.0.0.2", "::1", "192.168.7.1", "0.0.0.0"])
def test_the_printed_address_is_one_of_the_own_names(host: str) -> None:
    wish = Wish(host)
    hosts = hosts_of(wish, 8472)
    assert hosts.has(f"{wish.called}:8472")
    assert hosts.has("localhost:8472")
    assert hosts.has("10.0.0.7:8472") is (host == "0.0.0.0")
    assert not hosts.has("evil.test:8472")


# Verbs


@pytest.mark.parametrize(
    "method", ["POST", "PUT", "PATCH", "DELETE", "OPTIONS", "TRACE", "CONNECT", "PROPFIND", "get"]
)
@pytest.mark.parametrize(
    "path", ["/", "/healthz", "/en/about", "/api/zh/about", "/static/site.css", "/en/nowhere"]
)
def test_the_server_only_shows(method: str, path: str, site: Running) -> None:
    connection = http.client.HTTPConnection("127.0.0.1", site.port, timeout=10)
    connection.request(method, path)
    answer = connection.getresponse()
    assert answer.status == 405
    assert answer.headers["Allow"] == "GET, HEAD"
    connection.close()


@pytest.mark.parametrize("path", ["/en/about", "/api/en/about", "/static/site.css", "/healthz"])
def test_head_tells_what_get_gives(path: str, client: httpx.Client) -> None:
    plain = {"Accept-Encoding": "identity"}
    given, told = client.get(path, headers=plain), client.head(path, headers=plain)
    assert told.status_code == 200
    assert told.content == b""
    assert told.headers["content-length"] == str(len(given.content))
    assert told.headers["content-type"] == given.headers["content-type"]


@pytest.mark.parametrize(
    "body",
    ["Content-Length: 3\r\n\r\nabc", "Transfer-Encoding: chunked\r\n\r\n3\r\nabc\r\n0\r\n\r\n"],
)
def test_the_server_takes_no_data(body: str, site: Running) -> None:
    head = f"GET /en/about HTTP/1.1\r\nHost: 127.0.0.1:{site.port}\r\n"
    assert status(site.raw(f"{head}{body}".encode())) == 413
    assert status(site.raw(f"{head}Content-Length: 0\r\n\r\n".encode())) == 200


def test_addresses_have_an_end(client: httpx.Client) -> None:
    assert client.get("/en/" + "a" * 10_000).status_code == 404
    assert client.get("/static/" + "a" * 10_000).status_code == 404
    assert client.get("/en/about?q=" + "a" * 7_000).status_code == 200
    refused = client.get("/zh/about?q=" + "a" * 10_000)
    assert refused.status_code == 414
    assert "地址过长" in refused.text
    assert len(refused.content) < 10_000


def test_headers_have_an_end(site: Running) -> None:
    head = f"GET /en/about HTTP/1.1\r\nHost: 127.0.0.1:{site.port}\r\nX: "
    answer = site.raw(head.encode() + b"a" * 200_000 + b"\r\n\r\n")
    assert answer == b"" or status(answer) in {400, 431}


# Sites


@pytest.mark.parametrize("where", ["cross-site", "same-site", "elsewhere"])
@pytest.mark.parametrize(
    ("mode", "destination"),
    [("no-cors", "image"), ("cors", "empty"), ("navigate", "iframe"), ("no-cors", "script")],
)
def test_another_site_gets_nothing(
    where: str, mode: str, destination: str, client: httpx.Client
) -> None:
    asked = {"Sec-Fetch-Site": where, "Sec-Fetch-Mode": mode, "Sec-Fetch-Dest": destination}
    for path in ("/en/about", "/api/en/about", "/static/site.css", "/media/a/0/0/thumb.jpg"):
        assert client.get(path, headers=asked).status_code == 403


def test_another_site_may_link_to_a_page_and_to_nothing_else(client: httpx.Client) -> None:
    asked = {"Sec-Fetch-Site": "cross-site", **LINK}
    assert client.get("/en/about", headers=asked).status_code == 200
    for path in ("/api/en/about", "/static/site.css", "/media/a/0/0/thumb.jpg"):
        assert client.get(path, headers=asked).status_code == 403


def test_an_own_page_and_an_address_bar_get_all(client: httpx.Client) -> None:
    for where in ("same-origin", "none"):
        asked = {"Sec-Fetch-Site": where, "Sec-Fetch-Mode": "cors"}
        assert client.get("/api/en/about", headers=asked).status_code == 200


@pytest.mark.parametrize(
    "path", ["/", "/en/about", "/api/en/about", "/static/site.css", "/en/nowhere", "/healthz"]
)
def test_every_answer_has_the_headers_of_safety(path: str, client: httpx.Client) -> None:
    answer = client.get(path, headers={"Origin": "http://evil.test"})
    for name, value in HEADERS.items():
        assert answer.headers.get_list(name.decode()) == [value.decode()]
    assert answer.headers["cache-control"] == "private, no-cache"
    assert not [name for name in answer.headers if name.startswith("access-control")]
    assert "server" not in answer.headers


def test_refusals_have_the_headers_of_safety_too(site: Running) -> None:
    for request in (b"GET / HTTP/1.1\r\nHost: a\r\n\r\n", b"POST / HTTP/1.1\r\nHost: a\r\n\r\n"):
        answer = site.raw(request)
        assert all(b"%b: %b" % (name, HEADERS[name]) in answer for name in HEADERS)


def test_the_policy_is_the_one_of_the_design(client: httpx.Client) -> None:
    policy = client.get("/en/about").headers["content-security-policy"]
    rules = dict(each.strip().split(" ", 1) for each in policy.split(";"))
    assert rules == {
        "default-src": "'none'",
        "script-src": "'self'",
        "style-src": "'self'",
        "img-src": "'self' blob: data:",
        "connect-src": "'self'",
        "worker-src": "blob:",
        "form-action": "'self'",
        "base-uri": "'none'",
        "frame-ancestors": "'none'",
    }


# Token


def test_without_the_token_there_is_nothing_to_see(closed: Running) -> None:
    with closed.client(known=False) as stranger:
        for path in ("/", "/en/about", "/api/en/about", "/api/openapi.json", "/en/x", "/media/a"):
            assert stranger.get(path).status_code == 403
        for wrong in ("", "x", closed.token[:-1], f"{closed.token}x", "é", "\x00"):
            assert stranger.get("/en/about", params={"token": wrong}).status_code == 403
        for cookie in ("", "x", closed.token):
            named = {"Cookie": f"medshelf-{closed.port}={cookie}"}
            assert stranger.get("/en/about", headers=named).status_code == 403
        page = stranger.get("/zh/about")
        assert "此服务器不对所有人开放" in page.text
        assert "版本" not in page.text
        assert stranger.get("/healthz").text == "ok"
        assert stranger.get("/static/site.css").status_code == 200


def test_the_token_opens_once_and_leaves_the_address(closed: Running) -> None:
    with closed.client(known=False) as owner, closed.client(known=False) as thief:
        address = f"/en/about?q=a%26b&token={closed.token}&x=1"
        assert owner.head(address).status_code == 403
        first = owner.get(address)
        assert first.status_code == 303
        assert first.headers["location"] == "/en/about?q=a%26b&x=1"
        assert closed.token not in str(first.headers)
        cookie = first.headers["set-cookie"]
        assert cookie.startswith(f"medshelf-{closed.port}=")
        assert "HttpOnly" in cookie
        assert "SameSite=strict" in cookie
        assert "Domain" not in cookie
        assert owner.get("/en/about").status_code == 200
        assert thief.get(address).status_code == 403
        assert closed.token not in thief.get(address).text
        again = owner.get(address)
        assert (again.status_code, again.headers["location"]) == (303, "/en/about?q=a%26b&x=1")
        assert owner.cookies[f"medshelf-{closed.port}"] != closed.token


def test_a_token_from_elsewhere_opens_by_a_page_of_ours(closed: Running) -> None:
    """A strict cookie is not sent along redirects that another site, or a file, began."""
    with closed.client(known=False) as owner:
        asked = {"Sec-Fetch-Site": "cross-site", **LINK}
        first = owner.get(f"/en/about?token={closed.token}&q=%22%3E", headers=asked)
        assert first.status_code == 200
        assert 'content="0; url=/en/about?q=%22%3E"' in first.text
        assert owner.get("/en/about").status_code == 200


@pytest.mark.parametrize("path", ["//evil.test/", "/\\evil.test", "/%2f/evil.test"])
def test_the_token_leads_nowhere_else(path: str, closed: Running) -> None:
    head = f"GET {path}?token={closed.token} HTTP/1.1\r\nHost: 127.0.0.1:{closed.port}\r\n\r\n"
    answer = closed.raw(head.encode())
    if status(answer) == 303:
        place = answer.split(b"location: ")[1].split(b"\r\n")[0]
        assert place[:1] == b"/"
        assert place[1:2] not in {b"/", b"\\"}


def test_two_servers_do_not_take_each_others_cookie(closed: Running) -> None:
    with running(with_token=True) as other:
        owner = other.client()
        assert owner.get("/en/about").status_code == 200
        carried = "; ".join(f"{name}={value}" for name, value in owner.cookies.items())
        with closed.client(known=False) as there:
            named = carried.replace(str(other.port), str(closed.port))
            for cookie in (carried, named):
                assert there.get("/en/about", headers={"Cookie": cookie}).status_code == 403
        owner.close()

"""Links: each kind of answer, asked for politely, once, and without a body."""

from __future__ import annotations

import itertools
import random
import socket
import ssl
from collections.abc import Callable, Iterator
from pathlib import Path

import httpx
import pytest
from hypothesis import example, given
from hypothesis import settings as effort
from hypothesis import strategies as st

from medshelf.acquire.link_answer import explain, judge
from medshelf.acquire.links import Link, LinkStatus, Verdict, check_links, count_statuses
from medshelf.core.errors import OfflineError, SettingError
from medshelf.core.version import __version__
from tests.acquire.link_server import LinkServer, Reply, running
from tests.acquire.messages import assert_says

Check = Callable[..., Verdict]
UNRESOLVABLE = f"http://{'a' * 64}.invalid/"  # too long a label: no name server is asked


@pytest.fixture
def links() -> Iterator[LinkServer]:
    with running() as server:
        yield server


@pytest.fixture
def check(links: LinkServer) -> Check:
    """Return a function that checks one path of the server, or one address."""

    def run(path: str, *, is_file: bool = False, timeout_s: float = 20.0) -> Verdict:
        url = links.url(path) if path.startswith("/") else path
        link = Link("toy", "homepage", url, is_file)
        (verdict,) = check_links([link], timeout_s=timeout_s, pause_s=0)
        assert verdict.link == link
        return verdict

    return run


def statuses(links: LinkServer, *paths: str, timeout_s: float = 20.0) -> list[str]:
    listed = [Link("toy", path, links.url(path)) for path in paths]
    verdicts = check_links(listed, pause_s=0, timeout_s=timeout_s)
    return [each.status.value for each in verdicts]


def test_head_is_enough_where_it_says_yes(check: Check, links: LinkServer) -> None:
    verdict = check("/ok")
    assert verdict.status == "ok"
    assert (verdict.final_url, verdict.http_status) == (links.url("/ok"), 200)
    (asked,) = links.asked
    assert asked.method == "HEAD"
    assert asked.headers["User-Agent"].startswith(f"medshelf/{__version__} (+")


def test_get_decides_where_head_says_no(links: LinkServer) -> None:
    paths = [f"/head-{how}" for how in ("400", "403", "404", "405", "501", "cut")]
    assert statuses(links, *paths) == ["ok"] * 6
    assert links.lines() == [f"{method} {path}" for path in paths for method in ("HEAD", "GET")]
    assert {each.headers.get("Range") for each in links.asked[::2]} == {None}
    assert {each.headers.get("Range") for each in links.asked[1::2]} == {"bytes=0-0"}


def test_get_decides_where_head_is_not_answered(check: Check, links: LinkServer) -> None:
    assert check("/head-silent", timeout_s=0.5).status == "ok"
    assert links.lines() == ["HEAD /head-silent", "GET /head-silent"]


def test_a_body_is_left_unread(check: Check, links: LinkServer) -> None:
    assert check("/endless").status == "ok"
    assert links.client_left.wait(10)


def test_answers(links: LinkServer) -> None:
    expected = {
        "/empty-file": ("ok", "answered 416"),
        "/401": ("gated", "answered 401 Unauthorized: may want a login"),
        "/403": ("gated", "answered 403 Forbidden: may want a login"),
        "/418": ("gated", "answered 418 I'm a Teapot: may want a login"),
        "/451": ("gated", "answered 451 Unavailable For Legal Reasons: may want a login"),
        "/999": ("gated", "answered 999: may want a login"),
        "/gated-repo": ("gated", "answered 403 Forbidden (GatedRepo): may want a login"),
        "/odd-code": ("gated", "answered 403 Forbidden: may want a login"),
        "/challenge": ("gated", "answered 202 Accepted: asks for proof that a human is there"),
        "/404": ("dead", "answered 404 Not Found"),
        "/410": ("dead", "answered 410 Gone"),
        "/no-location": ("dead", "answered 301 Moved Permanently without a new address"),
        "/broken": ("limited", "answered 500 Internal Server Error: ask again later"),
    }
    verdicts = check_links([Link("toy", path, links.url(path)) for path in expected], pause_s=0)
    found = {each.link.field: each for each in verdicts}
    assert found.keys() == expected.keys()
    for path, (status, words) in expected.items():
        assert found[path].status == status
        assert found[path].detail.startswith(words)
    assert all(str(each.http_status) in each.detail for each in verdicts)


@pytest.mark.parametrize(
    ("path", "new"), [("/301", "/ok"), ("/308", "/ok?page=2"), ("/301-302", "/302")]
)
def test_moved(path: str, new: str, check: Check, links: LinkServer) -> None:
    verdict = check(path)
    assert verdict.status == "moved"
    assert verdict.final_url == links.url(new)
    assert links.url(new) in verdict.detail
    assert verdict.http_status == 200


@pytest.mark.parametrize(("path", "end"), [("/302", "/ok"), ("/302-301", "/ok")])
def test_a_temporary_redirect_is_no_move_and_its_key_is_not_told(
    path: str, end: str, check: Check, links: LinkServer
) -> None:
    verdict = check(path)
    assert verdict.status == "ok"
    assert verdict.final_url == links.url(end)


def test_a_slash_is_no_move(check: Check, links: LinkServer) -> None:
    verdict = check("/slash")
    assert (verdict.status, verdict.final_url) == ("ok", links.url("/slash/"))


@pytest.mark.parametrize(
    ("old", "new", "status"),
    [
        ("http://example.org/a", "https://example.org/a/", "ok"),
        ("http://example.org/a", "https://www.example.org/a", "moved"),
        ("https://example.org/a", "https://example.org/b", "moved"),
        ("https://example.org/a?id=1", "https://example.org/a?id=2", "moved"),
        ("https://example.org/data", "https://accounts.example.org/", "gated"),
        ("https://example.org/data", "https://example.org/loginfo", "moved"),
        ("https://example.org/login?a", "https://example.org/login?b", "moved"),
    ],
)
def test_what_counts_as_another_place(old: str, new: str, status: str) -> None:
    hop = httpx.Response(301, request=httpx.Request("HEAD", old))
    hop.next_request = httpx.Request("HEAD", new)
    assert judge(httpx.Response(200, request=hop.next_request), [hop]).status == status


def test_moved_to_nowhere_is_dead(check: Check) -> None:
    assert check("/301-gone").status == "dead"


@pytest.mark.parametrize("path", ["/301-login", "/302-login"])
def test_a_login_page(path: str, check: Check) -> None:
    verdict = check(path)
    assert verdict.status == "gated"
    assert "login page" in verdict.detail


def test_an_address_of_a_login_page_is_no_gate(check: Check) -> None:
    assert check("/login").status == "ok"


@pytest.mark.parametrize("path", ["/page", "/301-page"])
def test_a_web_page_instead_of_a_file(path: str, check: Check) -> None:
    verdict = check(path, is_file=True)
    assert verdict.status == "gated"
    assert "web page instead of the file" in verdict.detail


def test_a_file_where_one_is_expected(check: Check) -> None:
    assert check("/ok", is_file=True).status == "ok"


@pytest.mark.parametrize(
    ("url", "words"),
    [
        ("http://127.0.0.1:1/", "connection refused"),
        ("http://localhost:1/", "connection refused"),
        (UNRESOLVABLE, "does not resolve"),
    ],
)
def test_unreachable(url: str, words: str, check: Check) -> None:
    verdict = check(url)
    assert verdict.status == "dead"
    assert words in verdict.detail
    assert (verdict.final_url, verdict.http_status) == (url, None)


def test_a_redirect_to_an_unreachable_host(check: Check) -> None:
    verdict = check("/302-nowhere")
    assert (verdict.status, verdict.final_url) == ("dead", "http://127.0.0.1:1/x")
    assert "connection refused" in verdict.detail


@pytest.fixture
def secure(certificate: Path) -> Iterator[LinkServer]:
    def use_tls(server: LinkServer) -> None:
        context = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
        context.load_cert_chain(certificate, certificate.with_name("key.pem"))
        server.socket = context.wrap_socket(server.socket, server_side=True)
        server.scheme = "https"

    with running(use_tls) as server:
        yield server


def test_an_unknown_certificate(check: Check, secure: LinkServer) -> None:
    verdict = check(secure.url("/ok"))
    assert verdict.status == "dead"
    assert "certificate error" in verdict.detail
    assert "self-signed" in verdict.detail
    assert secure.asked == []


def test_a_known_certificate(
    secure: LinkServer, certificate: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("SSL_CERT_FILE", str(certificate))
    assert statuses(secure, "/cut", "/ok", "/silent", timeout_s=0.5) == ["dead", "ok", "limited"]


def test_a_server_without_tls(check: Check, links: LinkServer) -> None:
    verdict = check(links.url("/ok").replace("http:", "https:"))
    assert verdict.status == "dead"
    assert "no secure connection" in verdict.detail


def test_a_handshake_that_does_not_end(check: Check) -> None:
    with socket.create_server(("127.0.0.1", 0)) as silent:
        verdict = check(f"https://127.0.0.1:{silent.getsockname()[1]}/", timeout_s=0.1)
    assert verdict.status == "dead"
    assert "no connection came about in time" in verdict.detail


@pytest.mark.parametrize("path", ["/cut", "/garbage", "/long-header"])
def test_no_proper_answer(path: str, check: Check, links: LinkServer) -> None:
    verdict = check(path)
    assert (verdict.status, verdict.http_status) == ("dead", None)
    assert "no proper HTTP answer" in verdict.detail
    assert verdict.detail.isprintable()
    assert len(verdict.detail) < 300
    assert len(links.asked) == 3


@pytest.mark.parametrize("path", ["/silent", "/drips"])
def test_no_answer_in_time(path: str, check: Check) -> None:
    verdict = check(path, timeout_s=0.1)
    assert (verdict.status, verdict.http_status) == ("limited", None)
    assert "in time" in verdict.detail


def test_a_server_that_recovers(check: Check, links: LinkServer) -> None:
    assert check("/down-twice").status == "ok"
    assert links.lines() == ["HEAD /down-twice", "GET /down-twice", "GET /down-twice"]


def test_retry_after_is_kept(check: Check, links: LinkServer) -> None:
    assert check("/busy-once").status == "ok"
    first, second = links.asked
    assert second.moment_s - first.moment_s >= 1


def test_a_server_that_asks_for_hours_is_left_alone(check: Check, links: LinkServer) -> None:
    assert check("/busy-for-hours").status == "limited"
    assert len(links.asked) == 1


def test_a_host_that_limits_is_not_asked_further(links: LinkServer) -> None:
    assert statuses(links, "/401", "/busy", "/ok", "/page") == ["gated", *["limited"] * 3]
    assert [line for line in links.lines() if "401" not in line] == [
        "HEAD /busy",
        "GET /busy",
        "GET /busy",
    ]


def test_an_address_that_is_down_does_not_speak_for_its_host(links: LinkServer) -> None:
    assert statuses(links, "/down", "/ok") == ["limited", "ok"]
    assert len(links.asked) == 4


def test_a_host_that_refuses_connections_is_asked_about_once() -> None:
    listed = [Link("toy", field, f"http://127.0.0.1:1/{field}") for field in "ab"]
    first, second = check_links(listed, pause_s=0)
    assert first.detail == "connection refused"
    assert second.detail == "not asked again: connection refused"
    assert second.status == "dead"
    assert second.final_url == "http://127.0.0.1:1/b"


def test_redirects_without_end(check: Check, links: LinkServer) -> None:
    verdict = check("/loop")
    assert verdict.status == "dead"
    assert "redirects more than 10 times" in verdict.detail
    assert links.lines() == ["HEAD /loop"] * 11 + ["GET /loop"] * 11


@pytest.mark.parametrize("path", ["/file", "/odd-port"])
def test_redirects_that_are_not_followed(path: str, check: Check, links: LinkServer) -> None:
    verdict = check(path)
    assert verdict.status == "unsupported"
    assert "redirects to" in verdict.detail
    assert {each.path for each in links.asked} == {path}


def test_unsupported() -> None:
    urls = [
        "ftp://127.0.0.1/x",
        "file:///etc/passwd",
        "mailto:someone@example.org",
        "www.example.org",
        " http://example.org",
        "http://",
        "http://127.0.0.1:none/",
        "http://127.0.0.1:99999/",
        "http://example.org/\n",
        "http://\ud800/",
        "http://xn--/",
        "",
    ]
    verdicts = check_links([Link("toy", "homepage", url) for url in urls])
    assert len(verdicts) == len(urls)
    for verdict in verdicts:
        assert verdict.status == "unsupported"
        assert (verdict.final_url, verdict.http_status) == (None, None)


def test_cookies_are_kept_along_the_redirects_of_one_address_only(links: LinkServer) -> None:
    assert statuses(links, "/wants-cookie", "/wants-cookie?again") == ["ok", "ok"]
    assert [each.headers.get("Cookie") for each in links.asked] == [None, "seen=1"] * 2


def test_a_cookie_that_cannot_be_sent_back(check: Check) -> None:
    assert check("/odd-cookie").status == "ok"


def test_an_address_in_several_records_is_asked_for_once(links: LinkServer) -> None:
    url = links.url("/page")
    verdicts = check_links(
        [
            Link("b", "homepage", f"{url}#top"),
            Link("a", "homepage", url),
            Link("a", "files[0]", url, is_file=True),
        ]
    )
    found = [(each.link.dataset, each.link.field, each.status.value) for each in verdicts]
    assert found == [("a", "files[0]", "gated"), ("a", "homepage", "ok"), ("b", "homepage", "ok")]
    assert links.lines() == ["HEAD /page"]


def test_the_order_of_the_links_does_not_matter(links: LinkServer) -> None:
    paths = ["/ok", "/301", "/404", "/302-login", "/slash"]
    hosts = ["127.0.0.1", "localhost"]
    listed = [
        Link(host, path, links.url(path, host)) for host, path in itertools.product(hosts, paths)
    ]
    expected = check_links(listed, pause_s=0)
    assert [each.link for each in expected] == sorted(listed)
    shuffled = random.Random(1).sample(listed, len(listed))
    assert check_links(shuffled, pause_s=0) == expected


def test_one_request_at_a_time_and_a_pause_between(links: LinkServer) -> None:
    links.other = links.url("")
    paths = [f"/page-{number}" for number in range(5)]
    listed = [Link("toy", path, links.url(path)) for path in paths]
    listed.append(Link("toy", "redirected", links.url("/302-other-host", "localhost")))
    verdicts = check_links(listed, pause_s=0.05)
    assert {each.status for each in verdicts} == {"ok"}
    moments = [each.moment_s for each in links.asked if each.host == "127.0.0.1"]
    assert len(moments) == 6
    assert min(after - before for before, after in itertools.pairwise(moments)) >= 0.05
    assert links.most_under_way["127.0.0.1"] == 1


def test_hosts_are_asked_side_by_side(links: LinkServer) -> None:
    listed = [
        Link("toy", "a", links.url("/meet-1")),
        Link("toy", "b", links.url("/meet-2", "localhost")),
    ]
    assert {each.status for each in check_links(listed)} == {"ok"}
    assert links.most_under_way["any"] == 2


def test_one_worker_asks_one_host_at_a_time(links: LinkServer) -> None:
    hosts = ["127.0.0.1", "localhost"]
    listed = [
        Link(host, str(number), links.url(f"/page-{number}", host))
        for host, number in itertools.product(hosts, range(5))
    ]
    check_links(listed, pause_s=0, n_workers=1)
    assert links.most_under_way["any"] == 1
    assert len(links.asked) == 10


def test_a_redirect_to_another_server(check: Check, links: LinkServer) -> None:
    try:
        LinkServer(address="127.0.0.2").server_close()
    except OSError:
        pytest.skip("127.0.0.2 is no address of this machine")
    with running(address="127.0.0.2") as other:
        links.other = other.url("")
        verdict = check("/302-other-host")
        assert (verdict.status, verdict.final_url) == ("ok", other.url("/ok"))
        assert [line.split()[1] for line in other.lines()] == ["/ok"]


def test_offline_opens_no_connection(
    check: Check, links: LinkServer, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("MEDSHELF_OFFLINE", "1")
    with pytest.raises(OfflineError) as caught:
        check("/ok")
    assert_says(caught.value, "Links cannot be checked", "Unset MEDSHELF_OFFLINE")
    assert links.asked == []


def test_no_host_at_all_can_be_reached() -> None:
    urls = ["http://127.0.0.1:1/", "http://localhost:1/", UNRESOLVABLE]
    listed = [Link("toy", url, url) for url in urls]
    with pytest.raises(OfflineError) as caught:
        check_links(listed, pause_s=0)
    assert_says(caught.value, "None of 3 hosts", urls[0], "connection refused", "proxy settings")
    assert count_statuses(check_links(listed[:2], pause_s=0))[LinkStatus.DEAD] == 2


def test_some_hosts_can_be_reached(links: LinkServer) -> None:
    urls = ["http://127.0.0.1:1/", "http://localhost:1/", UNRESOLVABLE, links.url("/404")]
    verdicts = check_links([Link("toy", url, url) for url in urls], pause_s=0)
    assert {each.status for each in verdicts} == {"dead"}


@pytest.mark.parametrize(
    "numbers",
    [{"timeout_s": 0}, {"timeout_s": float("nan")}, {"n_workers": 0}, {"pause_s": -1}],
)
def test_odd_numbers(numbers: dict[str, float], links: LinkServer) -> None:
    with pytest.raises(SettingError) as caught:
        check_links([Link("toy", "homepage", links.url("/ok"))], **numbers)  # type: ignore[arg-type]
    ((name, value),) = numbers.items()
    assert_says(caught.value, f"{name}={value}", "above 0")
    assert links.asked == []


def test_counts(links: LinkServer) -> None:
    listed = [Link("toy", path, links.url(path)) for path in ("/ok", "/404", "/410")]
    listed.append(Link("toy", "mirror", "ftp://example.org/"))
    assert count_statuses(check_links(listed, pause_s=0)) == {
        "ok": 1,
        "moved": 0,
        "gated": 0,
        "dead": 2,
        "limited": 0,
        "unsupported": 1,
    }
    assert count_statuses(check_links([])) == dict.fromkeys(LinkStatus, 0)


def test_an_error_is_told_in_few_printable_characters() -> None:
    finding = explain(httpx.ReadError("\x1b[31m" + "a" * 999), "http://example.org/")
    assert finding.detail.startswith("no proper HTTP answer: [31maaa")
    assert len(finding.detail) < 300


def test_a_host_with_several_addresses_that_all_refuse() -> None:
    several = ExceptionGroup("all failed", [ConnectionRefusedError("no"), OSError("no")])
    error = httpx.ConnectError("All connection attempts failed")
    error.__cause__ = OSError("All connection attempts failed")
    error.__cause__.__cause__ = several
    finding = explain(error, "http://localhost:1/")
    assert (finding.status, finding.detail) == ("dead", "connection refused")
    assert finding.unreachable


HEADERS = ["Location: ", "Set-Cookie: ", "Retry-After: ", "Content-Type: ", "X-Error-Code: "]
VALUES = ["http:", "https://xn--/", "//", "a:b/", "user:pw@", ":99999", "[", "%00", "a=\xff", "9"]
VALUE = st.lists(st.sampled_from(VALUES) | st.text(max_size=5), max_size=4).map("".join)
HEAD = st.builds(
    "HTTP/1.1 {} X\r\n{}{}\r\n\r\n".format,
    st.sampled_from([200, 301, 302, 403]),
    st.sampled_from(HEADERS),
    VALUE,
).map(lambda text: text.encode("utf-8", "surrogateescape"))


@given(raws=st.lists(HEAD | st.binary(max_size=60), min_size=1, max_size=5))
@example(raws=[b"HTTP/1.1 301 X\r\nLocation: a:b//\r\n\r\n"])
@example(raws=[b"HTTP/1.1 301 X\r\nLocation: http://xn--/\r\n\r\n"])
@effort(max_examples=8, deadline=None, derandomize=True, database=None)
def test_any_answer_gives_a_verdict(raws: list[bytes]) -> None:
    with running() as server:
        server.routes = {f"/raw-{n}": (Reply(raw=raw),) for n, raw in enumerate(raws)}
        listed = [Link("toy", route, server.url(route)) for route in server.routes]
        for verdict in check_links(listed, pause_s=0):
            assert verdict.detail.isprintable()
            assert verdict.final_url is not None
            assert verdict.final_url.isprintable()

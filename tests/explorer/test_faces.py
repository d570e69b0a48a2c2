"""Every page of the site has two faces of one view, in two languages, and breaks no rule."""

from __future__ import annotations

import re
from collections.abc import Iterator
from html.parser import HTMLParser
from typing import Any, get_type_hints

import httpx
import pytest

from medshelf.explorer.app import build
from medshelf.explorer.holdings import Holdings
from medshelf.explorer.site import Page, View
from tests.explorer.serving import Running, running

EXAMPLES: dict[str, str] = {
    "kind": "datasets",
    "name": "breastmnist",
    "dataset": "breastmnist",
    "id": "breastmnist",
    "key": "manifest",
    "row": "0",
}
"""What stands for a placeholder of an address, or for a parameter that a page cannot do without."""

PAGES: list[Page] = build(Holdings()).state.site.pages
HANDLER = re.compile(r"^(on[a-z]+|style|hx-on.*)$")


class Rules(HTMLParser):
    """Collects what a page must have, and what it must not."""

    def __init__(self, html: str) -> None:
        super().__init__()
        self.broken: list[str] = []
        self.counts: dict[str, int] = {}
        self.ids: list[str] = []
        self.links: list[str] = []
        self.language = ""
        self.text = ""
        self.feed(html)

    def handle_starttag(self, tag: str, attrs: list[tuple[str, str | None]]) -> None:
        given = dict(attrs)
        self.counts[tag] = self.counts.get(tag, 0) + 1
        self.broken += [f"<{tag} {name}>" for name in given if HANDLER.match(name)]
        if tag == "style" or (tag == "script" and not given.get("src")):
            self.broken.append(f"inline <{tag}>")
        for name in ("src", "href", "action", "hx-get"):
            self.links += [given[name] or ""] if name in given else []
        if tag == "html":
            self.language = given.get("lang") or ""
        if tag == "img" and "alt" not in given:
            self.broken.append("<img> without alt")
        self.ids += [given["id"] or ""] if "id" in given else []

    def handle_data(self, data: str) -> None:
        self.text += data


@pytest.fixture(scope="module")
def site() -> Iterator[Running]:
    with running() as made:
        yield made


@pytest.fixture(scope="module")
def client(site: Running) -> Iterator[httpx.Client]:
    with site.client() as made:
        yield made


def address(page: Page) -> str:
    """Return an example of the page's address below the language."""
    unknown = set(re.findall(r"\{(\w+)", page.path)) - set(EXAMPLES)
    assert not unknown, f"say in EXAMPLES what stands for {unknown} in {page.path}"
    return re.sub(r"\{(\w+)(:\w+)?\}", lambda found: EXAMPLES[found[1]], page.path)


@pytest.mark.parametrize("page", PAGES, ids=lambda page: page.path)
@pytest.mark.parametrize("language", ["en", "zh"])
def test_both_faces_show_one_view(page: Page, language: str, client: httpx.Client) -> None:
    shown = client.get(f"/{language}{address(page)}")
    told = client.get(f"/api/{language}{address(page)}")
    assert shown.status_code == told.status_code
    assert shown.status_code in {200, 400, 404}, shown.text
    assert shown.headers["content-type"] == "text/html; charset=utf-8"
    assert told.headers["content-type"] == "application/json"
    view: dict[str, Any] = told.json()
    if told.status_code == 200:
        model: type[View] = get_type_hints(page.make)["return"]
        assert model.model_validate(view).model_dump(mode="json") == view
    found = Rules(shown.text)
    title = re.search(r"<title>(.*?)</title>", shown.text, re.DOTALL)
    assert title
    assert view["title"] in found.text
    assert found.broken == []
    assert found.language == {"en": "en", "zh": "zh-Hans"}[language]
    assert found.counts["h1"] == found.counts["main"] == 1
    assert len(found.ids) == len(set(found.ids))


@pytest.mark.parametrize("page", PAGES, ids=lambda page: page.path)
def test_a_page_links_to_its_other_faces_and_keeps_its_state(
    page: Page, client: httpx.Client
) -> None:
    state = "unknown=a%2Fb%26c"
    shown = client.get(f"/en{address(page)}?{state}")
    if shown.status_code == 200:
        assert f'href="/zh{address(page)}?{state}"' in shown.text
        assert f'href="/api/en{address(page)}?{state}"' in shown.text


@pytest.mark.parametrize("page", PAGES, ids=lambda page: page.path)
def test_no_page_leads_a_browser_elsewhere_by_itself(page: Page, client: httpx.Client) -> None:
    shown = client.get(f"/en{address(page)}")
    for link in Rules(shown.text).links:
        if not link.startswith(("/", "?", "#")):
            assert link.startswith(("https://", "http://")), link
            assert f'href="{link}" rel="noreferrer"' in shown.text.replace("&amp;", "&"), link
        assert not link.startswith("//"), link


def test_addresses_are_unique() -> None:
    paths = [page.path for page in PAGES]
    assert len(paths) == len(set(paths))


@pytest.mark.parametrize("page", PAGES, ids=lambda page: page.path)
def test_another_language_is_no_page(page: Page, client: httpx.Client) -> None:
    assert client.get(f"/fr{address(page)}").status_code == 404
    assert client.get(f"/api/fr{address(page)}").status_code == 404


def test_the_description_of_the_api_has_every_page(client: httpx.Client) -> None:
    described = client.get("/api/openapi.json").json()["paths"]
    assert {f"/api/{{language}}{page.path}" for page in PAGES} <= {
        re.sub(r":\w+\}", "}", each) for each in described
    } | set(described)
    assert all(set(each) == {"get"} for each in described.values())
    answers = {status for each in described.values() for status in each["get"]["responses"]}
    assert answers == {"200", "4XX", "5XX"}


@pytest.mark.parametrize("page", PAGES, ids=lambda page: page.path)
def test_no_page_can_be_written_to(page: Page, client: httpx.Client) -> None:
    for method in ("POST", "PUT", "PATCH", "DELETE", "OPTIONS"):
        assert client.request(method, f"/en{address(page)}").status_code == 405


def test_a_page_asks_for_htmx_only_where_it_is(client: httpx.Client) -> None:
    there = client.get("/static/vendor/htmx.min.js").status_code == 200
    assert ("/static/vendor/htmx.min.js" in client.get("/en/about").text) is there


def test_a_page_is_compressed_and_a_file_is_not(client: httpx.Client) -> None:
    assert client.get("/en/about").headers["content-encoding"] == "gzip"
    assert "content-encoding" not in client.get("/static/site.css").headers

"""The catalog page: search in both languages, facets, what stands in the way, hostile records."""

from __future__ import annotations

import re
from collections.abc import Iterator
from html import unescape
from html.parser import HTMLParser
from pathlib import Path
from urllib.parse import parse_qsl, urlencode

import pytest
import yaml
from fastapi.testclient import TestClient
from hypothesis import given
from hypothesis import strategies as st

from medshelf.catalog.filters import Filters
from medshelf.catalog.search import search
from medshelf.catalog.shelf import dataset_ids
from medshelf.explorer.app import build
from medshelf.explorer.cards.state import FACETS, State
from medshelf.explorer.holdings import Holdings
from tests.medmnist_files import make_file

HOSTILE = "<script>alert(1)</script>\"'&{{7*7}}"


class Text(HTMLParser):
    """The words of a page, and its tags."""

    def __init__(self, html: str) -> None:
        super().__init__()
        self.words: list[str] = []
        self.tags: list[tuple[str, dict[str, str | None]]] = []
        self.feed(html)

    def handle_starttag(self, tag: str, attrs: list[tuple[str, str | None]]) -> None:
        self.tags.append((tag, dict(attrs)))

    def handle_data(self, data: str) -> None:
        self.words.append(data)

    @property
    def text(self) -> str:
        return " ".join(" ".join(self.words).split())

    def links(self) -> list[str]:
        return [each["href"] or "" for tag, each in self.tags if tag == "a" and "href" in each]


@pytest.fixture(scope="module")
def cache(tmp_path_factory: pytest.TempPathFactory) -> Path:
    return tmp_path_factory.mktemp("cache")


@pytest.fixture(autouse=True)
def one_index(cache: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """Make the search index once, not for every test."""
    monkeypatch.setenv("XDG_CACHE_HOME", str(cache))


@pytest.fixture
def client() -> Iterator[TestClient]:
    with TestClient(build(Holdings())) as made:
        yield made


def shown(client: TestClient, address: str) -> Text:
    answer = client.get(address)
    assert answer.status_code == 200, answer.text
    return Text(answer.text)


def test_all_datasets_page_by_page(client: TestClient) -> None:
    found: list[str] = []
    address = "/api/en/?sort=name"
    first = client.get(address).json()
    for page in range(1, first["n_pages"] + 1):
        view = client.get(f"{address}&page={page}").json()
        assert view["page"] == page
        found += [each["hit"]["id"] for each in view["entries"]]
    assert first["total"] == first["n_datasets"] == len(dataset_ids())
    assert sorted(found) == sorted(dataset_ids())
    assert client.get(f"{address}&page=99999").json()["page"] == first["n_pages"]


@pytest.mark.parametrize("language", ["en", "zh"])
def test_words_in_chinese_find_what_words_in_english_find(
    client: TestClient, language: str
) -> None:
    ids = []
    for words in ("乳腺 超声", "breast ultrasound"):
        view = client.get(f"/api/{language}/", params={"q": words}).json()
        ids.append([each["hit"]["id"] for each in view["entries"]])
        page = shown(client, f"/{language}/?{urlencode({'q': words})}")
        for entry in view["entries"]:
            assert entry["hit"]["name"] in page.text
            assert entry["url"] in page.links()
        for remark in view["remarks"]:
            assert remark in page.text
    assert set(ids[0]) == set(ids[1]) >= {"breastmnist", "busi"}
    understood = {"en": "Understood as: Anatomy: Breast · Modality: Ultrasound", "zh": "理解为"}
    assert understood[language] in page.text


def test_a_misspelt_word_is_named(client: TestClient) -> None:
    view = client.get("/api/en/", params={"q": "pnuemonia"}).json()
    assert view["remarks"][0] == "“pnuemonia” is not known; searched for “pneumonia”."


def test_facets_count_what_choosing_them_finds(client: TestClient) -> None:
    chosen = "task=segmentation&q=ct"
    view = client.get(f"/api/en/?{chosen}").json()
    assert {each["facet"] for each in view["facets"]} <= set(FACETS)
    looked_at = 0
    for facet in view["facets"]:
        for choice in facet["choices"][:2]:
            there = client.get("/api" + choice["url"]).json()
            if facet["facet"] == "task":
                continue
            looked_at += 1
            assert there["total"] == choice["count"]
            again = [
                each
                for other in there["facets"]
                if other["facet"] == facet["facet"]
                for each in other["choices"]
                if each["chosen"]
            ]
            assert [each["value"] for each in again] == [choice["value"]]
            assert client.get("/api" + again[0]["url"]).json()["total"] == view["total"]
    assert looked_at > 8


def test_a_chosen_facet_still_counts_its_other_values(client: TestClient) -> None:
    every = client.get("/api/en/").json()
    chosen = client.get("/api/en/?task=detection").json()
    counts = [
        {each["value"]: each["count"] for each in facet["choices"]}
        for view in (every, chosen)
        for facet in view["facets"]
        if facet["facet"] == "task"
    ]
    assert counts[0]["segmentation"] == counts[1]["segmentation"] > chosen["total"]
    both = client.get("/api/en/?task=detection&task=segmentation").json()["total"]
    filters = Filters(task=("detection", "segmentation"))
    assert both == search("", filters, limit=0).total > chosen["total"]


def test_nothing_found_says_which_condition_leaves_nothing(client: TestClient) -> None:
    view = client.get("/api/en/?task=segmentation&since=2090").json()
    assert view["total"] == 0
    assert view["remarks"] == ["No dataset was found.", "“Since: 2090” alone leaves nothing."]
    assert client.get("/api/en/?task=segmentation").json()["remarks"] == []
    (way,) = view["ways"]
    assert way["url"] == "/en/?task=segmentation"
    assert client.get("/api" + way["url"]).json()["total"] == way["count"] > 200
    page = shown(client, "/en/?task=segmentation&since=2090")
    assert way["remark"] in page.text
    assert way["url"] in page.links()


def test_an_empty_form_field_asks_for_nothing(client: TestClient) -> None:
    asked = "q=&since=&min_samples=&max_samples=&until=&sort=name"
    assert client.get(f"/api/en/?{asked}").json()["total"] == len(dataset_ids())
    assert client.get("/api/en/?since=&min_samples=1000000").json()["total"] < 100


@pytest.mark.parametrize(
    ("asked", "status"),
    [
        ("task=segmentaton", 404),
        ("since=last+year", 400),
        ("sort=size", 400),
        ("page=0", 400),
        ("readable=maybe", 400),
        ("q=" + "x" * 2000, 400),
    ],
)
def test_what_makes_no_sense_is_said(client: TestClient, asked: str, status: int) -> None:
    answer = client.get(f"/en/?{asked}")
    assert answer.status_code == status
    if status == 404:
        assert "Did you mean: segmentation" in answer.text


def test_sort_and_table(client: TestClient) -> None:
    view = client.get("/api/en/?sort=samples&layout=table").json()
    sizes = [each["hit"]["n_samples"] for each in view["entries"]]
    assert sizes == sorted(sizes, reverse=True)
    page = shown(client, "/en/?sort=samples&layout=table")
    assert f"{sizes[0]:,}" in page.text
    assert [tag for tag, _ in page.tags].count("tr") == len(sizes) + 1


def test_the_basket_is_a_form_without_javascript(client: TestClient) -> None:
    page = shown(client, "/en/?q=breast+ultrasound")
    forms = [each for tag, each in page.tags if tag == "form"]
    assert {"method": "get", "action": "/en/compare", "id": "basket"} in forms
    boxes = [each["value"] for tag, each in page.tags if each.get("type") == "checkbox"]
    assert "busi" in boxes
    pairs = urlencode([("id", each) for each in boxes[:2]])
    assert client.get(f"/en/compare?{pairs}").status_code == 200


def test_what_lies_here_is_marked_and_what_was_named_comes_first(
    tmp_path: Path,
) -> None:
    make_file(tmp_path / "data", "breastmnist")
    client = TestClient(build(Holdings(("adrenalmnist3d", str(tmp_path / "mine.parquet")))))
    view = client.get("/api/en/?q=mnist&layout=table").json()
    here = {each["hit"]["id"] for each in view["entries"] if each["lies_here"]}
    assert {"breastmnist", "adrenalmnist3d"} <= here
    assert "chestmnist" not in here
    assert view["here"] == [
        {"name": "adrenalmnist3d", "url": "/en/datasets/adrenalmnist3d"},
        {"name": "mine", "url": "/en/manifests/mine/samples"},
    ]
    html = client.get("/en/").text
    assert html.index("/en/manifests/mine/samples") < html.index('name="q"')
    assert str(tmp_path) not in html


@given(
    st.builds(
        State,
        q=st.text(max_size=30),
        task=st.lists(st.text(max_size=8), max_size=3).map(tuple),
        since=st.none() | st.integers(0, 3000),
        layout=st.sampled_from(["cards", "table"]),
        page=st.integers(1, 50),
    )
)
def test_a_state_and_its_address_say_the_same(state: State) -> None:
    pairs = parse_qsl(state.query(), keep_blank_values=True)
    given = {name: value for name, value in pairs if name != "task"}
    tasks = tuple(value for name, value in pairs if name == "task")
    assert State(**given, **({"task": tasks} if tasks else {})) == state


@pytest.fixture
def hostile(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> TestClient:
    """A catalog with a record whose every free text is hostile."""
    folder = tmp_path / "records"
    folder.mkdir()
    text, url = HOSTILE, "https://example.org/?a=%3Cscript%3E&b='"
    record = {
        "id": "hostile-set",
        "name": text,
        "aliases": [text],
        "group": "retina",
        "collection": text,
        "version": text,
        "institutions": [text],
        "challenge": text,
        "dimensions": ["2D"],
        "modalities": ["fundus"],
        "tasks": ["classification"],
        "n_samples": 7,
        "splits": {text: 7},
        "file_formats": [text],
        "stated": {"task": text, "samples": text},
        "resolution": [{"part": text, "size_px": {"min": [1, 2]}, "axes": text}],
        "label_stats": [{"name": text, "cases": 3, "table": text, "splits": {text: 3}}],
        "label_origin": [{"by": "expert", "what": text, "accuracy": text}],
        "limitations": [text],
        "patient_key": text,
        "file_tree": text,
        "homepage": url,
        "download_urls": [url],
        "access": "open",
        "access_steps": text,
        "licence": {"id": "CC-BY-4.0", "source": text},
        "papers": [url],
        "bibtex": text,
        "lineage": [{"relation": "derived_from", "id": "idrid", "evidence": text}],
        "conflicts": [{"field": text, "kept": text, "other": text, "source": text}],
        "doubts": [text],
        "sources": [{"name": text, "page": text, "fields": [text]}],
    }
    (folder / "hostile-set.yaml").write_text(yaml.safe_dump(record), "utf-8")
    monkeypatch.setenv("MEDSHELF_RECORDS", str(folder))
    return TestClient(build(Holdings()))


@pytest.mark.parametrize(
    "address",
    [
        "/?group=retina",
        "/?group=retina&layout=table",
        "/datasets/hostile-set",
        "/datasets/idrid",
        "/compare?id=hostile-set&id=idrid",
        "/lineage?id=hostile-set",
        f"/?{urlencode({'q': HOSTILE, 'format': HOSTILE})}",
    ],
)
@pytest.mark.parametrize("language", ["en", "zh"])
def test_texts_of_records_are_inert(hostile: TestClient, address: str, language: str) -> None:
    html = hostile.get(f"/{language}{address}").text
    assert "<script>alert" not in html
    assert HOSTILE in unescape(html)
    tags = Text(html).tags
    assert not [each for tag, each in tags if tag == "script" and "src" not in each]
    assert not [name for _, each in tags for name in each if name.startswith("on")]
    assert all(re.match(r"/|\?|#|https?://", each) for each in Text(html).links())


def test_a_hostile_record_has_a_json_face(hostile: TestClient) -> None:
    view = hostile.get("/api/en/datasets/hostile-set").json()
    assert view["title"] == HOSTILE
    assert view["references"] == []
    assert view["measured"]["classes"][0]["by_split"] == {HOSTILE: 3}

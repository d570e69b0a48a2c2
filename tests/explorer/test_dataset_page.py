"""The page of a dataset: every one renders, and HTML and JSON hold the same facts."""

from __future__ import annotations

from collections.abc import Iterator
from html.parser import HTMLParser
from pathlib import Path

import pytest
from fastapi.testclient import TestClient

from medshelf.catalog.shelf import dataset_ids, find_record
from medshelf.catalog.wording import phrase
from medshelf.explorer.app import build
from medshelf.explorer.holdings import Holdings
from tests.medmnist_files import make_file

GROUPS = [
    *("basic-information", "metadata", "resolution", "annotation-statistics"),
    *("file-structure", "example-pictures", "how-to-get-it"),
]


class Plain(HTMLParser):
    def __init__(self, html: str) -> None:
        super().__init__()
        self.words: list[str] = []
        self.links: list[str] = []
        self.ids: list[str] = []
        self.feed(html)
        self.text = " ".join(" ".join(self.words).split())

    def handle_starttag(self, tag: str, attrs: list[tuple[str, str | None]]) -> None:
        given = dict(attrs)
        self.links += [given["href"] or ""] if tag == "a" and "href" in given else []
        self.ids += [given["id"] or ""] if "id" in given else []

    def handle_data(self, data: str) -> None:
        self.words.append(data)


@pytest.fixture(scope="module")
def client() -> Iterator[TestClient]:
    with TestClient(build(Holdings())) as made:
        yield made


@pytest.mark.parametrize("language", ["en", "zh"])
def test_every_dataset_has_a_page(client: TestClient, language: str) -> None:
    for dataset in dataset_ids():
        answer = client.get(f"/{language}/datasets/{dataset}")
        assert answer.status_code == 200, dataset
        page = answer.text
        for group in GROUPS:
            assert f'<h2 id="{group}">{phrase(group, language)}</h2>' in page, dataset
        assert f'href="/{language}/compare?id={dataset}"' in page
        assert f'href="/{language}/lineage?id={dataset}"' in page


@pytest.mark.parametrize("language", ["en", "zh"])
@pytest.mark.parametrize("dataset", ["nih-chest-xray", "lits", "breastmnist", "care-whs-plus-plus"])
def test_html_and_json_hold_the_same_facts(client: TestClient, dataset: str, language: str) -> None:
    view = client.get(f"/api/{language}/datasets/{dataset}").json()
    page = Plain(client.get(f"/{language}/datasets/{dataset}").text)

    def told(text: str) -> bool:
        return " ".join(text.split()) in page.text

    assert len(page.ids) == len(set(page.ids))
    for section in view["sections"]:
        assert told(section["title"])
        for row in section["rows"]:
            assert told(row["label"])
            assert all(told(value["text"]) for value in row["values"])
        assert all(map(told, section["items"]))
        for row in section["table"]["rows"] if section["table"] else ():
            assert all(map(told, row))
        assert told(section["text"] or "")
    for each in view["around"]["relations"]:
        assert told(each["evidence"])
        assert told(each["told"])
    assert all(told(each["name"]) for each in view["around"]["leaks"])
    assert all(told(each) for each in view["references"])
    assert told(view["access"]["name"])
    assert told(view["access"]["steps"])
    assert all(told(each["name"]) and told(each["verdict"]) for each in view["terms"])
    assert set(view["links"].values()) <= set(page.links)
    assert all(url in page.links for url in view["pages"].values() if url)
    assert bool(view["pages"]["samples"]) == view["readable"]


def test_leakage_is_said_before_anything_else(client: TestClient) -> None:
    page = client.get("/en/datasets/nih-chest-xray").text
    warning = "Do not train on NIH Chest X-rays (ChestX-ray14) and test on one of these"
    assert 0 < page.index(warning) < page.index('id="basic-information"')
    view = client.get("/api/en/datasets/nih-chest-xray").json()
    shared = {each["id"] for each in view["around"]["leaks"] if each["verdict"] == "shared"}
    assert {"chestmnist", "rsna-pneumonia-detection-challenge"} <= shared


def test_terms_and_access_of_a_licence_that_forbids(client: TestClient) -> None:
    dataset = next(
        each
        for each in map(find_record, dataset_ids())
        if each.licence and each.licence.id == "CC-BY-NC-ND-4.0"
    )
    terms = client.get(f"/api/en/datasets/{dataset.id}").json()["terms"]
    assert [each["allowed"] for each in terms[:3]] == [False, True, False]
    unknown = next(each for each in map(find_record, dataset_ids()) if each.licence is None)
    view = client.get(f"/api/en/datasets/{unknown.id}").json()
    assert view["licence"] is None
    assert view["terms"] == []
    assert "No licence is known" in client.get(f"/en/datasets/{unknown.id}").text


def test_a_file_at_hand_that_is_not_the_published_one_is_not_counted(tmp_path: Path) -> None:
    make_file(tmp_path / "data", "breastmnist")
    client = TestClient(build(Holdings()))
    view = client.get("/api/en/datasets/breastmnist").json()
    assert view["lies_here"]
    (copy,) = view["on_disk"]
    assert (copy["lines"], copy["expected"]) == (["breastmnist.npz"], 4)
    page = client.get("/en/datasets/breastmnist").text
    # Our small file is not the published one: what the record states is shown, and why.
    assert view["measured"]["source"] == "record"
    assert "is not the published file" in view["measured"]["problem"]
    assert "medshelf profile breastmnist --against-catalog" in page


def test_counted_figures_of_real_files(real_data: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("MEDSHELF_DATA", str(real_data))
    client = TestClient(build(Holdings()))
    measured = client.get("/api/en/datasets/breastmnist").json()["measured"]
    assert measured["source"] == "manifest"
    assert {each["name"]: each["cases"] for each in measured["classes"]} == {
        "malignant": 210,
        "normal, benign": 570,
    }
    assert {each["name"]: each["by_split"]["test"] for each in measured["classes"]} == {
        "malignant": 42,
        "normal, benign": 114,
    }
    assert max(each["bar"] for each in measured["classes"]) == 100
    verdicts = [each["verdict"] for each in measured["figures"]]
    assert verdicts.count("equal") >= 5
    assert "differs" not in verdicts
    page = client.get("/en/datasets/breastmnist").text
    assert "Classes, counted in the manifest" in page
    assert str(real_data) not in page


def test_files_on_disk_are_named_two_levels_deep_without_their_place(
    tmp_path: Path,
) -> None:
    folder = tmp_path / "home" / "raw" / "breastmnist"
    make_file(folder, "breastmnist")
    (folder / "deep" / "deeper" / "deepest").mkdir(parents=True)
    (folder / "elsewhere").symlink_to(tmp_path, target_is_directory=True)
    client = TestClient(build(Holdings()))
    (copy,) = client.get("/api/en/datasets/breastmnist").json()["on_disk"]
    assert copy["lines"] == ["breastmnist.npz", "deep/", "  deeper/", "elsewhere"]
    assert not copy["cut"]


def test_an_unknown_id_is_answered_with_near_names(client: TestClient) -> None:
    for face in ("/en", "/api/en"):
        answer = client.get(f"{face}/datasets/brestmnist")
        assert answer.status_code == 404
        assert "breastmnist" in answer.text
    assert client.get("/en/datasets/BreastMNIST").status_code == 200

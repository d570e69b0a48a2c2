"""Datasets side by side, and relations as graph, sentences and table."""

from __future__ import annotations

from itertools import pairwise

import pytest
from fastapi.testclient import TestClient

from medshelf.catalog.lineage import Lineage
from medshelf.catalog.record import Record
from medshelf.catalog.shelf import all_records
from medshelf.explorer.app import build
from medshelf.explorer.cards.addresses import Addresses
from medshelf.explorer.cards.relations import Relations, relations_of
from medshelf.explorer.holdings import Holdings


@pytest.fixture(scope="module")
def client() -> TestClient:
    return TestClient(build(Holdings()))


def record(name: str, *links: tuple[str, str]) -> Record:
    return Record.model_validate(
        {
            "id": name,
            "name": name.upper(),
            "group": "chest",
            "dimensions": ["2D"],
            "modalities": ["ct"],
            "tasks": ["classification"],
            "access": "open",
            "lineage": [
                {"relation": relation, "id": other, "evidence": f"{name} to {other}"}
                for relation, other in links
            ],
        }
    )


def around(dataset: str, *records: Record) -> Relations:
    known = {each.id: each for each in records}
    return relations_of(dataset, Lineage(records), known, Addresses("en"))


def test_the_leakage_answer_comes_before_the_table(client: TestClient) -> None:
    address = "/compare?id=breastmnist&id=nih-chest-xray&id=chestmnist"
    view = client.get(f"/api/en{address}").json()
    assert [each["verdict"] for each in view["pairs"]] == ["shared", "unknown", "unknown"]
    assert {view["pairs"][0]["first"], view["pairs"][0]["second"]} == {
        "NIH Chest X-rays (ChestX-ray14)",
        "ChestMNIST",
    }
    page = client.get(f"/en{address}").text
    assert 0 < page.index("CAN LEAK: one holds samples of the other") < page.index("<table")
    for pair in view["pairs"]:
        for edge in pair["path"]:
            assert edge["evidence"] in page
    for row in view["table"]["rows"]:
        assert f'<th scope="row">{row[0]}</th>' in page
    assert "会泄漏" in client.get(f"/zh{address}").text


def test_the_basket_says_how_it_is_filled(client: TestClient) -> None:
    assert "Nothing is chosen yet" in client.get("/en/compare").text
    assert "尚未选择数据集" in client.get("/zh/compare?id=").text
    one = client.get("/api/en/compare?id=breastmnist&id=&id=BREASTMNIST").json()
    assert [each["id"] for each in one["datasets"]] == ["breastmnist"]
    assert one["pairs"] == []
    assert one["datasets"][0]["without"] == "/en/compare"
    assert client.get("/en/compare?id=brestmnist").status_code == 404


def test_more_than_the_page_holds_is_said(client: TestClient) -> None:
    ids = [each.id for each in list(all_records())[:10]]
    address = "/compare?" + "&".join(f"id={each}" for each in ids)
    view = client.get(f"/api/en{address}").json()
    assert [each["id"] for each in view["datasets"]] == ids[:8]
    assert view["left_out"] == ids[8:]
    assert "Only the first 8 are compared" in client.get(f"/en{address}").text


def test_lineage_without_a_dataset_offers_some(client: TestClient) -> None:
    view = client.get("/api/en/lineage").json()
    counts = [each["n_relations"] for each in view["most"]]
    assert counts == sorted(counts, reverse=True)
    assert view["most"][0]["url"] in client.get("/en/lineage").text


@pytest.mark.parametrize("language", ["en", "zh"])
def test_graph_sentences_and_table_hold_the_same_relations(
    client: TestClient, language: str
) -> None:
    found = client.get(f"/api/{language}/lineage?id=lits").json()["around"]
    page = client.get(f"/{language}/lineage?id=lits").text
    assert len(found["graph"]["lines"]) == len(found["relations"])
    drawn = {each["id"] for each in found["graph"]["nodes"]}
    stated = {each[side] for each in found["relations"] for side in ("child", "parent")}
    assert drawn == stated
    for each in found["relations"]:
        assert page.count(each["evidence"].replace("'", "&#39;")) >= 2
    for node in found["graph"]["nodes"]:
        assert node["name"] in page
    assert page.count("<path class=") >= len(found["relations"])


def test_a_dataset_without_relations_proves_nothing(client: TestClient) -> None:
    view = client.get("/api/en/lineage?id=acdc").json()
    assert (view["around"]["graph"] is None) == (not view["around"]["relations"])
    lonely = around("a", record("a"), record("b"))
    assert lonely.graph is None
    assert lonely.leaks == ()


def test_sources_stand_left_and_products_right() -> None:
    found = around(
        "b",
        record("a"),
        record("b", ("derived_from", "a")),
        record("c", ("derived_from", "b")),
        record("d", ("derived_from", "c")),
        record("whole"),
        record("e", ("shares_images_with", "b")),
    )
    assert found.graph is not None
    x = {each.id: each.x for each in found.graph.nodes}
    assert x["a"] < x["b"] < x["c"] < x["d"]
    assert x["e"] != x["b"]
    assert "whole" not in x
    places = [(each.x, each.y) for each in found.graph.nodes]
    assert len(places) == len(set(places))
    assert [each.id for each in found.graph.nodes if each.focus] == ["b"]
    heads = {each.relation: bool(each.head) for each in found.graph.lines}
    assert heads == {"derived_from": True, "shares_images_with": False}
    assert {each.id: each.verdict for each in found.leaks}["e"] == "shared"


def test_boxes_never_overlap_and_lie_inside_the_picture() -> None:
    records = list(all_records())
    known, lineage = {each.id: each for each in records}, Lineage(records)
    for each in records:
        graph = relations_of(each.id, lineage, known, Addresses("en")).graph
        if graph is None:
            continue
        width, height = graph.box
        places = sorted((node.x, node.y) for node in graph.nodes)
        for (x, y), (next_x, next_y) in pairwise(places):
            assert next_x >= x + width or (next_x == x and next_y >= y + height), each.id
        assert all(x + width <= graph.width and y + height <= graph.height for x, y in places)


def test_a_parent_that_the_catalog_does_not_know_has_no_link() -> None:
    found = around("a", record("a", ("derived_from", "nowhere")))
    assert found.graph is not None
    assert found.urls == {"a": "/en/datasets/a", "nowhere": ""}


def test_a_ring_of_relations_ends() -> None:
    found = around("a", record("a", ("derived_from", "b")), record("b", ("derived_from", "a")))
    assert len(found.relations) == 2
    assert found.graph is not None
    assert len(found.graph.nodes) == 2

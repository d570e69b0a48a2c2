"""What a check found, and leaderboards, as pages."""

from __future__ import annotations

import csv
import io
from pathlib import Path

import pytest

pytest.importorskip("fastapi")

from fastapi.testclient import TestClient

from medshelf.core.issues import Issue
from medshelf.core.manifest import read_manifest
from medshelf.core.settings import Settings
from medshelf.explorer.app import build
from medshelf.explorer.holdings import Holdings
from medshelf.explorer.shelf.reported import Reported
from medshelf.quality.checking import Checked
from medshelf.quality.kept import keep, kept_issues
from tests.explorer.test_samples import manifest

PAIR = {"sample_id": "s000001", "sample_id_2": "s000004", "split": "val", "score": 0.97}
ISSUES = (
    Issue("odd", "info", "all", "One is odd", "Look", ("s000003",)),
    Issue(
        "near-duplicates",
        "warning",
        "split",
        "<b>1 pair</b>",
        "Look",
        ("s000001", "s000004"),
        (PAIR,),
    ),
    Issue("near-duplicates", "info", "within a split", "1 pair", "Look", ("s000006", "s000007")),
    Issue("missing-licence", "error", "record", "There is no licence", "Ask"),
)


@pytest.fixture
def folder(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    monkeypatch.setenv("XDG_CACHE_HOME", str(tmp_path / "cache"))
    monkeypatch.setenv("MEDSHELF_HOME", str(tmp_path / "home"))
    manifest(tmp_path, 30).write(tmp_path / "made.parquet")
    return tmp_path


def client(folder: Path) -> TestClient:
    return TestClient(build(Holdings(named=(str(folder / "made.parquet"),))))


def checked(folder: Path) -> None:
    opened = read_manifest(folder / "made.parquet", folder)
    keep(Checked(opened.meta, 30, ISSUES, (), ("odd",), {}), opened)


def test_what_was_found_is_kept_until_the_manifest_changes(folder: Path) -> None:
    opened = read_manifest(folder / "made.parquet", folder)
    assert kept_issues(opened) is None
    checked(folder)
    assert kept_issues(opened) == ISSUES
    manifest(folder, 31).write(folder / "other.parquet")
    assert kept_issues(read_manifest(folder / "other.parquet", folder)) is None
    (kept,) = sorted((Settings.from_environment().cache / "checks" / "made").glob("*.json"))
    kept.write_text("{", "utf-8")
    assert kept_issues(opened) is None


def test_a_manifest_that_was_not_checked_says_how(folder: Path) -> None:
    view = client(folder).get("/api/en/manifests/made/quality").json()
    assert not view["was_checked"]
    assert view["command"] == "medshelf check made.parquet"
    assert "medshelf check made.parquet" in client(folder).get("/zh/manifests/made/quality").text


def test_findings_lead_to_exactly_their_samples(folder: Path) -> None:
    checked(folder)
    browser = client(folder)
    view = browser.get("/api/en/manifests/made/quality").json()
    assert [each["severity"] for each in view["findings"]] == ["error", "warning", "info", "info"]
    assert view["counts"] == {"error": 1, "warning": 1, "info": 2}
    for found, issue in zip(
        view["findings"],
        sorted(ISSUES, key=lambda each: ("error", "warning", "info").index(each.severity)),
        strict=True,
    ):
        if not issue.samples:
            assert found["url"] is None
            continue
        tiles = browser.get(f"/api{found['url']}").json()["tiles"]
        assert tuple(each["sample_id"] for each in tiles) == issue.samples
    (pair,) = view["findings"][1]["pairs"]
    assert (pair["one"]["sample_id"], pair["other"]["sample_id"]) == ("s000001", "s000004")
    assert pair["score"] == 0.97
    page = browser.get("/en/manifests/made/quality").text
    assert "&lt;b&gt;1 pair" in page
    assert "<b>1 pair" not in page
    sample = browser.get("/api/en/manifests/made/samples/1").json()
    assert [each["sample_id"] for each in sample["twins"]] == ["s000004"]
    assert sample["issues"][0]["rule"] == "near-duplicates"


def test_rules_and_issues_both_choose_rows(folder: Path) -> None:
    found = Reported.make(ISSUES, read_manifest(folder / "made.parquet", folder), was_checked=True)
    assert found.rows("near-duplicates").tolist() == [1, 4, 6, 7]
    assert found.rows(ISSUES[1].id).tolist() == [1, 4]
    assert found.rows("nothing").tolist() == []
    assert [each.severity for each in found.badges(4)] == ["warning"]


@pytest.mark.parametrize("language", ["en", "zh"])
def test_the_index_lists_the_tables_of_the_publication(folder: Path, language: str) -> None:
    view = client(folder).get(f"/api/{language}/leaderboards").json()
    assert (len(view["flat"]), len(view["deep"]), view["others"]) == (12, 6, [])
    assert all(each["quoted"].startswith("AUC ") for each in view["flat"] + view["deep"])
    assert not any(each["measured"] for each in view["flat"] + view["deep"])


def test_a_board_is_sorted_by_every_column_and_what_is_not_known_is_last(folder: Path) -> None:
    browser = client(folder)
    start = "/api/en/datasets/breastmnist/leaderboard"
    rows = browser.get(start).json()["rows"]
    assert [row["auc"] for row in rows] == sorted((row["auc"] for row in rows), reverse=True)
    assert {row["kind"] for row in rows} == {"published", "replication"}
    for head in browser.get(start).json()["heads"]:
        for sort in (head["name"], f"-{head['name']}"):
            found = [
                row[head["name"]] for row in browser.get(f"{start}?sort={sort}").json()["rows"]
            ]
            stated = [each for each in found if each is not None]
            assert stated == sorted(stated, reverse=sort.startswith("-"))
            assert found[len(stated) :] == [None] * (len(found) - len(stated))
    page = browser.get("/zh/datasets/breastmnist/leaderboard?sort=-acc").text
    assert 'aria-sort="descending"' in page
    assert browser.get(f"{start}?sort=nonsense").status_code == 400
    assert browser.get("/en/datasets/breastmnis/leaderboard").status_code == 404


def test_a_board_as_csv(folder: Path) -> None:
    found = client(folder).get("/download/datasets/breastmnist/leaderboard.csv")
    rows = list(csv.DictReader(io.StringIO(found.text)))
    assert "ResNet-18 (28)" in {row["method"] for row in rows}


def test_a_dataset_without_results_says_how_to_measure(folder: Path) -> None:
    page = client(folder).get("/en/datasets/nih-chest-xray/leaderboard").text
    assert "medshelf benchmark nih-chest-xray" in page

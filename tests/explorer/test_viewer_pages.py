"""The page of one sample: everything that is known of it, in both languages, whatever it holds."""

from __future__ import annotations

import re
from pathlib import Path
from typing import Any

import numpy as np
import pytest

pytest.importorskip("fastapi")

from fastapi.testclient import TestClient

from medshelf.core.issues import Issue
from medshelf.explorer.app import build
from medshelf.explorer.holdings import Holdings
from tests.explorer.pictured import box, manifest, medium, phantom, save, write_oriented

HERE = "/en/manifests/made/samples"
HOSTILE = "<script>alert(1)</script>\"'&\u202e javascript:alert(1)"
EMPTY_TEXT = dict.fromkeys(("report", "findings", "impression", "caption", "context"))


def label(name: str, value: float, source: str | None = None) -> dict[str, Any]:
    return {"task": "f", "name": name, "value": value, "source": source, "annotator": None}


@pytest.fixture(scope="module")
def client(tmp_path_factory: pytest.TempPathFactory) -> TestClient:
    """Eight samples, one of each kind."""
    folder = tmp_path_factory.mktemp("viewer")
    root = folder / "raw"
    for number in range(4):
        save(root / f"{number}.png", np.full((20, 30), 60 * number, np.uint8))
    save(root / "colour.png", np.full((20, 30, 3), (200, 100, 50), np.uint8))
    save(root / "m.png", np.eye(20, 30, dtype=np.uint8))
    write_oriented(root / "v.nii.gz", phantom(), "RAS")
    rows: list[dict[str, Any]] = [
        {
            "media": [medium("0.png")],
            "split": "train",
            "label": "a",
            "patient_id": "p1",
            "age_years": 61.0,
            "sex": "F",
            "labels": [label("Mass", 1), label("Nodule", 0), label("Oedema", -1), label("T", 2.5)],
            "extra": [{"name": "Camera", "value": "X1"}],
            "shapes": [
                box((2, 3, 12, 13), "Mass", "R1"),
                box((3, 4, 13, 14), "Mass", "r1"),
                box((0, 0, 1, 1), "Mass") | {"unit": "mm"},
                box((5, 6, 7, 8), "Spot") | {"kind": "ellipse", "points": [9.0, 9.0, 3.0, 2.0]},
            ],
        },
        {"media": [medium("1.png")], "patient_id": "p1", "split": "test", "label": "b"},
        {"text": EMPTY_TEXT | {"report": "First\nline", "impression": "Clear"}},
        {
            "media": [medium("2.png")],
            "question": "What is it?",
            "options": ["Lung", "Liver"],
            "answers": ["Lung"],
            "explanation": "It is dark.",
        },
        {"turns": [{"role": "patient", "content": "It hurts"}, {"role": "doctor", "content": "?"}]},
        {"media": [medium("v.nii.gz")]},
        {"media": [medium("colour.png"), medium("m.png", role="mask", label="spot")]},
        {
            "media": [medium("3.png", name=HOSTILE), medium("m.png", role="mask", label=HOSTILE)],
            "text": EMPTY_TEXT | {"report": HOSTILE},
            "question": HOSTILE,
            "label": HOSTILE,
            "shapes": [box((1, 1, 5, 5), HOSTILE, HOSTILE)],
            "extra": [{"name": HOSTILE, "value": HOSTILE}],
        },
    ]
    ids = [f"s{number}" for number in range(len(rows) - 1)] + [f"s9/{HOSTILE}"]
    made = manifest(
        [{"sample_id": each, **row} for each, row in zip(ids, rows, strict=True)],
        root,
        licence="CC-BY-4.0",
        issues=(Issue("near-duplicate", "warning", "rows", "Two are alike", "Look", ("s0", "s1")),),
    )
    made.write(folder / "made.parquet")
    holdings = Holdings((str(folder / "made.parquet"),), root, folder / "kept")
    return TestClient(build(holdings))


def told(client: TestClient, row: int, query: str = "") -> dict[str, Any]:
    answer = client.get(f"/api{HERE}/{row}{query}")
    assert answer.status_code == 200, answer.text
    found: dict[str, Any] = answer.json()
    return found


def html(client: TestClient, row: int, query: str = "", language: str = "en") -> str:
    answer = client.get(f"/{language}{HERE[3:]}/{row}{query}")
    assert answer.status_code == 200, answer.text
    return answer.text


def test_what_is_known_is_told(client: TestClient) -> None:
    view = told(client, 0)
    assert view["facts"] == {
        "split": "train",
        "label": "a",
        "patient_id": "p1",
        "age_years": "61",
        "sex": "F",
    }
    assert view["extra"] == {"Camera": "X1"}
    assert view["licence"] == "CC-BY-4.0"
    page = html(client, 0)
    said = re.findall(r'<th scope="row">(\w+)</th><td>([\w.]+)</td>', page)
    assert said == [
        ("Mass", "present"),
        ("Nodule", "absent"),
        ("Oedema", "uncertain"),
        ("T", "2.5"),
    ]
    assert "1 shapes are in millimetres" in page or "1 shape is in millimetres" in page


def test_a_sample_knows_its_place_in_what_was_chosen(client: TestClient) -> None:
    view = told(client, 1)
    assert (view["place"], view["n_chosen"]) == (2, 8)
    assert (view["previous"], view["following"]) == (f"{HERE}/0", f"{HERE}/2")
    first = told(client, 0, "?sort=-sample_id")
    assert (first["previous"], first["following"]) == (f"{HERE}/1?sort=-sample_id", None)
    alone = told(client, 0, "?split=train&window=40%2C80")
    assert (alone["place"], alone["n_chosen"], alone["following"]) == (1, 1, None)
    assert alone["back"] == f"{HERE}?split=train&window=40%2C80"
    outside = told(client, 3, "?split=train")
    assert (outside["place"], outside["previous"], outside["following"]) == (None, None, None)


def test_patient_and_issues_lead_on(client: TestClient) -> None:
    view = told(client, 0)
    assert [each["sample_id"] for each in view["patient"]] == ["s1"]
    assert client.get(view["patient"][0]["url"]).status_code == 200
    assert client.get(view["patient"][0]["thumbnail"]).status_code == 200
    assert [each["rule"] for each in view["issues"]] == ["near-duplicate"]
    chosen = client.get(f"/api{view['issues'][0]['url']}").json()
    assert [each["sample_id"] for each in chosen["tiles"]] == ["s0", "s1"]


def test_shapes_keep_their_numbers_and_their_annotators(client: TestClient) -> None:
    page = html(client, 0)
    assert page.count('<rect x="2.0" y="3.0" width="10.0" height="10.0">') == 1
    assert '<ellipse cx="9.0" cy="9.0" rx="3.0" ry="2.0">' in page
    assert re.findall(r'class="shape-toggle" value="(\w*)"', page) == ["R1", "r1", ""]
    assert 'viewBox="0 0 30 20"' in page


def test_text_question_and_dialogue_are_shown(client: TestClient) -> None:
    report = html(client, 2)
    assert '<p class="report">First\nline</p>' in report
    assert "Clear" in report
    assert "This sample has no image" in report
    asked = html(client, 3)
    assert asked.index("What is it?") < asked.index("Show the answer") < asked.index("It is dark.")
    assert told(client, 3)["question"]["answers"] == ["Lung"]
    assert "<dt>patient</dt>" in html(client, 4)


def test_a_volume_has_three_planes_drawn_in_proportion(client: TestClient) -> None:
    page = html(client, 5)
    sizes = re.findall(r'axis=(\w+)&amp;k=\d+[^"]*" width="(\d+)" height="(\d+)"', page)
    found = {axis: int(width) / int(height) for axis, width, height in sizes}
    assert found == {
        "axial": pytest.approx(12 / 20, rel=0.01),
        "coronal": pytest.approx(12 / 24, rel=0.01),
        "sagittal": pytest.approx(20 / 24, rel=0.01),
    }
    assert re.findall(r'class="edge (\w+)">(\w)<', page)[:4] == [
        ("left", "R"),
        ("right", "L"),
        ("top", "A"),
        ("bottom", "P"),
    ]
    assert "right is on the left of the picture" in page
    assert '<option value="-600,1500">' in page


def test_every_picture_of_a_page_can_be_fetched(client: TestClient) -> None:
    for row in range(8):
        for source in re.findall(r'<img src="([^"]*)"', html(client, row, "?window=40%2C80")):
            answer = client.get(source.replace("&amp;", "&"))
            assert answer.status_code == 200, (row, source, answer.text)
            assert answer.headers["content-type"] in {"image/png", "image/jpeg"}


def test_masks_of_a_coloured_picture_can_be_drawn(client: TestClient) -> None:
    page = html(client, 6)
    assert 'data-colour="1"' in page
    assert re.search(r'class="mask-data" hidden data-address="/media/\w+/6/1"', page)
    assert 'class="opacity"' in page


@pytest.mark.parametrize("language", ["en", "zh"])
def test_hostile_words_stay_words(client: TestClient, language: str) -> None:
    page = html(client, 7, language=language)
    assert "<script>alert" not in page
    assert "\u202e" not in page
    assert "&lt;script&gt;alert(1)" in page
    assert not re.search(r'(href|src|action)="\s*javascript:', page)
    assert not re.search(r"<\w+[^>]*\son\w+=", page)


def test_a_window_that_is_none_is_refused(client: TestClient) -> None:
    for window, status in (("nowhere", 404), ("40,-1", 400), ("1,2,3", 404)):
        answer = client.get(f"{HERE}/0?window={window}")
        assert answer.status_code == status
        assert window in answer.text


def test_a_row_that_is_not_there_is_named(client: TestClient) -> None:
    answer = client.get(f"{HERE}/8")
    assert answer.status_code == 404
    assert "0 to 7" in answer.text
    for row in ("-1", "x", "1e3", "..%2f0", "9" * 40):
        assert client.get(f"{HERE}/{row}").status_code == 404


def test_a_file_that_vanishes_is_named_and_the_page_stays(tmp_path: Path) -> None:
    for name in ("a.png", "b.png"):
        save(tmp_path / "raw" / name, np.zeros((5, 5), np.uint8))
    rows = [{"sample_id": name, "media": [medium(name)]} for name in ("a.png", "b.png")]
    manifest(rows, tmp_path / "raw").write(tmp_path / "made.parquet")
    held = Holdings((str(tmp_path / "made.parquet"),), tmp_path / "raw", tmp_path / "kept")
    client = TestClient(build(held))
    assert client.get(f"{HERE}/0").status_code == 200
    (tmp_path / "raw" / "b.png").unlink()
    assert "b.png" in told(client, 1)["images"][0]["problem"]
    assert "cannot be shown" in html(client, 1)

"""A manifest in numbers."""

from __future__ import annotations

import json
from pathlib import Path

from medshelf.dataset.overview import NO_SPLIT, overview
from tests.dataset.trees import fixture, patients, table


def test_counts(tmp_path: Path) -> None:
    found = overview(patients(40, tmp_path).manifest)
    assert found.n_samples == 40
    assert found.n_patients == 20
    assert found.n_studies == 0
    assert found.by_split == {"train": 20, "val": 10, "test": 10}
    assert [(each.name, each.n) for each in found.labels] == [("well", 26), ("ill", 14)]
    assert found.labels[1].by_split == {"train": 7, "val": 3, "test": 4}
    assert found.facets == {"view": {"AP": 20, "PA": 20}}
    assert found.stated["age_years"] == 32
    assert found.without_media == 40
    assert len(found.first) == 3
    assert found.first[0] == {
        "sample_id": "s0000",
        "split": "train",
        "patient_id": "p0",
        "label": "ill",
        "view": "AP",
    }


def test_findings_are_counted_by_state(tmp_path: Path) -> None:
    found = overview(fixture("nih_chest_xray_kaggle", tmp_path).manifest)
    counts = {(each.name, each.state): each.n for each in found.labels}
    assert counts["Cardiomegaly", "present"] == 3
    assert counts["Cardiomegaly", "absent"] == 4
    assert found.media == {"image png": 6}
    assert found.without_media == 1


def test_grades_and_uncertain_are_told_apart(tmp_path: Path) -> None:
    entry = {"task": "grade", "name": "DR"}
    rows = [
        {"sample_id": str(n), "labels": [{**entry, "value": value}]}
        for n, value in enumerate((4.0, 2.0, -1.0, 4.0))
    ]
    found = overview(table(rows, tmp_path).manifest)
    assert [(each.state, each.n) for each in found.labels] == [
        ("4", 2),
        ("uncertain", 1),
        ("2", 1),
    ]
    assert found.by_split == {NO_SPLIT: 4}


def test_json(tmp_path: Path) -> None:
    found = overview(fixture("iu_xray_kaggle", tmp_path).manifest)
    again = json.loads(json.dumps(found.as_dict(), default=str))
    assert again["stated"]["impression"] == 6
    assert again["n_samples"] == 6

"""Relations between datasets: trees, and whether two sets can share samples."""

from __future__ import annotations

import pytest

from medshelf.catalog.lineage import Branch, Lineage, source_records
from medshelf.catalog.record import Record
from medshelf.catalog.shelf import all_records, find_record


def record(name: str, *links: tuple[str, str]) -> Record:
    return Record.model_validate(
        {
            "id": name,
            "name": name,
            "group": "chest",
            "dimensions": ["2D"],
            "modalities": ["x-ray"],
            "tasks": ["classification"],
            "access": "open",
            "lineage": [{"relation": kind, "id": other, "evidence": "e"} for kind, other in links],
        }
    )


@pytest.fixture
def family() -> Lineage:
    return Lineage(
        [
            record("raw"),
            record("small", ("derived_from", "raw")),
            record("smaller", ("derived_from", "small")),
            record("boxes", ("derived_from", "raw")),
            record("whole", ("derived_from", "other")),
            record("part", ("part_of", "whole")),
            record("other"),
            record("twin", ("shares_images_with", "small")),
            record("cousin", ("derived_from", "twin")),
            record("stranger"),
        ]
    )


def names(tree: Branch) -> list[str]:
    return [each for branch in tree.branches for each in (branch.dataset, *names(branch))]


def test_trees(family: Lineage) -> None:
    assert names(family.sources("smaller")) == ["small", "raw"]
    assert names(family.derivatives("raw")) == ["small", "smaller", "boxes"]
    assert names(family.sources("whole")) == ["other", "part"]
    assert names(family.derivatives("other")) == ["whole"]
    assert [each.child for each in family.companions("small")] == ["twin"]


@pytest.mark.parametrize(
    ("first", "second", "verdict", "n_edges"),
    [
        ("raw", "raw", "same", 0),
        ("smaller", "raw", "shared", 2),
        ("small", "boxes", "possible", 2),
        ("part", "whole", "shared", 1),
        ("part", "other", "possible", 2),
        ("twin", "small", "shared", 1),
        ("twin", "smaller", "possible", 2),
        ("cousin", "smaller", "possible", 3),
        ("twin", "boxes", "unknown", 0),
        ("stranger", "raw", "unknown", 0),
    ],
)
def test_overlap_is_the_same_both_ways(
    family: Lineage, first: str, second: str, verdict: str, n_edges: int
) -> None:
    there, back = family.overlap(first, second), family.overlap(second, first)
    assert (there.verdict, len(there.path)) == (back.verdict, len(back.path)) == (verdict, n_edges)
    assert there.can_leak == (verdict != "unknown")


def test_a_circle_ends() -> None:
    circle = Lineage([record("a", ("derived_from", "b")), record("b", ("derived_from", "a"))])
    assert names(circle.sources("a")) == ["b"]
    assert circle.overlap("a", "b").verdict == "shared"


@pytest.mark.parametrize(
    ("first", "second", "verdict"),
    [
        ("chestmnist", "nih-chest-xray", "shared"),
        ("rsna-pneumonia-detection-challenge", "nih-chest-xray", "shared"),
        ("chestmnist", "rsna-pneumonia-detection-challenge", "possible"),
        ("dermamnist", "ham10000", "shared"),
        ("organamnist", "lits", "shared"),
        ("msd-liver", "lits", "shared"),
        ("nodulemnist3d", "luna16", "possible"),
        ("luna16", "lidc-idri", "shared"),
        ("fracturemnist3d", "ribfrac-2020", "shared"),
        ("mimic-cxr-jpg", "mimic-cxr", "shared"),
        ("medical-diff-vqa", "mimic-cxr", "shared"),
        ("medical-cxr-vqa", "mimic-cxr", "shared"),
        ("cholec80-vqa", "cholec80", "shared"),
        ("pmc-vqa", "pmc-oa", "shared"),
        ("abdomenatlas-1-0-mini", "amos-2022", "shared"),
        ("mit-bih-arrhythmia", "nih-chest-xray", "unknown"),
    ],
)
def test_the_known_relations(first: str, second: str, verdict: str) -> None:
    assert Lineage(all_records()).overlap(first, second).verdict == verdict


def test_sources_to_cite() -> None:
    first, *sources = source_records(find_record("organamnist"))
    assert first.id == "organamnist"
    assert {"lits", "lits-organ-boxes"} <= {each.id for each in sources}
    assert "nih-chest-xray" not in {each.id for each in source_records(find_record("radbench"))}

"""Datasets side by side: facts that one of them has, and whether they share samples."""

from __future__ import annotations

import pytest

from medshelf.catalog.cards.comparison import compare
from medshelf.catalog.lineage import Lineage
from medshelf.catalog.shelf import all_records, find_record
from medshelf.core.errors import UnknownNameError
from tests.catalog.made import make_record


def test_comparison_puts_datasets_side_by_side_without_facts_that_none_has() -> None:
    first = make_record(
        "one",
        n_samples=1200,
        sample_unit="image",
        licence={"id": "CC-BY-4.0"},
        resolution=[{"size_px": {"min": [512, 512], "max": [1024, 20000]}}],
    )
    second = make_record("two", modalities=["ct", "mri"], size_bytes=1_540_731_655)
    table = compare([first, second])
    told = {row[0]: row[1:] for row in table.rows}
    assert table.header == ("Name", "One", "Two")
    assert told["Samples"] == ("1,200 (image)", "")
    assert told["Modality"] == ("X-ray", "CT; MRI")
    assert told["Size"] == ("", "1.54 GB")
    assert told["Commercial use"] == ("allowed", "")
    assert told["Size (pixels): Minimum / Median / Maximum"] == (
        "512 × 512 / – / 1024 × 20,000",  # noqa: RUF001
        "",
    )
    assert "Patients" not in told
    assert "Shares samples with" not in told


def test_comparison_warns_of_shared_samples() -> None:
    chosen = [find_record(each) for each in ("chestmnist", "nih-chest-xray", "lits")]
    told = {row[0]: row[1:] for row in compare(chosen, "en", Lineage(all_records())).rows}
    assert told["Shares samples with"] == (chosen[1].name, chosen[0].name, "")


def test_a_dataset_stands_beside_itself_without_a_warning() -> None:
    lits = find_record("lits")
    told = {row[0]: row[1:] for row in compare([lits, lits], "en", Lineage(all_records())).rows}
    assert "Shares samples with" not in told
    assert told["Id"] == ("lits", "lits")


def test_possible_overlap_has_a_row_of_its_own() -> None:
    parent = make_record("parent")
    made = [
        make_record(name, lineage=[{"relation": "derived_from", "id": "parent", "evidence": "x"}])
        for name in ("left", "right")
    ]
    table = compare(made, "en", Lineage([parent, *made]))
    assert table.rows[-1] == ("May share samples with", "Right", "Left")


def test_both_languages_have_the_same_rows() -> None:
    chosen = [find_record(each) for each in ("lits", "nih-chest-xray", "pathmnist")]
    english, chinese = (compare(chosen, language) for language in ("en", "zh"))
    assert len(english.rows) == len(chinese.rows)
    assert chinese.header[0] == "名称"
    assert {row[0] for row in chinese.rows} >= {"商业使用", "标签来源", "获取权限"}


def test_other_languages_are_refused() -> None:
    with pytest.raises(UnknownNameError, match="Choose one of: en, zh"):
        compare([make_record()], "fr")

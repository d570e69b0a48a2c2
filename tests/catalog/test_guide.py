"""The guide holds what its files say, and no loose ends."""

from __future__ import annotations

from pathlib import Path

import pytest

from medshelf.catalog.guide import (
    KINDS,
    Benchmark,
    Method,
    Platform,
    entries,
    find_entry,
    read_entries,
    works_on,
)
from medshelf.catalog.shelf import all_records, find_record
from medshelf.catalog.vocabulary import terms
from medshelf.core.errors import FormatError, UnknownNameError

METHOD = """
good:
  name: Good
  org: Somewhere
  task: segmentation
  family: cnn
  url: https://example.org/good
  paper: https://arxiv.org/abs/2001.00001
  arxiv: '2001.00001'
  source: test
  techniques: [cnn]
  applications: [diagnosis]
  datasets: [lits]
  conflicts:
    - {field: paper, kept: a, other: b, other_source: README row}
"""


def written(folder: Path, text: str) -> Path:
    path = folder / "methods.yaml"
    path.write_text(text, "utf-8")
    return path


@pytest.mark.parametrize("kind", KINDS)
def test_every_file_is_read_whole(kind: str) -> None:
    found = entries(kind)
    assert len(found) >= 5
    assert all(key == each.id and each.url.startswith("http") for key, each in found.items())


def test_platforms_are_terms_of_the_vocabulary_with_its_names() -> None:
    for key, each in entries("platforms").items():
        term = terms("platforms")[key]
        assert (each.label("en"), each.label("zh")) == (term.en, term.zh)


def test_most_records_lie_on_a_platform_of_the_guide() -> None:
    known = {*entries("platforms"), "project-page", "google-drive", "baidu-pan", "journal"}
    named = {each.platform for each in all_records() if each.platform}
    assert named <= known


def test_linked_datasets_have_a_record() -> None:
    linked = {
        dataset
        for kind in ("benchmarks", "methods")
        for each in entries(kind).values()
        for dataset in getattr(each, "datasets", ())
    }
    assert len(linked) > 20
    assert all(find_record(each).id == each for each in linked)


def test_works_are_found_by_dataset() -> None:
    found = works_on("btcv")
    assert {type(each) for each in found} == {Benchmark, Method}
    assert all("btcv" in each.datasets for each in found)
    assert works_on("phantom-3d-binary") == ()


def test_an_entry_is_found_whatever_its_capitals() -> None:
    found = find_entry("platforms", "TCIA")
    assert isinstance(found, Platform)
    assert found.label("zh") == "癌症影像档案库"


@pytest.mark.parametrize(
    ("kind", "name", "message"),
    [
        ("platform", "tcia", "Unknown part of the guide 'platform'"),
        ("platforms", "kagle", "Did you mean: kaggle"),
    ],
)
def test_unknown_names_are_refused(kind: str, name: str, message: str) -> None:
    with pytest.raises(UnknownNameError, match=message):
        find_entry(kind, name)


def test_a_good_entry_is_read(tmp_path: Path) -> None:
    found = read_entries(written(tmp_path, METHOD), Method)["good"]
    assert isinstance(found, Method)
    assert found.conflicts[0].source == "README row"
    assert found.label("zh") == "Good"


@pytest.mark.parametrize(
    ("old", "new", "message"),
    [
        ("task: segmentation", "task: cooking", "good.task: .*'cooking' is no term of .* tasks"),
        ("family: cnn", "family: rnn", "'rnn' is no term of the section method_families"),
        ("[cnn]", "[magic]", "good.techniques.0: .*'magic'"),
        ("[diagnosis]", "[fun]", "good.applications.0"),
        ("[lits]", "[lits, no-such-set]", "good.datasets: there is no dataset 'no-such-set'"),
        ("org: Somewhere", "organ: Somewhere", "good.org: Field required; good.organ: Extra"),
        ("https://example.org/good", "javascript:alert(1)", "good.url"),
        ("'2001.00001'", "'20010'", "good.arxiv"),
        ("good:", "Not A Slug:", "Not A Slug.id"),
    ],
)
def test_all_faults_of_a_file_are_named(tmp_path: Path, old: str, new: str, message: str) -> None:
    assert old in METHOD
    with pytest.raises(FormatError, match=message):
        read_entries(written(tmp_path, METHOD.replace(old, new)), Method)


@pytest.mark.parametrize(
    ("text", "message"),
    [("- a\n", "no mapping"), ("a: {b\n", "Correct the YAML"), ("a: text\n", "a: Input should be")],
)
def test_a_file_of_another_shape_is_refused(tmp_path: Path, text: str, message: str) -> None:
    with pytest.raises(FormatError, match=message):
        read_entries(written(tmp_path, text), Method)

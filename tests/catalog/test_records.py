"""The records that come with medshelf: their facts hold together and none of them is lost."""

from __future__ import annotations

from collections import Counter
from pathlib import Path

import pytest

from medshelf.catalog import shelf, vocabulary
from medshelf.catalog.authoring.validation import Problem, validate
from medshelf.catalog.citation import bibtex, parse_bibtex
from medshelf.catalog.licence import licences
from medshelf.catalog.record import Record
from medshelf.catalog.shelf import (
    all_records,
    dataset_ids,
    find_record,
    read_record,
    record_paths,
)
from medshelf.core.errors import FormatError

COLLECTION = "Awesome-Medical-Dataset"
COLLECTION_PAGES = {
    "whole-body": 10,
    "head-neck": 55,
    "chest": 43,
    "abdomen": 53,
    "heart": 14,
    "bones": 15,
    "endoscopy": 32,
    "retina": 52,
    "skin": 14,
    "microscopy": 39,
    "image-text": 34,
    "text": 18,
}
"""Sets of github.com/openmedlab/Awesome-Medical-Dataset at commit 81da0ee, by group: the rows of
its tables, and the pages MedFM ChestDR, Colon and Endo and DRAC22 that have no row."""

OFFICIAL_RELEASES = {
    "head-neck": ["adni"],
    "chest": [
        "covidx-cxr-4",
        "lidc-idri",
        "mimic-cxr-jpg",
        "nih-chest-xray",
        "object-cxr",
        "rsna-pneumonia-detection-challenge",
        "tuberculosis-tb-chest-x-ray-database",
        "vindr-cxr",
        "vindr-mammo",
        "vindr-pcxr",
    ],
    "abdomen": ["a-eval", "touchstone"],
    "bones": ["vindr-spinexr"],
    "endoscopy": ["cholec80-vqa"],
    "retina": ["messidor"],
    "image-text": [
        "chexpert-plus",
        "cub-200-2011",
        "gmai-mmbench",
        "medical-diff-vqa",
        "medmd-and-radmd",
        "meld",
        "mimic-cxr",
        "omnimedvqa",
        "pubmedvision",
        "radbench",
    ],
    "text": ["mmedc"],
}
"""Sets of the first catalog that the collection has not, without the 18 of MedMNIST."""

GUIDE = {
    "tn3k": ("n_samples", "3494"),
    "ct-rate": ("n_samples", "47149"),
    "eit-1m": ("n_samples", "1000000"),
    "cmb": ("n_samples", "270000"),
    "pubmedqa": ("n_samples", "1000"),
    "meddialog-cn": ("n_samples", "1100000"),
    "isic-2024": ("n_samples", "401059"),
    "conic2022": ("n_classes", "7"),
}
"""Figures that the collection's guide gives and that the release does not bear out."""

MEDMNIST_IMAGES = {"2D": (707_962, 708_069), "3D": (9_996, 9_998)}
"""Images of release 2.2.4, and of the paper (Yang et al. 2023, doi 10.1038/s41597-022-01721-8)."""

MEDMNIST = {"head-neck": 1, "chest": 4, "abdomen": 5, "bones": 1, "retina": 2, "skin": 1}
MEDMNIST |= {"microscopy": 4}


@pytest.fixture(scope="module")
def records() -> list[Record]:
    return list(all_records())


@pytest.fixture(scope="module")
def problems() -> list[Problem]:
    return validate()


def test_no_record_and_no_vocabulary_has_an_error(problems: list[Problem]) -> None:
    assert [str(each) for each in problems if each.severity == "error"] == []


def test_figures_that_contradict_each_other_are_listed_as_doubts(problems: list[Problem]) -> None:
    figures = ("splits", "label_stats", "resolution")
    assert [str(each) for each in problems if each.field.startswith(figures)] == []


def test_no_name_means_two_terms(problems: list[Problem]) -> None:
    assert [str(each) for each in problems if "also means" in each.message] == []


def test_every_medical_group_holds_the_sets_of_the_collection(records: list[Record]) -> None:
    counted = Counter(
        each.group for each in records if any(one.name == COLLECTION for one in each.sources)
    )
    assert counted == COLLECTION_PAGES


def test_no_page_of_the_collection_became_two_records(records: list[Record]) -> None:
    pages = Counter(
        one.page for each in records for one in each.sources if one.name == COLLECTION and one.page
    )
    assert [page for page, count in pages.items() if count > 1] == []


def test_every_group_holds_the_sets_of_medmnist(records: list[Record]) -> None:
    assert Counter(each.group for each in records if each.collection == "MedMNIST") == MEDMNIST


def test_no_set_of_the_first_catalog_is_lost(records: list[Record]) -> None:
    groups = {each.id: each.group for each in records}
    lost = [
        name
        for group, names in OFFICIAL_RELEASES.items()
        for name in names
        if groups.get(name) != group
    ]
    assert lost == []
    total = Counter(COLLECTION_PAGES) + Counter(MEDMNIST)
    total += Counter({group: len(names) for group, names in OFFICIAL_RELEASES.items()})
    assert total.total() == 424
    assert sum(not each.synthetic for each in records) >= 440


@pytest.mark.parametrize("dataset", GUIDE)
def test_a_figure_that_the_guide_gives_otherwise_is_kept_beside_ours(dataset: str) -> None:
    record = find_record(dataset)
    field, other = GUIDE[dataset]
    cited = [each for each in record.conflicts if (each.field, each.other) == (field, other)]
    assert ["Awesome-Medical-Dataset guide" in each.source for each in cited] == [True]
    assert cited[0].kept == str(getattr(record, field)) != other


@pytest.mark.parametrize("dimension", MEDMNIST_IMAGES)
def test_medmnist_adds_up_to_the_release_and_to_the_paper(
    dimension: str, records: list[Record]
) -> None:
    sets = [each for each in records if each.collection == "MedMNIST"]
    sets = [each for each in sets if each.dimensions == (dimension,)]
    in_paper = {each.id: each.n_samples for each in sets}
    in_paper |= {
        each.id: int(one.other)
        for each in sets
        for one in each.conflicts
        if one.field == "n_samples" and "paper" in one.source
    }
    now = sum(each.n_samples or 0 for each in sets)
    assert (now, sum(each or 0 for each in in_paper.values())) == MEDMNIST_IMAGES[dimension]


def test_a_conflict_says_which_value_the_record_has(records: list[Record]) -> None:
    simple = ("n_samples", "n_classes", "n_studies", "released", "homepage", "access", "name")
    for each in records:
        for one in each.conflicts:
            assert not set(one.other + (one.kept or "")) & set("[]{}"), (each.id, one.field)
            if one.field in simple and getattr(each, one.field) is not None:
                assert one.kept == str(getattr(each, one.field)), (each.id, one.field)
            if one.field == "licence" and each.licence:
                assert one.kept == each.licence.id, each.id


def test_classes_with_more_cases_than_there_are_samples_are_explained(
    records: list[Record],
) -> None:
    for each in records:
        most = max((one.cases or 0 for one in each.label_stats), default=0)
        if most > (each.n_samples or most):
            assert any("class c" in text.casefold() for text in each.doubts), each.id


def test_generated_sets_are_a_group_of_their_own(records: list[Record]) -> None:
    assert all(each.synthetic == (each.group == "phantom") for each in records)


def test_a_file_holds_the_record_that_it_is_named_after(records: list[Record]) -> None:
    assert [each.id for each in records] == list(record_paths()) == dataset_ids()
    assert len({each.id for each in records}) == len(records)


def test_every_term_has_a_name_in_both_languages() -> None:
    for section in vocabulary.sections():
        for term in vocabulary.terms(section).values():
            assert term.label("en").strip(), (section, term.id)
            assert term.label("zh").strip(), (section, term.id)
    for licence in licences().values():
        assert licence.en.strip(), licence.id
        assert licence.zh.strip(), licence.id


def test_every_term_of_a_record_is_in_the_vocabulary(records: list[Record]) -> None:
    sections = {"modalities": "modalities", "tasks": "tasks", "anatomy": "anatomy"}
    sections |= {"conditions": "conditions", "languages": "languages", "dimensions": "dimensions"}
    sections |= {"download_platforms": "platforms"}
    for field, section in sections.items():
        used = {term for each in records for term in getattr(each, field)}
        assert used <= vocabulary.terms(section).keys()
    assert {each.licence.id for each in records if each.licence} <= licences().keys()


def test_every_relation_leads_to_a_record(records: list[Record]) -> None:
    known = {each.id for each in records}
    for each in records:
        named = {link.id for link in each.lineage} | set(each.related)
        assert named <= known - {each.id}, each.id


def test_every_citation_is_bibtex_with_its_sources(records: list[Record]) -> None:
    cited = [each for each in records if each.bibtex]
    assert len(cited) > 350
    for each in cited[::20]:
        assert len(parse_bibtex(bibtex(each))) >= len(parse_bibtex(each.bibtex or "")) > 0


def test_sets_of_single_files_are_described_in_full(records: list[Record]) -> None:
    offered = [each for each in records if each.reader and each.reader.name == "medmnist-npz"]
    assert len(offered) >= 30
    for each in offered:
        assert each.files, each.id
        assert each.licence, each.id
        assert each.splits, each.id
        assert sum(each.splits.values()) == each.n_samples, each.id
        assert all(file.hash for file in each.files if file.url.startswith("http")), each.id


def test_adding_a_set_is_adding_one_file(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, records: list[Record]
) -> None:
    monkeypatch.setenv("MEDSHELF_RECORDS", str(tmp_path))
    text = shelf.RECORDS.joinpath("acdc.yaml").read_text("utf-8")
    own = tmp_path / "acdc-of-mine.yaml"
    own.write_text(text.replace("id: acdc\n", "id: acdc-of-mine\n"), "utf-8")
    assert len(dataset_ids()) == len(records) + 1
    assert find_record("acdc-of-mine").name == "ACDC"
    assert [str(each) for each in validate(own) if each.severity == "error"] == []


@pytest.mark.parametrize(
    ("text", "said"),
    [
        ("a: " + "[" * 2_000_000, "line 1: more than 12 levels"),
        ("- " * 50_000, "line 1: more than 12 levels"),
        ("\n".join(" " * n + "a:" for n in range(2_000)), "line 13: more than 12 levels"),
        ("a: &a [x, x]\nb: [*a, *a]\n", r"line 2: an alias \(\*\)"),
        ("id: mine\nname: A\nname: B\n", "line 3: 'name' written twice, first in line 2"),
        ("", "line 1: the file is empty"),
        ("- a\n", "Input should be a valid dictionary"),
    ],
)
def test_a_hostile_or_damaged_record_is_refused_in_words(
    text: str, said: str, tmp_path: Path
) -> None:
    path = tmp_path / "mine.yaml"
    path.write_text(text, "utf-8")
    with pytest.raises(FormatError, match=said):
        read_record(path)


def test_a_record_that_is_no_text_or_no_file_is_refused(tmp_path: Path) -> None:
    path = tmp_path / "mine.yaml"
    path.write_bytes(b"id: mine\nname: M\xfcller\n")
    with pytest.raises(FormatError, match="line 2: not UTF-8"):
        read_record(path)
    with pytest.raises(FormatError, match="not a file"):
        read_record(tmp_path)

"""Each rule of leakage finds what is planted, and nothing else does; and published truths."""

from __future__ import annotations

import json
import random
import shutil
from collections import defaultdict
from pathlib import Path

import numpy as np
import polars as pl
import pytest
from hypothesis import given
from hypothesis import strategies as st
from PIL import Image, ImageEnhance

from medshelf.catalog.facts import manifest_meta
from medshelf.catalog.shelf import find_record
from medshelf.core import columns as c
from medshelf.core.errors import SettingError
from medshelf.core.issues import Issue
from medshelf.core.manifest import Manifest, Meta
from medshelf.quality.case import Case
from medshelf.quality.judging import twins
from medshelf.quality.judging.counterparts import same_names
from medshelf.quality.passes import Passes
from medshelf.quality.rulebook import chosen_rules
from medshelf.readers import medmnist_npz, nih_chest_xray, rsna_pneumonia_detection_challenge
from tests.fixtures import nih_chest_xray_first, rsna_pneumonia_mapped
from tests.quality.miniatures import as_manifest, picture_rows, pictures, volumes

_NO_META = Meta("texts", "Texts")
_REPORT = "Patchy opacity of the left lower lobe with a small effusion, likely pneumonia, {0}. " * 5


@pytest.fixture
def root(tmp_path: Path) -> Path:
    """Return the tree of the clean pictures."""
    pictures(tmp_path / "pictures")
    return tmp_path / "pictures"


def issues(
    manifest: Manifest, *against: Case, pixels: bool = False, **settings: float
) -> list[Issue]:
    """Return what all rules of the area find, without those that read the tables in time."""
    named = {name.replace("__", ".").replace("_", "-"): value for name, value in settings.items()}
    passes = Passes(workers=0, pixels=pixels)
    case = Case(manifest, passes=passes, against=against, settings=named)
    rules = chosen_rules(["leakage"])
    return [each for rule in rules if not rule.missing(case) for each in rule.check(case)]


def only(manifest: Manifest, *against: Case, pixels: bool = False, **settings: float) -> Issue:
    (issue,) = issues(manifest, *against, pixels=pixels, **settings)
    return issue


def moved(split: str, *samples: str) -> pl.Expr:
    return pl.when(pl.col("sample_id").is_in(samples)).then(pl.lit(split)).otherwise("split")


@pytest.mark.parametrize("make", [pictures, volumes])
def test_clean_miniatures_have_no_issue(tmp_path: Path, make: object) -> None:
    assert issues(make(tmp_path / "clean"), pixels=True) == []  # type: ignore[operator]


def test_a_set_without_images_has_no_issue(tmp_path: Path) -> None:
    assert issues(texts(tmp_path, question=numbered("What ails {}?")), pixels=True) == []


def test_more_candidates_than_can_be_judged_are_refused(
    root: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    picture = np.asarray(Image.open(root / "images/004.png"))
    for number in range(4):
        noise = np.random.default_rng(number).integers(0, 3, picture.shape)
        Image.fromarray((picture + noise).astype(np.uint8)).save(root / f"images/{number:03}.png")
    monkeypatch.setattr(twins, "_CANDIDATES", 5)
    with pytest.raises(SettingError, match="more than 5 pairs"):
        issues(as_manifest(picture_rows(), root), pixels=True)


def test_a_patient_in_two_splits_is_found_with_all_samples(tmp_path: Path) -> None:
    rows = picture_rows().with_columns(split=moved("test", "003"))
    issue = only(as_manifest(rows, tmp_path))
    assert (issue.rule, issue.severity) == ("patient-leakage", "error")
    assert issue.samples == ("002", "003")
    (shown,) = issue.evidence
    assert (shown["patient"], shown["splits"], shown["n_samples"]) == ("p1", "test, train", 2)
    assert (shown["sample_id"], shown["sample_id_2"]) == ("002", "003")
    assert issue.message == "1 patient in several splits; with samples in test: 1"


def test_a_patient_without_split_or_id_leaks_nothing(tmp_path: Path) -> None:
    rows = picture_rows().with_columns(
        split=pl.when(pl.col("sample_id") != "003").then("split"),
        patient_id=pl.when(~pl.col("sample_id").is_in(["000", "039"])).then("patient_id"),
    )
    assert issues(as_manifest(rows, tmp_path)) == []


def test_a_study_in_two_splits_is_found(tmp_path: Path) -> None:
    together = pl.col("sample_id").is_in(["005", "030"])
    rows = picture_rows().with_columns(
        study_id=pl.when(together).then(pl.lit("s1")),
        patient_id=pl.when(~together).then("patient_id"),
    )
    issue = only(as_manifest(rows, tmp_path))
    assert (issue.rule, issue.samples) == ("study-leakage", ("005", "030"))


def test_studies_that_are_numbered_anew_for_each_patient_leak_nothing(tmp_path: Path) -> None:
    rows = picture_rows().with_columns(study_id=pl.lit("study1"))
    assert issues(as_manifest(rows, tmp_path)) == []


def test_one_file_in_two_splits_is_found_without_the_pixels(tmp_path: Path) -> None:
    rows = picture_rows()
    first = rows["media"][0].to_list()
    media = [first, *rows["media"].to_list()[1:38], first, rows["media"].to_list()[39]]
    rows = rows.with_columns(media=pl.Series(media, dtype=rows.schema["media"]))
    issue = only(as_manifest(rows, tmp_path))
    assert (issue.rule, issue.samples) == ("file-leakage", ("000", "038"))
    assert issue.evidence[0]["file"] == "images/000.png"


def test_a_copied_picture_across_splits_is_found(root: Path) -> None:
    shutil.copy(root / "images/004.png", root / "images/039.png")
    issue = only(as_manifest(picture_rows(), root), pixels=True)
    assert (issue.rule, issue.severity, issue.where) == ("exact-duplicates", "error", "split")
    assert issue.samples == ("004", "039")


def test_the_same_values_in_another_file_of_the_split_are_found(root: Path) -> None:
    Image.open(root / "images/004.png").save(root / "images/010.png", compress_level=0)
    issue = only(as_manifest(picture_rows(), root), pixels=True)
    assert (issue.rule, issue.severity, issue.where) == (
        "exact-duplicates",
        "warning",
        "within a split",
    )
    assert issue.samples == ("004", "010")


def test_copies_byte_for_byte_within_a_split_are_left_to_duplicate_files(root: Path) -> None:
    shutil.copy(root / "images/004.png", root / "images/010.png")
    assert issues(as_manifest(picture_rows(), root), pixels=True) == []


CHANGES = {
    "resized": lambda image: image.resize((70, 70), Image.Resampling.BILINEAR),
    "brighter": lambda image: ImageEnhance.Brightness(image).enhance(1.1),
    "mirrored": lambda image: image.transpose(Image.Transpose.FLIP_LEFT_RIGHT),
    "quarter turn": lambda image: image.transpose(Image.Transpose.ROTATE_90),
}


@pytest.mark.parametrize("change", CHANGES)
def test_changed_copies_across_splits_are_found(root: Path, change: str) -> None:
    CHANGES[change](Image.open(root / "images/004.png")).save(root / "images/039.png")
    issue = only(as_manifest(picture_rows(), root), pixels=True)
    assert (issue.rule, issue.severity, issue.where) == ("near-duplicates", "warning", "split")
    assert issue.samples == ("004", "039")
    assert issue.evidence[0]["score"] > 0.97


def test_changed_copies_within_a_split_count_where_patients_differ(root: Path) -> None:
    for copy in ("005", "010"):  # 004 and 005 are of one patient
        Image.open(root / "images/004.png").resize((70, 70)).save(root / f"images/{copy}.png")
    found = issues(as_manifest(picture_rows(), root), pixels=True, near_duplicates__radius=6)
    near = [each for each in found if each.rule == "near-duplicates"]
    assert [(each.severity, each.where) for each in near] == [("info", "within a split")]
    pairs = {(each["sample_id"], each["sample_id_2"]) for each in near[0].evidence}
    assert pairs == {("004", "010")}


def texts(tmp_path: Path, **columns: object) -> Manifest:
    """Return 20 rows without images, 15 in train and 5 in test."""
    ids = [f"{number:02}" for number in range(20)]
    splits = ["train"] * 15 + ["test"] * 5
    rows = pl.DataFrame({"sample_id": ids, "split": splits, **columns})
    if "report" in rows.columns:
        rows = rows.with_columns(text=c.text(report=pl.col("report"))).drop("report")
    return as_manifest(rows, tmp_path, _NO_META)


def numbered(template: str) -> list[str]:
    return [template.format(f"case {number}") for number in range(20)]


def test_a_report_in_two_splits_is_found_whatever_its_blanks_and_capitals(tmp_path: Path) -> None:
    reports = numbered(_REPORT)
    reports[17] = " " + reports[3].upper().replace(" ", " \n ") + "\t"
    issue = only(texts(tmp_path, report=reports))
    assert (issue.rule, issue.severity) == ("text-leakage", "warning")
    assert issue.samples == ("03", "17")
    assert issue.message.startswith("1 report in several splits")
    reports[4] = reports[3] + " And more."
    reports[18] = reports[4]
    issue = only(texts(tmp_path, report=reports))
    assert issue.message.startswith("2 reports")
    assert [each["report"][:12] for each in issue.evidence] == ["03: Patchy o", "04: Patchy o"]


def test_short_and_template_reports_are_no_leak(tmp_path: Path) -> None:
    assert issues(texts(tmp_path, report=["No acute disease."] * 2 + numbered("{}")[2:])) == []
    reports = numbered(_REPORT)
    for number in (0, 1, 2, 3, 4, 5, 16, 17):
        reports[number] = _REPORT
    assert issues(texts(tmp_path, report=reports)) == []
    assert only(texts(tmp_path, report=reports), text_leakage__most=8).rule == "text-leakage"


def test_questions_count_with_their_options(tmp_path: Path) -> None:
    asked = "Which of these drugs is given first to a child with this infection of the ear?"
    options = [[f"drug {number}", "none"] for number in range(20)]
    assert (
        issues(texts(tmp_path, question=[asked] * 2 + ["?"] * 16 + [asked] * 2, options=options))
        == []
    )
    options[18] = options[1]
    questions = [asked] * 2 + ["?"] * 16 + [asked] * 2
    issue = only(texts(tmp_path, question=questions, options=options))
    assert issue.samples == ("01", "18")
    patients = [str(number) for number in range(20)]
    asked_of = texts(tmp_path, question=questions, options=options, patient_id=patients)
    assert issues(asked_of) == []


def test_dialogues_and_chinese_texts_are_compared(tmp_path: Path) -> None:
    said = [f"第{number}位患者头晕两天伴有恶心没有发热应该做什么检查" for number in range(20)]
    said[16] = said[2]
    kind = pl.List(pl.Struct({"role": pl.String, "content": pl.String}))
    turns = [[{"role": "user", "content": each}] for each in said]
    issue = only(texts(tmp_path, turns=pl.Series(turns, dtype=kind)))
    assert (issue.samples, issue.where) == (("02", "16"), "dialogues")


@given(st.lists(st.sampled_from("Ab \n\t"), max_size=40))
def test_plain_text_keeps_nothing_of_blanks_and_capitals(letters: list[str]) -> None:
    from medshelf.quality.rules.leakage.text_leakage import _plain

    text = "".join(letters)
    plain = _plain(pl.Series([text, " ".join(text.upper().split())]))
    assert plain[0] == plain[1] == " ".join(text.lower().split())


def split_by_image(lesions: list[str]) -> list[str]:
    """Return a split of 7:1:2 by image, as a set that is not aware of lesions is split."""
    n = len(lesions)
    splits = ["train"] * round(0.7 * n) + ["val"] * round(0.1 * n)
    splits += ["test"] * (n - len(splits))
    random.Random(0).shuffle(splits)
    return splits


def lesion_manifest(
    tmp_path: Path, images: list[str], lesions: list[str]
) -> tuple[Manifest, set[str]]:
    """Return a manifest split by image, and the lesions in several splits, counted here."""
    splits = split_by_image(lesions)
    parts = defaultdict(set)
    for lesion, split in zip(lesions, splits, strict=True):
        parts[lesion].add(split)
    rows = pl.DataFrame({"sample_id": images, "patient_id": lesions, "split": splits})
    crossing = {lesion for lesion, found in parts.items() if len(found) > 1}
    return as_manifest(rows, tmp_path, Meta("lesions", "Lesions")), crossing


def test_lesions_across_a_split_by_image_are_all_found(tmp_path: Path) -> None:
    numbers = np.random.default_rng(0).integers(0, 1500, 2000)
    images = [f"ISIC_{number:07}" for number in range(2000)]
    manifest, crossing = lesion_manifest(tmp_path, images, [f"HAM_{each:07}" for each in numbers])
    issue = only(manifest)
    rows = manifest.frame.collect()
    assert set(issue.samples) == set(rows.filter(pl.col("patient_id").is_in(crossing))["sample_id"])


def test_lesions_of_ham10000_across_a_split_by_image_are_all_found(
    tmp_path: Path, real_data: Path
) -> None:
    path = real_data.parent / "ham10000/HAM10000_metadata.csv"
    if not path.is_file():
        pytest.skip("HAM10000_metadata.csv does not lie beside the real MedMNIST files")
    table = pl.read_csv(path, columns=["lesion_id", "image_id"]).sort("image_id")
    assert (table.height, table["lesion_id"].n_unique()) == (10_015, 7_470)
    manifest, crossing = lesion_manifest(
        tmp_path, *(table[n].to_list() for n in ("image_id", "lesion_id"))
    )
    issue = only(manifest)
    shared = table.filter(pl.col("lesion_id").is_in(crossing))
    assert issue.message.startswith(f"{len(crossing):,} patients")
    assert issue.samples == tuple(shared["image_id"])


def released(tmp_path: Path) -> tuple[Manifest, Manifest]:
    """Return RSNA's manifest, whose mapping names two images of NIH, and NIH's."""
    rsna, nih = tmp_path / "rsna", tmp_path / "nih"
    rsna_pneumonia_mapped.make(rsna)
    nih_chest_xray_first.make(nih)
    mapping = rsna / "pneumonia-challenge-dataset-mappings_2018.json"
    entries = json.loads(mapping.read_text())
    names = {rsna_pneumonia_mapped.BOXED: "00000013_005.png"}
    names |= {rsna_pneumonia_mapped.TESTED[0]: "00024680_000.png"}
    for each in entries:
        each["img_id"] = names.get(each["subset_img_id"], each["img_id"])
    mapping.write_text(json.dumps(entries))
    found = []
    for reader, folder, record, options in (
        (rsna_pneumonia_detection_challenge, rsna, "rsna-pneumonia-detection-challenge", {}),
        (nih_chest_xray, nih, "nih-chest-xray", nih_chest_xray_first.OPTIONS),
    ):
        meta = Meta(record, record, tasks=find_record(record).core_tasks())
        found.append(reader.read(folder, meta, **options))
    return found[0], found[1]


def test_images_of_rsna_are_found_in_nih_by_the_mapping(tmp_path: Path) -> None:
    rsna, nih = released(tmp_path)
    found = [each for each in issues(rsna, Case(nih)) if each.rule == "source-leakage"]
    by_place = {each.where: each for each in found}
    names = by_place["nih-chest-xray: file names"]
    shared = {rsna_pneumonia_mapped.BOXED, rsna_pneumonia_mapped.TESTED[0]}
    assert (names.severity, set(names.samples)) == ("warning", shared)
    assert {each["other_id"] for each in names.evidence} == {"00000013_005", "00024680_000"}
    assert set(by_place["nih-chest-xray: patients"].samples) == shared


def test_shared_samples_that_only_one_of_two_sets_tests_are_an_error(tmp_path: Path) -> None:
    rsna, nih = released(tmp_path)
    trained = nih.frame.with_columns(
        split=pl.lit("train").cast(nih.frame.collect_schema()["split"])
    )
    other = Case(Manifest(trained, nih.meta, nih.root))
    found = {each.where: each for each in issues(rsna, other) if each.rule == "source-leakage"}
    names = found["nih-chest-xray: file names"]
    assert (names.severity, names.message.rsplit(" ")[-1]) == ("error", "1")


def test_names_are_compared_only_where_lineage_says_so(tmp_path: Path) -> None:
    rsna, nih = released(tmp_path)
    other = Manifest(nih.frame, Meta("some-set", "Some set"), nih.root)
    assert same_names(Case(rsna), Case(other)).height == 2
    assert [e for e in issues(rsna, Case(other)) if e.rule == "source-leakage"] == []


def test_lineage_without_a_shared_sample_is_told(tmp_path: Path) -> None:
    rows = picture_rows().with_columns(patient_id=pl.lit(None, pl.String))
    ours = as_manifest(rows, tmp_path, Meta("rsna-pneumonia-detection-challenge", "RSNA"))
    theirs = rows.with_columns(media=pl.lit(None, rows.schema["media"]))
    issue = only(ours, Case(as_manifest(theirs, tmp_path, Meta("nih-chest-xray", "NIH"))))
    assert (issue.severity, issue.where) == ("info", "nih-chest-xray")
    assert "derived_from nih-chest-xray" in issue.message


def test_pictures_of_another_set_are_found_equal_and_changed(root: Path, tmp_path: Path) -> None:
    other = tmp_path / "other"
    shutil.copytree(root, other)
    for number in range(40):
        if number not in (3, 35):
            values = np.random.default_rng(number).integers(0, 255, (12, 12)).astype(np.uint8)
            noise = Image.fromarray(values).resize((96, 96), Image.Resampling.BICUBIC)
            noise.save(other / f"images/{number:03}.png")
    Image.open(root / "images/035.png").resize((80, 80)).save(other / "images/035.png")
    theirs = Case(
        as_manifest(picture_rows(), other, Meta("another-set", "Another")), passes=Passes(workers=0)
    )
    issue = only(as_manifest(picture_rows(), root), theirs, pixels=True)
    assert (issue.rule, issue.where) == ("source-leakage", "another-set: pictures")
    assert issue.samples == ("003", "035")
    assert [each["score"] == 1 for each in issue.evidence] == [True, False]


def test_a_picture_of_breastmnist_is_known_to_be_in_train_and_test(real_data: Path) -> None:
    options = {"size": "28"}
    record = find_record("breastmnist")
    manifest = medmnist_npz.read(real_data, manifest_meta(record, **options), **options)
    case = Case(manifest, passes=Passes(workers=0))
    found = [
        issue
        for rule in chosen_rules(["exact-duplicates", "duplicate-disagreement"])
        for issue in rule.check(case)
    ]
    pair = ("test/000076", "train/000115")
    assert [(each.rule, each.samples) for each in found] == [
        ("duplicate-disagreement", pair),
        ("exact-duplicates", pair),
    ]

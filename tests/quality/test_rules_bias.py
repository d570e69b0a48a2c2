"""Each rule of bias finds what is planted and keeps quiet about chance; and the effect sizes."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import numpy as np
import polars as pl
import pytest
from PIL import Image, ImageDraw, ImageFont
from scipy.stats import chi2_contingency, mannwhitneyu
from sklearn.metrics import roc_auc_score

from medshelf.catalog.shelf import find_record
from medshelf.core import columns as c
from medshelf.core.issues import Issue
from medshelf.core.manifest import Manifest, Meta
from medshelf.core.tasks import Task, TaskKind
from medshelf.quality.case import Case
from medshelf.quality.judging import association
from medshelf.quality.judging.targets import label_targets, ordered
from medshelf.quality.passes import Passes
from medshelf.quality.rulebook import chosen_rules
from medshelf.readers import nih_chest_xray
from tests.quality.miniatures import as_manifest, picture_rows, pictures, texture, volumes

MALIGNANT = pl.col("label") == "malignant"
FINDINGS = Task("findings", TaskKind.MULTI_LABEL, ("Mass", "Edema"))


@pytest.fixture
def root(tmp_path: Path) -> Path:
    """Return the tree of the clean pictures."""
    pictures(tmp_path / "pictures")
    return tmp_path / "pictures"


def issues(manifest: Manifest, *, pixels: bool = False, **settings: float) -> list[Issue]:
    """Return what all rules of the area find."""
    named = {name.replace("__", ".").replace("_", "-"): value for name, value in settings.items()}
    case = Case(manifest, passes=Passes(workers=0, pixels=pixels), settings=named)
    rules = chosen_rules(["bias"])
    return [each for rule in rules if not rule.missing(case) for each in rule.check(case)]


def only(manifest: Manifest, *, pixels: bool = False, **settings: float) -> Issue:
    (issue,) = issues(manifest, pixels=pixels, **settings)
    return issue


@pytest.mark.parametrize("make", [pictures, volumes])
def test_clean_miniatures_have_no_issue(tmp_path: Path, make: Any) -> None:
    assert issues(make(tmp_path / "clean"), pixels=True) == []


def test_a_site_that_gives_the_label_away_is_found(tmp_path: Path) -> None:
    site = pl.when(MALIGNANT).then(pl.lit("B")).otherwise(pl.lit("A"))
    issue = only(as_manifest(picture_rows().with_columns(site=site), tmp_path))
    assert (issue.rule, issue.severity, issue.where) == ("attribute-association", "warning", "site")
    (shown,) = issue.evidence
    assert (shown["target"], shown["effect"], shown["value"], shown["n"]) == (
        "malignancy",
        "Cramer's V",
        1,
        40,
    )
    assert shown["p"] < 1e-4
    assert "in 100% of" in issue.message


def test_what_is_unknown_is_no_attribute(tmp_path: Path) -> None:
    sex = pl.when(MALIGNANT).then(pl.lit("Unknown ")).otherwise(pl.lit("M"))
    assert issues(as_manifest(picture_rows().with_columns(sex=sex), tmp_path)) == []


def test_an_age_that_gives_the_label_away_is_found(tmp_path: Path) -> None:
    age = pl.when(MALIGNANT).then(pl.col("age_years") + 15).otherwise("age_years")
    issue = only(as_manifest(picture_rows().with_columns(age_years=age), tmp_path))
    assert (issue.rule, issue.where) == ("attribute-association", "age_years")
    assert (issue.evidence[0]["effect"], issue.evidence[0]["target"]) == (
        "AUC",
        "malignancy: malignant",
    )
    assert issue.evidence[0]["low"] > 0.6


def test_ten_samples_of_a_patient_are_no_ten_patients(tmp_path: Path) -> None:
    sex = pl.when(MALIGNANT).then(pl.lit("F")).otherwise(pl.lit("M"))
    rows = picture_rows().with_columns(sex=sex)
    assert only(as_manifest(rows, tmp_path)).where == "sex"
    few = rows.with_columns(patient_id=pl.format("{} {}", "label", pl.int_range(40) % 4))
    assert issues(as_manifest(few, tmp_path)) == []


@pytest.mark.parametrize("seed", range(5))
def test_chance_is_not_reported(tmp_path: Path, seed: int) -> None:
    rng = np.random.default_rng(seed)
    n = 400
    values = {each: [str(v) for v in rng.integers(0, 8, n)] for each in ("site", "scanner", "view")}
    findings = [
        [
            {"task": "findings", "name": name, "value": float(rng.random() < 0.2)}
            for name in FINDINGS.classes
        ]
        for _ in range(n)
    ]
    rows = pl.DataFrame({"sample_id": [f"{e:03}" for e in range(n)], **values}).with_columns(
        split=pl.Series(rng.choice(["train", "test"], n)),
        age_years=pl.Series(rng.normal(50, 12, n).round()),
        labels=pl.Series(findings).list.eval(
            pl.element().struct.with_fields(
                pl.field("value").cast(pl.Float32),
                pl.lit(None, pl.String).alias("source"),
                pl.lit(None, pl.String).alias("annotator"),
            )
        ),
    )
    manifest = as_manifest(rows, tmp_path, Meta("chance", "Chance", tasks=(FINDINGS,)))
    assert len(label_targets(Case(manifest))) == 2
    assert issues(manifest) == []


def test_splits_with_other_patients_and_labels_are_found(tmp_path: Path) -> None:
    late = pl.col("split") == "test"
    rows = picture_rows().with_columns(
        split=pl.when(pl.col("split") == "val").then(pl.lit("test")).otherwise("split"),
        patient_id=pl.lit(None, pl.String),
    )
    view = pl.when(late).then(pl.lit("AP")).otherwise(pl.lit("PA"))
    issue = only(as_manifest(rows.with_columns(view=view), tmp_path))
    assert (issue.rule, issue.where, issue.severity) == ("split-shift", "view", "warning")
    label = pl.when(late).then(pl.lit("malignant")).otherwise(pl.lit("benign"))
    issue = only(as_manifest(rows.with_columns(label=label), tmp_path))
    assert (issue.rule, issue.where, issue.evidence[0]["target"]) == (
        "split-shift",
        "split",
        "malignancy",
    )


def test_lettering_that_goes_with_the_label_is_found(root: Path) -> None:
    for number in range(40):
        image = Image.fromarray(texture(number, (256, 256)) // 4)
        draw = ImageDraw.Draw(image)
        draw.rectangle((0, 0, 255, 63), fill=20)
        if number % 4 >= 2:
            draw.text((8, 8), "PORTABLE AP SUPINE", fill=255, font=ImageFont.load_default(14))
        image.save(root / f"images/{number:03}.png")
    issue = only(as_manifest(picture_rows(), root), pixels=True)
    assert (issue.rule, issue.where) == ("text-association", "lettering")
    assert "'none' in 100% of 'benign' and 50% of all" in issue.message


def test_a_frame_that_goes_with_the_label_is_found(root: Path) -> None:
    for number in range(40):
        values = texture(number, (96, 96))
        if number % 4 >= 2:
            values[: 6 + number % 5] = values[-6:] = 0
        Image.fromarray(values).save(root / f"images/{number:03}.png")
    found = issues(as_manifest(picture_rows(), root), pixels=True)
    assert [(each.rule, each.where) for each in found] == [("text-association", "border")]


def test_sizes_and_formats_that_go_with_the_label_are_found(root: Path) -> None:
    rows = picture_rows()
    for number in range(40):
        if number % 4 >= 2:
            Image.open(root / f"images/{number:03}.png").resize((80, 80)).save(
                root / f"images/{number:03}.jpg", quality=95
            )
    kind = pl.when(MALIGNANT).then(pl.lit("jpg")).otherwise(pl.lit("png"))
    path = pl.format("images/{}.{}", "sample_id", kind)
    media = c.entries(c.media("image", path=path, member=None, format=kind))
    manifest = as_manifest(rows.with_columns(media=media, shapes=None), root)
    found = {(each.rule, each.where) for each in issues(manifest, pixels=True)}
    assert found == {("format-association", "format"), ("format-association", "size")}


def test_the_official_split_of_nih_is_known_to_differ(real_data: Path) -> None:
    folder = real_data.parent / "nih_chest_xray"
    if not folder.is_dir():
        pytest.skip("The tables of ChestX-ray14 do not lie beside the real MedMNIST files")
    record = find_record("nih-chest-xray")
    manifest = nih_chest_xray.read(folder, Meta(record.id, record.name, tasks=record.core_tasks()))
    found = {(each.rule, each.where): each for each in issues(manifest)}
    assert set(found) == {
        ("attribute-association", "view"),
        ("attribute-association", "age_years"),
        ("split-shift", "split"),
        ("split-shift", "view"),
    }
    views = found["attribute-association", "view"].evidence
    assert (views[0]["target"], views[0]["n"]) == ("Edema", 112_120)
    assert "'AP' in 88% of those with 'Edema' and 40% of all" in views[0]["said"]
    assert [each["target"] for each in found["split-shift", "split"].evidence] == ["Pneumothorax"]


# Effect sizes


TABLES = [
    [[20, 5, 9], [3, 30, 8]],
    [[10, 0], [0, 10]],
    [[50, 50], [25, 25]],
    [[7, 9], [2, 30], [12, 4]],
]


@pytest.mark.parametrize("rows", TABLES)
def test_chi_square_is_that_of_scipy(rows: list[list[int]]) -> None:
    table = np.array(rows)
    theirs = chi2_contingency(table, correction=False)
    assert association.chi_square(table) == pytest.approx(theirs.statistic)
    assert association.chi_square_p(table) == pytest.approx(theirs.pvalue, rel=0.15, abs=1e-3)


def test_cramers_v_is_one_none_and_corrected() -> None:
    assert association.cramers_v(np.eye(3) * 50) == pytest.approx(1)
    assert association.cramers_v(np.full((3, 4), 25)) == 0
    rng = np.random.default_rng(0)
    drawn = rng.multinomial(60, np.full(20, 1 / 20), 400).reshape(-1, 4, 5)
    plain = np.sqrt(association.chi_square(drawn) / 60 / 3)
    assert (
        association.cramers_v(drawn).mean() < 0.5 * plain.mean()
    )  # unrelated, so both should be 0


def test_the_interval_of_cramers_v_holds_the_truth_and_is_the_same_every_time() -> None:
    share = np.array([[0.35, 0.15], [0.15, 0.35]])
    truth = 0.4
    rng = np.random.default_rng(1)
    held = 0
    for table in rng.multinomial(200, share.ravel(), 200).reshape(-1, 2, 2):
        low, high = association.cramers_v_interval(table)
        held += low <= truth <= high
    assert 180 <= held <= 200
    assert association.cramers_v_interval(table) == (low, high)


def test_auc_is_that_of_the_definition() -> None:
    rng = np.random.default_rng(2)
    one, other = rng.integers(3, 12, 60), rng.integers(0, 10, 90)
    counts = [np.bincount(each, minlength=12) for each in (one, other)]
    value, low, high, p = association.auc(*counts)
    truth = [1] * 60 + [0] * 90
    assert value == pytest.approx(roc_auc_score(truth, [*one, *other]))
    assert low < value < high
    assert p == pytest.approx(mannwhitneyu(one, other).pvalue, rel=0.5)
    assert association.auc(counts[1], counts[0])[0] == pytest.approx(1 - value)


def test_holm_multiplies_the_smallest_by_all_and_never_falls() -> None:
    corrected = association.holm(np.array([0.01, 0.04, 0.03, 0.005]))
    assert corrected == pytest.approx([0.03, 0.06, 0.06, 0.02])
    assert association.holm(np.array([0.9, 0.8])) == pytest.approx([1, 1])
    assert len(association.holm(np.array([]))) == 0


def test_numbers_are_binned_by_rank_and_keep_what_is_unknown() -> None:
    few = ordered("age", pl.Series([3.0, None, 1.0, float("nan"), 3.0]))
    assert (few.values, few.codes.tolist()) == (("1", "3"), [1, -1, 0, -1, 1])
    many = ordered("score", pl.Series(np.random.default_rng(0).random(5000)))
    assert len(many.values) == 256
    assert np.bincount(many.codes).max() - np.bincount(many.codes).min() <= 1
    assert ordered("age", pl.Series([None, None], dtype=pl.Float32)).codes.tolist() == [-1, -1]

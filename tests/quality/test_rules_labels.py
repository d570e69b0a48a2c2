"""Each rule of labels finds what is planted, with exactly those samples, and nothing else does."""

from __future__ import annotations

import builtins
import shutil
from collections.abc import Sequence
from dataclasses import replace
from pathlib import Path
from typing import Any

import numpy as np
import polars as pl
import pytest
from PIL import Image

from medshelf.core import columns as c
from medshelf.core.errors import FormatError, MissingExtraError, SettingError
from medshelf.core.issues import Issue
from medshelf.core.manifest import Manifest, Meta
from medshelf.core.tasks import Task, TaskKind
from medshelf.quality.case import Case
from medshelf.quality.judging.association import kappa, wilson
from medshelf.quality.judging.predictions import probabilities, read_predictions
from medshelf.quality.passes import Passes
from medshelf.quality.rulebook import chosen_rules
from tests.quality.miniatures import (
    EDGE,
    as_manifest,
    drawn_mask,
    picture_meta,
    picture_rows,
    pictures,
    volumes,
)

FINDINGS = Task(
    "findings", TaskKind.MULTI_LABEL, ("No Finding", "Mass", "Edema", "Support Devices")
)
NUMBER = pl.col("sample_id").cast(pl.Int64)
_META = Meta("findings", "Findings", tasks=(FINDINGS,), licence="CC-BY-4.0")


@pytest.fixture
def root(tmp_path: Path) -> Path:
    """Return the tree of the clean pictures."""
    pictures(tmp_path / "pictures")
    return tmp_path / "pictures"


def issues(
    manifest: Manifest,
    *,
    pixels: bool = False,
    predictions: pl.DataFrame | None = None,
    **settings: float,
) -> list[Issue]:
    """Return what all rules of the area find."""
    named = {name.replace("__", ".").replace("_", "-"): value for name, value in settings.items()}
    passes = Passes(workers=0, pixels=pixels)
    case = Case(manifest, passes=passes, predictions=predictions, settings=named)
    rules = chosen_rules(["labels"])
    return [each for rule in rules if not rule.missing(case) for each in rule.check(case)]


def only(manifest: Manifest, **options: Any) -> Issue:
    (issue,) = issues(manifest, **options)
    return issue


@pytest.mark.parametrize("make", [pictures, volumes])
def test_clean_miniatures_have_no_issue(tmp_path: Path, make: Any) -> None:
    assert issues(make(tmp_path / "clean"), pixels=True) == []


def stated(values: Sequence[dict[str, float | None]], **fields: str) -> pl.Series:
    """Return the column `labels`, one mapping from finding to value per row."""
    empty = {"task": "findings", "source": None, "annotator": None, **fields}
    rows = [
        [{**empty, "name": name, "value": value} for name, value in each.items()] for each in values
    ]
    kind = pl.List(
        pl.Struct(
            {
                "task": pl.String,
                "name": pl.String,
                "value": pl.Float32,
                "source": pl.String,
                "annotator": pl.String,
            }
        )
    )
    return pl.Series("labels", rows, dtype=kind)


def multi(tmp_path: Path, values: Sequence[dict[str, float | None]]) -> Manifest:
    """Return rows with findings, in train but for the last quarter, which is in test."""
    n = len(values)
    splits = ["test" if number >= n * 3 // 4 else "train" for number in range(n)]
    ids = [f"{number:02}" for number in range(n)]
    rows = pl.DataFrame({"sample_id": ids, "split": splits, "labels": stated(values)})
    return as_manifest(rows, tmp_path, _META)


def normal(n: int = 40) -> list[dict[str, float | None]]:
    """Return findings without fault: Mass and Edema here and there, else No Finding."""
    kinds = ({"No Finding": 1, "Mass": 0, "Edema": 0}, {"No Finding": 0, "Mass": 1, "Edema": 1})
    return [{**kinds[number % 2], "Support Devices": number // 2 % 2} for number in range(n)]


def test_findings_without_fault_have_no_issue(tmp_path: Path) -> None:
    assert issues(multi(tmp_path, normal())) == []


# Masks


def test_a_value_outside_the_legend_is_found(root: Path) -> None:
    mask = drawn_mask(7, (EDGE, EDGE))
    mask[2:4, 2:5] = 9
    Image.fromarray(mask).save(root / "masks/007.png")
    issue = only(as_manifest(picture_rows(), root), pixels=True)
    assert (issue.rule, issue.severity, issue.samples) == ("outside-legend", "error", ("007",))
    assert (issue.evidence[0]["value"], issue.evidence[0]["n_pixels"]) == ("9", 6)


def test_values_of_masks_without_a_legend_are_not_judged(root: Path) -> None:
    meta = replace(picture_meta(), options={})
    assert issues(as_manifest(picture_rows(), root, meta), pixels=True) == []


def test_an_empty_mask_is_an_oversight_where_few_are(root: Path) -> None:
    Image.fromarray(np.zeros((EDGE, EDGE), np.uint8)).save(root / "masks/012.png")
    manifest = as_manifest(picture_rows(), root)
    issue = only(manifest, pixels=True)
    assert (issue.rule, issue.severity, issue.samples) == ("empty-mask", "warning", ("012",))
    assert only(manifest, pixels=True, empty_mask__share=0.01).severity == "info"


# Shapes


def with_boxes(*altered: tuple[int, list[float]]) -> pl.DataFrame:
    rows = picture_rows()
    shapes = rows["shapes"].to_list()
    for number, points in altered:
        shapes[number][0]["points"] = [float(each) for each in points]
    return rows.with_columns(shapes=pl.Series(shapes, dtype=rows.schema["shapes"]))


def test_boxes_beyond_the_image_are_found(root: Path) -> None:
    rows = with_boxes((3, [80, 30, 99, 60]), (4, [0, 0, 96.5, 96]), (5, [30, -8, 60, 60]))
    issue = only(as_manifest(rows, root), pixels=True)
    assert (issue.rule, issue.where, issue.samples) == ("shape-outside", "images", ("003", "005"))
    assert "2 of 40 shapes" in issue.message


def test_boxes_without_extent_are_found_without_the_pixels(tmp_path: Path) -> None:
    rows = with_boxes((3, [30, 30, 30, 60]), (9, [60, 60, 30, 30]))
    issue = only(as_manifest(rows, tmp_path))
    assert (issue.rule, issue.where, issue.samples) == ("shape-outside", "boxes", ("003", "009"))


def test_polygons_beyond_the_image_are_found(root: Path) -> None:
    rows = picture_rows()
    points = pl.when(NUMBER == 8).then(pl.lit([10.0, 10.0, 120.0, 10.0, 50.0, 50.0]))
    polygon = c.shape("polygon", "lesion", points)
    issue = only(as_manifest(rows.with_columns(shapes=c.entries(polygon)), root), pixels=True)
    assert (issue.samples, issue.evidence[0]["x_max"]) == (("008",), 120)


# Contradictions


def test_no_finding_beside_a_finding_is_found(tmp_path: Path) -> None:
    values = normal()
    values[0] = {"No Finding": 1, "Mass": 1, "Edema": 0, "Support Devices": 0}
    values[2] = {"No Finding": 1, "Mass": 0, "Edema": 0, "Support Devices": 1}
    issue = only(multi(tmp_path, values))
    assert (issue.rule, issue.where, issue.samples) == ("contradictory-labels", "findings", ("00",))
    assert issue.evidence[0]["findings"] == "Mass"


def test_a_finding_both_present_and_absent_is_found(tmp_path: Path) -> None:
    manifest = multi(tmp_path, normal())
    rows = manifest.frame.collect()
    labels = rows["labels"].to_list()
    labels[7].append({**labels[7][1], "value": 1 - labels[7][1]["value"]})
    labels[9].append({**labels[9][1], "source": "other", "value": 0.0})
    altered = rows.with_columns(labels=pl.Series(labels, dtype=rows.schema["labels"]))
    issue = only(as_manifest(altered, tmp_path, _META))
    assert (issue.rule, issue.where, issue.samples) == ("contradictory-labels", "values", ("07",))


def test_a_healthy_sample_with_a_lesion_drawn_is_found(tmp_path: Path) -> None:
    healthy = pl.when(pl.col("label") == "benign").then(pl.lit("Normal")).otherwise("label")
    task = Task("malignancy", TaskKind.BINARY, ("Normal", "malignant"))
    meta = replace(picture_meta(), tasks=(task,))
    rows = picture_rows().with_columns(label=healthy)
    assert issues(as_manifest(rows, tmp_path, meta)) == []
    shapes = rows["shapes"].to_list()
    shapes[0][0]["label"] = shapes[2][0]["label"] = "malignant"
    drawn = rows.with_columns(shapes=pl.Series(shapes, dtype=rows.schema["shapes"]))
    issue = only(as_manifest(drawn, tmp_path, meta))
    assert (issue.where, issue.samples) == ("shapes", ("000",))


def test_copies_with_different_labels_are_found(root: Path) -> None:
    shutil.copy(root / "images/000.png", root / "images/002.png")
    shutil.copy(root / "images/004.png", root / "images/005.png")
    issue = only(as_manifest(picture_rows(), root), pixels=True)
    assert (issue.rule, issue.samples) == ("duplicate-disagreement", ("000", "002"))
    assert [each["label"] for each in issue.evidence] == ["benign", "malignant"]


def test_copies_with_different_findings_are_found(root: Path) -> None:
    shutil.copy(root / "images/000.png", root / "images/002.png")
    values = normal()
    values[2] = {**values[0], "Edema": 1, "No Finding": 0}
    rows = picture_rows().drop("label").with_columns(labels=stated(values))
    meta = replace(picture_meta(), tasks=(FINDINGS,))
    issue = only(as_manifest(rows, root, meta), pixels=True)
    assert (issue.where, issue.samples) == ("findings", ("000", "002"))
    assert {each["name"] for each in issue.evidence} == {"Edema", "No Finding"}


# Classes and splits


def test_a_class_that_is_only_in_test_is_found(tmp_path: Path) -> None:
    late = NUMBER >= 32
    label = pl.when(late & (pl.col("label") == "malignant")).then(pl.lit("rare")).otherwise("label")
    task = Task("malignancy", TaskKind.MULTI_CLASS, ("benign", "malignant", "rare"))
    meta = replace(picture_meta(), tasks=(task,))
    issue = only(as_manifest(picture_rows().with_columns(label=label), tmp_path, meta))
    assert (issue.rule, issue.severity) == ("class-missing-in-train", "error")
    assert issue.samples == ("034", "035", "038", "039")
    shown = {"task": "malignancy", "name": "rare", "train": 0, "val": 0, "test": 4}
    assert issue.evidence == (shown,)


def test_a_finding_too_rare_in_test_is_found_with_its_interval(tmp_path: Path) -> None:
    values = [{**each, "Edema": 0.0} for each in normal(160)]
    values[1]["Edema"] = values[141]["Edema"] = values[143]["Edema"] = 1.0
    issue = only(multi(tmp_path, values))
    assert (issue.rule, issue.where, issue.samples) == ("rare-class", "split test", ("141", "143"))
    low, high = wilson(2, 2)
    assert issue.evidence == ({"name": "Edema", "n": 2, "low": round(low, 3), "high": high},)
    assert issues(multi(tmp_path, values), rare_class__minimum=2) == []


def test_wilson_interval_is_that_of_the_literature() -> None:
    # Newcombe 1998, https://doi.org/10.1002/(SICI)1097-0258(19980430)17:8<857::AID-SIM777>3.0.CO;2-E
    for k, n, low, high in (
        (81, 263, 0.2553, 0.3662),
        (15, 148, 0.0624, 0.1605),
        (0, 20, 0, 0.1611),
    ):
        assert wilson(k, n) == pytest.approx((low, high), abs=5e-5)


# What is not stated


def test_samples_without_label_are_found_and_a_hidden_split_is_no_fault(tmp_path: Path) -> None:
    label = pl.when(~pl.col("sample_id").is_in(["003", "020"])).then("label")
    issue = only(as_manifest(picture_rows().with_columns(label=label), tmp_path))
    assert (issue.rule, issue.severity, issue.samples) == (
        "unstated-labels",
        "warning",
        ("003", "020"),
    )
    hidden = pl.when(pl.col("split") != "test").then("label")
    issue = only(as_manifest(picture_rows().with_columns(label=hidden), tmp_path))
    assert (issue.severity, issue.where, len(issue.samples)) == ("info", "split test", 8)


def test_uncertain_and_silent_findings_are_counted(tmp_path: Path) -> None:
    values = normal()
    values[1]["Edema"] = values[3]["Edema"] = -1
    del values[5]["Edema"]
    issue = only(multi(tmp_path, values))
    assert (issue.rule, issue.severity, issue.where) == ("unstated-labels", "info", "task findings")
    shown = {"name": "Edema", "n_stated": 39, "n_uncertain": 2, "n_not_stated": 1}
    assert issue.evidence == (shown,)


# Readers


def test_readers_who_disagree_are_found(tmp_path: Path) -> None:
    first, second, third = normal(), normal(), normal()
    for number in range(0, 40, 3):
        second[number] = {name: 1 - value for name, value in second[number].items()}
    by_reader = [
        stated(each, annotator=name)
        for name, each in zip("ABC", (first, second, third), strict=True)
    ]
    labels = [[*a, *b, *d] for a, b, d in zip(*by_reader, strict=True)]
    manifest = multi(tmp_path, first)
    rows = manifest.frame.collect().with_columns(labels=pl.Series(labels, dtype=by_reader[0].dtype))
    found = issues(as_manifest(rows, tmp_path, _META))
    assert [(each.rule, each.where) for each in found if each.rule != "contradictory-labels"] == [
        ("annotator-disagreement", "A and B"),
        ("annotator-disagreement", "B and C"),
    ]
    assert found[0].samples == tuple(f"{number:02}" for number in range(0, 40, 3))


def test_kappa_is_that_of_the_literature() -> None:
    # Fleiss, Statistical Methods for Rates and Proportions, 1981, table 13.1: kappa 0.676
    table = np.array([[75, 1, 4], [5, 4, 1], [0, 0, 10]])
    assert kappa(table)[0] == pytest.approx(0.676, abs=5e-4)


def test_outlines_that_cannot_agree_are_found(root: Path) -> None:
    rows = picture_rows()
    for number in range(40):
        small = drawn_mask(number, (EDGE, EDGE))
        small[:, : EDGE // 2] = 0
        other = (
            np.roll(small, -EDGE // 2, axis=1) if number < 30 else drawn_mask(number, (EDGE, EDGE))
        )
        Image.fromarray(small if number < 30 else other).save(root / f"masks/{number:03}.png")
        Image.fromarray(other).save(root / f"masks/{number:03}b.png")
    image = c.media(
        "image", path=pl.format("images/{}.png", "sample_id"), member=None, format="png"
    )
    masks = [
        c.media("mask", "mask", path=path, member=None, format="png", annotator=name)
        for name, path in (
            ("A", pl.format("masks/{}.png", "sample_id")),
            ("B", pl.format("masks/{}b.png", "sample_id")),
        )
    ]
    rows = rows.with_columns(media=c.entries(image, *masks))
    found = issues(as_manifest(rows, root), pixels=True)
    assert {(each.rule, each.where) for each in found} == {
        ("annotator-disagreement", "structure liver"),
        ("annotator-disagreement", "structure tumour"),
    }
    assert found[0].samples == tuple(f"{number:03}" for number in range(30))
    assert found[0].evidence[0]["dice_at_most"] == 0


# Predictions


def predicted(rows: pl.DataFrame, *wrong: str) -> pl.DataFrame:
    """Return predictions of a good network, that holds some labels for wrong."""
    p = pl.when((pl.col("label") == "malignant") != pl.col("sample_id").is_in(wrong))
    chance = 0.02 * (NUMBER % 5)
    malignant = p.then(0.95 - chance).otherwise(0.05 + chance)
    return rows.select("sample_id", benign=1 - malignant, malignant=malignant)


def test_labels_that_a_good_network_contradicts_are_found(tmp_path: Path) -> None:
    pytest.importorskip("cleanlab")
    rows = picture_rows()
    manifest = as_manifest(rows, tmp_path)
    assert issues(manifest, predictions=predicted(rows)) == []
    issue = only(
        manifest, predictions=predicted(rows, "006", "033").sample(fraction=1, shuffle=True, seed=0)
    )
    assert (issue.rule, issue.severity, issue.samples) == (
        "label-errors",
        "warning",
        ("006", "033"),
    )
    assert issue.evidence[0]["predicted"] == "benign"


def test_findings_that_a_good_network_contradicts_are_found(tmp_path: Path) -> None:
    pytest.importorskip("cleanlab")
    manifest = multi(tmp_path, normal())
    matrix = manifest.label_matrix() * 0.9 + 0.05
    matrix[4, 1] = 0.98
    table = pl.DataFrame(matrix, schema=list(FINDINGS.classes)).with_columns(
        sample_id=pl.Series([f"{number:02}" for number in range(40)])
    )
    issue = only(manifest, predictions=table)
    assert (issue.where, issue.samples) == ("finding Mass", ("04",))
    assert issue.evidence[0]["p_present"] == pytest.approx(0.98)


def test_without_cleanlab_the_extra_is_named(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    real = builtins.__import__

    def refusing(name: str, *args: Any, **kwargs: Any) -> Any:
        if name.startswith("cleanlab"):
            raise ImportError(name)
        return real(name, *args, **kwargs)

    monkeypatch.setattr(builtins, "__import__", refusing)
    rows = picture_rows()
    with pytest.raises(MissingExtraError, match=r"medshelf\[quality\]"):
        issues(as_manifest(rows, tmp_path), predictions=predicted(rows))


TASK = Task("malignancy", TaskKind.BINARY, ("benign", "malignant"))
SAMPLES = pl.Series(["a", "b"])


@pytest.mark.parametrize(
    ("columns", "problem"),
    [
        ({"sample_id": ["a", "b"], "benign": [0.5, 0.5]}, "no column 'malignant'"),
        ({"benign": [0.5, 0.5], "malignant": [0.5, 0.5]}, "no column 'sample_id'"),
        (
            {"sample_id": ["a", "c"], "benign": [0.5, 0.5], "malignant": [0.5, 0.5]},
            "1 labelled samples .* 'b'",
        ),
        (
            {"sample_id": ["a", "a", "b"], "benign": [0.5] * 3, "malignant": [0.5] * 3},
            "several rows of 'a'",
        ),
        (
            {"sample_id": ["a", "b"], "benign": [0.5, 1.5], "malignant": [0.5, -0.5]},
            "from 0 to 1: 'b'",
        ),
        (
            {"sample_id": ["a", "b"], "benign": [0.5, None], "malignant": [0.5, 0.5]},
            "from 0 to 1: 'b'",
        ),
        (
            {"sample_id": ["a", "b"], "benign": [0.5, float("nan")], "malignant": [0.5, 0.5]},
            "from 0 to 1",
        ),
        (
            {"sample_id": ["a", "b"], "benign": [0.5, 0.9], "malignant": [0.5, 0.5]},
            "add up to 1: 'b'",
        ),
        (
            {"sample_id": ["a", "b"], "benign": ["x", "y"], "malignant": [0.5, 0.5]},
            "'benign' are no numbers",
        ),
    ],
)
def test_predictions_that_do_not_fit_are_refused(columns: dict[str, Any], problem: str) -> None:
    with pytest.raises(SettingError, match=problem):
        probabilities(pl.DataFrame(columns), SAMPLES, TASK)


def test_predictions_without_any_class_are_refused(tmp_path: Path) -> None:
    table = picture_rows().select("sample_id", score=pl.lit(0.5))
    with pytest.raises(SettingError, match="no column of a class"):
        issues(as_manifest(picture_rows(), tmp_path), predictions=table)


def test_predictions_are_read_from_csv_and_parquet(tmp_path: Path) -> None:
    table = pl.DataFrame(
        {"sample_id": ["007", "8"], "benign": [0.25, 1.0], "malignant": [0.75, 0.0]}
    )
    table.write_csv(tmp_path / "p.csv")
    table.write_parquet(tmp_path / "p.parquet")
    for name in ("p.csv", "p.parquet"):
        read = read_predictions(tmp_path / name)
        found = probabilities(read, pl.Series(["8", "007"]), TASK)
        assert found.rows() == [(1.0, 0.0), (0.25, 0.75)]


def test_a_file_that_holds_no_predictions_is_refused(tmp_path: Path) -> None:
    (tmp_path / "p.parquet").write_bytes(b"PAR1 no")
    (tmp_path / "p.csv").write_text("id,benign\n1,0.5\n")
    for name in ("p.parquet", "absent.csv"):
        with pytest.raises(FormatError, match="no table of predictions"):
            read_predictions(tmp_path / name)
    with pytest.raises(SettingError, match="no column 'sample_id'"):
        read_predictions(tmp_path / "p.csv")

"""Chest X-ray readers on the tables as they were released; images are mostly absent."""

from __future__ import annotations

import shutil
from pathlib import Path

import polars as pl
import pytest

import medshelf
from medshelf.core.errors import FormatError, LayoutError
from medshelf.core.manifest import Manifest


def folder(real_data: Path, name: str) -> Path:
    found = real_data.parent / name
    if not found.is_dir():
        pytest.skip(f"There is no folder {name} beside the real MedMNIST files")
    return found


def present(manifest: Manifest) -> dict[str, int]:
    """Count the findings that are 1."""
    entries = manifest.frame.select(pl.col("labels").explode()).drop_nulls().unnest("labels")
    counts = entries.filter(pl.col("value") == 1).group_by("name").len()
    return dict(counts.collect().iter_rows())


# Counts of the two tables, see the LOG file of the release and the tables themselves.
FINDINGS = {
    "Infiltration": (19870, 19894),
    "Effusion": (13307, 13317),
    "Atelectasis": (11535, 11559),
    "Nodule": (6323, 6331),
    "Mass": (5746, 5782),
    "Pneumothorax": (5298, 5302),
    "Consolidation": (4667, 4667),
    "Pleural_Thickening": (3385, 3385),
    "Cardiomegaly": (2772, 2776),
    "Emphysema": (2516, 2516),
    "Edema": (2303, 2303),
    "Fibrosis": (1686, 1686),
    "Pneumonia": (1353, 1431),
    "Hernia": (227, 227),
}


@pytest.mark.parametrize(
    ("table", "version", "n_negative"),
    [("Data_Entry_2017.csv", 0, 60412), ("Data_Entry_2017_v2020.csv", 1, 60361)],
)
def test_nih(real_data: Path, table: str, version: int, n_negative: int) -> None:
    root = folder(real_data, "nih_chest_xray")
    manifest = medshelf.read("nih-chest-xray", root=root, options={"table": table})
    frame = manifest.frame.collect()
    assert frame.height == 112_120
    assert frame["patient_id"].n_unique() == 30_805
    assert dict(frame["split"].value_counts().iter_rows()) == {"train": 86_524, "test": 25_596}
    assert frame["shapes"].list.len().sum() == 984
    boxed = frame.drop_nulls("shapes")
    assert boxed.height == 880
    assert boxed["split"].unique().to_list() == ["test"]
    assert present(manifest) == {name: counts[version] for name, counts in FINDINGS.items()}
    negative = frame["labels"].list.eval(pl.element().struct.field("value").max()).list.first() == 0
    assert negative.sum() == n_negative
    assert dict(frame["view"].value_counts().iter_rows()) == {"PA": 67_310, "AP": 44_810}
    assert manifest.meta.version == table.removesuffix(".csv")
    on_split = frame.select("patient_id", "split").unique()
    assert on_split["patient_id"].is_unique().all()
    issues = {each.rule: each for each in manifest.meta.issues}
    assert "112,098 files" in issues["file-missing"].message
    assert "patient-leakage" not in issues
    assert "sample-count" not in issues


def test_nih_tables_agree_on_patients(real_data: Path) -> None:
    root = folder(real_data, "nih_chest_xray")
    first, second = (
        medshelf.read("nih-chest-xray", root=root, options={"table": each})
        .frame.select("sample_id", "patient_id", "split")
        .collect()
        for each in ("Data_Entry_2017.csv", "Data_Entry_2017_v2020.csv")
    )
    assert first.equals(second)


def test_nih_images_are_attached(real_data: Path) -> None:
    root = folder(real_data, "nih_chest_xray")
    manifest = medshelf.read("nih-chest-xray", root=root)
    rows = manifest.frame.filter(pl.col("media").is_not_null()).collect()
    assert rows.height == 22
    for sample, media in rows.select("sample_id", "media").iter_rows():
        assert (root / media[0]["path"]).is_file()
        assert Path(media[0]["path"]).stem == sample


def test_nih_sample(real_data: Path, tmp_path: Path) -> None:
    root = folder(real_data, "nih_chest_xray")
    shutil.copy(root / "sample_labels.csv", tmp_path)
    manifest = medshelf.read("nih-chest-xray", root=tmp_path)
    frame = manifest.frame.collect()
    assert frame.height == 5_606
    assert frame["split"].null_count() == 5_606
    assert manifest.meta.version == "sample_labels"


def test_iu_tables(real_data: Path) -> None:
    frame = medshelf.read("iu-xray", root=folder(real_data, "iu_xray")).frame.collect()
    assert frame.height == 7_466
    assert frame["study_id"].n_unique() == 3_851
    assert dict(frame["view"].value_counts().iter_rows()) == {"Frontal": 3_818, "Lateral": 3_648}
    reports = frame.unique("study_id")
    empty = reports["text"].struct.unnest().null_count().row(0, named=True)
    assert (empty["findings"], empty["impression"], empty["context"]) == (514, 31, 86)


def test_iu_reports(real_data: Path, tmp_path: Path) -> None:
    shutil.copy(folder(real_data, "iu_xray") / "NLMCXR_reports.tgz", tmp_path)
    frame = medshelf.read("iu-xray", root=tmp_path).frame.collect()
    assert frame["study_id"].n_unique() == 3_955
    per_report = frame.group_by("study_id").len()["len"].value_counts()
    without_image = frame.filter(pl.col("sample_id") == pl.col("study_id")).height
    assert without_image == 104
    counts = dict(per_report.iter_rows())
    assert counts == {1: 446 + without_image, 2: 3_208, 3: 181, 4: 15, 5: 1}
    empty = frame.unique("study_id")["text"].struct.unnest().null_count().row(0, named=True)
    assert (empty["findings"], empty["impression"], empty["context"]) == (530, 34, 90)


def test_iu_editions_give_the_same_ids(real_data: Path, tmp_path: Path) -> None:
    root = folder(real_data, "iu_xray")
    shutil.copy(root / "NLMCXR_reports.tgz", tmp_path)
    kaggle, openi = (
        set(medshelf.read("iu-xray", root=each).frame.collect()["sample_id"])
        for each in (root, tmp_path)
    )
    assert len(kaggle - openi) == 0
    assert len(openi - kaggle) == 104 + 4


def test_rsna(real_data: Path, tmp_path: Path) -> None:
    """The real label table; the table of classes is not at hand and made from the targets."""
    labels = folder(real_data, "rsna_pneumonia") / "stage_2_train_labels.csv"
    shutil.copy(labels, tmp_path)
    classes = pl.read_csv(labels, infer_schema=False).select(
        "patientId",
        pl.col("Target").replace({"0": "Normal", "1": "Lung Opacity"}).alias("class"),
    )
    classes.write_csv(tmp_path / "stage_2_detailed_class_info.csv")
    manifest = medshelf.read("rsna-pneumonia-detection-challenge", root=tmp_path)
    frame = manifest.frame.collect()
    assert frame.height == 26_684
    assert frame["shapes"].list.len().sum() == 9_555
    boxes = frame.drop_nulls("shapes")["shapes"].list.len().value_counts().sort("shapes")
    assert dict(boxes.iter_rows()) == {1: 2_614, 2: 3_266, 3: 119, 4: 13}
    assert dict(frame["label"].value_counts().iter_rows())["Lung Opacity"] == 6_012


def test_covidx_severity(real_data: Path) -> None:
    root = folder(real_data, "covidx")
    manifest = medshelf.read("covidx-cxr-4", root=root, options={"lists": "COVIDxSev"})
    frame = manifest.frame.collect()
    assert dict(frame["split"].value_counts().iter_rows()) == {"train": 759, "test": 150}
    assert manifest.task.classes == ("level1", "level2")


def test_covidx_half_a_release(real_data: Path) -> None:
    root = folder(real_data, "covidx")
    with pytest.raises((LayoutError, FormatError), match=r"test_COVIDx5\.txt"):
        medshelf.read("covidx-cxr-4", root=root, options={"lists": "COVIDx5"})

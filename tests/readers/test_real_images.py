"""Readers of image sets on the real files: what the releases and their papers count."""

from __future__ import annotations

import importlib
from pathlib import Path

import numpy as np
import polars as pl
import pytest

from medshelf.catalog.facts import manifest_meta
from medshelf.catalog.shelf import find_record
from medshelf.core.manifest import Manifest, Meta
from medshelf.core.tasks import Task, TaskKind
from medshelf.formats import nifti
from medshelf.readers import table_images


def _read(real_data: Path, folder: str, record: str) -> Manifest:
    found = find_record(record)
    assert found.reader is not None
    reader = importlib.import_module(f"medshelf.readers.{found.reader.name.replace('-', '_')}")
    manifest: Manifest = reader.read(
        _folder(real_data, folder), manifest_meta(found), **found.reader.options
    )
    return manifest


def _folder(real_data: Path, name: str) -> Path:
    folder = real_data.parent / name
    if not folder.is_dir():
        pytest.skip(f"There is no folder {name} beside the real MedMNIST files")
    return folder


def _counts(values: pl.Series) -> dict[str, int]:
    return dict(values.drop_nulls().cast(pl.String).value_counts().rows())


def _extra(frame: pl.DataFrame, name: str) -> pl.Series:
    entries = frame.select(pl.col("extra").explode()).unnest("extra")
    return entries.filter(pl.col("name") == name)["value"]


def _rules(manifest: Manifest) -> list[str]:
    return sorted(each.rule for each in manifest.meta.issues)


def test_ham10000(real_data: Path) -> None:
    manifest = _read(real_data, "ham10000", "ham10000")
    frame = manifest.frame.collect()
    assert _counts(frame["split"]) == {"train": 10_015, "test": 1_512}
    train = frame.filter(pl.col("split") == "train")
    assert _counts(train["label"]) == {
        "nv": 6_705,
        "mel": 1_113,
        "bkl": 1_099,
        "bcc": 514,
        "akiec": 327,
        "vasc": 142,
        "df": 115,
    }
    assert train["patient_id"].n_unique() == 7_470
    assert _counts(train["sex"]) == {"male": 5_406, "female": 4_552, "unknown": 57}
    assert train["age_years"].null_count() == 57
    assert (train["sample_id"][0], train["sample_id"][-1]) == ("ISIC_0024306", "ISIC_0034320")
    assert _counts(_extra(train, "dx_type")) == {
        "histo": 5_340,
        "follow_up": 3_704,
        "consensus": 902,
        "confocal": 69,
    }
    assert "dataset" not in train.select(pl.col("extra").explode()).unnest("extra")["name"]
    assert len(_extra(frame, "dataset")) == 1_511  # of one test image it is empty
    assert _rules(manifest) == ["file-missing"]
    assert frame.height - frame["media"].null_count() == 16


def test_ham10000_by_its_table_alone(real_data: Path) -> None:
    task = Task("dx", TaskKind.MULTI_CLASS, ("akiec", "bcc", "bkl", "df", "mel", "nv", "vasc"))
    manifest = table_images.read(
        _folder(real_data, "ham10000"),
        Meta("skin", "Skin", tasks=(task,)),
        table="HAM10000_metadata.csv",
        image="{image_id}.jpg",
        label="dx",
        patient="lesion_id",
        age="age",
        sex="sex",
    )
    columns = ["sample_id", "patient_id", "media", "label", "age_years", "sex", "extra"]
    own = _read(real_data, "ham10000", "ham10000").split("train").frame.select(columns).collect()
    assert manifest.frame.select(columns).collect().equals(own)


def test_fitzpatrick_17k(real_data: Path) -> None:
    manifest = _read(real_data, "fitzpatrick17k", "fitzpatrick-17k")
    frame = manifest.frame.collect()
    assert frame.height == 16_577
    conditions = _counts(frame["label"])
    assert set(conditions) == set(manifest.task.classes)
    assert len(conditions) == 114
    assert (conditions["psoriasis"], min(conditions.values())) == (653, 53)
    labels = frame.select(pl.col("labels").explode()).unnest("labels")
    by_task = {task: rows for (task,), rows in labels.group_by("task")}
    assert _counts(by_task["three_partition_label"]["name"]) == {
        "non-neoplastic": 12_080,
        "malignant": 2_263,
        "benign": 2_234,
    }
    assert _counts(by_task["nine_partition_label"]["name"])["inflammatory"] == 10_886
    scale = _counts(by_task["fitzpatrick_scale"]["value"].cast(pl.Int64))
    assert scale == {"1": 2_947, "2": 4_808, "3": 3_308, "4": 2_781, "5": 1_533, "6": 635}
    assert by_task["fitzpatrick_centaur"].height == 16_577 - 1_073
    assert _counts(_extra(frame, "qc"))["1 Diagnostic"] == 348
    assert len(_extra(frame, "url")) == 16_577 - 41
    assert _rules(manifest) == ["file-missing"]


def test_bccd(real_data: Path) -> None:
    manifest = _read(real_data, "bccd", "bccd")
    frame = manifest.frame.collect()
    assert _counts(frame["split"]) == {"train": 205, "val": 87, "test": 72}
    drawn = frame.filter(pl.col("shapes").is_not_null())
    n_cells = [20, 19, 16, 17, 13, 22, 18, 18, 20, 18, 18, 19]
    assert drawn["shapes"].list.len().to_list() == n_cells
    assert drawn["media"].null_count() == 0
    shapes = drawn.select(pl.col("shapes").explode()).unnest("shapes")
    assert _counts(shapes["label"]) == {"RBC": 195, "WBC": 13, "Platelets": 10}
    assert shapes["points"][0].to_list() == [260, 177, 491, 376]
    corners = np.array(shapes["points"].to_list())
    assert (corners[:, :2] < corners[:, 2:]).all()
    assert (corners <= [640, 480, 640, 480]).all()
    assert _rules(manifest) == ["file-missing", "file-missing"]


def test_msd_hippocampus(real_data: Path) -> None:
    manifest = _read(real_data, "msd", "msd-hippocampus")
    rows = manifest.frame.collect().to_dicts()
    assert [each["patient_id"][-3:] for each in rows][:3] == ["001", "003", "004"]
    assert len(rows) == 10
    assert manifest.meta.options["legend"] == "0=background; 1=Anterior; 2=Posterior"
    assert _rules(manifest) == ["sample-count", "sample-count"]
    for row in rows:
        image, mask = row["media"]
        assert (image["name"], mask["name"]) == ("MRI", "mask")
        arrays = [nifti.read(manifest.root / each["path"]).array for each in (image, mask)]
        assert arrays[0].shape == arrays[1].shape
        assert set(np.unique(arrays[1])) == {0, 1, 2}

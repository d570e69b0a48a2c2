"""Which samples are converted, with which labels, into which split."""

from __future__ import annotations

from pathlib import Path

import polars as pl
import pytest

from medshelf.conversion.choosing import Choosing, choose
from medshelf.conversion.naming import file_names, with_keys
from medshelf.core import columns as c
from medshelf.core.errors import SettingError, UnknownNameError
from medshelf.core.manifest import SCHEMA, Manifest, Meta
from medshelf.core.tasks import Task, TaskKind
from tests.quality.miniatures import N_PICTURES, as_manifest, picture_rows


def _chosen(**asked: object) -> Manifest:
    return choose(as_manifest(picture_rows(), Path("raw")), Choosing(**asked))


def _ids(manifest: Manifest) -> list[str]:
    return manifest.frame.select("sample_id").collect()["sample_id"].to_list()


def test_by_default_all_samples_are_chosen_as_they_are() -> None:
    manifest = as_manifest(picture_rows(), Path("raw"))
    assert choose(manifest, Choosing()).frame.collect().equals(manifest.frame.collect())


def test_a_filter_and_a_limit() -> None:
    found = _chosen(filter="sex == 'F' and age_years > 50", limit=3)
    rows = picture_rows().filter((pl.col("sex") == "F") & (pl.col("age_years") > 50))
    assert _ids(found) == rows["sample_id"].head(3).to_list()
    with pytest.raises(SettingError, match="No sample"):
        _chosen(filter="age_years > 500")


def test_labels_of_a_single_label_task_leave_other_samples_out() -> None:
    found = _chosen(labels=("malignant",))
    assert found.meta.tasks[0].classes == ("malignant",)
    assert found.n_samples() == N_PICTURES // 2
    with pytest.raises(UnknownNameError, match="benign"):
        _chosen(labels=("begnin",))


def test_labels_of_a_multi_label_task_keep_every_sample() -> None:
    task = Task("findings", TaskKind.MULTI_LABEL, ("Effusion", "Mass", "Nodule"))
    rows = picture_rows().drop("label")
    values = {"Effusion": pl.lit(1.0), "Mass": pl.lit(0.0), "Nodule": pl.lit(-1.0)}
    rows = rows.with_columns(labels=c.labels(values, "findings"))
    manifest = as_manifest(rows, Path("raw"), Meta("x", "X", tasks=(task,)))
    found = choose(manifest, Choosing(labels=("Nodule", "Effusion")))
    assert found.n_samples() == N_PICTURES
    assert found.meta.tasks[0].classes == ("Effusion", "Nodule")
    names = found.frame.select(
        pl.col("labels").list.eval(pl.element().struct.field("name"))
    ).collect()["labels"]
    assert names[0].to_list() == ["Effusion", "Nodule"]


def test_labels_of_shapes_keep_their_shapes() -> None:
    corners = [pl.lit(float(each)) for each in (1, 2, 3, 4)]
    boxes = c.entries(c.box("mass", corners), c.box("nodule", corners), c.box(None, corners))
    rows = picture_rows().drop("shapes").with_columns(shapes=boxes)
    found = choose(as_manifest(rows, Path("raw")), Choosing(labels=("mass",)))
    labels = found.frame.select(pl.col("shapes").explode().struct.field("label")).collect()
    assert labels["label"].to_list() == ["mass", None] * N_PICTURES
    other = choose(as_manifest(picture_rows(), Path("raw")), Choosing(labels=("benign",)))
    assert other.frame.select(pl.col("shapes").list.len().sum()).collect().item() == 20


def test_a_derived_split_keeps_patients_together_and_is_marked() -> None:
    found = _chosen(split="patient:0.5,0.25,0.25", seed=3)
    rows = found.frame.select("sample_id", "patient_id", "split").collect()
    assert rows.group_by("patient_id").agg(pl.col("split").n_unique())["split"].max() == 1
    assert set(rows["split"].cast(pl.String)) == {"train", "val", "test"}
    assert found.meta.options["derived_split"] == "patient:0.5,0.25,0.25, seed 3"
    assert found.frame.collect_schema() == SCHEMA
    assert rows["sample_id"].to_list() == picture_rows()["sample_id"].to_list()
    again = _chosen(split="patient:0.5,0.25,0.25", seed=3).frame.collect()
    assert again.equals(found.frame.collect())
    other = _chosen(split="patient:0.5,0.25,0.25", seed=4).frame.collect()
    assert not other["split"].equals(again["split"])


def test_no_split_at_all() -> None:
    assert _chosen(split="none").frame.collect()["split"].null_count() == N_PICTURES


@pytest.mark.parametrize(
    "text", ["patient", "patient:1", "eye:0.5,0.5", "patient:0.9,0.2", "x:a,b"]
)
def test_a_split_that_is_written_wrongly_is_refused(text: str) -> None:
    with pytest.raises(SettingError, match=r"patient:0\.7,0\.1,0\.2"):
        _chosen(split=text)


def _keys(*ids: str) -> list[str]:
    rows = pl.LazyFrame({"sample_id": ids}, schema={"sample_id": pl.String})
    return with_keys(rows).collect()["key"].to_list()


def test_keys_are_safe_unique_and_short() -> None:
    ids = [
        "p1/s 1.dcm",
        "p1_s_1_dcm",
        "P2",
        "p2",
        "../..",
        "肺部",
        "a" * 300,
        "a" * 299 + "b",
        "ok-1",
    ]
    keys = _keys(*ids)
    assert len({each.lower() for each in keys}) == len(ids)
    assert all(each.replace("-", "").replace("_", "").isalnum() for each in keys)
    assert all(each.isascii() and 0 < len(each) < 120 for each in keys)
    assert keys[-1] == "ok-1"
    assert _keys(*reversed(ids)) == keys[::-1]


def test_a_key_that_is_clear_is_the_id_itself() -> None:
    assert _keys("train_0001", "test_0001") == ["train_0001", "test_0001"]


def test_class_names_that_clash_in_files_are_refused() -> None:
    assert file_names(["No Finding", "Mass"], "classes") == {
        "No Finding": "No_Finding",
        "Mass": "Mass",
    }
    with pytest.raises(SettingError, match=r"'a/b' and 'A b'"):
        file_names(["a/b", "A b"], "classes")

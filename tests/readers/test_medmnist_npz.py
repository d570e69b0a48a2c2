"""MedMNIST archives: every set and size in miniature, the real files, and files that are wrong."""

from __future__ import annotations

from pathlib import Path

import numpy as np
import polars as pl
import pytest

from medshelf.catalog.facts import manifest_meta
from medshelf.catalog.shelf import dataset_ids, find_record
from medshelf.core.errors import FormatError, LayoutError
from medshelf.core.manifest import SCHEMA
from medshelf.core.tasks import TaskKind
from medshelf.formats.npz import open_array
from medshelf.readers.medmnist_npz import read
from tests.medmnist_files import COUNTS, grey_value, make_arrays, make_file

MEDMNIST = [each for each in dataset_ids() if "mnist" in each]


def all_files() -> list[tuple[str, int]]:
    return [(each, int(size)) for each in MEDMNIST for size in find_record(each).choices("size")]


def test_there_are_18_sets_and_60_files() -> None:
    assert len(MEDMNIST) == 18
    assert len(all_files()) == 60


@pytest.mark.parametrize(("dataset", "size"), [pair for pair in all_files() if pair[1] <= 64])
def test_every_set_reads_into_the_whole_manifest(dataset: str, size: int, tmp_path: Path) -> None:
    make_file(tmp_path, dataset, size)
    record = find_record(dataset)
    manifest = read(tmp_path, manifest_meta(record), size=str(size))
    assert manifest.frame.collect_schema() == SCHEMA
    rows = manifest.frame.collect()
    name = f"{dataset}.npz" if size == 28 else f"{dataset}_{size}.npz"
    expected_ids = [f"{s}/{i:06d}" for s in ("test", "train", "val") for i in range(COUNTS[s])]
    assert rows["sample_id"].to_list() == expected_ids == sorted(expected_ids)
    task = record.core_tasks()[0]
    arrays = make_arrays(record, size)
    for row in rows.iter_rows(named=True):
        split, index = row["sample_id"].split("/")
        assert row["split"] == split
        blank = {"label": None, "annotator": None, "format": "npz"}
        place = {"name": "image", "role": "image", "path": name, "index": int(index)}
        assert row["media"] == [place | blank | {"member": f"{split}_images"}]
        image = open_array(tmp_path / name, row["media"][0]["member"])[int(index)]
        assert (image == grey_value(split, int(index))).all()
        label = arrays[f"{split}_labels"][int(index)]
        if task.kind is TaskKind.MULTI_LABEL:
            unset = {"source": None, "annotator": None, "task": "classification"}
            assert row["labels"] == [
                unset | {"name": class_name, "value": float(value)}
                for class_name, value in zip(task.classes, label, strict=True)
            ]
            assert row["label"] is None
        else:
            assert row["label"] == task.classes[label[0]]
            assert row["labels"] is None
    filled = {"sample_id", "split", "media", "label", "labels"}
    assert rows.select(pl.exclude(filled)).null_count().row(0) == (rows.height,) * (
        len(SCHEMA) - len(filled)
    )
    assert manifest.meta.tasks == (task,)
    assert [each.rule for each in manifest.meta.issues] == ["sample-count"] * 3


@pytest.mark.parametrize("dataset", ["breastmnist", "adrenalmnist3d"])
def test_real_files(dataset: str, real_data: Path) -> None:
    record = find_record(dataset)
    manifest = read(real_data, manifest_meta(record))
    assert manifest.meta.issues == ()
    with np.load(real_data / f"{dataset}.npz") as archive:
        for split, n_samples in record.splits.items():
            part = manifest.split(split)
            assert part.n_samples() == n_samples
            np.testing.assert_array_equal(part.class_codes(), archive[f"{split}_labels"][:, 0])


def test_real_breastmnist_has_the_classes_of_its_source(real_data: Path) -> None:
    manifest = read(real_data, manifest_meta(find_record("breastmnist")))
    counts = manifest.frame.group_by("label").agg(pl.len()).collect()
    assert dict(counts.iter_rows()) == {"malignant": 210, "normal, benign": 570}


def test_other_counts_are_an_issue_with_a_remedy(altered_data: Path) -> None:
    manifest = read(altered_data, manifest_meta(find_record("pneumoniamnist")))
    (issue,) = manifest.meta.issues
    assert issue.severity == "warning"
    assert "train" in issue.where
    assert "3882 samples, 4708 are published" in issue.message


GREY = np.zeros((12, 28, 28), np.uint8)
CODES = np.zeros((12, 1), np.uint8)


@pytest.mark.parametrize(
    ("changed", "message"),
    [
        ({"val_images": None}, r"no array 'val_images' \(found: train_images, "),
        (
            {"train_images": GREY.astype(np.float32)},
            r"float32 \(12, 28, 28\), not uint8 \(N, 28, 28\)",
        ),
        ({"train_images": GREY[:, :14]}, r"uint8 \(12, 14, 28\), not uint8"),
        ({"train_images": np.zeros((12, 28, 28, 3), np.uint8)}, r"\(12, 28, 28, 3\), not"),
        ({"train_labels": CODES[:, 0]}, r"uint8 \(12,\), not integer \(N, 1\)"),
        ({"train_labels": CODES.astype(float)}, r"float64 \(12, 1\), not integer"),
        ({"train_labels": CODES[:7]}, r"'train' has 12 images and 7 labels"),
        ({"test_images": GREY[:0], "test_labels": CODES[:0]}, "'test' has 0 images and 0 labels"),
        ({"train_labels": CODES + 2}, r"12 of 12 labels .* 0\.\.1; the first is \[2\] at index 0"),
        ({"train_labels": CODES.astype(np.int8) - 1}, r"the first is \[-1\]"),
    ],
)
def test_wrong_arrays_are_refused(
    tmp_path: Path, changed: dict[str, np.ndarray | None], message: str
) -> None:
    make_file(tmp_path, "breastmnist", **changed)
    with pytest.raises(LayoutError, match=rf"(?s)breastmnist\.npz.*{message}.*published file"):
        read(tmp_path, manifest_meta(find_record("breastmnist")))


def test_multi_label_values_are_0_or_1(tmp_path: Path) -> None:
    make_file(tmp_path, "chestmnist", val_labels=np.full((6, 14), 2, np.uint8))
    with pytest.raises(LayoutError, match=r"6 of 6 labels of split 'val' are not in 0\.\.1"):
        read(tmp_path, manifest_meta(find_record("chestmnist")))


def test_any_integer_dtype_of_labels_is_read(tmp_path: Path) -> None:
    make_file(tmp_path, "breastmnist", train_labels=CODES.astype(np.int64) + 1)
    manifest = read(tmp_path, manifest_meta(find_record("breastmnist")))
    assert set(manifest.split("train").class_codes()) == {1}


def test_a_truncated_file(tmp_path: Path) -> None:
    path = make_file(tmp_path, "breastmnist")
    path.write_bytes(path.read_bytes()[:-100])
    with pytest.raises(FormatError, match="not a whole zip"):
        read(tmp_path, manifest_meta(find_record("breastmnist")))


def test_a_suffix_28_is_another_file(tmp_path: Path) -> None:
    make_file(tmp_path, "breastmnist").rename(tmp_path / "breastmnist_28.npz")
    with pytest.raises(FormatError, match=r"breastmnist\.npz"):
        read(tmp_path, manifest_meta(find_record("breastmnist")))


def test_the_raw_tree_is_not_touched(tmp_path: Path) -> None:
    folder = tmp_path / "raw"
    path = make_file(folder, "breastmnist")
    before = path.read_bytes(), path.stat().st_mtime_ns
    read(folder, manifest_meta(find_record("breastmnist"))).frame.collect()
    assert [path] == list(folder.iterdir())
    assert before == (path.read_bytes(), path.stat().st_mtime_ns)

"""MedMNIST's exported layout: names, table and pixels, and what a second run leaves."""

from __future__ import annotations

from pathlib import Path

import numpy as np
import polars as pl
import pytest

from medshelf.catalog.facts import manifest_meta
from medshelf.catalog.shelf import find_record
from medshelf.core import files
from medshelf.core.errors import FormatError, LayoutError, StorageError
from medshelf.core.manifest import Manifest
from medshelf.dataset import exported
from medshelf.dataset.exported import write
from medshelf.formats.picture import read_gif, read_png
from medshelf.readers.medmnist_npz import read

SHAPES = {
    "breastmnist": (28, 28),
    "retinamnist": (28, 28, 3),
    "nodulemnist3d": (28, 28, 28),
    "chestmnist": (28, 28),
}
COUNTS = {"train": 3, "val": 2, "test": 2}
SEVERAL = {
    "train0": "0_1_0_0_0_0_0_0_0_0_0_0_0_0",
    "train1": "0_0_0_0_0_0_0_0_0_0_0_0_0_0",
    "train2": "1_0_0_0_0_0_0_0_0_0_0_0_0_1",
}


def make_arrays(dataset: str, size: int) -> dict[str, np.ndarray]:
    random = np.random.default_rng(5)
    arrays = {}
    for split, n_samples in COUNTS.items():
        shape = [size if edge == 28 else edge for edge in SHAPES[dataset]]
        arrays[f"{split}_images"] = random.integers(0, 256, (n_samples, *shape)).astype(np.uint8)
        arrays[f"{split}_labels"] = (np.arange(n_samples)[:, None] % 2).astype(np.uint8)
        if dataset == "chestmnist":
            codes = [SEVERAL[f"train{index}"].split("_") for index in range(n_samples)]
            arrays[f"{split}_labels"] = np.array(codes, np.uint8)
    return arrays


def make_manifest(root: Path, dataset: str, size: str = "28") -> Manifest:
    root.mkdir(exist_ok=True)
    name = f"{dataset}.npz" if size == "28" else f"{dataset}_{size}.npz"
    np.savez_compressed(root / name, **make_arrays(dataset, int(size)))
    return read(root, manifest_meta(find_record(dataset), size=size), size=size)


@pytest.fixture
def breast(tmp_path: Path) -> Manifest:
    return make_manifest(tmp_path / "raw", "breastmnist")


BREAST_TABLE = """\
TRAIN,train0_0.png,0
TRAIN,train1_1.png,1
TRAIN,train2_0.png,0
VALIDATION,val0_0.png,0
VALIDATION,val1_1.png,1
TEST,test0_0.png,0
TEST,test1_1.png,1
"""
AFTER_TRAIN = BREAST_TABLE[BREAST_TABLE.index("VALIDATION") :]


def listing(folder: Path) -> list[str]:
    return sorted(
        str(path.relative_to(folder))
        for path in folder.rglob("*")
        if path.is_file() and not path.name.endswith(".lock")
    )


def test_names_and_table_are_the_layouts(breast: Manifest, tmp_path: Path) -> None:
    table = write(breast, tmp_path / "out")
    assert table == tmp_path / "out" / "breastmnist.csv"
    assert table.read_bytes() == BREAST_TABLE.encode()
    pictures = [f"breastmnist/{line.split(',')[1]}" for line in BREAST_TABLE.splitlines()]
    assert listing(tmp_path / "out") == sorted(["breastmnist.csv", *pictures])


def test_other_sizes_are_in_the_name(tmp_path: Path) -> None:
    table = write(make_manifest(tmp_path / "raw", "breastmnist", "64"), tmp_path / "out")
    assert table.name == "breastmnist_64.csv"
    assert table.read_text() == BREAST_TABLE
    assert read_png(tmp_path / "out/breastmnist_64/train0_0.png").shape == (64, 64)


@pytest.mark.parametrize("dataset", ["breastmnist", "retinamnist", "nodulemnist3d"])
def test_pixels_come_back(tmp_path: Path, dataset: str) -> None:
    table = write(make_manifest(tmp_path / "raw", dataset), tmp_path / "out")
    arrays = make_arrays(dataset, 28)
    ending, read_back = ("gif", read_gif) if dataset.endswith("3d") else ("png", read_png)
    lines = table.read_text().splitlines()
    assert len(lines) == sum(COUNTS.values())
    for split, n_samples in COUNTS.items():
        for index in range(n_samples):
            path = table.with_suffix("") / f"{split}{index}_{index % 2}.{ending}"
            np.testing.assert_array_equal(read_back(path), arrays[f"{split}_images"][index])


def test_several_labels_are_joined_in_the_name_and_columns_in_the_table(tmp_path: Path) -> None:
    manifest = make_manifest(tmp_path / "raw", "chestmnist").split("train")
    table = write(manifest, tmp_path / "out")
    assert table.read_text() == "".join(
        f"TRAIN,{name}_{codes}.png,{codes.replace('_', ',')}\n" for name, codes in SEVERAL.items()
    )
    images = make_arrays("chestmnist", 28)["train_images"]
    for index, (name, codes) in enumerate(SEVERAL.items()):
        path = tmp_path / "out/chestmnist" / f"{name}_{codes}.png"
        np.testing.assert_array_equal(read_png(path), images[index])


def test_running_twice_changes_nothing(breast: Manifest, tmp_path: Path) -> None:
    write(breast, tmp_path / "out")
    before = {name: (tmp_path / "out" / name).read_bytes() for name in listing(tmp_path / "out")}
    write(breast, tmp_path / "out")
    assert before == {
        name: (tmp_path / "out" / name).read_bytes() for name in listing(tmp_path / "out")
    }


def test_splits_written_one_by_one_give_the_same_table(breast: Manifest, tmp_path: Path) -> None:
    for split in ("test", "train", "val"):
        table = write(breast.split(split), tmp_path / "out")
    assert table.read_text() == BREAST_TABLE


def test_a_written_split_is_replaced_and_the_others_stay(breast: Manifest, tmp_path: Path) -> None:
    table = write(breast, tmp_path / "out")
    mine = table.with_suffix("") / "notes.txt"
    mine.write_text("mine")
    kept = breast.filter(pl.col("sample_id").is_in(["train/000001"]))
    write(kept, tmp_path / "out")
    assert table.read_text() == "TRAIN,train1_1.png,1\n" + AFTER_TRAIN
    assert not (table.with_suffix("") / "train0_0.png").exists()
    assert (table.with_suffix("") / "val0_0.png").exists()
    assert mine.read_text() == "mine"


def test_index_is_that_of_the_file_not_of_the_row(breast: Manifest, tmp_path: Path) -> None:
    last = breast.filter(pl.col("sample_id") == "train/000002")
    table = write(last, tmp_path / "out")
    assert table.read_text() == "TRAIN,train2_0.png,0\n"
    np.testing.assert_array_equal(
        read_png(table.with_suffix("") / "train2_0.png"),
        make_arrays("breastmnist", 28)["train_images"][2],
    )


def test_what_a_broken_run_left_is_not_listed(
    breast: Manifest, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    table = write(breast, tmp_path / "out")
    encode, calls = exported.encode_png, []

    def fail_on_second(image: np.ndarray) -> bytes:
        calls.append(image)
        if len(calls) == 2:
            raise KeyboardInterrupt
        return encode(image)

    monkeypatch.setattr(exported, "encode_png", fail_on_second)
    with pytest.raises(KeyboardInterrupt):
        write(breast.split("train"), tmp_path / "out")
    assert table.read_text() == AFTER_TRAIN
    monkeypatch.undo()
    with files.lock(table, timeout_s=0):  # it was released
        pass


def test_rows_of_the_table_that_lead_elsewhere_delete_nothing(
    breast: Manifest, tmp_path: Path
) -> None:
    (tmp_path / "out").mkdir()
    precious = tmp_path / "out" / "train9_0.png"
    precious.write_text("precious")
    table = tmp_path / "out" / "breastmnist.csv"
    table.write_text("TRAIN,../train9_0.png,0\nTRAIN,..,0\n")
    write(breast, tmp_path / "out")
    assert precious.read_text() == "precious"
    assert table.read_text() == BREAST_TABLE


@pytest.mark.parametrize(
    "text", ["split,image,label\n", "TRAIN,train0_0.png\n", "TRAIN,train0_0.png,0\n\n", "\xff\xfe"]
)
def test_another_table_is_not_overwritten(breast: Manifest, tmp_path: Path, text: str) -> None:
    (tmp_path / "out").mkdir()
    table = tmp_path / "out" / "breastmnist.csv"
    table.write_bytes(text.encode("latin-1"))
    with pytest.raises(LayoutError, match=r"Line \d of .*breastmnist\.csv is not of this layout"):
        write(breast, tmp_path / "out")
    assert table.read_bytes() == text.encode("latin-1")


def changed_media(manifest: Manifest, **fields: pl.Expr) -> Manifest:
    image = pl.element().struct.with_fields(**fields)
    frame = manifest.frame.with_columns(pl.col("media").list.eval(image))
    return Manifest(frame, manifest.meta, manifest.root)


@pytest.mark.parametrize(
    "fields",
    [
        {"format": pl.lit("png")},
        {"format": pl.lit(None, pl.String)},
        {"index": pl.lit(None, pl.Int64)},
        {"index": pl.lit(-1, pl.Int64)},
    ],
    ids=["png", "no format", "no index", "negative index"],
)
def test_other_media_are_refused(
    breast: Manifest, tmp_path: Path, fields: dict[str, pl.Expr]
) -> None:
    with pytest.raises(LayoutError, match=r"(train|test)/000000") as caught:
        write(changed_media(breast, **fields), tmp_path / "out")
    assert "npz archive" in caught.value.problem
    assert not (tmp_path / "out").exists()


def test_several_images_per_sample_are_refused(breast: Manifest, tmp_path: Path) -> None:
    twice = pl.concat_list("media", "media").alias("media")
    manifest = Manifest(breast.frame.with_columns(twice), breast.meta, breast.root)
    with pytest.raises(LayoutError, match="not exactly one image"):
        write(manifest, tmp_path / "out")


def test_samples_without_a_split_are_refused(breast: Manifest, tmp_path: Path) -> None:
    none = pl.lit(None, breast.frame.collect_schema()["split"]).alias("split")
    manifest = Manifest(breast.frame.with_columns(none), breast.meta, breast.root)
    with pytest.raises(LayoutError, match="has no split"):
        write(manifest, tmp_path / "out")


def test_two_samples_with_one_name_are_refused(breast: Manifest, tmp_path: Path) -> None:
    with pytest.raises(LayoutError, match="their pictures would have one name"):
        write(changed_media(breast, index=pl.lit(0, pl.Int64)), tmp_path / "out")


def test_an_index_past_the_end_is_refused(breast: Manifest, tmp_path: Path) -> None:
    with pytest.raises(LayoutError, match=r"breastmnist\.npz has \d images .* index 100"):
        write(changed_media(breast, index=pl.col("").struct["index"] + 100), tmp_path / "out")


def test_labels_that_are_not_stated_are_refused(tmp_path: Path) -> None:
    manifest = make_manifest(tmp_path / "raw", "chestmnist")
    fewer = pl.col("labels").list.head(13)
    manifest = Manifest(manifest.frame.with_columns(fewer), manifest.meta, manifest.root)
    with pytest.raises(LayoutError, match=r"Row 0 .* does not state all of its labels"):
        write(manifest, tmp_path / "out")


def test_a_damaged_archive_is_named(breast: Manifest, tmp_path: Path) -> None:
    (tmp_path / "raw" / "breastmnist.npz").write_bytes(b"PK nothing")
    with pytest.raises(FormatError, match=r"breastmnist\.npz"):
        write(breast, tmp_path / "out")


def test_a_folder_that_is_a_file_is_an_error_of_our_own(breast: Manifest, tmp_path: Path) -> None:
    (tmp_path / "out").write_text("")
    with pytest.raises(StorageError, match="out"):
        write(breast, tmp_path / "out")

"""What a strict parser of the documented format and our own reader find is what samples held."""

from __future__ import annotations

import re
from dataclasses import replace
from pathlib import Path
from typing import Any

import numpy as np
import polars as pl
import pytest
import yaml
from PIL import Image
from pycocotools import mask as codes

from medshelf.conversion.moving import prepared_image, prepared_mask
from medshelf.conversion.preparation import Preparation
from medshelf.conversion.prepared import Prepared
from medshelf.conversion.request import Labour, Request
from medshelf.conversion.running import convert
from medshelf.core.errors import LayoutError, SettingError
from medshelf.core.manifest import Meta
from medshelf.dataset.dataset import Dataset
from medshelf.readers import pascal_voc
from medshelf.readers import yolo as reader
from tests.quality.miniatures import pictures
from tests.writers.drawn_pictures import (
    HEIGHT,
    NAMES,
    PREPARATIONS,
    SHAPES,
    WIDTH,
    case_manifest,
    drawn,
    masked,
    medium,
    product_bytes,
    shape,
    turned_jpeg,
    written,
)

# pycocotools is built for NumPy 1
pytestmark = pytest.mark.filterwarnings("ignore:__array__ implementation:DeprecationWarning")

Rows = list[tuple[str, np.ndarray]]
_PICTURES = {".bmp", ".jpeg", ".jpg", ".png", ".tif", ".tiff"}
_DRAWN = {"drop": ("several-annotators",)}
_MASKS = {"options": {"objects": "masks"}, "drop": ("class",)}


def _parsed(folder: Path, split: str) -> dict[str, tuple[np.ndarray, Rows]]:
    """Return name to pixels and rows (class, shares), checked as the documentation says."""
    about = yaml.safe_load((folder / "data.yaml").read_text("utf-8"))
    assert set(about) <= {"train", "val", "test", "names"}
    names = about["names"]
    assert list(names) == list(range(len(names)))
    assert all(isinstance(each, str) for each in names.values())
    images = folder / about[split]
    assert not Path(about[split]).is_absolute()
    found: dict[str, tuple[np.ndarray, Rows]] = {}
    for path in sorted(images.iterdir()):
        assert path.suffix in _PICTURES
        assert path.stem not in found
        before, _, after = str(path).rpartition("/images/")
        labels = Path(f"{before}/labels/{after}").with_suffix(".txt")
        with Image.open(path) as picture:
            pixels = np.asarray(picture)
        lines = labels.read_text("ascii").splitlines()
        assert len(set(lines)) == len(lines)
        found[path.stem] = pixels, [_row(each, names) for each in lines]
    assert len(list((folder / "labels" / images.name).iterdir())) == len(found)
    return found


def _row(line: str, names: dict[int, str]) -> tuple[str, np.ndarray]:
    code, *numbers = line.split(" ")
    assert re.fullmatch(r"\d+", code)
    shares = np.array([float(each) for each in numbers])
    assert len(shares) == 4 or (len(shares) >= 6 and len(shares) % 2 == 0)
    assert ((shares >= 0) & (shares <= 1)).all()
    return names[int(code)], shares


def _corners(shares: np.ndarray, size: tuple[int, ...]) -> np.ndarray:
    """Return x_min, y_min, x_max, y_max in pixels of a row of four shares."""
    centre, lengths = shares[:2] * size[1::-1], shares[2:] * size[1::-1]
    return np.concatenate([centre - lengths / 2, centre + lengths / 2])


def _mask(rows: Rows, name: str, size: tuple[int, ...]) -> np.ndarray:
    height, width = size[:2]
    mask = np.zeros((height, width), bool)
    for label, shares in rows:
        if label == name:
            points = (shares.reshape(-1, 2) * (width, height)).ravel().tolist()
            mask |= codes.decode(codes.frPyObjects([points], height, width))[..., 0].astype(bool)
    return mask


def test_boxes_come_back(tmp_path: Path) -> None:
    manifest = drawn(tmp_path / "raw")
    folder = written(manifest, tmp_path / "out", "yolo", options={"task": "detect"}, **_DRAWN)
    about = yaml.safe_load((folder / "data.yaml").read_text("utf-8"))
    assert about == {
        "train": "images/train",
        "val": "images/val",
        "names": dict(enumerate([*NAMES, "object"])),
    }
    train = _parsed(folder, "train")
    assert set(train) == {"a_1", "a_2", "b"}
    pixels, rows = train["a_1"]
    raw = (manifest.root / "0.png").read_bytes()
    assert (folder / "images/train/a_1.png").read_bytes() == raw
    assert pixels.shape == (HEIGHT, WIDTH)
    assert [name for name, _ in rows] == list(NAMES[:2])  # the same box by another reader
    for (_, shares), wanted in zip(rows, SHAPES["a 1"], strict=False):
        np.testing.assert_allclose(_corners(shares, (HEIGHT, WIDTH)), wanted["points"], atol=1e-9)
    _, rows = train["a_2"]
    found = [_corners(shares, (HEIGHT, WIDTH)) for _, shares in rows]
    np.testing.assert_allclose(found, [(2, 3, 20, 30.125), (10, 10, 50, 45)], atol=1e-9)
    assert train["b"][1] == []
    back = reader.read(folder, Meta("again", "Again"))
    assert not back.meta.issues
    for row in back.frame.collect().to_dicts():
        key = row["sample_id"].split("/")[1]
        rows = _parsed(folder, row["split"])[key][1]
        assert [each["label"] for each in row["shapes"] or ()] == [name for name, _ in rows]
        for each, (_, shares) in zip(row["shapes"] or (), rows, strict=True):
            wanted = _corners(shares, (HEIGHT, WIDTH))
            np.testing.assert_allclose(each["points"], wanted, atol=1e-6)


def test_polygons_come_back(tmp_path: Path) -> None:
    manifest = drawn(tmp_path / "raw").filter(pl.col("sample_id") != "a 1")
    folder = written(manifest, tmp_path / "out", "yolo")
    back = reader.read(folder, Meta("again", "Again")).frame.collect().to_dicts()
    shapes = {row["sample_id"]: row["shapes"] or [] for row in back}
    alone, tied = shapes["train/a_2"]
    np.testing.assert_allclose(alone["points"], SHAPES["a/2"][0]["points"], atol=1e-9)
    assert (alone["kind"], alone["label"], tied["label"]) == ("polygon", NAMES[3], NAMES[1])
    rows = _parsed(folder, "train")["a_2"][1]
    parts = [each["points"] for each in SHAPES["a/2"][1:3]]
    wanted = codes.decode(codes.merge(codes.frPyObjects(parts, HEIGHT, WIDTH)))
    np.testing.assert_array_equal(_mask(rows, NAMES[1], (HEIGHT, WIDTH)), wanted)
    assert shapes["train/b"] == []
    assert [each["label"] for each in shapes["val/c"]] == ["object", NAMES[0]]


@pytest.mark.parametrize("instances", ["components", "structures", "values"])
def test_masks_come_back_bit_by_bit(tmp_path: Path, instances: str) -> None:
    manifest = pictures(tmp_path / "raw").filter(pl.col("sample_id").str.ends_with("7"))
    options = {"objects": "masks", "instances": instances}
    folder = written(manifest, tmp_path / "out", "yolo", options=options, drop=("class",))
    for split in ("train", "val", "test"):
        for key, (pixels, rows) in _parsed(folder, split).items():
            sample = Dataset(manifest).find(key)
            np.testing.assert_array_equal(pixels, sample.image())
            assert [name for name, _ in rows] == ["liver", "tumour"]
            for name in ("liver", "tumour"):
                np.testing.assert_array_equal(_mask(rows, name, pixels.shape), sample.mask(name))


@pytest.mark.parametrize("seed", range(6))
@pytest.mark.parametrize("instances", ["components", "structures"])
def test_holes_and_parts_are_kept(tmp_path: Path, seed: int, instances: str) -> None:
    mask = np.random.default_rng(seed).choice([0, 1, 2], (20, 31), p=[0.3, 0.6, 0.1])
    manifest = masked(tmp_path / "raw", mask.astype(np.uint8))
    options = {"instances": instances, "val": "train"}
    folder = written(manifest, tmp_path / "out", "yolo", options=options)
    ((_, rows),) = _parsed(folder, "train").values()
    for value, name in enumerate(("a", "b"), 1):
        np.testing.assert_array_equal(_mask(rows, name, mask.shape), mask == value)
    if instances == "structures":
        assert len(rows) == 2


@pytest.mark.parametrize("preparation", PREPARATIONS, ids=str)
def test_what_is_prepared_stays_together(tmp_path: Path, preparation: Preparation) -> None:
    manifest = pictures(tmp_path / "raw")
    keep = pl.col("sample_id").is_in(["000", "001", "024"])
    asked: dict[str, Any] = {"preparation": preparation, "drop": ("class",)}
    masks = written(
        manifest.filter(keep), tmp_path / "m", "yolo", options={"objects": "masks"}, **asked
    )
    boxes = written(
        manifest.filter(keep), tmp_path / "b", "yolo", options={"objects": "boxes"}, **asked
    )
    for key, (pixels, rows) in _parsed(masks, "train").items():
        sample = Dataset(manifest).find(key)
        moved = prepared_image(sample.raster(), preparation).raster.array
        np.testing.assert_array_equal(pixels, moved)
        for name in ("liver", "tumour"):
            wanted = prepared_mask(sample.mask_raster(name), preparation).array.astype(bool)
            np.testing.assert_array_equal(_mask(rows, name, pixels.shape), wanted)
        ((_, shares),) = _parsed(boxes, "train")[key][1]
        wanted = Prepared("", None, sample, preparation).shapes()[0].points
        np.testing.assert_allclose(_corners(shares, pixels.shape), wanted, atol=1e-9)


def test_boxes_around_masks(tmp_path: Path) -> None:
    mask = np.zeros((20, 30), np.uint8)
    mask[3:9, 4:7] = mask[15:20, 20:30] = 1
    options = {"task": "detect", "val": "train"}
    manifest = masked(tmp_path / "raw", mask)
    folder = written(manifest, tmp_path / "out", "yolo", options=options)
    ((_, rows),) = _parsed(folder, "val").values()
    found = [_corners(shares, mask.shape) for _, shares in rows]
    np.testing.assert_allclose(found, [(4, 3, 7, 9), (20, 15, 30, 20)], atol=1e-9)


def test_what_reaches_over_the_edge_is_cut_there(tmp_path: Path) -> None:
    over = [[shape("box", NAMES[0], -5, 2, 20, 99)], [], [], []]
    manifest = drawn(tmp_path / "raw", shapes=over)
    folder = written(manifest, tmp_path / "out", "yolo")
    ((_, shares),) = _parsed(folder, "train")["a_1"][1]
    np.testing.assert_allclose(_corners(shares, (HEIGHT, WIDTH)), (0, 2, 20, 48), atol=1e-9)
    outside = [[shape("box", NAMES[0], 70, 2, 80, 9)], [], [], []]
    manifest = drawn(tmp_path / "raw", shapes=outside)
    with pytest.raises(LayoutError, match="lies outside of sample a 1"):
        written(manifest, tmp_path / "no", "yolo")


def test_yolo_and_voc_fixtures(tmp_path: Path) -> None:
    for n, name in enumerate(("yolo_headers", "bccd_voc")):
        manifest = case_manifest(name, tmp_path / f"raw{n}")
        folder = written(manifest, tmp_path / f"out{n}", "yolo")
        found = {split: _parsed(folder, split) for split in ("train", "val")}
        for sample in Dataset(manifest):
            pixels, rows = found.get(sample.split, {}).get(_key(sample.id), (None, []))
            if sample.split == "test":
                continue
            np.testing.assert_array_equal(pixels, sample.image())
            assert [each.label for each in sample.shapes] == [label for label, _ in rows]
            for each, (_, shares) in zip(sample.shapes, rows, strict=True):
                np.testing.assert_allclose(_corners(shares, pixels.shape), each.points, atol=1e-9)


def _key(sample_id: str) -> str:
    return re.sub(r"[^A-Za-z0-9_-]+", "_", sample_id)


def test_crowds_are_not_made_objects_unasked(tmp_path: Path) -> None:
    manifest = case_manifest("coco_splits", tmp_path / "raw").filter(pl.col("split") == "train")
    with pytest.raises(SettingError, match="crowds=left-out"):
        written(manifest, tmp_path / "out", "yolo", options={"val": "train"})
    for how, n_objects in (("left-out", 1), ("object", 2)):
        folder = written(manifest, tmp_path / how, "yolo", options={"crowds": how, "val": "train"})
        rows = _parsed(folder, "train")["train_000000000001"][1]
        assert len(rows) == n_objects


def test_from_coco_and_back(tmp_path: Path) -> None:
    from medshelf.readers import coco

    manifest = drawn(tmp_path / "raw").filter(pl.col("sample_id") != "a 1")
    plain = written(manifest, tmp_path / "yolo", "yolo")
    again = reader.read(plain, Meta("again", "Again", dimensions=2))
    other = written(again, tmp_path / "coco", "coco")
    back = coco.read(other, Meta("back", "Back")).frame.collect()
    lines = [
        [each["points"] for each in row if each["kind"] == "polygon"]
        for row in back["shapes"].to_list()
        if row
    ]
    wanted = [
        [each["points"] for each in row] for row in again.frame.collect()["shapes"].to_list() if row
    ]
    assert lines == wanted


def test_a_turned_picture_is_written_upright(tmp_path: Path) -> None:
    manifest = drawn(
        tmp_path / "raw",
        media=[[medium("turned.jpg")], *([medium(f"{n}.png")] for n in (1, 2, 3))],
        shapes=[[shape("box", NAMES[0], 2, 3, 10, 20)], [], [], []],
    )
    upright = turned_jpeg(tmp_path / "raw/turned.jpg", 8)
    pixels, rows = _parsed(written(manifest, tmp_path / "out", "yolo"), "train")["a_1"]
    np.testing.assert_array_equal(pixels, upright)
    np.testing.assert_allclose(_corners(rows[0][1], pixels.shape), (2, 3, 10, 20), atol=1e-9)


def test_workers_and_shards_do_not_show(tmp_path: Path) -> None:
    manifest = pictures(tmp_path / "raw").filter(pl.int_range(pl.len()).is_between(19, 25))
    for folder, workers in (("one", 0), ("two", 2)):
        request = Request(
            "yolo", options=_MASKS["options"], drop=frozenset({"class"}), shard_size=3
        )
        convert(manifest, tmp_path / folder, request, Labour(workers=workers))
    assert product_bytes(tmp_path / "one") == product_bytes(tmp_path / "two")


def test_what_cannot_be_is_refused_before_anything_is_written(tmp_path: Path) -> None:
    manifest = drawn(tmp_path / "raw")
    boxes = drawn(tmp_path / "raw", shapes=[SHAPES["a 1"][:2], [], [], []])
    none = drawn(tmp_path / "raw", shapes=[[], [], [], []])
    loose = replace(boxes, frame=boxes.frame.with_columns(split=None))
    loose = replace(
        loose,
        frame=loose.frame.with_columns(pl.col("split").cast(boxes.frame.collect_schema()["split"])),
    )
    train = boxes.filter(pl.col("split") == "train")
    for wrong, options, reason in (
        (boxes, {"task": "segmentation"}, "task='segmentation' is not known"),
        (boxes, {"task": "segment"}, "boxes only"),
        (boxes, {"val": "train"}, "not needed"),
        (none, {}, "No sample has boxes"),
        (loose, {}, "--split"),
        (train, {}, "--with val=train"),
    ):
        with pytest.raises(SettingError, match=reason):
            written(wrong, tmp_path / "out", "yolo", options=options)
    with pytest.raises(SettingError, match="--drop several-annotators"):
        written(manifest, tmp_path / "out", "yolo")
    assert not list(tmp_path.glob(".out*"))
    with pytest.raises(SettingError, match="without an outline"):
        written(manifest, tmp_path / "out", "yolo", **_DRAWN)


def test_real_cells(real_data: Path, tmp_path: Path) -> None:
    root = real_data.parent / "bccd"
    if not root.is_dir():
        pytest.skip("There is no folder bccd beside the real MedMNIST files")
    manifest = pascal_voc.read(root, Meta("bccd", "BCCD", dimensions=2))
    manifest = manifest.filter(pl.col("media").is_not_null() & pl.col("split").is_not_null())
    options = {} if "val" in set(manifest.frame.collect()["split"]) else {"val": "train"}
    folder = written(manifest, tmp_path / "out", "yolo", options=options)
    found = {split: _parsed(folder, split) for split in {"train", "val"} - set(options)}
    n_boxes = 0
    for sample in Dataset(manifest):
        if sample.split not in found:
            continue
        pixels, rows = found[sample.split][_key(sample.id)]
        np.testing.assert_array_equal(pixels, sample.image())
        unique = list(dict.fromkeys((each.label, each.points) for each in sample.shapes))
        for (label, points), (name, shares) in zip(unique, rows, strict=True):
            assert label == name
            np.testing.assert_allclose(_corners(shares, pixels.shape), points, atol=1e-6)
            n_boxes += 1
    assert n_boxes

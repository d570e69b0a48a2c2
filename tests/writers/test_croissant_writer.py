"""Croissant over what was written: `mlcroissant` accepts it, and reads the samples back."""

from __future__ import annotations

import hashlib
import importlib
import json
import logging
import warnings
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import nibabel
import numpy as np
import polars as pl
import pytest
from PIL import Image

from medshelf.catalog.facts import manifest_meta
from medshelf.catalog.shelf import find_record
from medshelf.conversion.preparation import Preparation
from medshelf.conversion.request import Labour, Request
from medshelf.conversion.running import convert
from medshelf.core.errors import FormatError, SettingError, UnknownNameError
from medshelf.core.manifest import Manifest
from medshelf.dataset.dataset import Dataset
from medshelf.dataset.sample import Sample
from medshelf.readers import medmnist_npz
from tests.contract.cases import make_case
from tests.quality.miniatures import N_PICTURES, pictures, volumes
from tests.writers.stated_samples import FINDINGS, HOSTILE, ROWS, manifest

mlc = pytest.importorskip("mlcroissant")

Records = dict[str, list[dict[str, Any]]]


@pytest.fixture(autouse=True)
def quiet() -> Iterator[None]:
    """The library logs each warning and uses what its dependencies call old."""
    logging.disable(logging.WARNING)
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")
        yield
    logging.disable(logging.NOTSET)


def _written(given: Manifest, folder: Path, **asked: Any) -> Path:
    convert(given, folder, Request("croissant", **asked), Labour(workers=0))
    return folder


def _opened(folder: Path) -> Any:
    dataset = mlc.Dataset(jsonld=str(folder / "croissant.json"))
    assert not dataset.metadata.ctx.issues.errors
    return dataset


def _records(folder: Path, *names: str) -> Records:
    """Return the records of all record sets, or of some, as the library reads them."""
    names = names or tuple(each.id for each in _opened(folder).metadata.record_sets)
    return {
        name: [
            {key.partition("/")[2]: _text(value) for key, value in record.items()}
            for record in _opened(folder).records(name)
        ]
        for name in names
    }


def _text(value: Any) -> Any:
    if isinstance(value, list):
        return [_text(each) for each in value]
    return value.decode() if isinstance(value, bytes) else value


def _samples(given: Manifest) -> Iterator[Sample]:
    dataset = Dataset(given)
    return (dataset.sample(n) for n in range(len(dataset)))


@pytest.mark.parametrize("version", ["1.1", "1.0"])
def test_pictures_come_back_with_their_samples(version: str, tmp_path: Path) -> None:
    given = pictures(tmp_path / "raw")
    out = _written(given, tmp_path / "out", shard_size=7, options={"version": version})
    found = _records(out)
    rows = {each["sample_id"]: each for each in found["samples"]}
    seen = {name: {each["sample_id"]: each for each in found[name]} for name in ("image", "mask")}
    shapes = {each["sample_id"]: each for each in found["shapes"]}
    assert len(rows) == len(shapes) == N_PICTURES
    for sample in _samples(given):
        row, image = rows[sample.id], seen["image"][sample.id]
        assert (np.asarray(image["content"])[..., 1] == sample.image()).all()
        mask = np.asarray(seen["mask"][sample.id]["content"])
        assert (mask[..., 0] == sample.mask()).all()
        assert image["split"] == row["split"] == sample.split
        assert image["label"] == row["label"] == sample.label
        assert image["path"] == row["image"]
        assert (row["patient_id"], row["age_years"]) == (sample.patient_id, sample.age_years)
        assert shapes[sample.id]["box"] == [30, 30, 60, 60]
    assert [each["name"] for each in found["classes"]] == ["benign", "malignant"]
    assert [each["url"] for each in found["splits"]][1] == "cr:ValidationSplit"
    assert _opened(out).metadata.to_json()["conformsTo"].endswith(version)


def test_files_are_described_with_their_hashes(tmp_path: Path) -> None:
    given = pictures(tmp_path / "raw")
    out = _written(given, tmp_path / "out")
    content = json.loads((out / "croissant.json").read_text("utf-8"))
    assert content["license"] == "https://creativecommons.org/licenses/by/4.0/legalcode"
    files = [each for each in content["distribution"] if each["@type"] == "cr:FileObject"]
    there = {f"data/{each.name}" for each in sorted((out / "data").iterdir())}
    assert {each["contentUrl"] for each in files} == there
    for each in files:
        data = (out / each["contentUrl"]).read_bytes()
        assert each["sha256"] == hashlib.sha256(data).hexdigest()
        assert each["contentSize"] == f"{len(data)} B"
    name = "image/train/005.png"
    assert (out / name).read_bytes() == (tmp_path / "raw/images/005.png").read_bytes()
    (out / "data/samples.parquet").write_bytes(data)
    with pytest.raises(Exception, match="Download"):
        _records(out, "samples")


def test_volumes_keep_values_and_geometry(tmp_path: Path) -> None:
    given = volumes(tmp_path / "raw")
    out = _written(given, tmp_path / "out")
    rows = {each["sample_id"]: each for each in _records(out, "samples")["samples"]}
    for sample in _samples(given):
        for column, expected in (("image", sample.raster()), ("mask", sample.mask_raster())):
            found = nibabel.load(out / rows[sample.id][column])
            assert (np.asarray(found.dataobj) == expected.array).all()
            np.testing.assert_allclose(found.affine, expected.affine, atol=1e-6)


def test_all_that_samples_state_comes_back(tmp_path: Path) -> None:
    found = _records(_written(manifest(tmp_path / "raw"), tmp_path / "out"))
    one, two, three = found["samples"]
    assert "splits" not in found
    assert [row["label"] for row in (one, two, three)] == ["sick", "well", None]
    columns = {
        (each["source"], each["annotator"], each["name"]): each["column"]
        for each in found["findings"]
    }
    said = [columns["chexpert", "", each] for each in FINDINGS]
    assert [one[each] for each in said] == [1, 0, -1]
    assert [two[each] for each in said] == [None, 1, None]
    assert [three[each] for each in said] == [None] * 3
    assert one[columns["radiologist", "R1", "Effusion"]] == 0
    assert one[columns["", "", "severity"]] == 2.5
    assert one["report"] == two["question"] == HOSTILE
    assert (two["options"], two["answers"]) == (ROWS[1]["options"], ROWS[1]["answers"])
    assert one["options"] is None
    assert [each["content"] for each in found["turns"]] == [HOSTILE, "你好"]
    (extra,) = found["extra"]
    assert (extra["sample_id"], extra["name"], extra["value"]) == ("a/1", "k", HOSTILE)
    polygon, box, sphere = found["shapes"]
    assert polygon["points"] == ROWS[0]["shapes"][0]["points"]
    assert (box["box"], box["extra_values"]) == ([1, 1.5, 3, 4], [HOSTILE])
    assert (sphere["frame"], sphere["unit"], sphere["box"]) == (2, "mm", None)
    assert (two["front"], three["side_view"]) == (None, None)
    assert {each["sample_id"] for each in found["front"]} == {"a/1", "b"}


def test_labels_that_fit_no_columns_are_a_table(tmp_path: Path) -> None:
    twice = [{"task": "t", "name": "x", "value": each, "annotator": "A"} for each in (1.0, 2.0)]
    given = manifest(tmp_path / "raw", {"sample_id": "a", "labels": twice})
    found = _records(_written(given, tmp_path / "out"))
    assert [(each["annotator"], each["value"]) for each in found["labels"]] == [("A", 1), ("A", 2)]


def test_without_images_no_file_is_opened(tmp_path: Path) -> None:
    given = pictures(tmp_path / "raw")
    for each in sorted((tmp_path / "raw").rglob("*.png")):
        each.unlink()
    bare = {"images": "none"}
    found = _records(_written(given, tmp_path / "out", options=bare))
    assert not sorted((tmp_path / "out").glob("image"))
    assert len(found["samples"]) == N_PICTURES
    stated = {(s.id, each.role, each.path) for s in _samples(given) for each in s.media}
    assert {(e["sample_id"], e["role"], e["path"]) for e in found["media"]} == stated
    small = Preparation(size=(8,))
    with pytest.raises(SettingError, match="No images are written"):
        _written(given, tmp_path / "no", options=bare, preparation=small)
    for name in ("images", "version"):
        with pytest.raises(UnknownNameError, match=name):
            _written(given, tmp_path / "no", options={name: "2"})


def test_shapes_move_with_their_images(tmp_path: Path) -> None:
    given = pictures(tmp_path / "raw")
    out = _written(given, tmp_path / "out", preparation=Preparation(size=(48,)))
    found = _records(out, "samples", "shapes")
    assert Image.open(out / found["samples"][0]["image"]).size == (48, 48)
    for each in found["shapes"]:
        np.testing.assert_allclose(each["box"], [15, 15, 30, 30], atol=1e-6)


def test_the_same_bytes_for_any_number_of_workers(tmp_path: Path) -> None:
    given = pictures(tmp_path / "raw").split("train")
    made = []
    for workers in (1, 2):
        out = tmp_path / f"out{workers}"
        convert(given, out, Request("croissant", shard_size=9), Labour(workers=workers))
        files = [each for each in sorted(out.rglob("*")) if each.is_file()]
        made.append({str(each.relative_to(out)): each.read_bytes() for each in files})
    assert made[0] == made[1]
    assert "mask/train/001.png" in made[0]


def test_samples_that_cannot_be_read_are_left_out(tmp_path: Path) -> None:
    given = pictures(tmp_path / "raw")
    (tmp_path / "raw/masks/003.png").write_bytes(b"\x89PNG\r\n\x1a\n")
    out = _written(given, tmp_path / "out", shard_size=8, on_error="skip")
    found = _records(out, "samples", "shapes", "image")
    for records in found.values():
        assert len(records) == N_PICTURES - 1
        assert "003" not in {each["sample_id"] for each in records}


def test_pictures_of_16_bits_and_palettes_keep_their_values(tmp_path: Path) -> None:
    root = tmp_path / "raw"
    given = manifest(root)
    deep = np.arange(80, dtype=np.uint16).reshape(8, 10) * 800
    Image.fromarray(deep).save(root / "1.png")
    Image.fromarray(np.arange(64, dtype=np.uint8).reshape(8, 8)).convert("RGB").quantize(16).save(
        root / "2.png"
    )
    out = _written(given, tmp_path / "out")
    first = next(_samples(given))
    row = pl.read_parquet(out / "data/samples.parquet").row(0, named=True)
    assert (np.asarray(Image.open(out / row["front"])) == deep).all()
    assert (np.asarray(Image.open(out / row["side_view"])) == first.image("side view")).all()


def test_pictures_that_lie_on_their_side_are_turned(tmp_path: Path) -> None:
    root = tmp_path / "raw"
    jpeg = {"name": "front", "role": "image", "path": "1.jpg", "format": "jpg"}
    given = manifest(root, {"sample_id": "a", "media": [jpeg]})
    exif = Image.Exif()
    exif[274] = 6
    Image.fromarray(np.tile(np.arange(0, 250, 10, np.uint8), (8, 1))).save(
        root / "1.jpg", exif=exif
    )
    out = _written(given, tmp_path / "out")
    (sample,) = _samples(given)
    found = np.asarray(Image.open(out / "image/all/a.png"))
    assert found.shape == (25, 8)
    assert (found == sample.image()).all()


def test_a_damaged_volume_is_named(tmp_path: Path) -> None:
    given = volumes(tmp_path / "raw")
    path = tmp_path / "raw/images/002.nii.gz"
    path.write_bytes(path.read_bytes()[:9])
    with pytest.raises(FormatError, match=r"002\.nii\.gz"):
        _written(given, tmp_path / "out")


def test_what_the_catalog_says_of_a_dataset_is_there(tmp_path: Path) -> None:
    case = make_case(importlib.import_module("tests.fixtures.iu_xray_kaggle"))
    case.module.make(tmp_path / "raw")
    given = case.read(tmp_path / "raw")
    out = _written(given, tmp_path / "out")
    content = json.loads((out / "croissant.json").read_text("utf-8"))
    assert content["url"] == find_record("iu-xray").homepage
    assert content["citeAs"] == given.meta.citation
    assert "isLiveDataset" not in content
    found = {each["sample_id"]: each for each in _records(out, "samples")["samples"]}
    for sample in _samples(given):
        row = found[sample.id]
        assert row["findings"] == (sample.text.findings if sample.text else None)
        for name in sample.images:
            column = name if name in row else "image"
            assert (np.asarray(Image.open(out / row[column])) == sample.image(name)).all()


def test_boxes_of_a_fixture_come_back(tmp_path: Path) -> None:
    case = make_case(importlib.import_module("tests.fixtures.bccd_voc"))
    case.module.make(tmp_path / "raw")
    given = case.read(tmp_path / "raw")
    found = _records(_written(given, tmp_path / "out"), "shapes")["shapes"]
    stated = [(s.id, each.label, list(each.points)) for s in _samples(given) for each in s.shapes]
    assert sorted((e["sample_id"], e["label"], e["box"]) for e in found) == sorted(stated)


def test_real_pictures_come_back(real_data: Path, tmp_path: Path) -> None:
    given = medmnist_npz.read(real_data, manifest_meta(find_record("breastmnist")))
    some = Manifest(given.frame.gather_every(40), given.meta, given.root)
    found = _records(_written(some, tmp_path / "out"), "image")["image"]
    rows = {each["sample_id"]: each for each in found}
    for sample in _samples(some):
        row = rows[sample.id]
        assert (np.asarray(row["content"])[..., 0] == sample.image()).all()
        assert (row["label"], row["split"]) == (sample.label, sample.split)

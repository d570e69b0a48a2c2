"""A repository for the Hub is what `datasets` reads from it, sample by sample."""

from __future__ import annotations

import importlib
import json
import logging
from collections.abc import Iterator
from dataclasses import replace
from pathlib import Path
from typing import Any

import numpy as np
import polars as pl
import pytest
import yaml

from medshelf.catalog.facts import manifest_meta
from medshelf.catalog.shelf import find_record
from medshelf.conversion.preparation import Preparation
from medshelf.conversion.request import Labour, Request
from medshelf.conversion.running import convert
from medshelf.core.errors import SettingError
from medshelf.core.manifest import Manifest
from medshelf.dataset.dataset import Dataset
from medshelf.dataset.sample import Sample
from medshelf.readers import medmnist_npz
from tests.contract.cases import make_case
from tests.contract.making import picture, volume
from tests.quality.miniatures import N_PICTURES, pictures, volumes
from tests.writers.stated_samples import FINDINGS, HOSTILE, ROWS, manifest

datasets = pytest.importorskip("datasets")
pytestmark = pytest.mark.filterwarnings("ignore::DeprecationWarning", "ignore::FutureWarning")

_HERE = Labour(workers=0)


@pytest.fixture(autouse=True)
def quiet(monkeypatch: pytest.MonkeyPatch) -> Iterator[None]:
    monkeypatch.setenv("HF_HUB_OFFLINE", "1")
    datasets.disable_progress_bars()
    logging.disable(logging.INFO)
    yield
    logging.disable(logging.NOTSET)


def _written(given: Manifest, folder: Path, **asked: Any) -> Path:
    convert(given, folder, Request("hf", **asked), _HERE)
    return folder


def _loaded(folder: Path) -> dict[str, dict[str, Any]]:
    """Return the samples of all splits by id, each read twice: whole, and as a stream."""
    cache = folder.parent / f"{folder.name}-cache"
    whole = datasets.load_dataset(str(folder), cache_dir=str(cache))
    stream = datasets.load_dataset(str(folder), streaming=True, cache_dir=str(cache))
    found = {}
    for split, rows in whole.items():
        again = {row["sample_id"]: row for row in stream[split]}
        assert len(again) == len(rows)
        for row in rows:
            _check_same(row, again[row["sample_id"]])
            found[row["sample_id"]] = {**row, "split": split, "features": rows.features}
    return found


def _check_same(one: dict[str, Any], other: dict[str, Any]) -> None:
    for name, value in one.items():
        if hasattr(value, "affine") or hasattr(value, "getpixel"):
            assert (np.asarray(_array(value)) == np.asarray(_array(other[name]))).all()
        else:
            assert value == other[name]


def _array(value: Any) -> np.ndarray:
    return np.asarray(value.dataobj) if hasattr(value, "affine") else np.asarray(value)


def _samples(given: Manifest) -> Iterator[Sample]:
    dataset = Dataset(given)
    return (dataset.sample(n) for n in range(len(dataset)))


def test_pictures_come_back_sample_by_sample(tmp_path: Path) -> None:
    given = pictures(tmp_path / "raw")
    found = _loaded(_written(given, tmp_path / "out", shard_size=7))
    assert len(found) == N_PICTURES
    names = {"train": "train", "val": "validation", "test": "test"}
    for sample in _samples(given):
        row = found[sample.id]
        assert row["split"] == names[str(sample.split)]
        assert (np.asarray(row["image"]) == sample.image()).all()
        assert (np.asarray(row["mask"]) == sample.mask()).all()
        assert row["features"]["label"].int2str(row["label"]) == sample.label
        assert (row["patient_id"], row["age_years"]) == (sample.patient_id, sample.age_years)
        assert row["objects"] == {"bbox": [[30, 30, 30, 30]], "category": [0]}
    assert row["features"]["objects"]["category"].feature.names == ["lesion"]


def test_files_that_can_stay_are_the_raw_ones_byte_by_byte(tmp_path: Path) -> None:
    given = pictures(tmp_path / "raw")
    out = _written(given, tmp_path / "out")
    rows = pl.concat(pl.read_parquet(each) for each in sorted((out / "data").glob("*")))
    for key, image in rows.select("sample_id", "image").iter_rows():
        assert image["bytes"] == (tmp_path / f"raw/images/{key}.png").read_bytes()
        assert image["path"] == f"{key}.png"


def test_volumes_keep_values_and_geometry(tmp_path: Path) -> None:
    given = volumes(tmp_path / "raw")
    found = _loaded(_written(given, tmp_path / "out", shard_size=3))
    prepared = _loaded(
        _written(given, tmp_path / "small", preparation=Preparation(spacing_mm=(2, 2, 2)))
    )
    for sample in _samples(given):
        row, raster = found[sample.id], sample.raster()
        assert type(row["features"]["image"]).__name__ == "Nifti"
        assert (_array(row["image"]) == raster.array).all()
        assert (_array(row["mask"]) == sample.mask()).all()
        for each in ("image", "mask"):
            np.testing.assert_allclose(row[each].affine, raster.affine, atol=1e-6)
        header = prepared[sample.id]["image"].header
        np.testing.assert_allclose(header.get_zooms(), (2, 2, 2), atol=1e-6)
        assert prepared[sample.id]["mask"].shape == prepared[sample.id]["image"].shape


def test_all_that_samples_state_comes_back(tmp_path: Path) -> None:
    found = _loaded(_written(manifest(tmp_path / "raw"), tmp_path / "out"))
    one, two, three = (found[row["sample_id"]] for row in ROWS)
    assert {row["split"] for row in found.values()} == {"train"}
    assert (np.asarray(one["front"]) == 17).all()
    assert np.asarray(one["side_view"]).shape == (8, 8, 3)
    assert (two["front"], three["side_view"]) == (None, None)
    assert [row["label"] for row in (one, two, three)] == [1, 0, None]
    unstated = dict.fromkeys(FINDINGS)
    assert one["labels_findings_chexpert"] == dict(zip(FINDINGS, (1, 0, -1), strict=True))
    assert two["labels_findings_chexpert"] == {**unstated, "No Finding": 1}
    assert three["labels_findings_chexpert"] == unstated
    assert one["labels_findings_radiologist_R1"]["Effusion"] == 0
    assert one["labels_grade"] == {"severity": 2.5}
    assert one["report"] == two["question"] == three["messages"][0]["content"] == HOSTILE
    assert one["extra"] == [{"name": "k", "value": HOSTILE}]
    assert (two["options"], two["answers"]) == (ROWS[1]["options"], ROWS[1]["answers"])
    assert [each["kind"] for each in one["shapes"]] == ["polygon", "box", "sphere"]
    assert one["shapes"][0]["points"] == ROWS[0]["shapes"][0]["points"]
    assert one["shapes"][1]["extra"] == [{"name": "note", "value": HOSTILE}]
    assert (one["shapes"][2]["frame"], one["shapes"][2]["unit"]) == (2, "mm")
    assert (two["shapes"], three["shapes"]) == (None, [])


def test_labels_that_fit_no_columns_stay_a_list(tmp_path: Path) -> None:
    twice = [{"task": "t", "name": "x", "value": each, "annotator": "A"} for each in (1.0, 2.0)]
    given = manifest(tmp_path / "raw", {"sample_id": "a", "labels": twice})
    (row,) = _loaded(_written(given, tmp_path / "out")).values()
    assert [each["value"] for each in row["labels"]] == [1, 2]


def test_card_and_files_state_the_same_columns(tmp_path: Path) -> None:
    out = _written(manifest(tmp_path / "raw"), tmp_path / "out")
    text = (out / "README.md").read_text("utf-8")
    head = yaml.safe_load(text.split("\n---\n")[0].removeprefix("---\n"))
    stated = datasets.Features._from_yaml_list(head["dataset_info"]["features"])
    import pyarrow.parquet as pq

    schema = pq.read_schema(out / "data/train-00000-of-00001.parquet")
    assert datasets.Features.from_arrow_schema(schema) == stated
    assert stated.arrow_schema.remove_metadata() == schema.remove_metadata()
    assert (head["license"], head["language"]) == ("unknown", ["en", "zh"])
    assert "visual-question-answering" in head["task_categories"]
    assert head["size_categories"] == ["n<1K"]
    assert "@misc{x}" in text


def test_samples_without_a_split_stand_beside_the_splits(tmp_path: Path) -> None:
    rows = [{"sample_id": "a", "split": "val", "question": "?"}, {"sample_id": "b"}]
    given = manifest(tmp_path / "raw", *rows)
    given = replace(given, meta=replace(given.meta, licence="PhysioNet-Credentialed-1.5.0"))
    out = _written(given, tmp_path / "out")
    found = _loaded(out)
    assert {name: row["split"] for name, row in found.items()} == {
        "a": "validation",
        "b": "unsplit",
    }
    assert (
        "license_name: physionet-credentialed-1.5.0\nlicense_link: http"
        in (out / "README.md").read_text()
    )


def test_texts_without_images_need_no_pieces(tmp_path: Path) -> None:
    rows = [{"sample_id": f"{n:03}", "question": str(n), "split": "train"} for n in range(25)]
    given = manifest(tmp_path / "raw", *rows)
    out = _written(given, tmp_path / "out", shard_size=10)
    assert len(sorted((out / "data").glob("train-*-of-00003.parquet"))) == 3
    assert [row["question"] for row in _loaded(out).values()] == [str(n) for n in range(25)]
    with pytest.raises(SettingError, match="no images"):
        _written(given, tmp_path / "no", preparation=Preparation(size=(8,)))


def test_boxes_move_with_their_images(tmp_path: Path) -> None:
    given = pictures(tmp_path / "raw")
    found = _loaded(_written(given, tmp_path / "out", preparation=Preparation(size=(48,))))
    for row in found.values():
        assert row["image"].size == row["mask"].size == (48, 48)
        np.testing.assert_allclose(row["objects"]["bbox"], [[15, 15, 15, 15]], atol=1e-6)


def test_the_same_bytes_for_any_number_of_workers(tmp_path: Path) -> None:
    given = pictures(tmp_path / "raw").split("train")
    made = []
    for workers in (1, 2):
        out = tmp_path / f"out{workers}"
        convert(given, out, Request("hf", shard_size=9), Labour(workers=workers))
        made.append({each.name: each.read_bytes() for each in sorted(out.rglob("*.*"))})
    assert made[0] == made[1]
    assert "train-00002-of-00003.parquet" in made[0]


def test_samples_that_cannot_be_read_are_left_out(tmp_path: Path) -> None:
    given = pictures(tmp_path / "raw")
    for number in range(8, 16):
        (tmp_path / f"raw/masks/{number:03}.png").write_bytes(b"\x89PNG\r\n\x1a\n")
    out = _written(given, tmp_path / "out", shard_size=8, on_error="skip")
    assert len(json.loads((out / "medshelf.json").read_text())["skipped"]) == 8
    found = _loaded(out)
    assert len(found) == N_PICTURES - 8
    assert "008" not in found
    assert "| train | 16 |" in (out / "README.md").read_text("utf-8")


def test_what_no_column_can_hold_is_refused(tmp_path: Path) -> None:
    root = tmp_path / "raw"
    picture(root / "a.png", 1)
    volume(root / "b.nii.gz", 2)
    image = {"name": "image", "role": "image"}
    flat = {**image, "path": "a.png", "format": "png"}
    solid = {**image, "path": "b.nii.gz", "format": "nii.gz"}
    mixed = [{"sample_id": "a", "media": [flat]}, {"sample_id": "b", "media": [solid]}]
    with pytest.raises(SettingError, match=r"(?s)picture, in others a volume.*--filter"):
        _written(manifest(root, *mixed), tmp_path / "out")
    with pytest.raises(SettingError, match="several times in a sample"):
        _written(manifest(root, {"sample_id": "a", "media": [flat, flat]}), tmp_path / "out")
    many = [{**flat, "name": str(n)} for n in range(257)]
    with pytest.raises(SettingError, match="257 different"):
        _written(manifest(root, {"sample_id": "a", "media": many}), tmp_path / "out")


@pytest.mark.parametrize(
    "name", ["iu_xray_kaggle", "hf_parquet_images", "pubmedqa_labelled", "bccd_voc"]
)
def test_fixtures_come_back(name: str, tmp_path: Path) -> None:
    case = make_case(importlib.import_module(f"tests.fixtures.{name}"))
    case.module.make(tmp_path / "raw")
    given = case.read(tmp_path / "raw")
    found = _loaded(_written(given, tmp_path / "out"))
    assert len(found) == given.n_samples()
    for sample in _samples(given):
        row = found[sample.id]
        for place in sample.images:
            column = place if place in row else "image"
            assert (np.asarray(row[column]) == sample.image(place)).all()
        for fact in ("patient_id", "study_id", "view", "language"):
            assert row.get(fact) == getattr(sample, fact)
        assert row.get("question") == (sample.question.text if sample.question else None)
        assert row.get("findings") == (sample.text.findings if sample.text else None)
        shapes = [list(each.points) for each in sample.shapes]
        assert [each["points"] for each in row.get("shapes") or ()] == shapes


def test_real_pictures_come_back(real_data: Path, tmp_path: Path) -> None:
    meta = manifest_meta(find_record("breastmnist"))
    given = medmnist_npz.read(real_data, meta)
    some = Manifest(given.frame.gather_every(40), given.meta, given.root)
    found = _loaded(_written(some, tmp_path / "out"))
    for sample in _samples(some):
        row = found[sample.id]
        assert (np.asarray(row["image"]) == sample.image()).all()
        assert row["features"]["label"].int2str(row["label"]) == sample.label

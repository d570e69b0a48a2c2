"""WebDataset shards, read back by the libraries that train on them."""

from __future__ import annotations

import gzip
import hashlib
import importlib
import io
import json
import tarfile
from pathlib import Path
from typing import Any

import numpy as np
import polars as pl
import pytest
from PIL import Image

from medshelf.catalog.facts import manifest_meta
from medshelf.catalog.shelf import find_record
from medshelf.conversion.preparation import Preparation
from medshelf.conversion.request import Labour, Request
from medshelf.conversion.running import convert
from medshelf.core import columns as c
from medshelf.core.errors import SettingError
from medshelf.core.manifest import Manifest, Meta
from medshelf.core.tasks import Task, TaskKind
from medshelf.dataset.dataset import Dataset
from medshelf.readers import medmnist_npz
from tests.contract.cases import make_case
from tests.quality.miniatures import (
    N_PICTURES,
    SPACING_MM,
    as_manifest,
    drawn_mask,
    picture_meta,
    picture_rows,
    pictures,
    texture,
    volumes,
)

pytestmark = pytest.mark.filterwarnings("ignore:unclosed file:ResourceWarning")  # webdataset's own
_HERE = Labour(workers=0)


def _written(manifest: Manifest, folder: Path, **asked: Any) -> Path:
    request = Request("webdataset", **{"shard_size": 7, **asked})
    return convert(manifest, folder, request, _HERE).folder


def _samples(folder: Path, split: str = "train") -> list[dict[str, Any]]:
    """Return the samples of a split as the library `webdataset` decodes them."""
    webdataset = pytest.importorskip("webdataset")
    shards = [str(each) for each in sorted(folder.glob(f"*-{split}-*.tar"))]
    return list(webdataset.WebDataset(shards, shardshuffle=False).decode("l"))


def _fixture(name: str, root: Path) -> Manifest:
    case = make_case(importlib.import_module(f"tests.fixtures.{name}"))
    case.make(root)
    return case.read(root)


def _loaded(folder: Path, cache: Path, **asked: Any) -> Any:
    datasets = pytest.importorskip("datasets")
    return datasets.load_dataset(str(folder), cache_dir=str(cache), **asked)


def test_webdataset_reads_every_value_of_pictures(tmp_path: Path) -> None:
    manifest = pictures(tmp_path / "raw")
    out = _written(manifest, tmp_path / "out")
    rows = {row["sample_id"]: row for row in picture_rows().to_dicts()}
    found = [each for split in ("train", "val", "test") for each in _samples(out, split)]
    assert [each["__key__"] for each in found] == [f"{n:03}" for n in range(N_PICTURES)]
    for number, sample in enumerate(found):
        shape, row = (96, 96), rows[sample["__key__"]]
        assert np.array_equal(np.rint(sample["png"] * 255), texture(number, shape))
        assert np.array_equal(np.rint(sample["mask.png"] * 255), drawn_mask(number, shape))
        assert sample["cls"] == ("benign", "malignant").index(row["label"])
        told = sample["json"]
        for name in ("sample_id", "split", "patient_id", "label", "age_years", "sex", "view"):
            assert told[name] == row[name]
        assert told["shapes"][0]["points"] == [30, 30, 60, 60]
        assert [each["field"] for each in told["media"]] == ["png", "mask.png"]


def test_original_files_are_kept_byte_by_byte(tmp_path: Path) -> None:
    manifest = pictures(tmp_path / "raw")
    out = _written(manifest, tmp_path / "out")
    with tarfile.open(out / "miniature-pictures-val-000001.tar") as archive:
        content = archive.extractfile("031.png").read()
    assert content == (tmp_path / "raw/images/031.png").read_bytes()


def test_hugging_face_reads_splits_types_and_values(tmp_path: Path) -> None:
    out = _written(pictures(tmp_path / "raw"), tmp_path / "out")
    found = _loaded(out, tmp_path / "hub")
    assert {name: len(rows) for name, rows in found.items()} == {
        "train": 24, "validation": 8, "test": 8,
    }  # fmt: skip
    assert found["train"].features["cls"].names == ["benign", "malignant"]
    row = found["test"][3]
    assert row["__key__"] == "035"
    assert np.array_equal(np.asarray(row["png"]), texture(35, (96, 96)))
    assert np.array_equal(np.asarray(row["mask.png"]), drawn_mask(35, (96, 96)))
    assert row["json"]["patient_id"] == "p17"
    shards = str(out / "*-train-*.tar")
    plain = _loaded(Path("webdataset"), tmp_path / "hub", data_files={"train": shards})["train"]
    assert plain["__key__"] == [f"{n:03}" for n in range(24)]


def test_what_few_samples_state_is_read_by_hugging_face(tmp_path: Path) -> None:
    """The first samples, from which types would be guessed, state nothing of it."""
    rows = picture_rows().with_columns(
        text=c.text(report=pl.when(pl.int_range(N_PICTURES) > 20).then(pl.lit("右肺“结节”\n🫁"))),
        study_id=pl.when(pl.int_range(N_PICTURES) > 30).then(pl.lit("s")),
        media=pl.when(pl.int_range(N_PICTURES) > 9)
        .then("media")
        .otherwise(pl.col("media").list.head(1)),
    )
    pictures(tmp_path / "raw")
    manifest = as_manifest(rows, tmp_path / "raw", picture_meta())
    out = _written(manifest, tmp_path / "out")
    found = _loaded(out, tmp_path / "hub")["train"]
    assert [each["txt"] for each in found][20:22] == ["", "右肺“结节”\n🫁"]
    assert found[5]["mask.png"] is None
    assert found[10]["mask.png"] is not None
    assert _loaded(out, tmp_path / "hub", split="test")[0]["json"]["study_id"] == "s"
    assert [each["txt"] for each in _samples(out)][21] == "右肺“结节”\n🫁"


def test_volumes_are_no_gzip_in_gzip_and_keep_their_affine(tmp_path: Path) -> None:
    nibabel = pytest.importorskip("nibabel")
    manifest = volumes(tmp_path / "raw")
    out = _written(manifest, tmp_path / "out")
    for sample in _samples(out):
        raw = tmp_path / f"raw/images/{sample['__key__']}.nii.gz"
        for field, path in (("nii.gz", raw), ("mask.nii.gz", raw.parents[1] / "masks" / raw.name)):
            assert not sample[field].startswith(b"\x1f\x8b")  # the library has unpacked it, once
            image = nibabel.Nifti1Image.from_bytes(sample[field])
            wanted = nibabel.load(path)
            assert np.array_equal(image.dataobj, wanted.dataobj)
            assert np.allclose(image.affine, wanted.affine, atol=1e-6)
    rows = _loaded(out, tmp_path / "hub")["test"]
    assert rows[1]["nii.gz"] == _samples(out, "test")[1]["nii.gz"]


def test_prepared_volumes_keep_image_and_mask_on_one_grid(tmp_path: Path) -> None:
    nibabel = pytest.importorskip("nibabel")
    manifest = volumes(tmp_path / "raw")
    asked = Preparation(crop="4,20,2,18,0,16", spacing_mm=(2.0,))
    out = _written(manifest, tmp_path / "out", preparation=asked)
    for sample in _samples(out):
        image = nibabel.Nifti1Image.from_bytes(sample["nii.gz"])
        mask = nibabel.Nifti1Image.from_bytes(sample["mask.nii.gz"])
        assert image.shape == mask.shape == (8, 12, 16)
        assert np.allclose(image.header.get_zooms(), 2)
        assert np.allclose(image.affine, mask.affine)
        assert not np.allclose(image.header.get_zooms(), SPACING_MM)


def test_a_smaller_picture_has_smaller_shapes(tmp_path: Path) -> None:
    manifest = pictures(tmp_path / "raw")
    out = _written(manifest, tmp_path / "out", preparation=Preparation(size=(32,)))
    sample = _samples(out)[0]
    assert sample["png"].shape == sample["mask.png"].shape == (32, 32)
    assert sample["json"]["shapes"][0]["points"] == [10, 10, 20, 20]


@pytest.mark.parametrize("name", ["slake_release", "iu_xray_xml", "pannuke_folders", "nnunet_v2"])
def test_fixtures_come_back_value_by_value(name: str, tmp_path: Path) -> None:
    manifest = _fixture(name, tmp_path / "raw")
    there = Dataset(manifest)
    whole = Preparation(dtype="uint8" if name.startswith("pannuke") else "")  # it is float64 there
    out = _written(manifest, tmp_path / "out", on_error="skip", preparation=whole)
    kept = set(pl.read_parquet(out / "provenance.parquet")["sample_id"])
    lost = json.loads((out / "medshelf.json").read_text())["skipped"]
    told = {}
    for path in sorted(out.glob("*.tar")):
        for sample in _samples(out, path.stem.split("-")[-2]):
            told[sample["json"]["sample_id"]] = sample
    assert set(told) == {each.id for each in there} - set(lost)
    assert kept <= set(told)
    for each in there:
        if each.id in lost:
            continue
        sample = told[each.id]
        assert sample["json"].get("label") == each.label
        assert len(sample["json"].get("labels", ())) == len(each.labels)
        assert sample["json"].get("question") == (each.question.text if each.question else None)
        for medium in sample["json"]["media"]:
            field, name = medium["field"], medium["name"]
            is_mask = medium["role"] == "mask" and not field.endswith("nii.gz")
            wanted = each.mask(name) if is_mask else each.image(name)
            assert np.array_equal(_array(sample, field), wanted)
    features = _loaded(out, tmp_path / "hub")
    assert sum(map(len, features.values())) == len(told)


def _array(sample: dict[str, Any], field: str) -> np.ndarray:
    value = sample[field]
    if field.endswith("nii.gz"):
        nibabel = pytest.importorskip("nibabel")
        return np.asarray(nibabel.Nifti1Image.from_bytes(value).dataobj)
    if field.endswith("npy"):
        return value
    with tarfile.open(sample["__url__"]) as archive:
        content = archive.extractfile(f"{sample['__key__']}.{field}").read()
    return np.asarray(Image.open(io.BytesIO(content)))


def test_several_images_and_masks_have_names(tmp_path: Path) -> None:
    pictures(tmp_path / "raw")
    given = {"member": None, "format": "png", "path": pl.format("masks/{}.png", "sample_id")}
    path = pl.format("images/{}.png", "sample_id")
    left = c.media("image", "Left eye", **{**given, "path": path})
    right = c.media("image", "right", **given)
    masks = [c.media("mask", "disc", annotator=each, **given) for each in ("Dr. A", "B")]
    rows = picture_rows().with_columns(media=c.entries(left, right, *masks))
    manifest = as_manifest(rows, tmp_path / "raw", picture_meta())
    out = _written(manifest, tmp_path / "out")
    sample = _samples(out)[2]
    fields = {"left_eye.png", "right.png", "mask.dr_a.png", "mask.b.png", "json", "cls"}
    assert {each for each in sample if not each.startswith("__")} == fields
    assert sample["json"]["media"][0] == {
        "field": "left_eye.png", "role": "image", "name": "Left eye",
        "label": None, "annotator": None, "spacing_mm": None,
    }  # fmt: skip


def test_two_images_of_one_name_are_refused(tmp_path: Path) -> None:
    pictures(tmp_path / "raw")
    given = {"member": None, "format": "png", "path": pl.format("images/{}.png", "sample_id")}
    media = [c.media("image", each, **given) for each in ("a b", "A_b")]
    rows = picture_rows().with_columns(media=c.entries(*media))
    with pytest.raises(SettingError, match="A_b"):
        _written(as_manifest(rows, tmp_path / "raw"), tmp_path / "out")


def test_workers_do_not_show_and_nothing_says_when(tmp_path: Path) -> None:
    manifest = pictures(tmp_path / "raw")
    one = _written(manifest, tmp_path / "one")
    request = Request("webdataset", shard_size=7)
    two = convert(manifest, tmp_path / "two", request, Labour(workers=2)).folder
    digests = [
        {each.name: hashlib.sha256(each.read_bytes()).hexdigest() for each in sorted(out.iterdir())}
        for out in (one, two)
    ]
    assert digests[0] == digests[1]
    names = [name for name in digests[0] if name.endswith(".tar")]
    assert names[:2] == ["miniature-pictures-test-000000.tar", "miniature-pictures-test-000001.tar"]
    with tarfile.open(one / names[0]) as archive:
        for each in archive:
            assert (each.mtime, each.uid, each.gid, each.uname) == (0, 0, 0, "")
            assert not each.pax_headers


def test_long_keys_and_labels_that_are_not_stated(tmp_path: Path) -> None:
    pictures(tmp_path / "raw")
    first = pl.int_range(N_PICTURES) == 0
    rows = picture_rows().with_columns(
        sample_id=pl.format("{}.{}/图", "sample_id", pl.lit("x" * 120)),
        label=pl.when(~first).then("label"),
        media=pl.when(pl.int_range(N_PICTURES) % 2 == 0).then("media"),
    )
    manifest = as_manifest(rows, tmp_path / "raw", picture_meta())
    found = _samples(_written(manifest, tmp_path / "out"))
    assert [each["cls"] for each in found[:4]] == [-1, 0, 1, 1]
    assert found[1]["json"]["media"] == []
    assert "png" not in found[1]
    assert all(len(each["__key__"]) > 90 and "." not in each["__key__"] for each in found)


def test_an_empty_shard_is_not_written(tmp_path: Path) -> None:
    manifest = pictures(tmp_path / "raw")
    for number in range(7):
        (tmp_path / f"raw/masks/{number:03}.png").write_bytes(b"\x89PNG\r\n\x1a\n")
    out = _written(manifest, tmp_path / "out", on_error="skip")
    assert not (out / "miniature-pictures-train-000000.tar").exists()
    shards = json.loads((out / "dataset.json").read_text())["shards"]["train"]
    assert shards == {f"miniature-pictures-train-{n:06}.tar": (7, 7, 3)[n - 1] for n in (1, 2, 3)}


def test_wrong_options_are_refused(tmp_path: Path) -> None:
    with pytest.raises(SettingError, match="impression"):
        _written(pictures(tmp_path / "raw"), tmp_path / "out", options={"text": "reports"})


def test_films_are_kept_byte_by_byte(tmp_path: Path) -> None:
    (tmp_path / "raw").mkdir()
    film = gzip.compress(b"no film", mtime=0)
    (tmp_path / "raw/a.mp4").write_bytes(film)
    video = c.media("video", "video", path=pl.lit("a.mp4"), member=None, format="mp4")
    rows = pl.DataFrame({"sample_id": ["a"]}).with_columns(media=c.entries(video))
    meta = Meta("films", "Films", tasks=(Task("x", TaskKind.BINARY, ("a", "b")),))
    out = _written(as_manifest(rows, tmp_path / "raw", meta), tmp_path / "out")
    assert _samples(out, "all")[0]["video.mp4"] == film


def test_real_pictures(real_data: Path, tmp_path: Path) -> None:
    manifest = medmnist_npz.read(real_data, manifest_meta(find_record("breastmnist")))
    out = _written(manifest, tmp_path / "out", shard_size=400)
    images = np.load(real_data / "breastmnist.npz")
    for split in ("train", "val", "test"):
        found = _samples(out, split)
        assert np.array_equal([each["cls"] for each in found], images[f"{split}_labels"][:, 0])
        pixels = np.stack([np.rint(each["png"] * 255).astype(np.uint8) for each in found])
        assert np.array_equal(pixels, images[f"{split}_images"])

"""A task of the Decathlon, opened by MONAI's loader and by our own reader."""

from __future__ import annotations

import hashlib
import json
import warnings
from pathlib import Path
from typing import Any

import nibabel
import numpy as np
import polars as pl
import pytest

from medshelf.conversion.request import Labour, Request
from medshelf.conversion.running import convert
from medshelf.core.assembly import assemble
from medshelf.core.errors import SettingError
from medshelf.core.manifest import Manifest, Meta
from medshelf.dataset.dataset import Dataset
from medshelf.formats import nifti_writer
from medshelf.formats.raster import Raster
from medshelf.readers import image_masks, msd, nnunet
from tests.fixtures import msd_prostate, nnunet_v1
from tests.quality.miniatures import drawn_mask, texture, volumes

_SHAPE = (12, 10, 8)
_AFFINE = np.array([[0, 0, 2.5, 90], [-0.8, 0, 0, 3], [0, -0.7, 0, 12], [0, 0, 0, 1]])


def _to(manifest: Manifest, folder: Path, **options: str) -> tuple[Path, dict[str, Any]]:
    """Convert; return the task's folder and its `dataset.json`."""
    named = {name.replace("_", "-"): value for name, value in options.items()}
    convert(manifest, folder, Request("msd", options=named, shard_size=2), Labour(workers=0))
    (task,) = (each for each in folder.iterdir() if each.is_dir())
    return task, json.loads((task / "dataset.json").read_text())


def _loaded(task: Path, key: str) -> list[dict[str, Any]]:
    """Load the images of a list as MONAI does, channels first."""
    data = pytest.importorskip("monai.data")
    transforms = pytest.importorskip("monai.transforms")
    items = data.load_decathlon_datalist(str(task / "dataset.json"), data_list_key=key)
    with warnings.catch_warnings():
        warnings.simplefilter("ignore", UserWarning)  # of its reader of DICOM, for want of a GPU
        load = transforms.LoadImaged(
            ["image", "label"], allow_missing_keys=True, ensure_channel_first=True, dtype=None
        )
    return [load(each) for each in items]


def _two_channels(root: Path) -> Manifest:
    """Make four cases with two sequences and a mask, sagittal."""
    for number in range(4):
        arrays = {
            "t2": texture(number, _SHAPE).astype(np.int16),
            "adc": texture(50 + number, _SHAPE).astype(np.int16) * 9,
            "seg": np.array([0, 10, 3], np.int16)[drawn_mask(number, _SHAPE)],
        }
        for name, array in arrays.items():
            (root / name).mkdir(parents=True, exist_ok=True)
            raster = Raster(array, "XYZ", affine=_AFFINE)
            nifti_writer.write(root / name / f"{number}.nii.gz", raster)
    manifest = image_masks.read(
        root,
        Meta("prostates", 'Prostates "new" 前列腺', "2.1", dimensions=3, licence="CC-BY-4.0"),
        image="T2=t2/{id}.nii.gz; ADC=adc/{id}.nii.gz",
        mask="seg/{id}.nii.gz",
        legend="0=background; 3=TZ; 10=PZ",
    )
    split = pl.Series(["train", "val", "train", "test"])
    rows = manifest.frame.collect().with_columns(split=split)
    return assemble(rows, manifest.meta, manifest.root)


def test_monai_loads_what_was_written(tmp_path: Path) -> None:
    manifest = _two_channels(tmp_path / "raw")
    task, about = _to(manifest, tmp_path / "out", id="5", name="Prostate")
    assert task.name == "Task05_Prostate"
    assert about["name"] == 'Prostates "new" 前列腺'
    assert about["tensorImageSize"] == "4D"
    assert about["modality"] == {"0": "T2", "1": "ADC"}
    assert about["labels"] == {"0": "background", "1": "TZ", "2": "PZ"}
    assert (about["numTraining"], about["numTest"]) == (2, 1)
    for key, numbers in (("training", [0, 2]), ("validation", [1]), ("test", [3])):
        for number, loaded in zip(numbers, _loaded(task, key), strict=True):
            turned = {
                name: nibabel.as_closest_canonical(
                    nibabel.load(manifest.root / name / f"{number}.nii.gz")
                )
                for name in ("t2", "adc", "seg")
            }
            channels = np.stack([np.asarray(turned[each].dataobj) for each in ("t2", "adc")])
            np.testing.assert_array_equal(loaded["image"].numpy(), channels)
            np.testing.assert_allclose(loaded["image"].affine, turned["t2"].affine, atol=1e-6)
            assert ("label" in loaded) == (key != "test")
            if key != "test":
                seg = np.asarray(turned["seg"].dataobj)
                np.testing.assert_array_equal(np.array([0, 3, 10])[loaded["label"][0]], seg)
                np.testing.assert_allclose(loaded["label"].affine, turned["seg"].affine, atol=1e-6)
    assert (task / "labelsTs/3.nii.gz").is_file()


def test_one_channel_is_3d_and_read_back_to_the_same_values(tmp_path: Path) -> None:
    manifest = volumes(tmp_path / "raw")
    task, about = _to(manifest, tmp_path / "out", channels="image=CT")
    assert about["tensorImageSize"] == "3D"
    again = msd.read(tmp_path / "out", Meta("back", "Back", dimensions=3))
    found = {each.id: each for each in Dataset(again)}
    for sample in Dataset(manifest):
        back = found[f"{sample.split}/{sample.id}"]
        np.testing.assert_array_equal(back.image("CT"), sample.image())
        np.testing.assert_allclose(back.raster("CT").affine, sample.raster().affine, atol=1e-6)
        assert back.legend == sample.legend
        if sample.split == "train":
            np.testing.assert_array_equal(back.mask(), sample.mask())
    assert len(_loaded(task, "training")) == 6


@pytest.mark.parametrize("fixture", [msd_prostate, nnunet_v1], ids=["msd_prostate", "nnunet_v1"])
def test_fixtures_keep_their_values(tmp_path: Path, fixture: Any) -> None:
    fixture.make(tmp_path / "raw")
    reader = {"nnunet": nnunet, "msd": msd}[fixture.READER]
    manifest = reader.read(tmp_path / "raw", fixture.META)
    _fit_masks(manifest)
    task, _ = _to(manifest, tmp_path / "out", without_masks="test")
    again = msd.read(task, Meta("back", "Back", dimensions=3))
    has_test_masks = fixture is nnunet_v1  # which lie there, and which no list of the format names
    assert [each.rule for each in again.meta.issues] == ["file-unused"] * has_test_masks
    found = {each.patient_id: each for each in Dataset(again)}
    for sample in Dataset(manifest):
        back = found[sample.id.replace("/", "_")]
        for name in sample.images:
            np.testing.assert_array_equal(back.image(name), sample.image(name))
        assert bool(back.masks) == (sample.split == "train")
        if back.masks:
            np.testing.assert_array_equal(back.mask(), sample.mask())


def _fit_masks(manifest: Manifest) -> None:
    """Give the masks of a fixture the size of its images."""
    for media in manifest.frame.collect()["media"]:
        image = nibabel.load(manifest.root / media[0]["path"])
        for each in media:
            if each["role"] == "mask":
                path = manifest.root / each["path"]
                flat = np.asarray(nibabel.load(path).dataobj).ravel()
                fitted = flat[: int(np.prod(image.shape[:3]))].reshape(image.shape[:3])
                nifti_writer.write(path, Raster(fitted, "XYZ", affine=image.affine))


def test_regions_have_no_place(tmp_path: Path) -> None:
    manifest = volumes(tmp_path / "raw")
    options = {"channels": "image=CT", "legend": "1,2=liver; 2=tumour"}
    with pytest.raises(SettingError, match="--to nnunet"):
        _to(manifest, tmp_path / "out", **options)
    with pytest.raises(SettingError, match="1 to 99"):
        _to(manifest, tmp_path / "out", channels="image=CT", id="100")


def test_a_sample_that_is_left_out_leaves_no_file(tmp_path: Path) -> None:
    manifest = _two_channels(tmp_path / "raw")
    packed = nibabel.Nifti1Image(
        np.zeros(_SHAPE, np.dtype([("R", "u1"), ("G", "u1"), ("B", "u1")])), _AFFINE
    )
    nibabel.save(packed, manifest.root / "t2/0.nii.gz")
    convert(manifest, tmp_path / "out", Request("msd", on_error="skip"), Labour(workers=0))
    (task,) = (each for each in (tmp_path / "out").iterdir() if each.is_dir())
    assert not sorted(task.rglob("*0.nii.gz"))
    assert len(_loaded(task, "training")) == 1


def test_workers_do_not_show(tmp_path: Path) -> None:
    manifest = _two_channels(tmp_path / "raw")
    for name, workers in (("one", 0), ("two", 2)):
        convert(manifest, tmp_path / name, Request("msd", shard_size=1), Labour(workers=workers))
    one, two = (
        {
            str(each.relative_to(tmp_path / name)): hashlib.sha256(each.read_bytes()).hexdigest()
            for each in sorted((tmp_path / name).rglob("*"))
            if each.is_file()
        }
        for name in ("one", "two")
    )
    assert one == two


def test_real_volumes_survive(real_data: Path, tmp_path: Path) -> None:
    root = real_data.parent / "msd/Task04_Hippocampus"
    if not root.is_dir():
        pytest.skip("There is no folder msd/Task04_Hippocampus beside the real MedMNIST files")
    manifest = msd.read(root, Meta("msd", "MSD", dimensions=3))
    there = [each.id for each in Dataset(manifest) if each.media[0].path and each.split == "train"]
    rows = manifest.frame.filter(pl.col("sample_id").is_in(there[:3]))
    manifest = Manifest(rows, manifest.meta, manifest.root)
    task, _ = _to(manifest, tmp_path / "out")
    for sample, loaded in zip(Dataset(manifest), _loaded(task, "training"), strict=True):
        for role, folder in (("image", "imagesTr"), ("label", "labelsTr")):
            source = nibabel.load(root / folder / f"{sample.patient_id}.nii.gz")
            turned = nibabel.as_closest_canonical(source)
            np.testing.assert_array_equal(loaded[role][0].numpy(), np.asarray(turned.dataobj))
            np.testing.assert_allclose(loaded[role].affine, turned.affine, atol=1e-5)

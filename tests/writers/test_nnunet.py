"""nnU-Net's raw format, as nnU-Net itself reads and checks it, and as it is read back here."""

from __future__ import annotations

import gzip
import hashlib
import importlib
import io
import json
import re
from collections.abc import Callable, Mapping
from contextlib import redirect_stdout
from dataclasses import replace
from multiprocessing import dummy
from multiprocessing.pool import ThreadPool
from pathlib import Path
from types import SimpleNamespace
from typing import Any

import nibabel
import numpy as np
import polars as pl
import pytest
import SimpleITK
from hypothesis import given
from hypothesis import strategies as st
from PIL import Image

from medshelf.conversion.cases.label_codes import code_labels
from medshelf.conversion.choosing import Choosing, choose
from medshelf.conversion.preparation import Preparation
from medshelf.conversion.request import Labour, Request
from medshelf.conversion.running import convert
from medshelf.core.assembly import assemble
from medshelf.core.columns import with_legend
from medshelf.core.errors import LayoutError, MedshelfError, SettingError, UnknownNameError
from medshelf.core.manifest import MEDIA, Manifest, Meta
from medshelf.dataset.dataset import Dataset
from medshelf.dataset.union import concat
from medshelf.formats import nifti_writer
from medshelf.formats.dicom import read_series
from medshelf.formats.raster import Raster
from medshelf.readers import image_masks, msd, nnunet
from tests.contract.cases import make_case
from tests.fixtures import image_masks_channels, msd_prostate, nnunet_v2, pannuke_folders
from tests.quality.miniatures import N_PICTURES, drawn_mask, pictures, texture, volumes
from tests.writers.ct_slices import ct_slice

_HERE = Labour(workers=0)
_LPS = np.diag([-1, -1.5, 2, 1.0])
_SAGITTAL = np.array([[0, 0, -2.5, 90], [0.8, 0, 0, -3], [0, -0.8, 0, 350.123], [0, 0, 0, 1]])
_COS, _SIN = np.cos(2.6), np.sin(2.6)
_TURN = np.array([[_COS, -_SIN, 0, 31.5], [_SIN, _COS, 0, -12.2], [0, 0, 1, 7.1], [0, 0, 0, 1]])
_OBLIQUE = _TURN @ np.diag([0.7, 1.9, 2.4, 1])


def _to(
    manifest: Manifest, folder: Path, drop: tuple[str, ...] = (), **options: str
) -> tuple[Path, dict[str, Any]]:
    """Convert; return the raw folder and its `dataset.json`."""
    named = {name.replace("_", "-"): value for name, value in options.items()}
    request = Request("nnunet", options=named, drop=frozenset(drop), shard_size=3)
    convert(manifest, folder, request, _HERE)
    (raw,) = (folder / "nnUNet_raw").iterdir()
    return raw, json.loads((raw / "dataset.json").read_text())


def _verify(raw: Path) -> None:
    """Let nnU-Net check a dataset, in threads where it would start a dozen processes."""
    pytest.importorskip("batchgenerators", reason="nnunetv2 is not installed")
    checks = pytest.importorskip("nnunetv2.experiment_planning.verify_dataset_integrity")
    names = importlib.import_module("nnunetv2.utilities.utils")
    said = io.StringIO()
    with pytest.MonkeyPatch.context() as patched, redirect_stdout(said):
        patched.setattr(checks, "multiprocessing", SimpleNamespace(get_context=lambda _: dummy))
        patched.setattr(names, "Pool", lambda processes: ThreadPool(min(processes, 2)))
        checks.verify_dataset_integrity(str(raw), 1)
    text = said.getvalue()
    assert "verify_dataset_integrity Done" in text
    assert not re.search(r"Warning|WARNING|Error:", text), text


def _volume(path: Path, array: np.ndarray, affine: np.ndarray) -> None:
    path.parent.mkdir(parents=True, exist_ok=True)
    nifti_writer.write(path, Raster(array, "XYZ", affine=affine))


def _set(
    root: Path,
    masks: Mapping[str, Callable[[int], np.ndarray]],
    affine: np.ndarray = _OBLIQUE,
    legend: str = "",
    n: int = 2,
) -> Manifest:
    """Make a set of volumes with a file per mask."""
    for number in range(n):
        values = texture(number, (12, 10, 8)).astype(np.int16) - 100
        _volume(root / f"ct/{number}.nii.gz", values, affine)
        for name, made in masks.items():
            _volume(root / f"{name}/{number}.nii.gz", made(number), affine)
    places = "; ".join(f"{name}={name}/{{id}}.nii.gz" for name in masks)
    meta = Meta("drawn", "Drawn", dimensions=3)
    return image_masks.read(root, meta, image="CT=ct/{id}.nii.gz", mask=places, legend=legend)


def _box(*edges: int) -> np.ndarray:
    mask = np.zeros((12, 10, 8), np.uint8)
    mask[edges[0] : edges[1], edges[0] : edges[1], edges[0] : edges[1]] = 1
    return mask


def _values(path: Path) -> np.ndarray:
    return np.asarray(nibabel.load(path).dataobj)


def _assert_same_world(written: Path, source: Path) -> None:
    """Each voxel of the source is in the written file, at the same place."""
    new, old = nibabel.load(written), nibabel.as_closest_canonical(nibabel.load(source))
    np.testing.assert_array_equal(np.asarray(new.dataobj), np.asarray(old.dataobj))
    np.testing.assert_allclose(new.affine, old.affine, rtol=1e-6, atol=1e-6)
    np.testing.assert_allclose(new.get_qform(), old.affine, rtol=1e-5, atol=1e-5)


def test_volumes_pass_the_check_of_nnunet(tmp_path: Path) -> None:
    manifest = volumes(tmp_path / "raw")
    raw, about = _to(manifest, tmp_path / "out", channels="image=CT", id="7", name="Livers")
    assert raw.name == "Dataset007_Livers"
    assert about["channel_names"] == {"0": "CT"}
    assert about["labels"] == {"background": 0, "liver": 1, "tumour": 2}
    assert about["numTraining"] == 6
    assert about["licence"] == "CC-BY-4.0"
    _verify(raw)
    for number in range(8):
        end = "Tr" if number < 6 else "Ts"
        for kind, tail in (("images", "_0000"), ("masks", "")):
            folder = kind.replace("masks", "labels") + end
            source = manifest.root / kind / f"{number:03}.nii.gz"
            _assert_same_world(raw / folder / f"{number:03}{tail}.nii.gz", source)
    assert not (tmp_path / "out/nnUNet_preprocessed").exists()


@pytest.mark.parametrize("affine", [_OBLIQUE, _LPS, _SAGITTAL], ids=["oblique", "LPS", "sagittal"])
def test_axes_are_turned_and_nothing_moves(tmp_path: Path, affine: np.ndarray) -> None:
    def mask(number: int) -> np.ndarray:
        return drawn_mask(number, (12, 10, 8))

    manifest = _set(tmp_path / "raw", {"mask": mask}, affine, "1=liver; 2=tumour")
    raw, _ = _to(manifest, tmp_path / "out")
    for name, source in (("imagesTr/0_0000", "ct/0"), ("labelsTr/0", "mask/0")):
        written = raw / f"{name}.nii.gz"
        _assert_same_world(written, manifest.root / f"{source}.nii.gz")
        assert nibabel.aff2axcodes(nibabel.load(written).affine) == ("R", "A", "S")
        there, here = (
            SimpleITK.ReadImage(str(each)) for each in (manifest.root / f"{source}.nii.gz", written)
        )
        for index in [(0, 0, 0), (5, 3, 2), (7, 4, 6)]:
            point = here.TransformIndexToPhysicalPoint(index)
            old = there.TransformPhysicalPointToIndex(point)
            assert here.GetPixel(*index) == there.GetPixel(*old)
            np.testing.assert_allclose(there.TransformIndexToPhysicalPoint(old), point, atol=1e-3)
    kept, _ = _to(manifest, tmp_path / "kept", orientation="as-read")
    image = nibabel.load(kept / "imagesTr/0_0000.nii.gz")
    source = nibabel.load(manifest.root / "ct/0.nii.gz")
    np.testing.assert_array_equal(image.affine, source.affine)
    np.testing.assert_array_equal(image.dataobj, source.dataobj)


def test_shear_is_refused(tmp_path: Path) -> None:
    sheared = np.diag([1, 1, 2, 1.0])
    sheared[1, 2] = 0.4
    manifest = _set(tmp_path / "raw", {"liver": lambda _: _box(2, 5)}, sheared)
    with pytest.raises(LayoutError, match="fix-geometry drawn FOLDER --what shear"):
        _to(manifest, tmp_path / "out")


def test_pictures_pass_the_check_of_nnunet(tmp_path: Path) -> None:
    manifest = pictures(tmp_path / "raw")
    raw, about = _to(manifest, tmp_path / "out", ("boxes", "class"))
    assert about["file_ending"] == ".png"
    assert about["numTraining"] == 32
    _verify(raw)
    for number in range(N_PICTURES):
        end, name = ("Tr" if number < 32 else "Ts"), f"{number:03}"
        for kind, tail in (("images", "_0000"), ("masks", "")):
            written = raw / f"{kind.replace('masks', 'labels')}{end}/{name}{tail}.png"
            source = np.asarray(Image.open(manifest.root / kind / f"{name}.png"))
            np.testing.assert_array_equal(np.asarray(Image.open(written)), source)
    (fold,) = json.loads(
        (tmp_path / "out/nnUNet_preprocessed" / raw.name / "splits_final.json").read_text()
    )
    assert fold["train"] == [f"{n:03}" for n in range(24)]
    assert fold["val"] == [f"{n:03}" for n in range(24, 32)]


def test_coloured_pictures_are_one_file(tmp_path: Path) -> None:
    (tmp_path / "raw/images").mkdir(parents=True)
    (tmp_path / "raw/masks").mkdir()
    for number in range(3):
        colours = np.stack([texture(number + n, (20, 24)) for n in range(3)], axis=-1)
        Image.fromarray(colours).save(tmp_path / f"raw/images/{number}.png")
        white = Image.fromarray(drawn_mask(number, (20, 24)).clip(0, 1) * 255)
        white.save(tmp_path / f"raw/masks/{number}.png")
    places = {"image": "images/{id}.png", "mask": "masks/{id}.png"}
    meta = Meta("polyps", "Polyps", dimensions=2)
    manifest = image_masks.read(tmp_path / "raw", meta, **places, legend="0=background; 255=polyp")
    raw, about = _to(manifest, tmp_path / "out")
    assert about["channel_names"] == {"0": "R", "1": "G", "2": "B"}
    assert about["original_values"] == {"0": [0], "1": [255]}
    _verify(raw)
    written = np.asarray(Image.open(raw / "labelsTr/1.png"))
    np.testing.assert_array_equal(written, drawn_mask(1, (20, 24)).clip(0, 1))
    Image.fromarray(np.zeros((20, 24, 4), np.uint8)).save(tmp_path / "raw/images/2.png")
    request = Request("nnunet", on_error="skip")
    converted = convert(manifest, tmp_path / "skipped", request, _HERE)
    assert converted.skipped == {"2": "The picture of sample 2 has 4 channels of colour"}
    (raw,) = (tmp_path / "skipped/nnUNet_raw").iterdir()
    _verify(raw)
    Image.fromarray(texture(9, (20, 24))).save(tmp_path / "raw/images/2.png")
    with pytest.raises(LayoutError, match="1 of 3 pictures are grey"):
        _to(manifest, tmp_path / "mixed")


def _read_back(raw: Path) -> dict[str, Any]:
    manifest = nnunet.read(raw.parent, Meta("back", "Back", dimensions=3))
    return {each.id: each for each in Dataset(manifest)}


def test_it_is_read_back_to_the_same_values(tmp_path: Path) -> None:
    manifest = volumes(tmp_path / "raw")
    raw, _ = _to(manifest, tmp_path / "out", channels="image=CT")
    found = _read_back(raw)
    assert len(found) == 8
    for sample in Dataset(manifest):
        again = found[f"{sample.split}/{sample.id}"]
        np.testing.assert_array_equal(again.image("CT"), sample.image())
        np.testing.assert_array_equal(again.mask(), sample.mask())
        np.testing.assert_allclose(again.raster("CT").affine, sample.raster().affine, atol=1e-6)
        assert again.legend == sample.legend


@pytest.mark.parametrize("fixture", [nnunet_v2, msd_prostate], ids=["nnunet_v2", "msd_prostate"])
def test_fixtures_keep_their_values(tmp_path: Path, fixture: Any) -> None:
    fixture.make(tmp_path / "raw")
    reader = {"nnunet": nnunet, "msd": msd}[fixture.READER]
    manifest = reader.read(tmp_path / "raw", fixture.META)
    channels = ["T1"] if fixture is nnunet_v2 else ["T2", "ADC"]
    with pytest.raises(LayoutError, match="fix-geometry"):
        _to(manifest, tmp_path / "other", channels="; ".join(channels))
    _fit_masks(manifest)
    raw, about = _to(manifest, tmp_path / "out", channels="; ".join(channels))
    if fixture is nnunet_v2:
        assert about["labels"] == {"background": 0, "whole tumour": [1, 2, 3], "enhancing": 3}
        assert about["regions_class_order"] == [1, 3]
    else:
        assert about["labels"] == {"background": 0, "PZ": 1, "TZ": 2}
        assert about["channel_names"] == {"0": "T2", "1": "ADC"}
    _verify(raw)
    for sample in Dataset(manifest):
        key, end = sample.id.replace("/", "_"), "Ts" if sample.split == "test" else "Tr"
        greys = fixture.GREYS[sample.id]
        for n, name in enumerate(channels):
            assert (_values(raw / f"images{end}/{key}_{n:04}.nii.gz") == greys[name]).all()
        if "mask" in greys:
            assert (_values(raw / f"labels{end}/{key}.nii.gz") == 1).sum() == greys["mask"]
    assert about["numTraining"] == 2


def _fit_masks(manifest: Manifest) -> None:
    """Give the masks of a fixture the size of its images."""
    for media in manifest.frame.collect()["media"]:
        masks = [each for each in media if each["role"] == "mask"]
        image = nibabel.load(manifest.root / media[0]["path"])
        for each in masks:
            flat = _values(manifest.root / each["path"]).ravel()
            shape = image.shape[:3]
            fitted = flat[: int(np.prod(shape))].reshape(shape)
            assert fitted.sum() == flat.sum()
            _volume(manifest.root / each["path"], fitted, image.affine)


def test_values_become_consecutive_and_say_what_they_were(tmp_path: Path) -> None:
    def mask(number: int) -> np.ndarray:
        return np.array([0, 40, 1000], np.int16)[drawn_mask(number, (12, 10, 8))]

    legend = "0=background; 1000=tumour; 40=liver; 7=spleen"
    manifest = _set(tmp_path / "raw", {"mask": mask}, np.eye(4), legend)
    raw, about = _to(manifest, tmp_path / "out")
    assert about["labels"] == {"background": 0, "spleen": 1, "liver": 2, "tumour": 3}
    assert about["original_values"] == {"0": [0], "1": [7], "2": [40], "3": [1000]}
    _verify(raw)
    written = _values(raw / "labelsTr/1.nii.gz")
    np.testing.assert_array_equal(np.array([0, 0, 40, 1000])[written], mask(1))
    assert written.dtype == np.uint8


def test_a_value_without_a_name_is_refused(tmp_path: Path) -> None:
    for kind in (np.uint8, np.int16, np.float32):
        masks = {"mask": lambda _, kind=kind: (_box(2, 6) * 3).astype(kind)}
        manifest = _set(tmp_path / kind.__name__, masks, np.eye(4), "1=liver; 2=tumour")
        with pytest.raises(LayoutError, match="values 3, which the legend does not name"):
            _to(manifest, tmp_path / "out")
    masks = {"mask": lambda _: _box(2, 6) * np.float32(1.5)}
    manifest = _set(tmp_path / "half", masks, np.eye(4), "1=liver; 2=tumour")
    with pytest.raises(LayoutError, match=r"values 1\.5, which the legend does not name"):
        _to(manifest, tmp_path / "out2")


def test_structures_are_merged_and_overlaps_are_regions_or_refused(tmp_path: Path) -> None:
    masks = {"liver": lambda _: _box(1, 6), "spleen": lambda _: _box(6, 8)}
    manifest = _set(tmp_path / "raw", masks, np.eye(4))
    raw, about = _to(manifest, tmp_path / "out")
    assert about["labels"] == {"background": 0, "liver": 1, "spleen": 2}
    assert about["original_values"] == {"1": ["liver"], "2": ["spleen"]}
    _verify(raw)
    np.testing.assert_array_equal(_values(raw / "labelsTr/0.nii.gz"), _box(1, 6) + 2 * _box(6, 8))
    nested = {"liver": lambda _: _box(1, 6), "tumour": lambda _: _box(3, 5)}
    manifest = _set(tmp_path / "nested", nested, np.eye(4))
    with pytest.raises(LayoutError, match=r"overlap.*\n.*legend=1,2=liver; 2=tumour"):
        _to(manifest, tmp_path / "refused")
    raw, about = _to(manifest, tmp_path / "regions", legend="1,2=liver; 2=tumour")
    assert about["labels"] == {"background": 0, "liver": [1, 2], "tumour": 2}
    assert about["regions_class_order"] == [1, 2]
    assert about["original_values"] == {"1": ["liver"], "2": ["liver", "tumour"]}
    _verify(raw)
    np.testing.assert_array_equal(_values(raw / "labelsTr/0.nii.gz"), _box(1, 6) + _box(3, 5))
    outside = {"liver": lambda _: _box(1, 4), "tumour": lambda _: _box(3, 5)}
    manifest = _set(tmp_path / "outside", outside, np.eye(4))
    with pytest.raises(LayoutError, match="tumour alone together"):
        _to(manifest, tmp_path / "refused2", legend="1,2=liver; 2=tumour")


def test_masks_and_channels_that_are_not_there_are_listed(tmp_path: Path) -> None:
    image_masks_channels.make(tmp_path / "raw")
    manifest = image_masks.read(
        tmp_path / "raw", image_masks_channels.META, **image_masks_channels.OPTIONS
    )
    with pytest.raises(SettingError, match=r"1 samples lack one of .* t1, flair: Validation/P_003"):
        _to(manifest, tmp_path / "out")
    with pytest.raises(SettingError, match="masks of some structures only: Training/P_010"):
        _to(manifest, tmp_path / "out", channels="t1")
    with pytest.raises(SettingError, match=r"have no mask.*: Validation/P_002, Validation/P_003"):
        _to(manifest, tmp_path / "out", channels="t1", incomplete="empty")
    _fit_masks(manifest)
    trained = choose(manifest, Choosing(filter="sample_id == 'Training/P_010'"))
    raw, about = _to(trained, tmp_path / "out", channels="t1=T1", masks="oedema")
    assert about["channel_names"] == {"0": "T1"}
    assert (_values(raw / "labelsTr/Training_P_010.nii.gz") == 1).sum() == 33
    for ids, said in (
        (["Validation/P_003"], "1 samples lack one of the channels t1: Validation/P_003"),
        (list(image_masks_channels.GREYS), "No sample of 'sequences' has an image"),
    ):
        bare = pl.when(~pl.col("sample_id").is_in(ids)).then("media")
        emptied = Manifest(manifest.frame.with_columns(bare), manifest.meta, manifest.root)
        with pytest.raises(SettingError, match=said):
            _to(emptied, tmp_path / "no", channels="t1")
    with pytest.raises(UnknownNameError, match="flair"):
        _to(manifest, tmp_path / "no", channels="fair")
    with pytest.raises(UnknownNameError, match="oedema"):
        _to(manifest, tmp_path / "no", channels="t1", masks="edema")


def test_what_is_not_drawn_can_be_said_to_be_absent(tmp_path: Path) -> None:
    masks = {"liver": lambda _: _box(1, 6), "spleen": lambda _: _box(6, 8)}
    manifest = _set(tmp_path / "raw", masks, np.eye(4), n=3)
    lost = ["spleen/1.nii.gz", "spleen/2.nii.gz", "liver/2.nii.gz"]
    kept = pl.col("media").list.filter(~pl.element().struct.field("path").is_in(lost))
    manifest = Manifest(manifest.frame.with_columns(kept), manifest.meta, manifest.root)
    raw, about = _to(manifest, tmp_path / "out", incomplete="empty", without_masks="test")
    assert about["numTraining"] == 2
    assert about["labels"] == {"background": 0, "liver": 1, "spleen": 2}
    _verify(raw)
    np.testing.assert_array_equal(_values(raw / "labelsTr/1.nii.gz"), _box(1, 6))
    assert (raw / "imagesTs/2_0000.nii.gz").is_file()
    bare = manifest.frame.with_columns(pl.col("media").list.head(1))
    with pytest.raises(LayoutError, match="No sample of 'drawn' is a training case"):
        _to(
            Manifest(bare, manifest.meta, manifest.root),
            tmp_path / "bare",
            without_masks="test",
            legend="1=liver",
        )


def test_the_scaling_is_not_guessed(tmp_path: Path) -> None:
    manifest = volumes(tmp_path / "raw")
    with pytest.raises(SettingError, match="channels=image=CT"):
        _to(manifest, tmp_path / "out")
    assert _to(manifest, tmp_path / "ct", channels="image=ct")[1]["channel_names"] == {"0": "CT"}


@pytest.mark.parametrize(
    ("options", "expected"),
    [
        ({"id": "0"}, "id='0'"),
        ({"id": "1000"}, "1 to 999"),
        ({"id": "Ⅷ"}, "no number"),
        ({"name": "../out"}, "no name"),
        ({"orientation": "RAR"}, "RAS, LPS"),
        ({"compression": "lzma"}, "zlib or isal"),
        ({"ending": ".mha"}, "ending"),
        ({"without-masks": "train"}, "Choose test"),
        ({"incomplete": "full"}, "Choose empty"),
        ({"legend": "1=liver; -1=tumour"}, "negative value -1"),
        ({"legend": "0,1=liver"}, "shares a value with the background"),
        ({"legend": "; ".join(f"{n}=c{n}" for n in range(1, 300))}, "299 labels"),
        ({"channels": "image=CT; image=MR"}, "one name"),
        ({"annotator": "anna"}, "annotator"),
    ],
    ids=str,
)
def test_what_cannot_be_is_refused_at_once(
    tmp_path: Path, options: dict[str, str], expected: str
) -> None:
    manifest = volumes(tmp_path / "raw")
    with pytest.raises(MedshelfError, match=re.escape(expected)):
        _to(manifest, tmp_path / "out", **{"channels": "image=CT", **options})
    assert not list(tmp_path.glob(".out*"))


def test_values_that_are_no_number_are_refused(tmp_path: Path) -> None:
    manifest = volumes(tmp_path / "raw")
    holed = texture(1, (24, 20, 16)).astype(np.float32)
    holed[3, 4, 5] = np.nan
    affine = np.diag([1.0, 1.5, 2.0, 1.0])
    _volume(manifest.root / "images/001.nii.gz", holed, affine)
    with pytest.raises(LayoutError, match=r"sample 001 .*\(NaN or infinite\)"):
        _to(manifest, tmp_path / "out", channels="image=CT")
    request = Request("nnunet", options={"channels": "image=CT"}, on_error="skip")
    blurred = drawn_mask(2, (24, 20, 16)).astype(np.float32)
    blurred[0, 0, 0] = np.nan
    _volume(manifest.root / "masks/002.nii.gz", blurred, affine)
    converted = convert(manifest, tmp_path / "skipped", request, _HERE)
    assert set(converted.skipped) == {"001", "002"}
    assert "no number (NaN)" in converted.skipped["002"]
    (raw,) = (tmp_path / "skipped/nnUNet_raw").iterdir()
    assert json.loads((raw / "dataset.json").read_text())["numTraining"] == 4
    _verify(raw)


def test_folds_keep_patients_together(tmp_path: Path) -> None:
    manifest = volumes(tmp_path / "raw")
    rows = manifest.frame.collect().with_columns(
        patient_id=pl.int_range(8).floordiv(2).cast(pl.String), split=pl.lit("train")
    )
    manifest = assemble(rows, manifest.meta, manifest.root)
    raw, _ = _to(manifest, tmp_path / "out", channels="image=CT")
    folds = json.loads(
        (tmp_path / "out/nnUNet_preprocessed" / raw.name / "splits_final.json").read_text()
    )
    cases = {f"{n:03}" for n in range(8)}
    assert len(folds) == 4
    assert sorted(case for fold in folds for case in fold["val"]) == sorted(cases)
    for fold in folds:
        assert set(fold["train"]) == cases - set(fold["val"])
        assert (
            len({int(case) // 2 for case in fold["val"]} & {int(c) // 2 for c in fold["train"]})
            == 0
        )


def test_workers_do_not_show(tmp_path: Path) -> None:
    manifest = volumes(tmp_path / "raw")
    for name, workers in (("one", 0), ("two", 2)):
        request = Request("nnunet", options={"channels": "image=CT"}, shard_size=1)
        convert(manifest, tmp_path / name, request, Labour(workers=workers))
    one, two = (
        {
            str(each.relative_to(tmp_path / name)): hashlib.sha256(each.read_bytes()).hexdigest()
            for each in sorted((tmp_path / name).rglob("*"))
            if each.is_file()
        }
        for name in ("one", "two")
    )
    assert one == two
    assert len(one) == 19


def test_the_other_codec_holds_the_same(tmp_path: Path) -> None:
    pytest.importorskip("isal")
    manifest = volumes(tmp_path / "raw")
    zlib, _ = _to(manifest, tmp_path / "zlib", channels="image=CT")
    isal, _ = _to(manifest, tmp_path / "isal", channels="image=CT", compression="isal")
    for path in sorted(zlib.rglob("*.nii.gz")):
        other = isal / path.relative_to(zlib)
        assert gzip.decompress(path.read_bytes()) == gzip.decompress(other.read_bytes())


def test_preparation_moves_image_and_mask_together(tmp_path: Path) -> None:
    manifest = volumes(tmp_path / "raw")
    how = Preparation(spacing_mm=(2.0,), dtype="float32")
    request = Request("nnunet", preparation=how, options={"channels": "image=CT"})
    convert(manifest, tmp_path / "out", request, _HERE)
    (raw,) = (tmp_path / "out/nnUNet_raw").iterdir()
    _verify(raw)
    image = nibabel.load(raw / "imagesTr/000_0000.nii.gz")
    mask = nibabel.load(raw / "labelsTr/000.nii.gz")
    assert image.header.get_zooms() == (2.0, 2.0, 2.0)
    assert image.shape == mask.shape == (12, 15, 16)
    np.testing.assert_array_equal(image.affine, mask.affine)
    assert set(np.unique(mask.dataobj)) == {0, 1, 2}


def test_hounsfield_units_are_called_ct(tmp_path: Path) -> None:
    for number in range(5):
        ct_slice(tmp_path / f"raw/{number}.dcm", number, texture(number, (10, 8)))
    files = sorted((tmp_path / "raw").glob("*.dcm"))
    image = read_series(files)
    inside = np.zeros((5, 10, 8), np.uint8)
    inside[1:3, 2:5, 2:7] = 1
    nifti_writer.write(tmp_path / "raw/m.nii.gz", Raster(inside, "ZYX", affine=image.affine))
    blank = dict.fromkeys(each.name for each in MEDIA.fields)
    media = [
        {**blank, "name": "scan", "role": "image", "path": each.name, "format": "dcm"}
        for each in files
    ]
    media.append({**blank, "name": "m", "role": "mask", "path": "m.nii.gz", "format": "nii.gz"})
    rows = pl.DataFrame(
        {"sample_id": ["1"], "media": [media]}, schema_overrides={"media": pl.List(MEDIA)}
    )
    meta = with_legend(Meta("cts", "CTs", dimensions=3), {"1": "liver"})
    manifest = assemble(rows, meta, tmp_path / "raw")
    with pytest.raises(SettingError, match=r"Hounsfield units.*\n.*channels=.*=CT"):
        _to(manifest, tmp_path / "out")
    raw, about = _to(manifest, tmp_path / "ct", channels="scan=CT", orientation="as-read")
    assert about["channel_names"] == {"0": "CT"}
    _verify(raw)
    written = _values(raw / "imagesTr/1_0000.nii.gz")
    np.testing.assert_array_equal(written, image.array.transpose())
    np.testing.assert_array_equal(_values(raw / "labelsTr/1.nii.gz"), inside.transpose())


def test_channels_of_a_mask_are_classes(tmp_path: Path) -> None:
    pannuke_folders.make(tmp_path / "raw")
    manifest = make_case(pannuke_folders).read(tmp_path / "raw")
    request = Request(
        "nnunet", preparation=Preparation(dtype="uint8"), drop=frozenset({"class", "findings"})
    )
    convert(manifest, tmp_path / "out", request, _HERE)
    (raw,) = (tmp_path / "out/nnUNet_raw").iterdir()
    labels = json.loads((raw / "dataset.json").read_text())["labels"]
    assert list(labels) == ["background", *list(Dataset(manifest).legend)[:5]]
    for sample in Dataset(manifest):
        written = np.asarray(Image.open(raw / f"labelsTr/{sample.id.replace('/', '_')}.png"))
        drawn = sample.mask()
        for name, channels in sample.legend.items():
            if name != "Background":
                np.testing.assert_array_equal(written == labels[name], drawn[..., channels[0]] != 0)


def test_datasets_with_legends_of_their_own_have_one_numbering(tmp_path: Path) -> None:
    sets = []
    for name, legend in (("a", "1=liver; 2=tumour"), ("b", "1=tumour; 2=spleen")):
        masks = {"mask": lambda n: drawn_mask(n, (12, 10, 8))}
        found = _set(tmp_path / "raw" / name, masks, np.eye(4), legend)
        sets.append(Dataset(replace(found, meta=replace(found.meta, dataset=name))))
    raw, about = _to(concat(sets).manifest, tmp_path / "out")
    assert about["labels"] == {"background": 0, "liver": 1, "tumour": 2, "spleen": 3}
    assert about["original_values"]["b"] == {"0": [0], "2": [1], "3": [2]}
    _verify(raw)
    written = {each.name[0]: _values(each) for each in sorted((raw / "labelsTr").iterdir())}
    np.testing.assert_array_equal(written["a"], drawn_mask(1, (12, 10, 8)))
    np.testing.assert_array_equal(
        written["b"], np.array([0, 2, 3], np.uint8)[drawn_mask(1, (12, 10, 8))]
    )


_names = st.text("abcdefgh", min_size=1, max_size=3)
_legends = st.dictionaries(
    _names,
    st.lists(st.integers(1, 400), min_size=1, max_size=6, unique=True).map(tuple),
    min_size=1,
)


@given(_legends)
def test_numbers_are_consecutive_and_mean_the_same(legend: dict[str, tuple[int, ...]]) -> None:
    codes = code_labels([legend], [])
    labels = {
        name: each if isinstance(each, list) else [each] for name, each in codes.labels().items()
    }
    numbers = sorted({code for each in labels.values() for code in each})
    assert numbers == list(range(len(numbers)))
    written = codes.of_values(legend)
    for value in {each for values in legend.values() for each in values}:
        named = {name for name, values in legend.items() if value in values}
        assert {name for name, each in labels.items() if written[value] in each} == named
    if codes.order:
        assert len(codes.order) == len(legend)
        assert all(
            code in labels[name] for name, code in zip(codes.names, codes.order, strict=True)
        )


@given(st.lists(st.integers(1, 5), min_size=2, max_size=5))
def test_painting_nested_regions_gives_the_numbers_back(sizes: list[int]) -> None:
    """As nnU-Net does it: each region in turn, over what was painted before."""
    edges = np.cumsum(sizes)[::-1]
    legend = {f"r{n}": tuple(range(1, int(edge) + 1)) for n, edge in enumerate(edges)}
    codes = code_labels([legend], [])
    painted = dict.fromkeys(range(1, int(edges[0]) + 1), 0)
    for name, code in zip(codes.names, codes.order, strict=True):
        painted |= dict.fromkeys(codes.names[name], code)
    for value, code in painted.items():
        inside = [name for name in codes.names if value in codes.names[name]]
        assert inside == [name for name in codes.names if code in codes.names[name]]


def test_names_of_any_language_survive(tmp_path: Path) -> None:
    manifest = _set(tmp_path / "raw", {'肝臓 "left"': lambda _: _box(2, 5)}, np.eye(4))
    raw, about = _to(manifest, tmp_path / "out")
    assert about["labels"] == {"background": 0, '肝臓 "left"': 1}
    _verify(raw)


def test_ignored_voxels_have_the_highest_number(tmp_path: Path) -> None:
    def mask(number: int) -> np.ndarray:
        return np.array([0, 255, 1], np.uint8)[drawn_mask(number, (12, 10, 8))]

    manifest = _set(tmp_path / "raw", {"mask": mask}, np.eye(4), "1=liver; 255=Ignore")
    raw, about = _to(manifest, tmp_path / "out")
    assert about["labels"] == {"background": 0, "liver": 1, "ignore": 2}
    _verify(raw)
    written = _values(raw / "labelsTr/0.nii.gz")
    np.testing.assert_array_equal(np.array([0, 1, 255])[written], mask(0))


def test_one_of_several_annotators_is_chosen(tmp_path: Path) -> None:
    manifest = _set(
        tmp_path / "raw", {"a": lambda _: _box(1, 5), "b": lambda _: _box(2, 6)}, np.eye(4)
    )
    media = pl.col("media").list.eval(
        pl.element().struct.with_fields(
            annotator=pl.when(pl.field("role") == "mask").then(pl.field("name")),
            name=pl.when(pl.field("role") == "mask")
            .then(pl.lit("mask"))
            .otherwise(pl.field("name")),
            label=pl.lit(None, pl.String),
        )
    )
    rows = manifest.frame.collect().with_columns(media)
    meta = with_legend(manifest.meta, {"1": "liver"})
    manifest = assemble(rows, meta, manifest.root)
    drop = ("several-annotators",)
    with pytest.raises(SettingError, match="drawn by several: a, b"):
        _to(manifest, tmp_path / "out", drop)
    raw, _ = _to(manifest, tmp_path / "out", drop, annotator="b")
    np.testing.assert_array_equal(_values(raw / "labelsTr/0.nii.gz"), _box(2, 6))


def test_real_volumes_pass_the_check(real_data: Path, tmp_path: Path) -> None:
    root = real_data.parent / "msd/Task04_Hippocampus"
    if not root.is_dir():
        pytest.skip("There is no folder msd/Task04_Hippocampus beside the real MedMNIST files")
    manifest = choose(msd.read(root, Meta("msd", "MSD", dimensions=3)), Choosing(limit=300))
    there = [each.id for each in Dataset(manifest) if each.media[0].path and each.split == "train"]
    rows = manifest.frame.filter(pl.col("sample_id").is_in(there[:4]))
    manifest = Manifest(rows, manifest.meta, manifest.root)
    raw, about = _to(manifest, tmp_path / "out", id="4", name="Hippocampus")
    assert about["labels"] == {"background": 0, "Anterior": 1, "Posterior": 2}
    _verify(raw)
    for sample in Dataset(manifest):
        case = sample.id.replace("/", "_")
        for kind, tail in (("images", "_0000"), ("labels", "")):
            source = root / f"{kind}Tr" / f"{sample.patient_id}.nii.gz"
            _assert_same_world(raw / f"{kind}Tr/{case}{tail}.nii.gz", source)

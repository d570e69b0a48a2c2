"""NIfTI from every kind of volume, against nibabel and SimpleITK."""

from __future__ import annotations

import csv
import hashlib
import json
import zipfile
from pathlib import Path
from typing import Any

import nibabel
import numpy as np
import polars as pl
import pytest
import SimpleITK
from PIL import Image

from medshelf.conversion.cases.nifti_files import write_volumes
from medshelf.conversion.preparation import Preparation
from medshelf.conversion.request import Labour, Request
from medshelf.conversion.running import convert
from medshelf.core.assembly import assemble
from medshelf.core.errors import LayoutError, SettingError, UnsupportedError
from medshelf.core.manifest import MEDIA, Manifest, Meta
from medshelf.dataset.dataset import Dataset
from medshelf.formats import nifti, nifti_writer
from medshelf.formats.dicom import read_series
from medshelf.formats.raster import Raster
from medshelf.readers import image_masks, msd
from tests.fixtures import image_masks_channels, msd_prostate
from tests.quality.miniatures import drawn_mask, texture, volumes
from tests.writers.ct_slices import ct_slice

_SHAPE = (12, 10, 8)
_AFFINE = np.array([[0, 0, 2.5, 90.5], [-0.8, 0, 0, 3], [0, -0.7, 0, 312.3], [0, 0, 0, 1]])


def _to(manifest: Manifest, folder: Path, **asked: Any) -> list[dict[str, str]]:
    """Convert; return the rows of the table."""
    convert(manifest, folder, Request("nifti", **asked), Labour(workers=0))
    with (folder / "labels.csv").open(encoding="utf-8", newline="") as file:
        return list(csv.DictReader(file))


def _manifest(root: Path, samples: dict[str, list[dict[str, Any]]], **facts: Any) -> Manifest:
    rows = pl.DataFrame(
        {"sample_id": list(samples), "media": list(samples.values()), **facts},
        schema_overrides={"media": pl.List(MEDIA)},
    )
    return assemble(rows, Meta("volumes", "Volumes", unit="volume", dimensions=3), root)


def _medium(name: str, path: str, role: str = "image", **fields: Any) -> dict[str, Any]:
    kind = "nii.gz" if path.endswith(".nii.gz") else path.rpartition(".")[2]
    blank = dict.fromkeys(each.name for each in MEDIA.fields)
    return {**blank, "name": name, "role": role, "path": path, "format": kind, **fields}


@pytest.mark.parametrize("kind", ["mha", "nrrd", "nii.gz"])
@pytest.mark.parametrize("dtype", [np.int16, np.uint8, np.float32, np.float64])
def test_values_and_places_survive(tmp_path: Path, kind: str, dtype: type) -> None:
    values = (texture(3, _SHAPE[::-1]) * (0.5 if dtype(0.5) else 1)).astype(dtype)
    image = SimpleITK.GetImageFromArray(values)
    cos, sin = np.cos(0.7), np.sin(0.7)
    image.SetDirection([cos, -sin, 0, sin, cos, 0, 0, 0, 1])
    image.SetSpacing([0.7, 1.9, 2.4])
    image.SetOrigin([-120.5, 33.25, 712.125])
    (tmp_path / "raw").mkdir()
    SimpleITK.WriteImage(image, str(tmp_path / f"raw/1.{kind}"))
    manifest = _manifest(tmp_path / "raw", {"p/1": [_medium("ct", f"1.{kind}")]})
    (row,) = _to(manifest, tmp_path / "out")
    assert row["image ct"] == "all/p_1/ct.nii.gz"
    written = SimpleITK.ReadImage(str(tmp_path / "out/all/p_1/ct.nii.gz"))
    np.testing.assert_array_equal(SimpleITK.GetArrayFromImage(written), values)
    assert SimpleITK.GetArrayFromImage(written).dtype == dtype
    for name in ("GetSpacing", "GetOrigin", "GetDirection"):
        was, now = getattr(image, name)(), getattr(written, name)()
        np.testing.assert_allclose(now, was, rtol=1e-6, atol=1e-6)
    loaded = nibabel.load(tmp_path / "out/all/p_1/ct.nii.gz")
    ras = np.diag([-1, -1, 1, 1])
    point = ras @ np.array([*image.TransformIndexToPhysicalPoint((5, 3, 2)), 1])
    np.testing.assert_allclose(loaded.affine @ [5, 3, 2, 1], point, rtol=1e-6)


def test_a_dicom_series_becomes_one_volume(tmp_path: Path) -> None:
    pixels = texture(5, (6, 16, 12)).astype(np.uint16) * 9
    names = [f"s/{(number * 5) % 6}.dcm" for number in range(6)]  # not in the order of slices
    for number, name in enumerate(names):
        ct_slice(tmp_path / "raw" / name, number, pixels[number])
    media = [_medium("ct", name) for name in sorted(names)]
    manifest = _manifest(tmp_path / "raw", {"one": media})
    (row,) = _to(manifest, tmp_path / "out")
    files = [str(tmp_path / "raw" / name) for name in names]
    expected = SimpleITK.ReadImage(files)
    written = SimpleITK.ReadImage(str(tmp_path / "out" / row["image ct"]))
    np.testing.assert_array_equal(
        SimpleITK.GetArrayFromImage(written), pixels.astype(np.int32) - 1024
    )
    assert written.GetSpacing() == pytest.approx(expected.GetSpacing(), rel=1e-6)
    assert written.GetOrigin() == pytest.approx(expected.GetOrigin(), rel=1e-6)
    assert written.GetDirection() == pytest.approx(expected.GetDirection(), abs=1e-6)
    sources = pl.read_parquet(tmp_path / "out/provenance.parquet")
    assert sources.height == 6
    doubled = {"one": [*media, _medium("ct", "1.mha")]}
    with pytest.raises(LayoutError, match="7 files for the image 'ct'"):
        _to(_manifest(tmp_path / "raw", doubled), tmp_path / "no")


def test_arrays_and_films(tmp_path: Path) -> None:
    (tmp_path / "raw").mkdir()
    values = np.stack([texture(n, _SHAPE[::-1]) for n in range(2)])
    np.savez(tmp_path / "raw/a.npz", images=values)
    film = np.stack([texture(n, _SHAPE) for n in range(3)], axis=-1)
    raster = Raster(film, "XYZT", affine=_AFFINE, header={"time_step": "0.5", "time_unit": "s"})
    nifti_writer.write(tmp_path / "raw/film.nii.gz", raster)
    samples = {
        "array": [_medium("scan", "a.npz", member="images", index=1)],
        "film": [_medium("cine", "film.nii.gz")],
    }
    manifest = _manifest(tmp_path / "raw", samples)
    rows = _to(manifest, tmp_path / "out", options={"orientation": "RAS"})
    array = nibabel.load(tmp_path / "out" / rows[0]["image scan"])
    np.testing.assert_array_equal(array.dataobj, values[1].transpose())
    written = nibabel.load(tmp_path / "out" / rows[1]["image cine"])
    turned = nibabel.as_closest_canonical(nibabel.load(tmp_path / "raw/film.nii.gz"))
    np.testing.assert_array_equal(written.dataobj, turned.dataobj)
    np.testing.assert_allclose(written.affine, turned.affine, rtol=1e-6)
    assert written.header.get_zooms()[3] == 0.5


def test_a_volume_longer_than_its_header_allows_is_the_second_version(tmp_path: Path) -> None:
    (tmp_path / "raw").mkdir()
    long = np.arange(33_000 * 2, dtype=np.int32).reshape(33_000, 2, 1)
    nifti_writer.write(tmp_path / "raw/1.nii.gz", Raster(long, "XYZ", affine=np.eye(4)))
    rows = _to(_manifest(tmp_path / "raw", {"1": [_medium("x", "1.nii.gz")]}), tmp_path / "out")
    written = nibabel.load(tmp_path / "out" / rows[0]["image x"])
    assert isinstance(written, nibabel.Nifti2Image)
    np.testing.assert_array_equal(written.dataobj, long)


def test_masks_keep_their_values_and_names(tmp_path: Path) -> None:
    root = tmp_path / "raw"
    root.mkdir()
    masks = {name: drawn_mask(n, _SHAPE).astype(np.int32) * 70_000 for n, name in enumerate("abc")}
    for name, mask in {**masks, "ct": texture(1, _SHAPE)}.items():
        nifti_writer.write(root / f"{name}.nii.gz", Raster(mask, "XYZ", affine=_AFFINE))
    media = [
        _medium("CT", "ct.nii.gz"),
        _medium("ct", "a.nii.gz", "mask"),
        _medium("nodule", "b.nii.gz", "mask", annotator="anna", label="结节/1"),
        _medium("nodule", "c.nii.gz", "mask", annotator="bert", label="结节/1"),
    ]
    manifest = _manifest(root, {"1": media}, split=["val"], sex=["F"], age_years=[61.5])
    (row,) = _to(manifest, tmp_path / "out", options={"orientation": "LPS"})
    assert (row["sample_id"], row["split"], row["sex"], row["age_years"]) == (
        *("1", "val", "F", "61.5"),
    )
    places = {
        "image CT": ("val/1/CT.nii.gz", texture(1, _SHAPE)),
        "mask ct": ("val/1/mask_ct.nii.gz", masks["a"]),
        "mask 结节/1 by anna": ("val/1/1-anna.nii.gz", masks["b"]),
        "mask 结节/1 by bert": ("val/1/1-bert.nii.gz", masks["c"]),
    }
    for column, (place, values) in places.items():
        assert row[column] == place
        written = nibabel.load(tmp_path / "out" / place)
        assert nibabel.aff2axcodes(written.affine) == ("L", "P", "S")
        ras = nibabel.as_closest_canonical(nibabel.Nifti1Image(values, _AFFINE, dtype=values.dtype))
        back = nibabel.as_closest_canonical(written)
        np.testing.assert_array_equal(back.dataobj, ras.dataobj)
        np.testing.assert_allclose(back.affine, ras.affine, rtol=1e-6, atol=1e-6)


def test_masks_that_lie_elsewhere_are_refused(tmp_path: Path) -> None:
    root = tmp_path / "raw"
    root.mkdir()
    moved = _AFFINE.copy()
    moved[0, 3] += 10
    nifti_writer.write(root / "ct.nii.gz", Raster(texture(1, _SHAPE), "XYZ", affine=_AFFINE))
    nifti_writer.write(root / "m.nii.gz", Raster(drawn_mask(1, _SHAPE), "XYZ", affine=moved))
    media = [_medium("ct", "ct.nii.gz"), _medium("liver", "m.nii.gz", "mask")]
    with pytest.raises(LayoutError, match=r"10\.0 mm away.\n.*fix-geometry volumes"):
        _to(_manifest(root, {"1": media}), tmp_path / "out")


def test_what_cannot_be_is_refused_at_once(tmp_path: Path) -> None:
    manifest = volumes(tmp_path / "raw")
    with pytest.raises(SettingError, match="RAS, LPS"):
        _to(manifest, tmp_path / "out", options={"orientation": "XYZ"})
    with pytest.raises(SettingError, match="zlib or isal"):
        _to(manifest, tmp_path / "out", options={"compression": "gzip"})
    media = [_medium("a/b", "1.nii.gz"), _medium("a b", "2.nii.gz")]
    with pytest.raises(SettingError, match="both be written as 'a_b'"):
        _to(_manifest(tmp_path / "raw", {"1": media}), tmp_path / "out")
    for bare in ([], None):
        with pytest.raises(SettingError, match="1 samples have no image: bare"):
            _to(_manifest(tmp_path / "raw", {"a": media[:1], "bare": bare}), tmp_path / "out")
    assert not list(tmp_path.glob(".out*"))


def test_a_series_in_an_archive_and_colours_are_refused(tmp_path: Path) -> None:
    (tmp_path / "raw").mkdir()
    with zipfile.ZipFile(tmp_path / "raw/s.zip", "w") as archive:
        for number in range(3):
            ct_slice(tmp_path / "slice.dcm", number, texture(number, (8, 8)))
            archive.write(tmp_path / "slice.dcm", f"{number}.dcm")
    Image.fromarray(np.zeros((8, 8, 3), np.uint8)).save(tmp_path / "raw/1.png")
    slices = [_medium("ct", "s.zip", member=f"{n}.dcm", format="dcm") for n in range(3)]
    with pytest.raises(UnsupportedError, match=r"'ct' of sample 1 lies in an archive.\n.*unpack"):
        _to(_manifest(tmp_path / "raw", {"1": slices}), tmp_path / "series")
    with pytest.raises(SettingError, match=r"axes YXC.*\n.*--channels grey"):
        _to(_manifest(tmp_path / "raw", {"1": [_medium("x", "1.png")]}), tmp_path / "colours")
    grey = Preparation(channels="grey")
    manifest = _manifest(tmp_path / "raw", {"1": [_medium("x", "1.png")]})
    (row,) = _to(manifest, tmp_path / "grey", preparation=grey)
    assert nibabel.load(tmp_path / "grey" / row["image x"]).shape == (8, 8, 1)


def test_it_is_read_back_to_the_same_values(tmp_path: Path) -> None:
    manifest = volumes(tmp_path / "raw")
    rows = {each["sample_id"]: each for each in _to(manifest, tmp_path / "out")}
    places = {"image": "{split}/{id}/image.nii.gz", "mask": "{split}/{id}/mask.nii.gz"}
    again = image_masks.read(tmp_path / "out", Meta("back", "Back", dimensions=3), **places)
    found = {each.id: each for each in Dataset(again)}
    for sample in Dataset(manifest):
        back = found[f"{sample.split}/{sample.id}"]
        np.testing.assert_array_equal(back.image(), sample.image())
        np.testing.assert_array_equal(back.mask(), sample.mask())
        np.testing.assert_allclose(back.raster().affine, sample.raster().affine, atol=1e-6)
        assert rows[sample.id]["split"] == sample.split


@pytest.mark.parametrize(
    "fixture", [image_masks_channels, msd_prostate], ids=["image_masks_channels", "msd_prostate"]
)
def test_fixtures_keep_their_values(tmp_path: Path, fixture: Any) -> None:
    fixture.make(tmp_path / "raw")
    reader = {"image_masks": image_masks, "msd": msd}[fixture.READER]
    manifest = reader.read(tmp_path / "raw", fixture.META, **getattr(fixture, "OPTIONS", {}))
    with pytest.raises(LayoutError, match="fix-geometry"):  # their masks have a size of their own
        _to(manifest, tmp_path / "no")
    images = pl.col("media").list.filter(pl.element().struct.field("role") == "image")
    rows = manifest.frame.collect().with_columns(media=images)
    table = _to(assemble(rows, manifest.meta, manifest.root), tmp_path / "out")
    for row in table:
        for name, grey in fixture.GREYS[row["sample_id"]].items():
            if place := row.get(f"image {name}"):
                assert (np.asarray(nibabel.load(tmp_path / "out" / place).dataobj) == grey).all()
    assert len(table) == len(fixture.GREYS)


def test_preparation_moves_image_and_mask_together(tmp_path: Path) -> None:
    manifest = volumes(tmp_path / "raw")
    how = Preparation(crop="4,20,3,17,2,14", window=(40.0, 400.0))
    row, *_ = _to(manifest, tmp_path / "out", preparation=how)
    image, mask = (
        nibabel.load(tmp_path / "out" / row[each]) for each in ("image image", "mask mask")
    )
    assert image.shape == mask.shape == (16, 14, 12)
    np.testing.assert_array_equal(mask.affine[:3, 3], [4, 4.5, 4])
    np.testing.assert_array_equal(mask.affine, image.affine)
    whole = nibabel.load(manifest.root / "masks" / f"{row['sample_id']}.nii.gz")
    np.testing.assert_array_equal(mask.dataobj, np.asarray(whole.dataobj)[4:20, 3:17, 2:14])
    assert image.get_data_dtype() == np.uint8


def test_the_files_of_a_sample_are_written_all_or_none(tmp_path: Path) -> None:
    good = Raster(np.zeros((2, 3, 4), np.int16), "XYZ")
    bad = Raster(np.zeros((2, 3, 4), np.float16), "XYZ")
    with pytest.raises(SettingError, match="no place for float16"):
        write_volumes({tmp_path / "a.nii.gz": good, tmp_path / "b.nii.gz": bad}, "zlib")
    assert not sorted(tmp_path.iterdir())


def test_workers_do_not_show(tmp_path: Path) -> None:
    manifest = volumes(tmp_path / "raw")
    for name, workers in (("one", 0), ("two", 2)):
        convert(manifest, tmp_path / name, Request("nifti", shard_size=1), Labour(workers=workers))
    one, two = (
        {
            str(each.relative_to(tmp_path / name)): hashlib.sha256(each.read_bytes()).hexdigest()
            for each in sorted((tmp_path / name).rglob("*"))
            if each.is_file()
        }
        for name in ("one", "two")
    )
    assert one == two
    assert json.loads((tmp_path / "one/medshelf.json").read_text())["n_written"] == 8


def test_a_real_series_is_as_it_is_read(real_data: Path, tmp_path: Path) -> None:
    root = real_data.parent / "dicom_structural/dicoms"
    if not root.is_dir():
        pytest.skip("There is no folder dicom_structural beside the real MedMNIST files")
    files = sorted(root.glob("*.dcm"))
    manifest = _manifest(root, {"mr": [_medium("t1", each.name) for each in files]})
    (row,) = _to(manifest, tmp_path / "out")
    read, written = read_series(files), nifti.read(tmp_path / "out" / row["image t1"])
    np.testing.assert_array_equal(written.as_axes("ZYX"), read.array)
    np.testing.assert_allclose(written.affine, read.affine, rtol=1e-6, atol=1e-5)
    itk = SimpleITK.ReadImage(str(tmp_path / "out" / row["image t1"]))
    np.testing.assert_array_equal(SimpleITK.GetArrayFromImage(itk), read.array)

"""Images and masks of every format and shape that a manifest can name."""

from __future__ import annotations

import io
import tarfile
import zipfile
from pathlib import Path

import h5py
import nibabel as nib
import numpy as np
import polars as pl
import pytest
from PIL import Image
from pydicom.dataset import FileDataset, FileMetaDataset
from pydicom.uid import ExplicitVRLittleEndian, generate_uid

from medshelf.core import columns as c
from medshelf.core.assembly import assemble
from medshelf.core.columns import with_legend
from medshelf.core.manifest import Manifest, Meta
from medshelf.formats.npz import write_arrays
from medshelf.quality.measuring.measure import measure
from medshelf.quality.passes import Passes
from tests.quality.miniatures import drawn_mask, texture

LEGEND = {"0": "background", "1": "liver", "2": "tumour"}


def manifest_of(
    root: Path,
    *media: pl.Expr,
    n_rows: int = 1,
    dimensions: int | None = 2,
    legend: dict[str, str] | None = None,
) -> Manifest:
    rows = pl.DataFrame({"sample_id": [f"{each:03}" for each in range(n_rows)]})
    rows = rows.with_row_index("n").with_columns(media=c.entries(*media)).drop("n")
    meta = Meta("set", "Set", dimensions=dimensions)
    return assemble(rows, with_legend(meta, legend) if legend else meta, root)


def image(path: str, kind: str, role: str = "image", name: str | None = None, **fields) -> pl.Expr:
    given = {"member": None, "format": pl.lit(kind), "path": pl.lit(path), **fields}
    return c.media(role, name or role, **given)


def measured(manifest: Manifest) -> tuple[list[dict], list[dict]]:
    found = measure(manifest, Passes(workers=0))
    media = found.media.collect()
    assert media["error"].null_count() == media.height, media["error_message"].to_list()
    return media.to_dicts(), found.regions.collect().to_dicts()


def png(array: np.ndarray) -> bytes:
    file = io.BytesIO()
    Image.fromarray(array).save(file, "PNG")
    return file.getvalue()


def test_rows_of_containers(tmp_path):
    stack = np.stack([texture(each, (70, 66)) for each in range(5)])
    write_arrays(tmp_path / "a.npz", images=stack)
    np.save(tmp_path / "a.npy", stack)
    with h5py.File(tmp_path / "a.h5", "w") as file:
        file["images"] = stack
    pl.DataFrame({"images": [png(each) for each in stack]}).write_parquet(tmp_path / "a.parquet")
    index = pl.col("n").cast(pl.Int64)
    kinds = ("npz", "npy", "h5", "parquet")
    for kind in kinds:
        member = None if kind == "npy" else pl.lit("images")
        medium = image(f"a.{kind}", kind, index=index, member=member)
        rows, _ = measured(manifest_of(tmp_path, medium, n_rows=5))
        assert [each["mean"] for each in rows] == [each.mean() for each in stack]
        assert {(each["size_bytes"], each["file_digest"]) for each in rows} == {(None, None)}
        assert {each["actual_format"] for each in rows} == {kind}
        assert [each["index"] for each in rows] == list(range(5))


def test_members_of_archives_and_the_same_picture_in_other_files(tmp_path):
    picture = texture(0, (80, 90))
    (tmp_path / "a.png").write_bytes(png(picture))
    Image.fromarray(picture).save(tmp_path / "a.tif")
    with zipfile.ZipFile(tmp_path / "a.zip", "w") as archive:
        archive.writestr("in/a.png", png(picture))
    with tarfile.open(tmp_path / "a.tar", "w") as archive:
        archive.add(tmp_path / "a.png", "in/a.png")
    media = [
        image("a.png", "png", name="a"),
        image("a.tif", "tif", name="b"),
        image("a.zip", "png", name="c", member=pl.lit("in/a.png")),
        image("a.tar", "png", name="d", member=pl.lit("in/a.png")),
        image("a.png", "jpg", name="e"),
    ]
    rows, _ = measured(manifest_of(tmp_path, *media))
    assert len({each["pixel_digest"] for each in rows}) == 1
    assert len({each["file_digest"] for each in rows}) == 2
    assert rows[0]["file_digest"] == rows[2]["file_digest"] == rows[3]["file_digest"]
    assert rows[2]["size_bytes"] == len(png(picture))
    assert [each["actual_format"] for each in rows] == ["png", "tif", "png", "png", "png"]
    assert rows[0]["spacing_x_mm"] is None


def test_the_resolution_of_a_picture_is_no_spacing(tmp_path):
    Image.fromarray(texture(0, (70, 70))).save(tmp_path / "a.png", dpi=(72, 72))
    Image.fromarray(drawn_mask(0, (70, 70))).save(tmp_path / "m.png", dpi=(72, 72))
    media = image("a.png", "png"), image("m.png", "png", "mask")
    rows, regions = measured(manifest_of(tmp_path, *media, legend=LEGEND))
    assert rows[0]["spacing_x_mm"] is None
    assert regions[0]["area_mm2"] is None


def test_colours(tmp_path):
    picture = np.stack([texture(each, (70, 80)) for each in range(3)], axis=-1)
    Image.fromarray(picture).save(tmp_path / "a.png")
    Image.fromarray(drawn_mask(0, (70, 80))).save(tmp_path / "m.png")
    media = image("a.png", "png"), image("m.png", "png", "mask")
    rows, regions = measured(manifest_of(tmp_path, *media, legend=LEGEND))
    assert (rows[0]["channels"], rows[0]["axes"], rows[0]["photometric"]) == (3, "YXC", "rgb")
    assert rows[0]["channel_means"] == pytest.approx(picture.reshape(-1, 3).mean(axis=0))
    assert rows[0]["mean"] == pytest.approx(picture.mean())
    where = drawn_mask(0, (70, 80)) == 1
    assert regions[0]["intensity_mean"] == pytest.approx(picture[where].mean())


def test_several_masks_annotators_and_files_of_one_mask(tmp_path):
    Image.fromarray(texture(0, (70, 70))).save(tmp_path / "a.png")
    empty, left, right = (np.zeros((70, 70), np.uint8) for _ in range(3))
    left[5:15, 5:15] = 1
    right[40:60, 40:50] = 1
    for name, array in {"e": empty, "l": left, "r": right}.items():
        Image.fromarray(array).save(tmp_path / f"{name}.png")
    media = [
        image("l.png", "png", "mask", "lung", annotator="A"),
        image("a.png", "png"),
        image("r.png", "png", "mask", "lung", annotator="A"),
        image("e.png", "png", "mask", "lung", annotator="B"),
        image("r.png", "png", "mask", "spleen", label="spleen"),
        image("l.png", "png", "mask", "liver", label="liver"),
    ]
    rows, regions = measured(manifest_of(tmp_path, *media))
    assert [each["place"] for each in rows] == list(range(6))
    found = [
        (each["name"], each["annotator"], each["structure"], each["n_pixels"]) for each in regions
    ]
    assert found == [
        ("lung", "A", "1", 300),
        ("spleen", None, "spleen", 200),
        ("liver", None, "liver", 100),
    ]
    assert regions[0]["n_components"] == 2


def test_masks_that_cannot_be_one(tmp_path):
    Image.fromarray(drawn_mask(0, (70, 70))).save(tmp_path / "a.png")
    Image.fromarray(drawn_mask(0, (70, 60))).save(tmp_path / "b.png")
    colours = np.stack([texture(each, (70, 70)) for each in range(3)], axis=-1)
    Image.fromarray(colours).save(tmp_path / "c.png")
    media = [
        image("a.png", "png", "mask", "one"),
        image("b.png", "png", "mask", "one"),
        image("c.png", "png", "mask", "two"),
    ]
    found = measure(manifest_of(tmp_path, *media, legend=LEGEND), Passes(workers=0))
    rows = found.media.collect()
    assert rows["error"].to_list() == [None, "mismatch", "mismatch"]
    assert rows["error_message"][1] == "It is (70, 60), not (70, 70)"
    assert "has colours" in rows["error_message"][2]
    assert rows["n_x"].to_list() == [70, None, None]
    assert found.regions.collect()["name"].unique().to_list() == ["one"]


def test_white_masks_of_one_bit_and_of_a_jpeg(tmp_path):
    drawn = np.zeros((64, 64), bool)
    drawn[8:24, 8:24] = True
    Image.fromarray(drawn).save(tmp_path / "bit.png")
    Image.fromarray(drawn.astype(np.uint8) * 255).save(tmp_path / "lossy.jpg", quality=60)
    media = image("bit.png", "png", "mask", "a"), image("lossy.jpg", "jpg", "mask", "b")
    legend = {"0": "background", "255": "lesion"}
    _, regions = measured(manifest_of(tmp_path, *media, legend=legend))
    assert [(each["structure"], each["n_pixels"]) for each in regions] == [("lesion", 256)] * 2


def test_a_mask_with_channels(tmp_path):
    mask = np.zeros((2, 32, 32, 3), np.float64)
    mask[1, :4, :, 0] = 7
    mask[1, 20:22, 20:22, 2] = 3
    np.save(tmp_path / "m.npy", mask)
    index = pl.col("n").cast(pl.Int64)
    medium = image("m.npy", "npy", "mask", index=index)
    legend = {"0": "neoplastic", "1": "dead", "2": "background"}
    _, regions = measured(manifest_of(tmp_path, medium, n_rows=2, legend=legend))
    found = [(each["structure"], each["n_pixels"]) for each in regions]
    assert found == [("neoplastic", 0), ("dead", 0), ("neoplastic", 128), ("dead", 0)]


def nifti(path: Path, array: np.ndarray, affine: np.ndarray) -> None:
    nib.save(nib.Nifti1Image(array, affine), path)


def test_volumes_of_four_axes_of_one_slice_and_with_holes_in_their_values(tmp_path):
    affine = np.diag([2.0, 2.0, 3.0, 1.0])
    four = np.random.default_rng(0).normal(size=(6, 7, 5, 4)).astype(np.float32)
    four[0, 0, 0, 0] = np.nan
    nifti(tmp_path / "four.nii.gz", four, affine)
    nifti(tmp_path / "flat.nii.gz", four[:, :, :1, 1], affine)
    mask = np.zeros((6, 7, 5), np.uint8)
    mask[2:4, 2:4, 2:4] = 1
    nifti(tmp_path / "m.nii.gz", mask, affine)
    media = [
        image("four.nii.gz", "nii.gz", name="four"),
        image("flat.nii.gz", "nii.gz", name="flat"),
        image("four.nii.gz", "nii.gz", name="part", index=pl.lit(2)),
        image("m.nii.gz", "nii.gz", "mask"),
    ]
    rows, regions = measured(manifest_of(tmp_path, *media, dimensions=3, legend={"1": "liver"}))
    found = {each["name"]: each for each in rows}
    assert (found["four"]["axes"], found["four"]["n_t"], found["four"]["n_not_finite"]) == (
        *("XYZT", 4),
        1,
    )
    assert found["four"]["mean"] == pytest.approx(np.nanmean(four.astype(float)), rel=1e-12)
    assert (found["flat"]["n_z"], found["flat"]["n_x"]) == (1, 6)
    assert found["part"]["mean"] == pytest.approx(four[..., 2].astype(float).mean(), rel=1e-12)
    assert found["part"]["file_digest"] is None
    assert regions[0]["intensity_mean"] == pytest.approx(
        four[2:4, 2:4, 2:4, 2].astype(float).mean(), rel=1e-6
    )
    assert regions[0]["volume_mm3"] == 8 * 12


def test_oblique_and_sheared_axes(tmp_path):
    angle = np.deg2rad(20)
    turned = np.eye(4)
    turned[:2, :2] = [[np.cos(angle), -np.sin(angle)], [np.sin(angle), np.cos(angle)]]
    sheared = np.eye(4)
    sheared[0, 1] = np.tan(np.deg2rad(10))
    flipped = np.diag([-1.0, -1.0, 2.0, 1.0])
    for name, affine in {"t": turned, "s": sheared, "f": flipped}.items():
        nifti(tmp_path / f"{name}.nii", texture(0, (8, 8, 8)), affine)
    media = [image(f"{each}.nii", "nii", name=each) for each in "tsf"]
    rows, _ = measured(manifest_of(tmp_path, *media, dimensions=3))
    assert [each["orientation"] for each in rows] == ["RAS", "RAS", "LPS"]
    assert [each["oblique_degrees"] for each in rows] == pytest.approx([20, 10, 0], abs=0.01)
    assert [each["shear_degrees"] for each in rows] == pytest.approx([0, 10, 0], abs=0.01)
    assert rows[2]["affine"] == flipped.ravel().tolist()


def test_dicom_with_rescale(tmp_path):
    stored = texture(0, (64, 70)).astype(np.uint16) * 5
    meta = FileMetaDataset()
    meta.MediaStorageSOPClassUID = "1.2.840.10008.5.1.4.1.1.2"
    meta.MediaStorageSOPInstanceUID = generate_uid(entropy_srcs=["a"])
    meta.TransferSyntaxUID = ExplicitVRLittleEndian
    file = FileDataset(None, {}, file_meta=meta, preamble=b"\0" * 128)
    file.SOPClassUID = meta.MediaStorageSOPClassUID
    file.SOPInstanceUID = meta.MediaStorageSOPInstanceUID
    file.Modality, file.PhotometricInterpretation = "CT", "MONOCHROME2"
    file.Rows, file.Columns = stored.shape
    file.SamplesPerPixel, file.PixelRepresentation = 1, 0
    file.BitsAllocated, file.BitsStored, file.HighBit = 16, 12, 11
    file.RescaleSlope, file.RescaleIntercept, file.RescaleType = "1", "-1024", "HU"
    file.PixelSpacing = ["0.5", "0.25"]
    file.PixelData = stored.tobytes()
    file.save_as(tmp_path / "a.dcm", enforce_file_format=True)
    (row,), _ = measured(manifest_of(tmp_path, image("a.dcm", "dcm")))
    assert (row["unit"], row["bits"], row["actual_format"]) == ("HU", 12, "dcm")
    assert row["mean"] == pytest.approx(stored.astype(float).mean() - 1024, rel=1e-14)
    assert (row["spacing_x_mm"], row["spacing_y_mm"]) == (0.25, 0.5)


def test_the_legend_is_that_of_the_dataset_that_a_row_comes_from(tmp_path):
    Image.fromarray(drawn_mask(0, (64, 64))).save(tmp_path / "m.png")
    manifest = manifest_of(tmp_path, image("m.png", "png", "mask"), n_rows=2)
    extra = c.extra({"dataset": pl.when(pl.col("sample_id") == "000").then(pl.lit("a"))})
    options = {"legend": "1=one; 2=two", "legend:a": "1=liver; 2=tumour"}
    meta = Meta("set", "Set", dimensions=2, options=options)
    rows = manifest.frame.with_columns(extra=extra).collect()
    _, regions = measured(assemble(rows, meta, tmp_path))
    assert [each["structure"] for each in regions] == ["liver", "tumour", "one", "two"]

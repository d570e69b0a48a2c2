"""A sample: its facts, its images from every kind of file, its masks and their errors."""

from __future__ import annotations

import pickle
import zipfile
from pathlib import Path

import numpy as np
import polars as pl
import pytest
from PIL import Image

from medshelf.core.errors import (
    FormatError,
    LayoutError,
    NotFetchedError,
    SettingError,
    UnknownNameError,
    UnsupportedError,
)
from medshelf.dataset.fields import Label
from medshelf.formats import nifti_writer, npz
from medshelf.formats import picture as picture_codec
from medshelf.formats.raster import Raster
from tests.contract import making
from tests.dataset.trees import fixture, greys, medium, patients, segmented, table

FIXTURES = ["msd_prostate", "nnunet_v2", "image_masks_one_folder", "class_folders_by_patient"]


@pytest.mark.parametrize("name", FIXTURES)
def test_every_image_of_the_fixtures_has_its_grey_value(tmp_path: Path, name: str) -> None:
    found = fixture(name, tmp_path)
    assert len(found)
    for sample in found:
        wanted = greys(name)[sample.id]
        for image in sample.images:
            value = wanted[image] if isinstance(wanted, dict) else wanted
            assert np.unique(sample.image(image)).tolist() == [value], (sample.id, image)


def test_a_channel_of_a_4d_file_keeps_its_geometry(tmp_path: Path) -> None:
    sample = fixture("msd_prostate", tmp_path).find("train/prostate_02")
    raster = sample.raster("ADC")
    assert (raster.axes, raster.array.shape) == ("XYZ", (4, 5, 6))
    assert raster.spacing_mm == (1.0, 1.0, 2.0)
    np.testing.assert_array_equal(raster.affine, np.diag([1, 1, 2, 1.0]))
    assert sample.volume("ADC").shape == (4, 5, 6, 2)
    assert sample.patient_id == "prostate_02"


def test_a_slice_of_a_volume_is_its_last_axis(tmp_path: Path) -> None:
    from medshelf.formats import nifti_writer
    from medshelf.formats.raster import Raster

    array = np.arange(60, dtype=np.int16).reshape(3, 4, 5)
    nifti_writer.write(tmp_path / "a.nii.gz", Raster(array, "XYZ", affine=np.eye(4)))
    sample = table([{"sample_id": "a", "media": [medium("a.nii.gz", index=3)]}], tmp_path)[0]
    raster = sample.raster()
    np.testing.assert_array_equal(raster.array, array[..., 3])
    assert (raster.axes, raster.affine) == ("XY", None)
    beyond = table([{"sample_id": "a", "media": [medium("a.nii.gz", index=5)]}], tmp_path)[0]
    with pytest.raises(LayoutError, match="has 5 places, none with the index 5"):
        beyond.image()


@pytest.mark.parametrize("format_", ["npz", "npy", "h5", "zip"])
def test_rows_of_arrays(tmp_path: Path, format_: str) -> None:
    array = np.random.default_rng(0).integers(0, 256, (4, 6, 7, 3), dtype=np.uint8)
    member: str | None = "x"
    if format_ == "npz":
        npz.write_arrays(tmp_path / "a.npz", x=array, y=array[:1])
    elif format_ == "h5":
        h5py = pytest.importorskip("h5py")
        with h5py.File(tmp_path / "a.h5", "w") as file:
            file["x"] = array
    else:
        np.save(tmp_path / "a.npy", array)
        member = None
    if format_ == "zip":
        with zipfile.ZipFile(tmp_path / "a.zip", "w") as archive:
            archive.write(tmp_path / "a.npy", "in/a.npy")
        member = "in/a.npy"
    place = medium(f"a.{format_}", member=member, index=2)
    if format_ == "zip":
        place["format"] = "npy"
    found = table([{"sample_id": "a", "media": [place]}], tmp_path)
    raster = found[0].raster()
    np.testing.assert_array_equal(raster.array, array[2])
    assert raster.axes == "YXC"
    place["index"] = 4
    with pytest.raises(LayoutError, match="none with the index 4"):
        table([{"sample_id": "a", "media": [place]}], tmp_path)[0].image()


def test_frames_of_a_picture(tmp_path: Path) -> None:
    pages = [Image.fromarray(np.full((4, 5), value, np.uint8)) for value in (3, 5, 9)]
    pages[0].save(tmp_path / "a.tif", save_all=True, append_images=pages[1:])
    rows = [{"sample_id": f"{i}", "media": [medium("a.tif", index=i)]} for i in range(3)]
    found = table(rows, tmp_path)
    assert [np.unique(each.image()).tolist() for each in found] == [[3], [5], [9]]
    assert found[0].raster().axes == "YX"


def test_dicom(tmp_path: Path) -> None:
    pydicom = pytest.importorskip("pydicom")
    data = pydicom.dataset.Dataset()
    data.file_meta = pydicom.dataset.FileMetaDataset()
    data.file_meta.TransferSyntaxUID = pydicom.uid.ExplicitVRLittleEndian
    data.SOPClassUID, data.SOPInstanceUID = pydicom.uid.CTImageStorage, "1.2.3"
    data.StudyInstanceUID, data.Modality = "1.2", "CT"
    data.Rows, data.Columns, data.SamplesPerPixel = 3, 4, 1
    data.BitsAllocated, data.BitsStored, data.HighBit, data.PixelRepresentation = 16, 12, 11, 0
    data.PhotometricInterpretation = "MONOCHROME2"
    data.RescaleSlope, data.RescaleIntercept = 1, -1024
    data.PixelSpacing = [0.5, 0.25]
    stored = np.arange(12, dtype=np.uint16).reshape(3, 4) * 100
    data.PixelData = stored.tobytes()
    data.save_as(tmp_path / "a.dcm", enforce_file_format=True)
    sample = table([{"sample_id": "a", "media": [medium("a.dcm")]}], tmp_path)[0]
    np.testing.assert_array_equal(sample.image(), stored.astype(np.int16) - 1024)
    assert sample.raster().spacing_mm == (0.25, 0.5)


def test_a_damaged_member_is_named(tmp_path: Path) -> None:
    with zipfile.ZipFile(tmp_path / "a.zip", "w") as archive:
        archive.writestr("deep/b.nii.gz", b"\x1f\x8bnothing")
    place = {**medium("a.zip"), "member": "deep/b.nii.gz", "format": "nii.gz"}
    sample = table([{"sample_id": "a", "media": [place]}], tmp_path)[0]
    with pytest.raises(FormatError, match=r"a\.zip/deep/b\.nii\.gz"):
        sample.image()


def test_media_that_are_not_there(tmp_path: Path) -> None:
    making.picture(tmp_path / "a.png", 7)
    media = [
        medium("a.png", name="frontal"),
        {"name": "lateral", "role": "image", "format": "png"},
        medium("film.mp4", "video"),
        medium("gone.png", name="gone"),
        medium("../a.png", name="out"),
    ]
    sample = table([{"sample_id": "a", "media": media}, {"sample_id": "b"}], tmp_path)[0]
    assert np.unique(sample.image()).tolist() == [7]
    with pytest.raises(NotFetchedError, match="'lateral' of dataset"):
        sample.image("lateral")
    with pytest.raises(UnknownNameError, match="Did you mean: frontal"):
        sample.image("frontl")
    with pytest.raises(UnsupportedError, match="'mp4', which is not decoded"):
        sample.raster("video")
    with pytest.raises(UnsupportedError, match="'png', which is not decoded"):
        sample.volume()
    with pytest.raises(FormatError, match=r"gone\.png: No such file"):
        sample.image("gone")
    with pytest.raises(LayoutError, match="leads out of"):
        sample.image("out")
    assert sample.source("video") == tmp_path / "film.mp4"
    bare = table([{"sample_id": "b"}], tmp_path)[0]
    with pytest.raises(SettingError, match="Sample b has no image"):
        bare.image()
    with pytest.raises(SettingError, match="Sample b has no masks"):
        bare.mask()


def test_masks_by_name_by_label_and_by_legend(tmp_path: Path) -> None:
    found = segmented(tmp_path)
    assert found.legend == {"background": (0,), "liver": (1,)}
    for number, sample in enumerate(found):
        values = sample.mask()
        assert values.dtype == np.uint8
        assert np.count_nonzero(values) == 100 + number
        region = sample.mask("liver")
        assert region.dtype == np.bool_
        assert region.sum() == 100 + number
        np.testing.assert_array_equal(sample.mask("background"), values == 0)
    with pytest.raises(UnknownNameError, match="Did you mean: liver"):
        found[0].mask("livr")


def test_regions_of_several_values(tmp_path: Path) -> None:
    array = np.zeros((4, 4), np.uint8)
    array[0], array[1], array[2, 0] = 1, 2, 3
    Image.fromarray(array).save(tmp_path / "m.png")
    legend = {"legend": "0=background; 1,2,3=whole; 3=core"}
    row = {"sample_id": "a", "media": [medium("m.png", "mask", label="tumour")]}
    sample = table([row], tmp_path, options=legend)[0]
    assert (sample.mask("whole").sum(), sample.mask("core").sum()) == (9, 1)
    np.testing.assert_array_equal(sample.mask("tumour"), array)


def test_a_mask_of_another_size_than_its_image(tmp_path: Path) -> None:
    sample = fixture("image_masks_one_folder", tmp_path).find("benign/benign (1)")
    with pytest.raises(LayoutError, match=r"\(image: X 16 x Y 16, not X 8 x Y 6\)"):
        sample.mask()
    volumes = fixture("nnunet_v2", tmp_path / "volumes").find("train/case_0001")
    with pytest.raises(LayoutError, match="X 8 x Y 8 x Z 8, not"):
        volumes.mask()


def test_a_value_that_is_not_in_the_legend(tmp_path: Path) -> None:
    making.mask(tmp_path / "m.png", 5, value=7)
    row = {"sample_id": "a", "media": [medium("m.png", "mask")]}
    legend = {"legend": "0=background; 255=polyp"}
    with pytest.raises(LayoutError, match="has the values 7, which are not in the legend"):
        table([row], tmp_path, options=legend)[0].mask()
    assert np.count_nonzero(table([row], tmp_path)[0].mask()) == 5
    wrong = {"legend": "a=background"}
    with pytest.raises(LayoutError, match="has the value 'a' for 'background'"):
        table([row], tmp_path, options=wrong)[0].mask()


def test_several_files_of_one_mask_are_one(tmp_path: Path) -> None:
    for number, place in enumerate((0, 9)):
        array = np.zeros((3, 4), np.uint8)
        array.flat[place] = 255
        Image.fromarray(array).save(tmp_path / f"m{number}.png")
    media = [medium("m0.png", "mask"), medium("m1.png", "mask")]
    found = table([{"sample_id": "a", "media": media}], tmp_path)
    assert np.flatnonzero(found[0].mask()).tolist() == [0, 9]
    making.mask(tmp_path / "m1.png", 3)
    with pytest.raises(LayoutError, match="of the same mask"):
        found[0].mask()


@pytest.mark.parametrize(
    ("legend", "value"), [("0=background; 255=polyp", 255), ("0=background; 1=polyp", 1)]
)
def test_masks_of_one_bit_have_the_value_of_the_legend(
    tmp_path: Path, legend: str, value: int
) -> None:
    Image.fromarray(np.eye(9, dtype=bool)).save(tmp_path / "m.png")
    row = {"sample_id": "a", "media": [medium("m.png", "mask")]}
    found = table([row], tmp_path, options={"legend": legend})[0].mask()
    np.testing.assert_array_equal(found, np.eye(9, dtype=np.uint8) * value)


def test_masks_with_a_palette_or_in_grey_colours(tmp_path: Path) -> None:
    indices = np.arange(6, dtype=np.uint8).reshape(2, 3) % 3
    picture = Image.new("P", (3, 2))
    picture.putdata(indices.ravel().tolist())
    picture.putpalette([0, 0, 0, 200, 0, 0, 0, 200, 0])
    picture.save(tmp_path / "palette.png")
    Image.fromarray(np.repeat(indices[..., None], 3, -1)).save(tmp_path / "grey.png")
    picture.convert("RGB").save(tmp_path / "colour.png")
    media = [medium(f"{n}.png", "mask", name=n) for n in ("palette", "grey", "colour")]
    options = {"legend": "0=background; 1=a; 2=b"}
    sample = table([{"sample_id": "a", "media": media}], tmp_path, options=options)[0]
    np.testing.assert_array_equal(sample.mask("palette"), indices)
    np.testing.assert_array_equal(sample.mask("grey"), indices)
    with pytest.raises(LayoutError, match="has colours, not values of a mask"):
        sample.mask("colour")
    with pytest.raises(SettingError, match="has 3 masks"):
        sample.mask()


def test_annotators_are_chosen(tmp_path: Path) -> None:
    for n in (3, 4):
        making.mask(tmp_path / f"m{n}.png", n)
    media = [medium(f"m{n}.png", "mask", annotator=f"reader {n}") for n in (3, 4)]
    sample = table([{"sample_id": "a", "media": media}], tmp_path)[0]
    assert np.count_nonzero(sample.mask(annotator="reader 4")) == 4
    with pytest.raises(SettingError, match="reader 3, reader 4"):
        sample.mask()
    with pytest.raises(UnknownNameError, match="Unknown annotator 'reader 5'"):
        sample.mask(annotator="reader 5")


def test_facts_of_a_row(tmp_path: Path) -> None:
    row = {
        "sample_id": "a",
        "label": "ill",
        "labels": [{"task": "t", "name": "x", "value": -1.0, "source": "nlp"}],
        "shapes": [
            {
                "kind": "box",
                "label": "x",
                "points": [0.0, 1.0, 2.0, 3.0],
                "unit": "pixel",
                "extra": [{"name": "k", "value": "v"}],
            }
        ],
        "text": {"report": "Clear."},
        "question": "What?",
        "options": ["a", "b"],
        "answers": ["b"],
        "turns": [{"role": "doctor", "content": "Hello"}],
        "age_years": 61.5,
        "extra": [{"name": "height", "value": "180"}],
    }
    sample = table([row], tmp_path)[0]
    assert (sample.id, sample.label, sample.report, sample.age_years) == (
        "a",
        "ill",
        "Clear.",
        61.5,
    )
    assert sample.labels == (Label("t", "x", -1.0, "nlp"),)
    assert sample.shapes[0].points == (0.0, 1.0, 2.0, 3.0)
    assert sample.shapes[0].extra == {"k": "v"}
    assert sample.question is not None
    assert (sample.question.text, sample.question.options, sample.question.answers) == (
        "What?",
        ("a", "b"),
        ("b",),
    )
    assert sample.turns[0].content == "Hello"
    assert sample.extra == {"height": "180"}
    bare = table([{"sample_id": "b"}], tmp_path)[0]
    assert (bare.report, bare.text, bare.question, bare.media, bare.extra) == (
        *(None,) * 3,
        (),
        {},
    )
    assert pickle.loads(pickle.dumps(sample)).labels == sample.labels


def test_a_wrong_filter_is_a_readable_error(tmp_path: Path) -> None:
    found = patients(20, tmp_path)
    for text, message in {
        "age > 3": "no column 'age'.*\n.*Nearest: .*age_years",
        "view == PA": "single quotes at character 9, found PA.*\n.*single quotes: 'PA'",
        "age_years >": "Expected a number to compare age_years with at character 12",
        "age_years + 1": "Expected a comparison after age_years at character 11",
        "age_years > 'x'": "Expected a number to compare age_years with at character 13",
        "": "Expected a column at character 1",
        "age_years > 1; drop table x": "at character 14, found ';'",
    }.items():
        with pytest.raises(SettingError, match=f"(?s){message}"):
            found.filter(text)


def test_members_are_read_where_they_lie(tmp_path: Path) -> None:
    found = fixture("class_folders_by_patient", tmp_path)
    before = sorted(str(each) for each in tmp_path.rglob("*"))
    assert np.unique(found.find("CNV/1016042/2").image()).tolist() == [12]
    assert sorted(str(each) for each in tmp_path.rglob("*")) == before


def test_pictures_in_a_parquet_file(tmp_path: Path) -> None:
    pictures = [picture_codec.encode_png(np.full((2, 3), value, np.uint8)) for value in (5, 6)]
    cells = pl.DataFrame(
        {
            "struct": [{"bytes": each, "path": "x.png"} for each in pictures] + [None],
            "plain": [*pictures, b"no picture"],
        }
    )
    cells.write_parquet(tmp_path / "a.parquet")

    def image(member: str, index: int) -> np.ndarray:
        place = medium("a.parquet", member=member, index=index)
        return table([{"sample_id": "a", "media": [place]}], tmp_path)[0].image()

    assert [np.unique(image("struct", i)).tolist() for i in (0, 1)] == [[5], [6]]
    assert np.unique(image("plain", 1)).tolist() == [6]
    with pytest.raises(FormatError, match=r"no picture in row 2"):
        image("struct", 2)
    with pytest.raises(FormatError, match=r"a\.parquet/plain, row 2: it begins like no PNG"):
        image("plain", 2)
    with pytest.raises(FormatError, match="no such column of bytes"):
        image("gone", 0)


def test_an_array_whose_member_leads_out_is_not_unpacked(tmp_path: Path) -> None:
    np.save(tmp_path / "a.npy", np.arange(6).reshape(2, 3))
    with zipfile.ZipFile(tmp_path / "a.zip", "w") as archive:
        archive.write(tmp_path / "a.npy", "../../out.npy")
    place = {**medium("a.zip", member="../../out.npy", index=1), "format": "npy"}
    with pytest.raises(FormatError, match="its name leads out of the archive"):
        table([{"sample_id": "a", "media": [place]}], tmp_path)[0].image()
    (tmp_path / "a.npy").unlink()
    assert not list(tmp_path.rglob("*.npy"))


def test_a_jpeg_mask_is_freed_of_its_noise(tmp_path: Path) -> None:
    drawn = np.zeros((40, 40), np.uint8)
    drawn[7:23, 5:30] = 255
    for mode in ("L", "RGB"):
        Image.fromarray(drawn).convert(mode).save(tmp_path / f"{mode}.jpg", quality=60)
        place = medium(f"{mode}.jpg", "mask")
        options = {"legend": "0=background; 255=polyp"}
        sample = table([{"sample_id": "a", "media": [place]}], tmp_path, options=options)[0]
        assert len(np.unique(sample.raster("mask").array)) > 2
        np.testing.assert_array_equal(sample.mask(), drawn)


def test_a_mask_with_a_channel_for_each_class(tmp_path: Path) -> None:
    array = np.random.default_rng(0).integers(0, 9, (2, 5, 4, 6)).astype(np.float64)
    np.save(tmp_path / "m.npy", array)
    np.save(tmp_path / "i.npy", np.ones((2, 5, 4, 3), np.uint8))
    media = [medium("i.npy", index=1), medium("m.npy", "mask", index=1)]
    legend = {"legend": "0=tumour; 1,2=stroma; 6=fat"}
    found = table([{"sample_id": "a", "media": media}], tmp_path, dimensions=2, options=legend)
    np.testing.assert_array_equal(found[0].mask(), array[1])
    assert found[0].mask_raster().axes == "YXC"
    np.testing.assert_array_equal(found[0].mask("tumour"), array[1, ..., 0] != 0)
    np.testing.assert_array_equal(found[0].mask("stroma"), array[1, ..., 1:3].any(axis=-1))
    with pytest.raises(LayoutError, match="has 6 channels, the legend names 6"):
        found[0].mask("fat")


@pytest.mark.parametrize(
    ("shift_mm", "fits"), [(0.0, True), (0.4, True), (0.6, False), (30.0, False)]
)
def test_mask_that_lies_elsewhere(tmp_path: Path, shift_mm: float, fits: bool) -> None:
    """Voxels are 1 mm: a mask may be half a voxel away from its image, not more."""
    array = np.zeros((4, 5, 6), np.uint8)
    for name, shift in (("a", 0.0), ("m", shift_mm)):
        affine = np.eye(4)
        affine[0, 3] = shift
        nifti_writer.write(tmp_path / f"{name}.nii.gz", Raster(array, "XYZ", affine=affine))
    media = [medium("a.nii.gz"), medium("m.nii.gz", "mask")]
    sample = table([{"sample_id": "1", "media": media}], tmp_path, dimensions=3).sample(0)
    if fits:
        assert sample.mask().shape == (4, 5, 6)
    else:
        with pytest.raises(LayoutError, match=rf"m\.nii\.gz.*{shift_mm:.1f} mm away"):
            sample.mask()

"""DICOM series as volumes: order and geometry as SimpleITK has them, and what is odd, reported."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import numpy as np
import pytest

from medshelf.core.errors import FormatError
from medshelf.formats import dicom
from tests.formats.dicom_files import RLE, encode_rle, make_dicom, make_image, make_series

AXIAL, CORONAL, SAGITTAL = (1, 0, 0, 0, 1, 0), (1, 0, 0, 0, 0, -1), (0, 1, 0, 0, 0, -1)
OBLIQUE = (2 / 3, 1 / 3, 2 / 3, -2 / 3, 2 / 3, 1 / 3)
RT_PLAN = "1.2.840.10008.5.1.4.1.1.481.5"
FLIPPED = (-1, 0, 0, 0, 1, 0)


def rules(report: dicom.SeriesReport) -> list[tuple[str, str]]:
    return [(each.rule, each.severity) for each in report.issues]


@pytest.mark.parametrize("orientation", [AXIAL, CORONAL, SAGITTAL, OBLIQUE, FLIPPED])
def test_a_volume_is_what_simpleitk_makes_of_the_files(
    tmp_path: Path, orientation: tuple[float, ...]
) -> None:
    simpleitk = pytest.importorskip("SimpleITK")
    paths = make_series(tmp_path, 8, orientation=orientation)
    reader = simpleitk.ImageSeriesReader()
    reader.SetFileNames(reader.GetGDCMSeriesFileNames(str(tmp_path)))
    image = reader.Execute()
    raster = dicom.read_series(sorted(paths))
    assert raster.axes == "ZYX"
    assert raster.unit == "HU"
    assert raster.photometric == "grey"
    assert "issues" not in raster.header
    np.testing.assert_array_equal(raster.array, simpleitk.GetArrayFromImage(image))
    np.testing.assert_allclose(raster.spacing_mm, image.GetSpacing(), atol=1e-5)
    assert raster.affine is not None
    for index in ((0, 0, 0), (6, 0, 0), (0, 4, 0), (3, 2, 7)):
        world = np.array(image.TransformIndexToPhysicalPoint(index)) * (-1, -1, 1)
        np.testing.assert_allclose((raster.affine @ (*index, 1))[:3], world, atol=1e-5)


def test_slices_lie_by_position_whatever_names_and_numbers_say(tmp_path: Path) -> None:
    paths = make_series(tmp_path, tags=lambda place: {"InstanceNumber": 6 - place})
    expected = np.arange(6) * 100 - 1024
    for given in (paths, paths[::-1], sorted(paths)):
        raster = dicom.read_series(given)
        np.testing.assert_array_equal(raster.array[:, 0, 0], expected)
    backwards = make_series(tmp_path, step=(0, 0, -2.5))
    np.testing.assert_array_equal(dicom.read_series(backwards).array[:, 0, 0], expected[::-1])


def test_a_gap_is_reported_and_the_spacing_is_that_of_the_others(tmp_path: Path) -> None:
    paths = make_series(tmp_path, 9)
    report = dicom.check_series(paths[:4] + paths[6:])
    assert rules(report) == [("series-gap", "warning")]
    assert report.issues[0].message.startswith("2 slices are missing: 1 of 6 distances")
    assert str(paths[3]) in report.issues[0].message
    assert report.spacing_mm == pytest.approx((0.5, 0.75, 2.5))
    raster = dicom.read_series(report)
    assert raster.array.shape == (7, 5, 7)
    assert "series-gap" in raster.header["issues"]


def test_uneven_distances_are_reported(tmp_path: Path) -> None:
    def moved(place: int) -> dict[str, Any]:
        return {"ImagePositionPatient": [0, 0, place * 2.5 + (0.5 if place == 2 else 0)]}

    report = dicom.check_series(make_series(tmp_path, tags=moved))
    assert rules(report) == [("series-uneven", "warning")]
    assert "varies from 2 to 3 mm" in report.issues[0].message
    assert report.spacing_mm == pytest.approx((0.5, 0.75, 2.5))


def test_a_tilted_gantry_gives_a_sheared_affine(tmp_path: Path) -> None:
    report = dicom.check_series(make_series(tmp_path, step=(0, 1, 2.5)))
    assert rules(report) == [("series-gantry-tilt", "warning")]
    assert "21.8 degrees" in report.issues[0].message
    assert report.affine is not None
    np.testing.assert_allclose(report.affine[:3, 2], (0, -1, 2.5), atol=1e-6)


def test_copies_and_slices_at_one_place_are_left_out(tmp_path: Path) -> None:
    paths = make_series(tmp_path)
    copy, other = tmp_path / "x-copy.dcm", tmp_path / "y-other.dcm"
    copy.write_bytes(paths[2].read_bytes())
    other.write_bytes(paths[4].read_bytes().replace(b"1.2.3.5", b"1.2.3.9"))
    report = dicom.check_series([copy, other, *paths])
    assert rules(report) == [("series-duplicate", "warning")] * 2
    assert [each.where for each in report.issues] == [str(copy), str(other)]
    assert [each.path for each in report.slices] == paths


def test_two_volumes_in_one_series_are_refused_and_told_apart(tmp_path: Path) -> None:
    paths = []
    for echo in (1, 2):
        folder = tmp_path / str(echo)
        folder.mkdir()
        uids = lambda place, echo=echo: {"SOPInstanceUID": f"1.{echo}.{place}", "EchoTime": echo}  # noqa: E731
        paths += make_series(folder, tags=uids)
    with pytest.raises(FormatError, match=r"12 slices lie at 6 places(.|\n)*differ in EchoTime"):
        dicom.read_series(paths)


@pytest.mark.parametrize(
    ("rule", "tags"),
    [
        ("series-mixed-uid", {"SeriesInstanceUID": "1.9"}),
        ("series-mixed-size", {"PixelData": bytes(84), "Rows": 6, "Columns": 7}),
        ("series-mixed-photometric", {"PhotometricInterpretation": "MONOCHROME1"}),
        ("series-mixed-orientation", {"ImageOrientationPatient": list(OBLIQUE)}),
        ("series-mixed-spacing", {"PixelSpacing": [0.75, 0.51]}),
        ("series-no-position", {"ImagePositionPatient": None}),
        ("series-no-position", {"ImageOrientationPatient": [1, 0, 0, 1, 0, 0]}),
        ("series-no-position", {"PixelSpacing": None, "ImagerPixelSpacing": [1, 1]}),
    ],
)
def test_mixed_series_are_refused(tmp_path: Path, rule: str, tags: dict[str, Any]) -> None:
    paths = make_series(tmp_path, tags=lambda place: tags if place == 3 else {})
    report = dicom.check_series(paths)
    assert (rule, "error") in rules(report)
    with pytest.raises(FormatError):
        dicom.read_series(report)


def test_what_is_no_slice_is_left_out(tmp_path: Path) -> None:
    paths = make_series(tmp_path)
    scout, plan = tmp_path / "s.dcm", tmp_path / "t.dcm"
    kinds = {"ImageType": ["ORIGINAL", "PRIMARY", "LOCALIZER"], "Modality": "CT"}
    scout.write_bytes(make_dicom(make_image(12, (9, 9)), **kinds))
    plan.write_bytes(
        make_dicom(None, Modality="RTPLAN", SOPClassUID="1.2.840.10008.5.1.4.1.1.481.5")
    )
    odd = tmp_path / "u.dcm"
    odd.write_bytes(
        plan.read_bytes().replace(RT_PLAN.encode(), RT_PLAN.replace("840", "8 0").encode())
    )
    report = dicom.check_series([*paths, scout, plan])
    assert rules(report) == [("series-localizer", "warning"), ("series-no-pixels", "info")]
    assert [each.path for each in report.slices] == paths
    assert rules(dicom.check_series([*paths, odd])) == [("series-no-pixels", "info")]


def test_a_slice_that_is_cut_off_is_an_error(tmp_path: Path) -> None:
    paths = make_series(tmp_path)
    data = paths[1].read_bytes()
    at = data.index(b"\x28\0\2\0US")  # where the elements of the pixels begin
    for length in (at, at + 3, 300):
        paths[1].write_bytes(data[:length])
        report = dicom.check_series(paths)
        assert ("series-unreadable", "error") in rules(report)
        with pytest.raises(FormatError, match=paths[1].name):
            dicom.read_series(paths)
    paths[1].write_bytes(data[:-3])
    with pytest.raises(FormatError, match=rf"{paths[1].name}: 67 bytes"):
        dicom.read_series(paths)


def test_one_slice_and_none(tmp_path: Path) -> None:
    paths = make_series(tmp_path)
    report = dicom.check_series(paths[:1])
    assert rules(report) == [("series-one-slice", "warning")]
    assert report.spacing_mm == (0.5, 0.75, 2.0)
    with pytest.raises(FormatError, match="no slice is left"):
        dicom.read_series([])
    thin = make_series(tmp_path, 1, tags=lambda _: {"SliceThickness": None})
    with pytest.raises(FormatError, match="thickness not stated"):
        dicom.read_series(thin)


def test_slices_of_different_types_share_one_that_holds_all(tmp_path: Path) -> None:
    def tags(place: int) -> dict[str, Any]:
        return {"RescaleSlope": "0.5" if place == 4 else "1"}

    raster = dicom.read_series(make_series(tmp_path, tags=tags))
    assert raster.array.dtype == np.float32
    assert raster.array[:, 0, 1].tolist() == [
        -1023,
        -923,
        -823,
        -723,
        400.5 / 2 + 0.25 - 1024,
        -523,
    ]


def test_series_are_found_in_a_folder(tmp_path: Path) -> None:
    (tmp_path / "a").mkdir()
    first = make_series(tmp_path / "a")
    (tmp_path / "b").mkdir()
    second = make_series(tmp_path / "b", 3, tags=lambda _: {"SeriesInstanceUID": "1.2.4"})
    bare = second[0].rename(tmp_path / "b" / "IM0001")
    (tmp_path / "b" / "notes.txt").write_text("no image")
    (tmp_path / "b" / "broken.dcm").write_bytes(b"\0" * 200)
    series, issues = dicom.find_series(tmp_path)
    assert [(each.uid, each.paths) for each in series] == [
        ("1.2.3", tuple(sorted(first))),
        ("1.2.4", tuple(sorted([bare, *second[1:]]))),
    ]
    assert [(each.rule, Path(each.where).name) for each in issues] == [
        ("series-unreadable", "broken.dcm")
    ]
    lost = make_series(tmp_path / "b", 2, tags=lambda _: {"SeriesInstanceUID": None})
    series, issues = dicom.find_series(lost)
    assert [each.uid for each in series] == [""]
    assert [each.rule for each in issues] == ["series-uid-missing"]


def test_compressed_slices_make_the_same_volume(tmp_path: Path) -> None:
    plain = dicom.read_series(make_series(tmp_path))
    for path in sorted(tmp_path.glob("*.dcm")):
        header = dicom.read_header(path)
        pixels = (dicom.read(path).array + 1024).astype(np.uint16)
        names = (
            "SOPInstanceUID",
            "SeriesInstanceUID",
            "RescaleSlope",
            "RescaleIntercept",
            "Modality",
        )
        lists = ("ImagePositionPatient", "ImageOrientationPatient", "PixelSpacing")
        tags: dict[str, Any] = {each: header[each] for each in names}
        tags |= {each: header[each].split("\\") for each in lists}
        tags |= {"BitsStored": 12, "HighBit": 11, "Modality": "CT"}
        path.write_bytes(make_dicom(pixels, RLE, frames=[encode_rle(pixels)], **tags))
    packed = dicom.read_series(sorted(tmp_path.glob("*.dcm")))
    np.testing.assert_array_equal(packed.array, plain.array)
    np.testing.assert_array_equal(packed.affine, plain.affine)

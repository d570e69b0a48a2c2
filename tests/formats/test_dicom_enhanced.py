"""Enhanced multi-frame DICOM: one file, each frame with its own place, scale and window."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import numpy as np
import pytest
from pydicom.dataset import Dataset

from medshelf.core.errors import FormatError
from medshelf.formats import dicom
from tests.formats.dicom_files import JPEG_LS, RLE, encode_rle, make_dicom, make_series

ENHANCED_CT = "1.2.840.10008.5.1.4.1.1.2.1"
N_FRAMES = 5
PIXELS = np.arange(N_FRAMES * 4 * 6, dtype=np.uint16).reshape(N_FRAMES, 4, 6)
OBLIQUE = (2 / 3, 1 / 3, 2 / 3, -2 / 3, 2 / 3, 1 / 3)
NORMAL = np.cross(OBLIQUE[:3], OBLIQUE[3:])


def macro(sequence: str, **tags: Any) -> Dataset:
    item, holder = Dataset(), Dataset()
    for keyword, value in tags.items():
        setattr(item, keyword, value)
    setattr(holder, sequence, [item])
    return holder


def groups(*macros: Dataset) -> Dataset:
    together = Dataset()
    for each in macros:
        together.update(each)
    return together


def enhanced(places_mm: list[float], slopes: list[str] | None = None, **tags: Any) -> bytes:
    """An object whose frames lie at `places_mm` along an oblique normal."""
    shared = groups(
        macro("PixelMeasuresSequence", PixelSpacing=[0.75, 0.5], SliceThickness=2),
        macro("PlaneOrientationSequence", ImageOrientationPatient=[f"{x:.10f}" for x in OBLIQUE]),
        macro("FrameVOILUTSequence", WindowCenter="40", WindowWidth="400"),
    )
    per_frame = []
    for index, place in enumerate(places_mm):
        position = [f"{each:.8f}" for each in np.array([10, -20, 30]) + place * NORMAL]
        slope = slopes[index] if slopes else "1"
        per_frame.append(
            groups(
                macro("PlanePositionSequence", ImagePositionPatient=position),
                macro(
                    "PixelValueTransformationSequence",
                    RescaleSlope=slope,
                    RescaleIntercept="-1000",
                    RescaleType="HU",
                ),
            )
        )
    every: dict[str, Any] = {
        "SOPClassUID": ENHANCED_CT,
        "Modality": "CT",
        "NumberOfFrames": N_FRAMES,
        "SharedFunctionalGroupsSequence": [shared],
        "PerFrameFunctionalGroupsSequence": per_frame,
        **tags,
    }
    syntax = RLE if "frames" in tags else "1.2.840.10008.1.2.1"
    return make_dicom(PIXELS, syntax, **every)


def test_frames_make_a_volume_in_the_order_of_their_places(tmp_path: Path) -> None:
    path = tmp_path / "e.dcm"
    path.write_bytes(enhanced([5.0, 0.0, 10.0, 7.5, 2.5]))
    raster = dicom.read_series([path])
    np.testing.assert_array_equal(raster.array, PIXELS[[1, 4, 0, 3, 2]].astype(int) - 1000)
    assert raster.axes == "ZYX"
    assert raster.unit == "HU"
    assert raster.spacing_mm == pytest.approx((0.5, 0.75, 2.5))
    flip = np.array([-1, -1, 1])
    steps = np.stack([np.array(OBLIQUE[:3]) * 0.5, np.array(OBLIQUE[3:]) * 0.75, NORMAL * 2.5])
    assert raster.affine is not None
    np.testing.assert_allclose(raster.affine[:3, :3], steps.T * flip[:, None], atol=1e-6)
    np.testing.assert_allclose(raster.affine[:3, 3], flip * (10, -20, 30), atol=1e-6)


def test_a_volume_of_frames_is_that_of_the_same_slices_in_files(tmp_path: Path) -> None:
    path = tmp_path / "e.dcm"
    path.write_bytes(enhanced([0.0, 2.5, 5.0, 7.5, 10.0]))
    folder = tmp_path / "classic"
    folder.mkdir()
    start = {"PixelSpacing": [0.75, 0.5]}

    def tags(place: int) -> dict[str, Any]:
        position = np.array([10, -20, 30]) + place * 2.5 * NORMAL
        return {**start, "ImagePositionPatient": [f"{each:.8f}" for each in position]}

    classic = dicom.check_series(make_series(folder, N_FRAMES, orientation=OBLIQUE, tags=tags))
    report = dicom.check_series([path])
    assert report.issues == classic.issues == ()
    np.testing.assert_allclose(report.affine, classic.affine, atol=1e-6)
    assert [each.frame for each in report.slices] == [0, 1, 2, 3, 4]


def test_each_frame_has_its_own_rescale_and_header() -> None:
    data = enhanced([0.0, 2.5, 5.0, 7.5, 10.0], ["1", "2", "1", "0.5", "1"])
    raster = dicom.read(data)
    slopes = np.array([1, 2, 1, 0.5, 1])[:, None, None]
    np.testing.assert_array_equal(raster.array, PIXELS * slopes - 1000)
    assert raster.axes == "TYX"
    one = dicom.read(data, frames=3)
    np.testing.assert_array_equal(one.array, PIXELS[3] * 0.5 - 1000)
    assert one.header["RescaleSlope"] == "0.5"
    assert dicom.window(one) == ((40, 400),)
    assert one.spacing_mm == (0.5, 0.75)
    assert one.affine is not None
    expected = (np.array([10, -20, 30]) + 7.5 * NORMAL) * (-1, -1, 1)
    np.testing.assert_allclose(one.affine[:3, 3], expected, atol=1e-6)
    headers = dicom.read_headers(data)
    assert [each["RescaleSlope"] for each in headers] == ["1", "2", "1", "0.5", "1"]


def test_a_missing_frame_is_a_gap(tmp_path: Path) -> None:
    path = tmp_path / "e.dcm"
    path.write_bytes(enhanced([0.0, 2.5, 7.5, 10.0, 12.5]))
    report = dicom.check_series([path])
    assert [each.rule for each in report.issues] == ["series-gap"]
    assert report.issues[0].message.startswith("1 slices are missing")


def test_frames_without_a_place_make_no_volume(tmp_path: Path) -> None:
    path = tmp_path / "film.dcm"
    path.write_bytes(make_dicom(PIXELS, NumberOfFrames=N_FRAMES, Modality="US"))
    with pytest.raises(FormatError, match="states no position for its 5 frames"):
        dicom.read_series([path])
    assert dicom.read(path).array.shape == PIXELS.shape
    path.write_bytes(enhanced([0.0, 2.5, 5.0]))
    with pytest.raises(FormatError, match="states no position for its 5 frames"):
        dicom.read_series([path])


def test_compressed_frames_make_the_same_volume(tmp_path: Path) -> None:
    path = tmp_path / "e.dcm"
    path.write_bytes(enhanced([5.0, 0.0, 10.0, 7.5, 2.5]))
    plain = dicom.read_series([path])
    frames = [encode_rle(each) for each in PIXELS]
    path.write_bytes(enhanced([5.0, 0.0, 10.0, 7.5, 2.5], frames=frames))
    np.testing.assert_array_equal(dicom.read_series([path]).array, plain.array)


def test_frames_in_fragments_and_offset_tables_are_found() -> None:
    imagecodecs = pytest.importorskip("imagecodecs")
    from pydicom.encaps import encapsulate, encapsulate_extended

    frames = [imagecodecs.jpegls_encode(each) for each in PIXELS]
    tags = {"NumberOfFrames": N_FRAMES, "Modality": "CT"}
    plain = make_dicom(PIXELS, JPEG_LS, frames=frames, **tags)
    ours = encapsulate(frames)
    assert ours in plain
    fragments = encapsulate(frames, fragments_per_frame=2)
    basic = plain.replace(ours, fragments)
    np.testing.assert_array_equal(dicom.read(basic).array, PIXELS)
    np.testing.assert_array_equal(dicom.read(basic, frames=[1, 3]).array, PIXELS[[1, 3]])
    values, offsets, lengths = encapsulate_extended(frames)
    extended = make_dicom(
        PIXELS,
        JPEG_LS,
        frames=frames,
        ExtendedOffsetTable=offsets,
        ExtendedOffsetTableLengths=lengths,
        **tags,
    ).replace(ours, values)
    np.testing.assert_array_equal(dicom.read(extended, frames=2).array, PIXELS[2])

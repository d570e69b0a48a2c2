"""What DICOM values mean: rescale, LUTs and palettes as pydicom has them, units, spacing, place."""

from __future__ import annotations

import io
from typing import Any

import numpy as np
import pydicom
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from pydicom.dataset import Dataset
from pydicom.pixels import apply_color_lut, apply_modality_lut

from medshelf.core.errors import FormatError
from medshelf.formats import dicom
from tests.formats.dicom_files import BIG_ENDIAN, EXPLICIT, make_dicom, make_image, stored_bits

HEAD = {
    "ImagePositionPatient": [-10, 20, 30],
    "ImageOrientationPatient": [1, 0, 0, 0, 1, 0],
    "PixelSpacing": [0.75, 0.5],
}


def theirs(data: bytes) -> tuple[np.ndarray, pydicom.Dataset]:
    dataset = pydicom.dcmread(io.BytesIO(data))
    return dataset.pixel_array, dataset


@settings(max_examples=40, deadline=None, derandomize=True)
@given(
    st.sampled_from([(8, False), (12, False), (12, True), (16, False), (16, True), (32, False)]),
    st.one_of(st.integers(-2000, 2000), st.floats(-100, 100)),
    st.one_of(st.integers(-5000, 5000), st.floats(-1e4, 1e4)),
)
def test_rescaled_values_are_those_of_pydicom(
    kind: tuple[int, bool], slope: float, intercept: float
) -> None:
    bits, signed = kind
    slope, intercept = round(slope, 6) or 1, round(intercept, 6)
    tags = {"RescaleSlope": f"{slope:.9g}", "RescaleIntercept": f"{intercept:.9g}"}
    data = make_dicom(make_image(bits, (6, 7), signed=signed), **stored_bits(bits), **tags)
    expected = apply_modality_lut(*theirs(data))
    raster = dicom.read(data)
    if raster.array.dtype.kind == "f":
        size = np.abs(expected).max() + abs(intercept)
        tolerance = size * (1e-6 if raster.array.dtype == np.float32 else 1e-12)
        np.testing.assert_allclose(raster.array, expected, atol=tolerance)
    else:
        np.testing.assert_array_equal(raster.array, expected)


@pytest.mark.parametrize(
    ("bits", "slope", "intercept", "dtype"),
    [
        (12, "1", "0", np.uint16),
        (12, "1", "-1024", np.int16),
        (16, "1", "-1024", np.int32),
        (16, "0.25", "0", np.float32),
        (32, "0.0001", "0", np.float64),
        (32, "1", "-1", np.int64),
    ],
)
def test_the_type_depends_on_the_header_alone(
    bits: int, slope: str, intercept: str, dtype: type
) -> None:
    tags = {"RescaleSlope": slope, "RescaleIntercept": intercept, **stored_bits(bits)}
    for image in (make_image(bits), np.zeros_like(make_image(bits))):
        assert dicom.read(make_dicom(image, **tags)).array.dtype == dtype


@pytest.mark.parametrize(
    ("keyword", "value"), [("RescaleSlope", "0"), ("RescaleIntercept", "many")]
)
def test_a_rescale_that_is_no_scale_is_refused(keyword: str, value: str) -> None:
    data = make_dicom(make_image(8), **{keyword: "1234"}).replace(b"1234", value.encode().ljust(4))
    with pytest.raises(FormatError, match=f"{keyword} is {value}"):
        dicom.read(data)


@pytest.mark.parametrize("syntax", [EXPLICIT, BIG_ENDIAN])
def test_a_modality_lut_is_applied_as_pydicom_does(syntax: str) -> None:
    table = Dataset()
    table.LUTDescriptor = [256, 10, 16]
    table.ModalityLUTType = "OD"
    table.LUTData = np.arange(256, dtype=np.uint16) ** 2 // 2
    table.LUTData = table.LUTData.astype(">u2" if syntax == BIG_ENDIAN else "<u2").tobytes()
    table["LUTData"].VR = "OW"
    table["LUTDescriptor"].VR = "US"
    data = make_dicom(make_image(8), syntax, ModalityLUTSequence=[table])
    raster = dicom.read(data)
    np.testing.assert_array_equal(raster.array, apply_modality_lut(*theirs(data)))
    assert raster.array.max() > 255
    assert raster.unit == "OD"


@pytest.mark.parametrize("syntax", [EXPLICIT, BIG_ENDIAN])
@pytest.mark.parametrize("bits", [8, 16])
def test_a_palette_gives_the_colours_of_pydicom(syntax: str, bits: int) -> None:
    order = ">" if syntax == BIG_ENDIAN else "<"
    tags: dict[str, Any] = {"PhotometricInterpretation": "PALETTE COLOR"}
    entries = np.random.default_rng(3).integers(0, 256, (3, 200)).astype(np.uint16)
    stored = entries * 257 if bits == 8 else entries * 200 + 7
    for colour, values in zip(("Red", "Green", "Blue"), stored, strict=True):
        tags[f"{colour}PaletteColorLookupTableDescriptor"] = [200, 5, 16]
        tags[f"{colour}PaletteColorLookupTableData"] = values.astype(order + "u2").tobytes()
    pixels = make_image(8)
    raster = dicom.read(make_dicom(pixels, syntax, **tags))
    at = np.clip(pixels.astype(int) - 5, 0, 199)
    expected = (entries if bits == 8 else stored)[:, at].transpose(1, 2, 0)
    np.testing.assert_array_equal(raster.array, expected)
    assert raster.array.dtype == (np.uint8 if bits == 8 else np.uint16)
    assert (raster.axes, raster.photometric) == ("YXC", "rgb")
    if syntax == EXPLICIT:
        found = apply_color_lut(*theirs(make_dicom(pixels, **tags)))
        np.testing.assert_array_equal(found >> 8 if bits == 8 else found, expected)


@pytest.mark.parametrize(
    ("tags", "unit"),
    [
        ({"Modality": "CT", "RescaleIntercept": "-1024"}, "HU"),
        ({"Modality": "CT"}, None),
        ({"Modality": "CT", "RescaleType": "US"}, None),
        ({"Modality": "PT", "Units": "BQML"}, "BQML"),
        ({"Modality": "MR", "RescaleType": "mm2/s"}, "mm2/s"),
    ],
)
def test_units(tags: dict[str, str], unit: str | None) -> None:
    assert dicom.read(make_dicom(make_image(8), **tags)).unit == unit


def test_photometric_meaning() -> None:
    for stated, meaning in (("MONOCHROME1", "inverted-grey"), ("MONOCHROME2", "grey")):
        raster = dicom.read(make_dicom(make_image(8), PhotometricInterpretation=stated))
        assert raster.photometric == meaning
        np.testing.assert_array_equal(raster.array, make_image(8))
    assert dicom.read(make_dicom(make_image(8, (4, 5, 3)))).photometric == "rgb"
    segmentation = "1.2.840.10008.5.1.4.1.1.66.4"
    assert dicom.read(make_dicom(make_image(8), SOPClassUID=segmentation)).photometric == "label"
    unknown = make_dicom(make_image(8), PhotometricInterpretation=None)
    assert dicom.read(unknown).photometric is None


@pytest.mark.parametrize(
    ("tags", "spacing_mm", "keyword"),
    [
        (
            {"PixelSpacing": [0.2, 0.1], "ImagerPixelSpacing": [0.3, 0.3]},
            (0.1, 0.2),
            "PixelSpacing",
        ),
        ({"ImagerPixelSpacing": [0.3, 0.4]}, (0.4, 0.3), "ImagerPixelSpacing"),
        ({"PixelSpacing": [0, 0], "NominalScannedPixelSpacing": [1, 2]}, (2, 1), "Nominal"),
        ({"PixelSpacing": "1"}, None, None),
        ({}, None, None),
    ],
)
def test_spacing_is_called_by_what_states_it(
    tags: dict[str, Any], spacing_mm: tuple[float, ...] | None, keyword: str | None
) -> None:
    raster = dicom.read(make_dicom(make_image(8), **tags))
    assert raster.spacing_mm == spacing_mm
    assert raster.header.get("spacing_from", "None").startswith(str(keyword))


def test_an_image_has_its_place_in_the_patient() -> None:
    raster = dicom.read(make_dicom(make_image(8), SpacingBetweenSlices=3, **HEAD))
    expected = [[-0.5, 0, 0, 10], [0, -0.75, 0, -20], [0, 0, 3, 30], [0, 0, 0, 1]]
    np.testing.assert_allclose(raster.affine, expected)
    for absent in HEAD:
        tags = {each: value for each, value in HEAD.items() if each != absent}
        assert dicom.read(make_dicom(make_image(8), **tags)).affine is None
    detector = {**HEAD, "PixelSpacing": None, "ImagerPixelSpacing": [1, 1]}
    assert dicom.read(make_dicom(make_image(8), **detector)).affine is None

"""DICOM for the eye: windows and VOI LUTs give the brightness that pydicom gives."""

from __future__ import annotations

import io
from typing import Any

import numpy as np
import pydicom
import pytest
from pydicom.dataset import Dataset
from pydicom.pixels import apply_modality_lut, apply_voi_lut

from medshelf.core.errors import SettingError
from medshelf.formats import dicom
from tests.formats.dicom_files import BIG_ENDIAN, EXPLICIT, make_dicom, make_image, stored_bits

CT = {"RescaleSlope": "1", "RescaleIntercept": "-1024", **stored_bits(12)}


def theirs(data: bytes, index: int = 0) -> np.ndarray:
    dataset = pydicom.dcmread(io.BytesIO(data))
    values = apply_modality_lut(dataset.pixel_array, dataset)
    with np.errstate(over="ignore"):
        return apply_voi_lut(values, dataset, index)


@pytest.mark.parametrize("function", [None, "LINEAR", "LINEAR_EXACT", "SIGMOID"])
@pytest.mark.parametrize(("centre", "width"), [(40, 400), (-600, 1500), (100.5, 1), (0, 3000)])
@pytest.mark.parametrize("shape", [(20, 31), (300, 300)])
def test_windows_are_those_of_pydicom(
    function: str | None, centre: float, width: float, shape: tuple[int, int]
) -> None:
    tags = {"WindowCenter": centre, "WindowWidth": width, "VOILUTFunction": function}
    data = make_dicom(make_image(12, shape), **CT, **tags)
    raster = dicom.read(data)
    expected = (theirs(data) + 1024) / 4095  # the range of the rescaled values
    found = dicom.apply_voi(raster, as_float=True)
    assert found.dtype == np.float32
    np.testing.assert_allclose(found, expected, atol=1e-6)
    grey = dicom.apply_voi(raster)
    assert grey.dtype == np.uint8
    assert np.abs(grey - expected * 255).max() <= 0.5 + 1e-4


def test_windows_are_offered_in_order_and_wrong_ones_left_out() -> None:
    tags = {"WindowCenter": ["40", "-600"], "WindowWidth": ["400", "1500"]}
    data = make_dicom(make_image(12), **CT, **tags)
    raster = dicom.read(data)
    assert dicom.window(raster) == ((40, 400), (-600, 1500))
    assert dicom.window(dicom.read_header(data)) == ((40, 400), (-600, 1500))
    second = (theirs(data, 1) + 1024) / 4095
    np.testing.assert_allclose(dicom.apply_voi(raster, index=1, as_float=True), second, atol=1e-6)
    with pytest.raises(SettingError, match="offers 2 ways to be shown, none of index 2"):
        dicom.apply_voi(raster, index=2)
    odd = data.replace(b"40\\-600 ", b"32688,\\x").replace(b"400\\1500", b"10\\-3   ")
    assert dicom.window(dicom.read_header(odd)) == ((32688, 10),)


@pytest.mark.parametrize("syntax", [EXPLICIT, BIG_ENDIAN])
@pytest.mark.parametrize("bits", [8, 12, 16])
def test_a_voi_lut_is_that_of_pydicom_and_comes_before_windows(syntax: str, bits: int) -> None:
    entries = (np.linspace(0, 1, 500) ** 2 * ((1 << bits) - 1)).astype(np.uint16)
    table = Dataset()
    table.LUTDescriptor = [500, 100, bits]
    table.LUTData = entries.astype(">u2" if syntax == BIG_ENDIAN else "<u2").tobytes()
    table["LUTData"].VR = "OW"
    table["LUTDescriptor"].VR = "US"
    tags: dict[str, Any] = {"VOILUTSequence": [table], "WindowCenter": 1, "WindowWidth": 2}
    image = make_image(12) // 4
    data = make_dicom(image, syntax, **stored_bits(12), **tags)
    raster = dicom.read(data)
    expected = entries[np.clip(image.astype(int) - 100, 0, 499)] / ((1 << bits) - 1)
    if bits > 8:
        np.testing.assert_array_equal(theirs(data) / ((1 << bits) - 1), expected)
    np.testing.assert_allclose(dicom.apply_voi(raster, as_float=True), expected, atol=1e-6)
    with pytest.raises(SettingError, match="offers 1 way"):
        dicom.apply_voi(raster, index=1)


def test_inverted_grey_is_turned_round() -> None:
    tags: dict[str, Any] = {"WindowCenter": 128, "WindowWidth": 256}
    plain = dicom.read(make_dicom(make_image(8), **tags))
    inverted = dicom.read(
        make_dicom(make_image(8), PhotometricInterpretation="MONOCHROME1", **tags)
    )
    np.testing.assert_array_equal(inverted.array, plain.array)
    np.testing.assert_array_equal(dicom.apply_voi(inverted), 255 - dicom.apply_voi(plain))


def test_without_a_window_the_range_without_padding_is_shown() -> None:
    image = np.array([[0, 1000, 2000], [3000, 3000, 1500]], np.uint16)
    shown = dicom.apply_voi(dicom.read(make_dicom(image)))
    assert shown.tolist() == [[0, 85, 170], [255, 255, 128]]
    padded = dicom.apply_voi(dicom.read(make_dicom(image, PixelPaddingValue=3000, **CT)))
    assert padded.tolist() == [[0, 128, 255], [255, 255, 191]]
    assert dicom.apply_voi(dicom.read(make_dicom(np.full((2, 2), 7, np.uint8)))).max() == 0


def test_colour_is_brought_to_8_bits() -> None:
    image = make_image(16, (4, 5, 3))
    shown = dicom.apply_voi(dicom.read(make_dicom(image)))
    np.testing.assert_array_equal(shown, np.floor(image / 65535 * 255 + 0.5))

"""DICOM pixels as they are laid out: bits, planes, colours and frames."""

from __future__ import annotations

import numpy as np
import pytest

from medshelf.core.errors import FormatError
from medshelf.formats import dicom
from tests.formats.dicom_files import (
    RLE,
    UNCOMPRESSED,
    encode_rle,
    make_dicom,
    make_image,
    stored_bits,
)

pytest.importorskip("pydicom")
imagecodecs = pytest.importorskip("imagecodecs")


def read(data: bytes, **options: object) -> np.ndarray:
    return dicom.read(data, **options).array


@pytest.mark.parametrize("syntax", UNCOMPRESSED)
@pytest.mark.parametrize(
    ("bits", "signed"), [(8, False), (8, True), (16, False), (16, True), (32, False)]
)
def test_uncompressed_pixels_come_back(syntax: str, bits: int, signed: bool) -> None:
    pixels = make_image(bits, signed=signed)
    found = read(make_dicom(pixels, syntax))
    assert found.dtype == pixels.dtype
    np.testing.assert_array_equal(found, pixels)


@pytest.mark.parametrize("syntax", UNCOMPRESSED)
def test_colour_comes_back_pixel_by_pixel_or_as_planes(syntax: str) -> None:
    pixels = make_image(8, (5, 7, 3))
    np.testing.assert_array_equal(read(make_dicom(pixels, syntax)), pixels)
    planes = np.ascontiguousarray(np.moveaxis(pixels, -1, 0)).tobytes() + b"\0"
    planar = make_dicom(pixels, syntax, PixelData=planes, PlanarConfiguration=1)
    np.testing.assert_array_equal(read(planar), pixels)


def test_ybr_becomes_rgb() -> None:
    from pydicom.pixels import convert_color_space

    rgb = make_image(8, (6, 8, 3))
    ybr = convert_color_space(rgb, "RGB", "YBR_FULL")
    full = read(make_dicom(ybr, PhotometricInterpretation="YBR_FULL"))
    assert np.abs(full.astype(int) - rgb).max() <= 2
    grey = np.repeat(make_image(8, (6, 8))[..., None], 3, axis=2)
    halved = np.full((6, 4, 4), 128, np.uint8)
    halved[..., 0], halved[..., 1] = grey[:, ::2, 0], grey[:, 1::2, 0]
    data = make_dicom(grey, PixelData=halved.tobytes(), PhotometricInterpretation="YBR_FULL_422")
    np.testing.assert_array_equal(read(data), grey)


@pytest.mark.parametrize("signed", [False, True])
@pytest.mark.parametrize("highest", [11, 13, 15])
def test_bits_around_the_stored_ones_are_cleared(highest: int, signed: bool) -> None:
    values = make_image(12, signed=signed)
    lowest = highest - 11
    mask = ((1 << 12) - 1) << lowest
    garbage = np.random.default_rng(0).integers(0, 1 << 16, values.shape).astype(np.uint16)
    cells = (values.astype(np.uint16) << lowest) & mask | garbage & ~np.uint16(mask)
    data = make_dicom(cells.view(values.dtype), BitsStored=12, HighBit=highest)
    np.testing.assert_array_equal(read(data), values)
    rle = make_dicom(values, RLE, frames=[encode_rle(cells)], BitsStored=12, HighBit=highest)
    np.testing.assert_array_equal(read(rle), values)


def test_one_bit_and_float_pixels() -> None:
    mask = make_image(1, (3, 7)) % 2
    packed = np.packbits(mask.ravel(), bitorder="little").tobytes() + b"\0"
    data = make_dicom(mask, PixelData=packed, BitsAllocated=1, **stored_bits(1))
    np.testing.assert_array_equal(read(data), mask)
    heights = np.linspace(-1, 1, 12, dtype=np.float32).reshape(3, 4)
    absent = dict.fromkeys(["BitsStored", "HighBit", "PixelRepresentation"])
    data = make_dicom(
        heights.view(np.uint32), PixelData=None, FloatPixelData=heights.tobytes(), **absent
    )
    np.testing.assert_array_equal(read(data), heights)


def test_frames_are_all_read_or_the_ones_asked_for() -> None:
    pixels = make_image(8, (4, 5, 6))
    for data in (
        make_dicom(pixels, NumberOfFrames=4),
        make_dicom(pixels, RLE, frames=[encode_rle(each) for each in pixels], NumberOfFrames=4),
    ):
        raster = dicom.read(data)
        assert raster.axes == "TYX"
        np.testing.assert_array_equal(raster.array, pixels)
        one = dicom.read(data, frames=2)
        assert one.axes == "YX"
        np.testing.assert_array_equal(one.array, pixels[2])
        some = dicom.read(data, frames=[1, 3])
        assert some.axes == "TYX"
        np.testing.assert_array_equal(some.array, pixels[[1, 3]])
        for wrong in (4, -1, [], [2, 1], [0, 0]):
            with pytest.raises(FormatError, match="were asked for, it has 4"):
                dicom.read(data, frames=wrong)


def test_fewer_frames_than_declared() -> None:
    pixels = make_image(8, (2, 5, 6))
    with pytest.raises(FormatError, match="60 bytes of pixel data are there, 90 are declared"):
        read(make_dicom(pixels, NumberOfFrames=2).replace(b"IS\x02\x002 ", b"IS\x02\x003 "))
    frames = [encode_rle(each) for each in pixels]
    with pytest.raises(FormatError, match="2 frames are there, 3 are declared"):
        read(
            make_dicom(pixels, RLE, frames=frames, NumberOfFrames=2).replace(
                b"IS\x02\x002 ", b"IS\x02\x003 "
            )
        )


def test_unknown_transfer_syntaxes_are_named() -> None:
    data = make_dicom(make_image(8), "1.2.840.10008.1.2.4.102", frames=[b"video!"])
    with pytest.raises(
        FormatError, match=r"transfer syntax 1\.2\.840\.10008\.1\.2\.4\.102 is not read"
    ):
        read(data)

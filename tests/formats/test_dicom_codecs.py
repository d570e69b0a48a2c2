"""DICOM pixels of every codec: the values come back exactly, or as near as lossy ones can."""

from __future__ import annotations

import sys

import numpy as np
import pytest

from medshelf.core.errors import MissingExtraError
from medshelf.formats import dicom
from tests.formats.dicom_files import (
    BASELINE,
    EXTENDED,
    JPEG_2000,
    JPEG_LS,
    LOSSLESS,
    LOSSLESS_SV1,
    RLE,
    encode_jpeg_2000,
    encode_jpeg_lossless,
    encode_rle,
    make_dicom,
    make_image,
    stored_bits,
)

pytest.importorskip("pydicom")
imagecodecs = pytest.importorskip("imagecodecs")


def read(data: bytes, **options: object) -> np.ndarray:
    return dicom.read(data, **options).array


@pytest.mark.parametrize("bits", [8, 16, 32])
@pytest.mark.parametrize("shape", [(9, 13), (9, 13, 3), (1, 1)])
def test_rle_is_exact(bits: int, shape: tuple[int, ...]) -> None:
    pixels = make_image(bits, shape)
    np.testing.assert_array_equal(
        read(make_dicom(pixels, RLE, frames=[encode_rle(pixels)])), pixels
    )


@pytest.mark.parametrize(
    ("bits", "signed"), [(8, False), (10, False), (12, True), (16, False), (16, True)]
)
@pytest.mark.parametrize("syntax", [JPEG_LS, JPEG_2000])
def test_jpeg_ls_and_jpeg_2000_are_exact(syntax: str, bits: int, signed: bool) -> None:
    pixels = make_image(bits, signed=signed)
    if syntax == JPEG_LS:
        cells = pixels.view(f"u{pixels.dtype.itemsize}")
        frame = imagecodecs.jpegls_encode(cells)
    else:
        frame = encode_jpeg_2000(pixels, bits)
    data = make_dicom(pixels, syntax, frames=[frame], **stored_bits(bits))
    found = read(data)
    assert found.dtype == pixels.dtype
    np.testing.assert_array_equal(found, pixels)


@pytest.mark.parametrize("syntax", [JPEG_LS, JPEG_2000])
def test_lossless_colour_is_exact(syntax: str) -> None:
    pixels = make_image(8, (9, 13, 3))
    frame = imagecodecs.jpegls_encode(pixels) if syntax == JPEG_LS else encode_jpeg_2000(pixels, 8)
    np.testing.assert_array_equal(read(make_dicom(pixels, syntax, frames=[frame])), pixels)


def test_unsigned_jpeg_2000_of_signed_pixels_keeps_the_sign() -> None:
    pixels = make_image(12, signed=True)
    cells = pixels.view(np.uint16) & 0xFFF
    data = make_dicom(pixels, JPEG_2000, frames=[encode_jpeg_2000(cells, 12)], **stored_bits(12))
    np.testing.assert_array_equal(read(data), pixels)


@pytest.mark.parametrize("bits", [8, 12, 16])
@pytest.mark.parametrize("predictor", range(1, 8))
def test_lossless_jpeg_is_exact_with_every_predictor(bits: int, predictor: int) -> None:
    pixels = make_image(bits, (9, 11))
    frame = encode_jpeg_lossless(pixels, bits, predictor=predictor)
    data = make_dicom(pixels, LOSSLESS, frames=[frame], **stored_bits(bits))
    np.testing.assert_array_equal(read(data), pixels)


@pytest.mark.parametrize(
    "options", [{"restart_rows": 1}, {"restart_rows": 4, "predictor": 6}, {"shift": 2}]
)
def test_lossless_jpeg_with_restarts_or_point_transform(options: dict[str, int]) -> None:
    pixels = make_image(12, (9, 11))
    frame = encode_jpeg_lossless(pixels, 12, **options)
    shift = options.get("shift", 0)
    found = read(make_dicom(pixels, LOSSLESS_SV1, frames=[frame], **stored_bits(12)))
    np.testing.assert_array_equal(found, pixels >> shift << shift)


def test_lossless_jpeg_of_signed_pixels_and_of_colour() -> None:
    signed = make_image(16, (9, 11), signed=True)
    frame = encode_jpeg_lossless(signed.view(np.uint16), 16)
    np.testing.assert_array_equal(read(make_dicom(signed, LOSSLESS_SV1, frames=[frame])), signed)
    colour = make_image(8, (9, 11, 3))
    frame = encode_jpeg_lossless(colour, 8, predictor=4)
    np.testing.assert_array_equal(read(make_dicom(colour, LOSSLESS, frames=[frame])), colour)


@pytest.mark.parametrize(("bits", "syntax"), [(8, BASELINE), (12, EXTENDED)])
def test_lossy_jpeg_of_grey(bits: int, syntax: str) -> None:
    pixels = np.sort(make_image(bits, (24, 32)), axis=1)
    frame = imagecodecs.jpeg8_encode(pixels, level=98, bitspersample=bits)
    found = read(make_dicom(pixels, syntax, frames=[frame], **stored_bits(bits)))
    assert found.dtype == pixels.dtype
    assert np.abs(found.astype(int) - pixels).max() < 1 << (bits - 5)


def drop_markers(frame: bytes, *markers: int) -> bytes:
    """Take the first application segment out of a JPEG stream."""
    assert frame[3] in markers
    return frame[:2] + frame[4 + int.from_bytes(frame[4:6], "big") :]


@pytest.mark.parametrize(
    ("kind", "stated"),
    [
        ("jfif", "YBR_FULL_422"),
        ("jfif", "RGB"),
        ("adobe-rgb", "YBR_FULL_422"),
        ("adobe-rgb", "RGB"),
        ("bare-ybr", "YBR_FULL_422"),
        ("bare-rgb", "RGB"),
    ],
)
def test_colour_of_jpeg_follows_its_markers_then_the_header(kind: str, stated: str) -> None:
    flat = np.empty((16, 16, 3), np.uint8)
    flat[:] = (200, 40, 90)
    space = "RGB" if kind.endswith("rgb") else "YCBCR"
    frame = imagecodecs.jpeg8_encode(flat, level=98, colorspace="RGB", outcolorspace=space)
    if kind.startswith("bare"):
        frame = drop_markers(frame, 0xE0, 0xEE)
        frame = frame.replace(b"R\x11\0G\x11\0B\x11\0", b"\1\x11\0\2\x11\0\3\x11\0")
        frame = frame.replace(b"\x03R\0G\0B\0", b"\x03\1\0\2\0\3\0")
    data = make_dicom(flat, BASELINE, frames=[frame], PhotometricInterpretation=stated)
    assert np.abs(read(data).astype(int) - flat).max() <= 3


def test_without_imagecodecs_pydicom_decodes_what_it_can(monkeypatch: pytest.MonkeyPatch) -> None:
    from pydicom.pixels.decoders.base import JPEGLSLosslessDecoder

    monkeypatch.setitem(sys.modules, "imagecodecs", None)
    pixels = make_image(12, signed=True)
    rle = make_dicom(pixels, RLE, frames=[encode_rle(pixels)], **stored_bits(12))
    np.testing.assert_array_equal(read(rle), pixels)
    grey = np.sort(make_image(8, (24, 32)), axis=1)
    lossy = make_dicom(grey, BASELINE, frames=[imagecodecs.jpeg8_encode(grey, level=98)])
    assert np.abs(read(lossy).astype(int) - grey).max() < 8
    monkeypatch.setattr(JPEGLSLosslessDecoder, "_available", {})
    cells = pixels.view(np.uint16)
    with pytest.raises(MissingExtraError, match=r"medshelf\[dicom\]"):
        read(make_dicom(pixels, JPEG_LS, frames=[imagecodecs.jpegls_encode(cells)]))

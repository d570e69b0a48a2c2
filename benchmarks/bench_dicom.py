"""Decode DICOM of each codec, and read headers, against pydicom on generated 12-bit images.

pydicom decodes with each of its plugins that is installed. Where its own default is not the first
of them, that is the first line: what `pixel_array` takes without being told.
"""

from __future__ import annotations

import importlib.util
import io
import sys
import tempfile
from collections.abc import Callable
from pathlib import Path

import imagecodecs
import numpy as np
import pydicom
from pairs import compare
from pydicom.pixels import pixel_array
from pydicom.pixels.decoders.base import get_decoder

from medshelf.formats import dicom

sys.path.insert(0, str(Path(__file__).parent.parent))
from tests.formats.dicom_files import (
    BASELINE,
    DEFLATED,
    EXPLICIT,
    JPEG_2000,
    JPEG_LS,
    LOSSLESS_SV1,
    RLE,
    encode_jpeg_2000,
    encode_rle,
    make_dicom,
    make_series,
    stored_bits,
)

EDGE, N_FILES = 1024, 1000


def film() -> np.ndarray:
    """uint16 (1024, 1024): a smooth 12-bit film with noise."""
    rng = np.random.default_rng(0)
    y, x = np.mgrid[-1 : 1 : EDGE * 1j, -1 : 1 : EDGE * 1j]
    smooth = 1800 + 1200 * np.sin(3 * x) * np.cos(2 * y) + 400 * np.exp(-8 * (x**2 + y**2))
    return np.clip(smooth + rng.normal(0, 8, smooth.shape), 0, 4095).astype(np.uint16)


def files() -> dict[str, tuple[str, bytes]]:
    """Name, transfer syntax and bytes of a file for each codec."""
    pixels = film()
    grey = (pixels >> 4).astype(np.uint8)
    frames: dict[str, tuple[str, np.ndarray, bytes | None]] = {
        "uncompressed": (EXPLICIT, pixels, None),
        "deflated": (DEFLATED, pixels, None),
        "RLE": (RLE, pixels, encode_rle(pixels)),
        "JPEG baseline": (BASELINE, grey, imagecodecs.jpeg8_encode(grey, level=90)),
        "JPEG lossless": (
            LOSSLESS_SV1,
            pixels,
            imagecodecs.jpeg8_encode(pixels, lossless=True, bitspersample=12),
        ),
        "JPEG-LS": (JPEG_LS, pixels, imagecodecs.jpegls_encode(pixels)),
        "JPEG 2000": (JPEG_2000, pixels, encode_jpeg_2000(pixels, 12)),
    }
    return {
        name: (
            syntax,
            make_dicom(
                image,
                syntax,
                frames=None if frame is None else [frame],
                **({} if image.dtype == np.uint8 else stored_bits(12)),
            ),
        )
        for name, (syntax, image, frame) in frames.items()
    }


def codecs() -> None:
    """Print the ratio for each codec and each plugin of pydicom."""
    for name, (syntax, data) in files().items():
        print(f"{name}: {len(data) / 2**20:.2f} MiB")
        ours = dicom.read(data).array
        for plugin in ("", *get_decoder(syntax).available_plugins):
            theirs = pixels_of(data, plugin)
            apart = int(np.abs(theirs().astype(int) - ours).max())
            assert apart <= (2 if syntax == BASELINE else 0), (name, plugin, apart)
            label = f"pydicom with {plugin}" if plugin else "pydicom's pixel_array"
            compare(f"  {label}", lambda data=data: dicom.read(data).array, theirs)
    pillow_j2k()


def pixels_of(data: bytes, plugin: str) -> Callable[[], np.ndarray]:
    """Return what decodes a file with one plugin of pydicom, or with the one that it prefers."""
    if not plugin:
        return lambda: pydicom.dcmread(io.BytesIO(data)).pixel_array
    return lambda: pixel_array(pydicom.dcmread(io.BytesIO(data)), decoding_plugin=plugin)


def pillow_j2k() -> None:
    """Print the ratio of Pillow for the bare codestream, which it cannot decode above 8 bits."""
    from PIL import Image

    grey = (film() >> 4).astype(np.uint8)
    frame = encode_jpeg_2000(grey, 8)
    compare(
        "bare JPEG 2000 of 8 bits, imagecodecs against Pillow",
        lambda: imagecodecs.jpeg2k_decode(frame),
        lambda: np.asarray(Image.open(io.BytesIO(frame))),
    )


def headers(folder: Path) -> None:
    """Print the ratio for the headers of 1,000 slices."""
    paths = make_series(folder, N_FILES)
    compare(
        f"{N_FILES} headers as text, against pydicom's dcmread(stop_before_pixels=True)",
        lambda: [dicom.read_header(each) for each in paths],
        lambda: [pydicom.dcmread(each, stop_before_pixels=True) for each in paths],
    )
    compare(
        f"{N_FILES} headers as text, against the same with every value as text",
        lambda: [dicom.read_header(each) for each in paths],
        lambda: [text_of(each) for each in paths],
    )


def text_of(path: Path) -> dict[str, str]:
    """Read a header with pydicom, every value as text."""
    dataset = pydicom.dcmread(path, stop_before_pixels=True)
    return {each.keyword: str(each.value) for each in dataset if each.VR != "SQ"}


def volumes(folder: Path) -> None:
    """Print the ratio for a series of 100 slices of 512 x 512 as a volume, against SimpleITK."""
    import SimpleITK

    paths = make_series(folder, 100, shape=(512, 512))

    def theirs() -> np.ndarray:
        reader = SimpleITK.ImageSeriesReader()
        reader.SetFileNames(reader.GetGDCMSeriesFileNames(str(folder)))
        return SimpleITK.GetArrayFromImage(reader.Execute())

    assert np.array_equal(theirs(), dicom.read_series(paths).array)
    compare(
        "100 slices of 512 x 512 as a volume, against SimpleITK",
        lambda: dicom.read_series(paths),
        theirs,
    )


if __name__ == "__main__":
    codecs()
    with tempfile.TemporaryDirectory() as name:
        headers(Path(name))
    if importlib.util.find_spec("SimpleITK"):
        with tempfile.TemporaryDirectory() as name:
            volumes(Path(name))

"""DICOM files that are cut off, altered or hostile: refused by name, without harm."""

from __future__ import annotations

import tracemalloc
import zlib
from contextlib import suppress
from functools import cache

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from medshelf.core.errors import FormatError
from medshelf.formats import dicom
from medshelf.formats.dicom import elements
from tests.formats.dicom_files import (
    BIG_ENDIAN,
    DEFLATED,
    EXPLICIT,
    EXTENDED,
    IMPLICIT,
    JPEG_2000,
    JPEG_LS,
    LOSSLESS,
    RLE,
    UNCOMPRESSED,
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


def damaged() -> dict[str, tuple[str, bytes]]:
    pixels = make_image(12)
    return {
        "rle": (RLE, encode_rle(pixels)),
        "jpeg-ls": (JPEG_LS, imagecodecs.jpegls_encode(pixels)),
        "jpeg-2000": (JPEG_2000, encode_jpeg_2000(pixels, 12)),
        "jpeg-lossless": (LOSSLESS, encode_jpeg_lossless(pixels, 12)),
        "jpeg-extended": (EXTENDED, imagecodecs.jpeg8_encode(pixels, level=90, bitspersample=12)),
    }


@pytest.mark.parametrize("kind", ["rle", "jpeg-ls", "jpeg-2000", "jpeg-lossless", "jpeg-extended"])
def test_a_frame_cut_off_is_no_image(kind: str) -> None:
    syntax, frame = damaged()[kind]
    for length in (0, 3, 40, len(frame) // 2, len(frame) - 3):
        data = make_dicom(
            make_image(12), syntax, frames=[frame[:length] or b"\0\0"], **stored_bits(12)
        )
        with pytest.raises(FormatError):
            read(data)


@pytest.mark.parametrize("kind", ["jpeg-ls", "jpeg-2000", "jpeg-lossless", "jpeg-extended"])
def test_a_frame_of_another_size_is_refused_before_it_is_decoded(kind: str) -> None:
    syntax, frame = damaged()[kind]
    for shape in ((31, 20), (1, 1), (20, 31, 3)):
        with pytest.raises(FormatError, match="are declared"):
            read(make_dicom(make_image(16, shape), syntax, frames=[frame]))
    with pytest.raises(FormatError, match="in 8 bits are declared"):
        read(make_dicom(make_image(8), syntax, frames=[frame]))


def test_a_jp2_box_of_no_length_does_not_hang() -> None:
    box = b"\0\0\0\x0cjP  \r\n\x87\n" + b"\0\0\0\0jp2h" + encode_jpeg_2000(make_image(12), 12)
    with pytest.raises(FormatError, match="broken JP2 box"):
        read(make_dicom(make_image(12), JPEG_2000, frames=[box]))


def test_jpeg_2000_tiles_that_no_codec_ends_with_are_refused() -> None:
    frame = bytearray(encode_jpeg_2000(make_image(12), 12))
    frame[24:32] = b"\0\0\0\1\0\0\0\0"
    with pytest.raises(FormatError, match="impossible JPEG 2000 tiles"):
        read(make_dicom(make_image(12), JPEG_2000, frames=[bytes(frame)]))


@pytest.mark.parametrize("syntax", [EXPLICIT, RLE, JPEG_2000])
@pytest.mark.parametrize(
    ("rows", "columns", "count"),
    [(65535, 65535, 1), (65535, 65535, 2_000_000_000), (1, 1, 2_000_000_000), (20, 31, 10**15)],
)
def test_huge_sizes_are_refused_before_memory_is_taken(
    syntax: str, rows: int, columns: int, count: int
) -> None:
    frames = None if syntax == EXPLICIT else [damaged()["rle"][1]]
    tags = {"Rows": rows, "Columns": columns, "NumberOfFrames": str(count)}
    data = make_dicom(make_image(16), syntax, frames=frames, describe_frames=1, **tags)
    tracemalloc.start()
    try:
        with pytest.raises(FormatError, match="declared"):
            read(data)
        assert tracemalloc.get_traced_memory()[1] < 20e6
    finally:
        tracemalloc.stop()


def test_a_deflated_bomb_is_refused(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(elements, "_MAX_INFLATED_BYTES", 1 << 20)
    data = make_dicom(make_image(8), DEFLATED)
    start = 144 + int.from_bytes(data[140:144], "little")
    stream = zlib.compressobj(9, zlib.DEFLATED, -zlib.MAX_WBITS)
    bomb = stream.compress(zlib.decompress(data[start:], -zlib.MAX_WBITS))
    block = bytes(1 << 24)
    bomb += b"".join(stream.compress(block) for _ in range(2)) + stream.flush()
    assert len(bomb) < 1e6
    with pytest.raises(FormatError, match="hold more than"):
        read(data[:start] + bomb)
    with pytest.raises(FormatError, match="cut off"):
        read(data[:-20])


@pytest.mark.parametrize("syntax", [EXPLICIT, IMPLICIT, BIG_ENDIAN, DEFLATED, RLE])
def test_a_file_cut_off_anywhere_is_refused(syntax: str) -> None:
    pixels = make_image(12, (3, 4))
    frames = [encode_rle(pixels)] if syntax == RLE else None
    data = make_dicom(pixels, syntax, frames=frames, Modality="CT", **stored_bits(12))
    whole = len(data) - (8 if syntax == RLE else 0)  # the sequence delimiter may be missing
    for length in range(whole):
        with pytest.raises(FormatError):
            read(data[:length])
    np.testing.assert_array_equal(read(data[:whole]), pixels)


def test_an_error_says_where_the_file_ends() -> None:
    data = make_dicom(make_image(8, (3, 4)), PatientID="someone")
    end = data.index(b"someone") + 3
    with pytest.raises(FormatError, match=rf"element \(0010,0020\), at byte {end}"):
        dicom.read_header(data[:end], where="a.zip/1.dcm")
    with pytest.raises(FormatError, match=r"Cannot read a\.zip/1\.dcm"):
        dicom.read_header(data[:end], where="a.zip/1.dcm")


def sequences(depth: int) -> bytes:
    """Sequences of undefined length within each other, as explicit elements."""
    opened = b"\x08\0\x40\x11SQ\0\0\xff\xff\xff\xff" + b"\xfe\xff\0\xe0\xff\xff\xff\xff"
    closed = b"\xfe\xff\x0d\xe0\0\0\0\0" + b"\xfe\xff\xdd\xe0\0\0\0\0"
    return opened * depth + closed * depth


def test_sequences_of_any_depth_are_passed_over() -> None:
    data = make_dicom(make_image(8, (3, 4)), Modality="CT")
    at = data.index(b"\x08\0\x60\0CS")
    deep = data[:at] + sequences(20_000) + data[at:]
    assert dicom.read_header(deep)["Modality"] == "CT"
    with pytest.raises(FormatError, match=r"ends within element \(0008,1140\)"):
        dicom.read_header(data[:at] + sequences(20_000)[:-100])
    regions = sequences(20_000).replace(b"\x40\x11SQ", b"\x18\x22SQ")
    with pytest.raises(FormatError, match="damaged"):
        dicom.read_header(data[:at] + regions + data[at:])


@st.composite
def altered(draw: st.DrawFn, kinds: tuple[str, ...]) -> bytes:
    data = bytearray(whole_files()[draw(st.sampled_from(kinds))])
    for _ in range(draw(st.integers(1, 6))):
        at = draw(st.integers(0, len(data) - 1))
        what = draw(st.sampled_from(["flip", "set", "cut", "insert"]))
        if what == "flip":
            data[at] ^= 1 << draw(st.integers(0, 7))
        elif what == "set":
            data[at] = draw(st.sampled_from([0, 127, 128, 255]))
        elif what == "cut":
            del data[at + 1 : at + 1 + draw(st.integers(1, 20))]
        else:
            data[at:at] = draw(st.binary(min_size=1, max_size=8))
    return bytes(data)


@cache
def whole_files() -> dict[str, bytes]:
    pixels = make_image(12)
    tags = {"Modality": "CT", "RescaleIntercept": "-1024", "RescaleSlope": "1", **stored_bits(12)}
    found = {each: make_dicom(pixels, each, **tags) for each in UNCOMPRESSED}
    for kind, (syntax, frame) in damaged().items():
        found[kind] = make_dicom(pixels, syntax, frames=[frame], **tags)
    return found


KINDS = (*UNCOMPRESSED, "rle", "jpeg-ls", "jpeg-2000", "jpeg-lossless", "jpeg-extended")


@settings(max_examples=300, deadline=None, derandomize=True)
@given(altered(KINDS))
def test_altered_files_are_read_or_refused(data: bytes) -> None:
    with suppress(FormatError):
        raster = dicom.read(data)
        assert raster.array.nbytes < 1 << 28
        dicom.apply_voi(raster)
    with suppress(FormatError):
        dicom.read_headers(data)


@settings(max_examples=200, deadline=None, derandomize=True)
@given(st.binary(max_size=400))
def test_any_bytes_are_refused(data: bytes) -> None:
    with pytest.raises(FormatError):
        dicom.read(b"\0" * 128 + b"DICM" + data)
    with pytest.raises(FormatError):
        dicom.read(data)

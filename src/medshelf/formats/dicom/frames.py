"""One compressed DICOM frame: its codestream checked, then decoded by imagecodecs.

JPEG (baseline, extended, lossless) goes to libjpeg-turbo, JPEG-LS to CharLS, JPEG 2000 to OpenJPEG,
RLE to imagecodecs' own decoder. A frame's own header is compared with the data set before a codec
sees the frame: none allocates more than is declared, reads past the end, or takes half for whole.

Source: ITU-T T.81 (JPEG), T.87 (JPEG-LS), T.800 (JPEG 2000); DICOM PS3.5, annex G (RLE).
"""

from __future__ import annotations

import itertools
import struct
from collections.abc import Iterator
from dataclasses import dataclass

import numpy as np

from medshelf.core.errors import MissingExtraError
from medshelf.formats.dicom.layout import JPEG, JPEG_2000, JPEG_LS, RLE, Layout

_END = b"\xff\xd9"
_END_WITHIN_BYTES = 64
_JP2_SIGNATURE = b"\x00\x00\x00\x0cjP  "
_START_OF_CODESTREAM = b"\xff\x4f\xff\x51"
_FRAME_MARKERS = frozenset(range(0xC0, 0xD0)) - {0xC4, 0xC8, 0xCC} | {0xF7}
_LOSSLESS_MARKER = 0xC3
_APP0, _APP14 = 0xE0, 0xEE
_MAX_TILES = 65535
_RLE_HEADER_BYTES = 64


@dataclass(frozen=True, slots=True)
class _Codestream:
    """What a codestream says of itself; `colour` is RGB or YCBCR where its markers tell."""

    rows: int
    columns: int
    samples: int
    precision: int
    lossless: bool = False
    colour: str = ""


def decode_frame(frame: bytes, layout: Layout) -> np.ndarray:
    """Decode one frame of JPEG, JPEG-LS, JPEG 2000 or RLE.

    Without imagecodecs, pydicom decodes with what it finds; RLE always, the rest where it can.

    Returns:
        Rows x columns (x 3) of `layout.dtype`, bits above the stored ones cleared, colour as RGB.

    Raises:
        MissingExtraError: No codec for the transfer syntax is installed.
        ValueError: The frame is cut off, or is not what the data set declares.
        RuntimeError: The codec refuses the frame.
    """
    found = _read_frame_header(frame, layout)
    ours = (layout.rows, layout.columns, layout.samples)
    theirs = (found.rows, found.columns, found.samples)
    if theirs != ours or found.precision > layout.bits_allocated:
        msg = (
            f"a frame holds {theirs} rows, columns and samples of {found.precision} bits, "
            f"{ours} in {layout.bits_allocated} bits are declared"
        )
        raise ValueError(msg)
    try:
        import imagecodecs  # noqa: F401
    except ModuleNotFoundError:
        return _decode_with_pydicom(frame, layout)
    decoders = {JPEG: _decode_jpeg, JPEG_LS: _decode_jpeg_ls, JPEG_2000: _decode_jpeg_2000}
    for syntaxes, decoder in decoders.items():
        if layout.syntax in syntaxes:
            return decoder(frame, layout, found)
    return _decode_rle(frame, layout)


def keep_bits(values: np.ndarray, n_bits: int, lowest: int = 0) -> np.ndarray:
    """Keep `n_bits` bits of each integer, from bit `lowest` on; in a signed one, with sign."""
    above = 8 * values.dtype.itemsize - n_bits - lowest
    if values.dtype.kind not in "iu" or not (above or lowest):
        return values
    if values.dtype.kind == "u" and not lowest:
        return values & values.dtype.type((1 << n_bits) - 1)
    return (values << above) >> (above + lowest)


def _decode_jpeg(frame: bytes, layout: Layout, found: _Codestream) -> np.ndarray:
    import imagecodecs

    if layout.samples == 1:
        values = imagecodecs.jpeg8_decode(frame)
    elif found.lossless:
        values = imagecodecs.jpeg8_decode(frame, colorspace="RGB", outcolorspace="RGB")
        values = _as_rgb(values, layout)
    else:
        colour = found.colour or ("RGB" if layout.photometric == "RGB" else "YCBCR")
        values = imagecodecs.jpeg8_decode(frame, colorspace=colour, outcolorspace="RGB")
    return keep_bits(_fitted(values, layout, found.precision), layout.bits_stored)


def _decode_jpeg_ls(frame: bytes, layout: Layout, found: _Codestream) -> np.ndarray:
    import imagecodecs

    values = imagecodecs.jpegls_decode(frame)
    if values.shape != layout.frame_shape:
        values = np.moveaxis(values, 0, -1)
    return _fitted(_as_rgb(values, layout), layout, found.precision)


def _decode_jpeg_2000(frame: bytes, layout: Layout, found: _Codestream) -> np.ndarray:
    import imagecodecs

    values = imagecodecs.jpeg2k_decode(frame)
    return _fitted(_as_rgb(values, layout), layout, found.precision)


def _decode_rle(frame: bytes, layout: Layout) -> np.ndarray:
    import imagecodecs

    dtype = layout.dtype.newbyteorder("<")
    size = layout.rows * layout.columns * layout.samples * dtype.itemsize
    decoded = imagecodecs.dicomrle_decode(frame, dtype, out=size)
    if len(decoded) != size:
        msg = f"a frame is cut off: it decodes to {len(decoded)} bytes, {size} are declared"
        raise ValueError(msg)
    planes = np.frombuffer(decoded, dtype)
    planes = planes.reshape(layout.samples, layout.rows, layout.columns)
    values = _as_rgb(np.moveaxis(planes, 0, -1), layout) if layout.samples > 1 else planes[0]
    return keep_bits(values, layout.bits_stored, layout.high_bit + 1 - layout.bits_stored)


def _decode_with_pydicom(frame: bytes, layout: Layout) -> np.ndarray:
    from pydicom.encaps import encapsulate
    from pydicom.pixels.decoders.base import get_decoder

    decoder = get_decoder(layout.syntax)
    if not decoder.is_available:
        raise MissingExtraError("imagecodecs", "dicom")
    options = {**layout.options(), "number_of_frames": 1}
    if layout.syntax != RLE:
        options["bits_stored"] = layout.bits_stored
    values, _ = decoder.as_array(encapsulate([frame]), index=0, validate=False, **options)
    if layout.syntax != RLE:
        return values
    return keep_bits(values, layout.bits_stored, layout.high_bit + 1 - layout.bits_stored)


def _as_rgb(values: np.ndarray, layout: Layout) -> np.ndarray:
    if not layout.photometric.startswith("YBR_FULL"):
        return values
    from pydicom.pixels.processing import convert_color_space

    return convert_color_space(values, "YBR_FULL", "RGB")


def _fitted(values: np.ndarray, layout: Layout, precision: int) -> np.ndarray:
    """Give decoded values the data set's own type, reading the sign from the highest bit."""
    if values.shape != layout.frame_shape or values.dtype.itemsize > layout.dtype.itemsize:
        msg = f"a frame decodes to {values.shape} {values.dtype}, {layout.frame_shape} is declared"
        raise ValueError(msg)
    if values.dtype.kind != layout.dtype.kind:
        values = keep_bits(values.view(f"{layout.dtype.kind}{values.dtype.itemsize}"), precision)
    return values.astype(layout.dtype, copy=False)


def _read_frame_header(frame: bytes, layout: Layout) -> _Codestream:
    if layout.syntax == RLE:
        return _read_rle_header(frame, layout)
    return _read_jpeg_2000_header(frame) if layout.syntax in JPEG_2000 else _read_jpeg_header(frame)


def _read_jpeg_header(frame: bytes) -> _Codestream:
    if _END not in frame[-_END_WITHIN_BYTES:]:
        msg = "a frame is cut off: it has no end marker"
        raise ValueError(msg)
    jfif, transform = False, None
    for marker, start in _jpeg_segments(frame):
        body = frame[start : start + 12]
        if marker == _APP0 and body.startswith(b"JFIF"):
            jfif = True
        elif marker == _APP14 and body.startswith(b"Adobe") and len(body) == 12:  # noqa: PLR2004
            transform = body[11]
        elif marker in _FRAME_MARKERS:
            precision, rows, columns, samples = struct.unpack_from(">BHHB", frame, start)
            ids = bytes(frame[start + 6 : start + 6 + 3 * samples : 3])
            colour = _jpeg_colour(ids, transform, jfif=jfif)
            return _Codestream(
                rows, columns, samples, precision, marker == _LOSSLESS_MARKER, colour
            )
    msg = "a frame has no JPEG frame header"
    raise ValueError(msg)


def _jpeg_segments(frame: bytes) -> Iterator[tuple[int, int]]:
    """Yield marker and start of the body of each segment before the entropy-coded data."""
    if not frame.startswith(b"\xff\xd8"):
        return
    at = 2
    while at + 4 <= len(frame) and frame[at] == 0xFF:  # noqa: PLR2004
        if frame[at + 1] == 0xFF:  # noqa: PLR2004
            at += 1
            continue
        yield frame[at + 1], at + 4
        at += 2 + max(2, int.from_bytes(frame[at + 2 : at + 4], "big"))


def _jpeg_colour(ids: bytes, transform: int | None, *, jfif: bool) -> str:
    """Say what the markers mean, in the order in which libjpeg asks them."""
    if jfif or transform == 1:
        return "YCBCR"
    if transform == 0 or ids.upper() == b"RGB":
        return "RGB"
    return ""


def _read_jpeg_2000_header(frame: bytes) -> _Codestream:
    start = _codestream_start(frame)
    if frame[start : start + 4] != _START_OF_CODESTREAM or _END not in frame[-_END_WITHIN_BYTES:]:
        msg = "a frame is cut off, or is no JPEG 2000 codestream"
        raise ValueError(msg)
    right, bottom, left, top, *tile, samples = struct.unpack_from(">8IH", frame, start + 8)
    width, height, tile_left, tile_top = tile
    components = frame[start + 42 : start + 42 + 3 * samples]
    starts_inside = tile_left <= left < tile_left + width and tile_top <= top < tile_top + height
    steps = set(components[1::3] + components[2::3])
    if len(components) < 3 * samples or steps != {1}:
        msg = "a frame has JPEG 2000 components of unequal size"
        raise ValueError(msg)
    if (
        not starts_inside
        or -(-(right - tile_left) // width) * -(-(bottom - tile_top) // height) > _MAX_TILES
    ):
        msg = "a frame has impossible JPEG 2000 tiles"
        raise ValueError(msg)
    return _Codestream(bottom - top, right - left, samples, max(components[::3]) % 128 + 1)


def _codestream_start(frame: bytes) -> int:
    """Return where the codestream begins, behind the boxes of a JP2 file if there are any."""
    if not frame.startswith(_JP2_SIGNATURE):
        return 0
    at = 0
    while frame[at + 4 : at + 8] != b"jp2c":
        length = int.from_bytes(frame[at : at + 4], "big")
        if length < 8 or at + length > len(frame):  # noqa: PLR2004
            msg = "a frame has a broken JP2 box"
            raise ValueError(msg)
        at += length
    return at + 8


def _read_rle_header(frame: bytes, layout: Layout) -> _Codestream:
    n_segments = layout.samples * layout.dtype.itemsize
    header = frame[:_RLE_HEADER_BYTES].ljust(_RLE_HEADER_BYTES, b"\0")
    count, *offsets = struct.unpack("<16I", header)
    bounds = [*offsets[:n_segments], len(frame)]
    ascending = all(low < high for low, high in itertools.pairwise(bounds))
    if count != n_segments or bounds[0] < _RLE_HEADER_BYTES or not ascending:
        msg = f"a frame is no RLE data of {n_segments} segments"
        raise ValueError(msg)
    return _Codestream(layout.rows, layout.columns, layout.samples, layout.bits_stored)

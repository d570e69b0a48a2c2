"""What a DICOM data set says of its pixels: size, bits, colours and transfer syntax.

Source: DICOM PS3.3, C.7.6.3 (image pixel module); PS3.5, 8.1 and annex A (transfer syntaxes).
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

import numpy as np

from medshelf.formats.dicom.elements import BIG_ENDIAN, DEFLATED, EXPLICIT, IMPLICIT
from medshelf.formats.dicom.header import integer

UNCOMPRESSED = frozenset({IMPLICIT, EXPLICIT, DEFLATED, BIG_ENDIAN})
JPEG = frozenset(f"1.2.840.10008.1.2.4.{each}" for each in (50, 51, 57, 70))
JPEG_LS = frozenset(f"1.2.840.10008.1.2.4.{each}" for each in (80, 81))
JPEG_2000 = frozenset(f"1.2.840.10008.1.2.4.{each}" for each in (90, 91, 201, 202, 203))
RLE = "1.2.840.10008.1.2.5"
_FLOAT = {"FloatPixelData": 32, "DoubleFloatPixelData": 64}
_GREY = frozenset({"", "MONOCHROME1", "MONOCHROME2", "PALETTE COLOR"})
_COLOUR = frozenset({"RGB", "YBR_FULL", "YBR_FULL_422", "YBR_ICT", "YBR_RCT"})


@dataclass(frozen=True, slots=True)
class Layout:
    """What a data set says of its pixels.

    Attributes:
        rows: Height in pixels.
        columns: Width in pixels.
        samples: 1, or 3 for colour.
        frames: Number of frames, at least 1.
        bits_allocated: Bits of a sample's cell: 1, 8, 16, 32 or 64.
        bits_stored: Bits of the cell that hold the value.
        high_bit: Position of the value's highest bit in the cell.
        signed: Whether the values are two's complement.
        planar: Whether colours come as planes, uncompressed only.
        photometric: The photometric interpretation; empty where it is not stated.
        keyword: `PixelData`, `FloatPixelData` or `DoubleFloatPixelData`.
        syntax: UID of the transfer syntax.
    """

    rows: int
    columns: int
    samples: int
    frames: int
    bits_allocated: int
    bits_stored: int
    high_bit: int
    signed: bool
    planar: bool
    photometric: str
    keyword: str
    syntax: str

    @property
    def dtype(self) -> np.dtype[Any]:
        """The type of the stored values."""
        if self.keyword in _FLOAT:
            return np.dtype(f"f{self.bits_allocated // 8}")
        return np.dtype(f"{'i' if self.signed else 'u'}{max(1, self.bits_allocated // 8)}")

    @property
    def frame_shape(self) -> tuple[int, ...]:
        """Rows, columns, and 3 for colour."""
        return (self.rows, self.columns, 3)[: 2 if self.samples == 1 else 3]

    def options(self) -> dict[str, Any]:
        """The same in the words of pydicom's decoders; every bit of a cell counts as stored."""
        return {
            "rows": self.rows,
            "columns": self.columns,
            "samples_per_pixel": self.samples,
            "number_of_frames": self.frames,
            "bits_allocated": self.bits_allocated,
            "bits_stored": self.bits_allocated,
            "pixel_representation": int(self.signed),
            "planar_configuration": int(self.planar),
            "photometric_interpretation": self.photometric or "MONOCHROME2",
            "pixel_keyword": self.keyword,
        }


def read_layout(header: Mapping[str, str], keyword: str, syntax: str) -> Layout:
    """Read what a header says of the pixels.

    Raises:
        ValueError: An element is missing, or has a value that describes no image.
    """
    floating = keyword in _FLOAT
    allocated = _FLOAT.get(keyword) or integer(header, "BitsAllocated")
    stored = allocated if floating else integer(header, "BitsStored", allocated)
    samples = integer(header, "SamplesPerPixel", 1)
    layout = Layout(
        rows=integer(header, "Rows"),
        columns=integer(header, "Columns"),
        samples=samples,
        frames=max(1, integer(header, "NumberOfFrames", 1)),
        bits_allocated=allocated,
        bits_stored=stored,
        high_bit=stored - 1 if floating else integer(header, "HighBit", stored - 1),
        signed=not floating and integer(header, "PixelRepresentation", 0) == 1,
        planar=samples > 1 and integer(header, "PlanarConfiguration", 0) == 1,
        photometric=header.get("PhotometricInterpretation", ""),
        keyword=keyword,
        syntax=syntax,
    )
    _check_layout(layout)
    return layout


def _check_layout(layout: Layout) -> None:
    known = _GREY if layout.samples == 1 else _COLOUR if layout.samples == 3 else frozenset()  # noqa: PLR2004
    shape = f"{layout.rows} x {layout.columns} pixels"
    bits = (layout.bits_stored, layout.high_bit, layout.bits_allocated)
    wrong = {
        f"an image of {shape}": layout.rows < 1 or layout.columns < 1,
        f"{layout.samples} samples of {layout.photometric or 'unknown meaning'}": (
            layout.photometric not in known
        ),
        f"bits stored {bits[0]} with high bit {bits[1]} of {bits[2]} allocated": (
            bits[2] not in {1, 8, 16, 32, 64} or not 1 <= bits[0] <= bits[1] + 1 <= bits[2]
        ),
    }
    for what, is_wrong in wrong.items():
        if is_wrong:
            msg = f"it declares {what}"
            raise ValueError(msg)

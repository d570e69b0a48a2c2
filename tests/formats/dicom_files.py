"""Make DICOM files in memory, in any transfer syntax, right or wrong on purpose."""

from __future__ import annotations

import io
import math
import struct
from collections.abc import Callable, Sequence
from pathlib import Path
from typing import Any

import numpy as np

EXPLICIT, IMPLICIT = "1.2.840.10008.1.2.1", "1.2.840.10008.1.2"
BIG_ENDIAN, DEFLATED = "1.2.840.10008.1.2.2", "1.2.840.10008.1.2.1.99"
BASELINE, EXTENDED = "1.2.840.10008.1.2.4.50", "1.2.840.10008.1.2.4.51"
LOSSLESS, LOSSLESS_SV1 = "1.2.840.10008.1.2.4.57", "1.2.840.10008.1.2.4.70"
JPEG_LS, JPEG_2000, RLE = "1.2.840.10008.1.2.4.80", "1.2.840.10008.1.2.4.90", "1.2.840.10008.1.2.5"
UNCOMPRESSED = (EXPLICIT, IMPLICIT, BIG_ENDIAN, DEFLATED)
CT, DX = "1.2.840.10008.5.1.4.1.1.2", "1.2.840.10008.5.1.4.1.1.1.1"


def make_image(bits: int = 12, shape: tuple[int, ...] = (20, 31), *, signed: bool = False) -> Any:
    """A ramp with noise that takes every bit, different at every place."""
    rng = np.random.default_rng(bits)
    low, high = (-(1 << bits - 1), (1 << bits - 1) - 1) if signed else (0, (1 << bits) - 1)
    ramp = np.linspace(low, high, int(np.prod(shape))).reshape(shape)
    values = np.clip(ramp + rng.normal(0, (high - low) / 50, shape), low, high)
    return values.astype(f"{'i' if signed else 'u'}{1 if bits <= 8 else 2 if bits <= 16 else 4}")


def make_dicom(
    pixels: np.ndarray | None,
    syntax: str = EXPLICIT,
    *,
    frames: list[bytes] | None = None,
    describe_frames: int | None = None,
    **tags: Any,
) -> bytes:
    """A file of `pixels`: rows x columns (x 3), behind a frame axis where NumberOfFrames says so.

    Args:
        pixels: What is stored; also gives size and type where `frames` holds the encoded frames.
        syntax: UID of the transfer syntax.
        frames: The encoded frames, for a compressed syntax.
        describe_frames: How many frames `pixels` has, where NumberOfFrames is to lie.
        tags: Further elements by keyword, or other values of those made here; null leaves one out.
    """
    import pydicom
    from pydicom.dataset import Dataset, FileMetaDataset
    from pydicom.encaps import encapsulate

    dataset = Dataset()
    dataset.file_meta = FileMetaDataset()
    dataset.file_meta.TransferSyntaxUID = syntax
    dataset.SOPClassUID = dataset.file_meta.MediaStorageSOPClassUID = tags.pop("SOPClassUID", DX)
    dataset.SOPInstanceUID = dataset.file_meta.MediaStorageSOPInstanceUID = tags.pop(
        "SOPInstanceUID", "1.2.3"
    )
    if pixels is not None:
        _describe(dataset, pixels, frames=describe_frames or int(tags.get("NumberOfFrames") or 1))
    with pydicom.config.disable_value_validation():
        for keyword, value in tags.items():
            if value is not None:
                setattr(dataset, keyword, value)
            elif keyword in dataset:
                delattr(dataset, keyword)
    if frames is not None:
        dataset.PixelData = encapsulate(frames)
        dataset["PixelData"].VR = "OB"
        dataset["PixelData"].is_undefined_length = True
    elif pixels is not None and "PixelData" not in tags:
        order = ">" if syntax == BIG_ENDIAN else "<"
        stored = pixels.astype(pixels.dtype.newbyteorder(order)).tobytes()
        dataset.PixelData = stored + b"\0" * (len(stored) % 2)
        dataset["PixelData"].VR = "OW" if pixels.dtype.itemsize > 1 else "OB"
    buffer = io.BytesIO()
    pydicom.dcmwrite(buffer, dataset, enforce_file_format=True)
    return buffer.getvalue()


def _describe(dataset: Any, pixels: np.ndarray, frames: int) -> None:
    rows, columns, *rest = pixels.shape[1:] if frames > 1 else pixels.shape
    dataset.Rows, dataset.Columns = rows, columns
    dataset.SamplesPerPixel = 3 if rest else 1
    dataset.PhotometricInterpretation = "RGB" if rest else "MONOCHROME2"
    if rest:
        dataset.PlanarConfiguration = 0
    bits = 8 * pixels.dtype.itemsize
    dataset.BitsAllocated = dataset.BitsStored = bits
    dataset.HighBit = bits - 1
    dataset.PixelRepresentation = int(pixels.dtype.kind == "i")


def stored_bits(bits: int) -> dict[str, int]:
    """The elements that say how many bits of a cell hold the value."""
    return {"BitsStored": bits, "HighBit": bits - 1}


def encode_rle(pixels: np.ndarray) -> bytes:
    """One frame as DICOM RLE: a segment for each byte of a sample, the highest first."""
    planes = np.atleast_3d(pixels).astype(pixels.dtype.newbyteorder(">"))
    n_bytes, n_samples = pixels.dtype.itemsize, planes.shape[2]
    segments = []
    for sample in range(n_samples):
        cells = np.ascontiguousarray(planes[..., sample]).view(np.uint8).reshape(-1, n_bytes)
        segments += [_pack(cells[:, each].tobytes()) for each in range(n_bytes)]
    offsets, at = [], 64
    for each in segments:
        offsets.append(at)
        at += len(each)
    return struct.pack("<16I", len(segments), *offsets, *[0] * (15 - len(offsets))) + b"".join(
        segments
    )


def _pack(data: bytes) -> bytes:
    """PackBits with a run of two or more as a run, anything else as literals of one byte."""
    out, at = bytearray(), 0
    while at < len(data):
        run = 1
        while run < 128 and data[at + run : at + run + 1] == data[at : at + 1]:
            run += 1
        out += bytes([(257 - run) & 0xFF if run > 1 else 0, data[at]])
        at += run
    return bytes(out) + b"\0" * (len(out) % 2)


def encode_jpeg_2000(pixels: np.ndarray, bits: int, **options: object) -> bytes:
    """One frame as a reversible JPEG 2000 codestream."""
    import imagecodecs

    return imagecodecs.jpeg2k_encode(
        pixels, level=0, reversible=True, codecformat="j2k", bitspersample=bits, **options
    )


def encode_jpeg_lossless(
    pixels: np.ndarray, bits: int, *, predictor: int = 1, restart_rows: int = 0, shift: int = 0
) -> bytes:
    """One frame as lossless JPEG: any predictor, restart interval and point transform.

    Source: ITU-T T.81, annex H.
    """
    planes = np.atleast_3d(pixels).astype(np.int64) >> shift
    rows, columns, samples = planes.shape
    each = range(1, samples + 1)
    head = b"\xff\xd8\xff\xc3" + struct.pack(
        ">HBHHB", 8 + 3 * samples, bits, rows, columns, samples
    )
    head += b"".join(bytes([one, 0x11, 0]) for one in each)
    head += (
        b"\xff\xc4" + struct.pack(">HB", 36, 0) + bytes([0] * 4 + [17] + [0] * 11 + list(range(17)))
    )
    if restart_rows:
        head += b"\xff\xdd" + struct.pack(">HH", 4, restart_rows * columns)
    head += b"\xff\xda" + struct.pack(">HB", 6 + 2 * samples, samples)
    head += b"".join(bytes([one, 0]) for one in each) + bytes([predictor, 0, shift])
    out, writer = bytearray(head), _Bits()
    for row in range(rows):
        is_first = row == 0 or (restart_rows and row % restart_rows == 0)
        if row and is_first:
            out += writer.flush() + bytes([0xFF, 0xD0 + (row // restart_rows - 1) % 8])
        for column in range(columns):
            for sample in range(samples):
                if is_first and column == 0:
                    guess = 1 << (bits - shift - 1)
                else:
                    guess = _guess(planes[..., sample], row, column, 1 if is_first else predictor)
                writer.put_difference(int(planes[row, column, sample]) - guess)
    return bytes(out + writer.flush() + b"\xff\xd9")


def _guess(plane: np.ndarray, row: int, column: int, predictor: int) -> int:
    if row == 0 or (predictor == 1 and column):
        return int(plane[row, column - 1])
    if column == 0:
        return int(plane[row - 1, 0])
    left, above = int(plane[row, column - 1]), int(plane[row - 1, column])
    corner = int(plane[row - 1, column - 1])
    return (
        left, above, corner, left + above - corner, left + (above - corner >> 1),
        above + (left - corner >> 1), left + above >> 1,
    )[predictor - 1]  # fmt: skip


class _Bits:
    """Entropy-coded bits, with the zero byte that JPEG puts behind each 0xFF."""

    def __init__(self) -> None:
        self.bits = ""

    def put_difference(self, difference: int) -> None:
        difference = (difference + 32767) % 65536 - 32767
        size = abs(difference).bit_length()
        self.bits += format(size, "05b")
        if 0 < size < 16:
            self.bits += format(
                difference if difference > 0 else difference + (1 << size) - 1, f"0{size}b"
            )

    def flush(self) -> bytes:
        padded = self.bits + "1" * (-len(self.bits) % 8)
        self.bits = ""
        data = int(padded or "0", 2).to_bytes(len(padded) // 8, "big")
        return data.replace(b"\xff", b"\xff\0")


def make_series(
    folder: Path,
    count: int = 6,
    *,
    orientation: Sequence[float] = (1, 0, 0, 0, 1, 0),
    step: Sequence[float] | None = None,
    shape: tuple[int, int] = (5, 7),
    tags: Callable[[int], dict[str, Any]] = lambda _: {},
) -> list[Path]:
    """Slices 2.5 mm apart along their normal, each of values of its own; names tell no order.

    Args:
        folder: Where the files are made.
        count: Number of slices.
        orientation: The direction cosines of a row and of a column, LPS.
        step: From a slice to the next in mm, LPS, where that is not the normal.
        shape: Rows and columns.
        tags: Further elements of each slice, or other values; null leaves one out.

    Returns:
        The files in the order of the volume.
    """
    along_x, along_y = np.array(orientation, float).reshape(2, 3)
    step = np.cross(along_x, along_y) * 2.5 if step is None else np.array(step)
    rng = np.random.default_rng(count)
    names = rng.permutation(count)
    paths = []
    for place in range(count):
        position = np.array([-12.5, 30.25, 7.125]) + place * step
        every = {
            "SOPClassUID": CT,
            "SOPInstanceUID": f"1.2.3.{place + 1}",
            "SeriesInstanceUID": "1.2.3",
            "StudyInstanceUID": "1.2",
            "Modality": "CT",
            "RescaleSlope": "1",
            "RescaleIntercept": "-1024",
            "InstanceNumber": int(names[place]) + 1,
            "ImagePositionPatient": [f"{each:.6f}" for each in position],
            "ImageOrientationPatient": [f"{each:.9f}" for each in orientation],
            "PixelSpacing": [0.75, 0.5],
            "SliceThickness": 2,
            **tags(place),
        }
        pixels = np.arange(math.prod(shape)).reshape(shape) % 4000 + 100 * place % 4000
        path = folder / f"{names[place]:02}.dcm"
        path.write_bytes(make_dicom(pixels.astype(np.uint16), **{**stored_bits(12), **every}))
        paths.append(path)
    return paths

"""DICOM pixel data: from the bytes of the element to frames of stored values.

Source: DICOM PS3.5, 7.1 (data elements), 8.2 and annex A (native and encapsulated pixel data).
"""

from __future__ import annotations

import io
import itertools
import math
import mmap
from collections.abc import Iterator, Sequence
from typing import TYPE_CHECKING, BinaryIO, cast

import numpy as np

from medshelf.formats.dicom.elements import BIG_ENDIAN, EXPLICIT, UNDEFINED, File, PixelElement
from medshelf.formats.dicom.frames import decode_frame, keep_bits
from medshelf.formats.dicom.layout import (
    JPEG,
    JPEG_2000,
    JPEG_LS,
    RLE,
    UNCOMPRESSED,
    Layout,
)

if TYPE_CHECKING:
    from pydicom.dataset import Dataset

_MAX_BYTES, _MAX_RATIO = 1 << 28, 100
_ITEM_BYTES = 8


def decode(
    file: File, element: PixelElement, layout: Layout, indices: Sequence[int], dataset: Dataset
) -> np.ndarray:
    """Decode frames: stored values with unused bits cleared, colour as RGB.

    Args:
        file: The whole file.
        element: Where the pixel data are in it.
        layout: What the data set says of its pixels.
        indices: The frames wanted, ascending, without duplicates.
        dataset: Where an extended offset table may be.

    Returns:
        Frames x rows x columns (x 3), of `layout.dtype`.

    Raises:
        MissingExtraError: No codec for the transfer syntax is installed.
        ValueError: The pixel data contradict the layout, or are damaged.
    """
    if layout.syntax in UNCOMPRESSED:
        return _decode_plain(file, element, layout, indices)
    if layout.syntax not in JPEG | JPEG_LS | JPEG_2000 | {RLE}:
        msg = f"transfer syntax {layout.syntax or '(not stated)'} is not read"
        raise ValueError(msg)
    file.seek(0, io.SEEK_END)
    encoded = file.tell() - element.start
    declared = math.prod(layout.frame_shape) * layout.frames * layout.dtype.itemsize
    if declared > max(_MAX_BYTES, _MAX_RATIO * encoded) or layout.frames * _ITEM_BYTES > encoded:
        msg = (
            f"{encoded} bytes of pixel data cannot hold the {declared} bytes "
            f"in {layout.frames} frames that are declared"
        )
        raise ValueError(msg)
    file.seek(element.start)
    out = np.empty((len(indices), *layout.frame_shape), layout.dtype)
    frames = _encoded_frames(file, layout, indices, dataset)
    for slot, frame in zip(range(len(indices)), frames, strict=True):
        out[slot] = decode_frame(frame, layout)
    return out


def _encoded_frames(
    file: File, layout: Layout, indices: Sequence[int], dataset: Dataset
) -> Iterator[bytes]:
    from pydicom.encaps import generate_frames

    tables = [dataset.get_item(tag) for tag in (0x7FE00001, 0x7FE00002) if tag in dataset]
    offsets = [each.value for each in tables if isinstance(each.value, bytes)]
    every = generate_frames(
        cast("BinaryIO", file),
        number_of_frames=layout.frames,
        extended_offsets=(offsets[0], offsets[1]) if len(offsets) == 2 else None,  # noqa: PLR2004,
    )
    wanted = indices if isinstance(indices, range) else frozenset(indices)
    n_found = 0
    for index, frame in enumerate(itertools.islice(every, indices[-1] + 1)):
        n_found += 1
        if index in wanted:
            yield frame
    if n_found <= indices[-1]:
        msg = f"{n_found} frames are there, {layout.frames} are declared"
        raise ValueError(msg)


def _decode_plain(
    file: File, element: PixelElement, layout: Layout, indices: Sequence[int]
) -> np.ndarray:
    from pydicom.pixels.decoders.base import get_decoder

    if element.length == UNDEFINED:
        msg = "its pixels are compressed, and its transfer syntax does not say how"
        raise ValueError(msg)
    subsampled = layout.photometric == "YBR_FULL_422"
    n_values = layout.rows * layout.columns * (2 if subsampled else layout.samples)
    expected = math.ceil(n_values * layout.frames * layout.bits_allocated / 8)
    end = element.start + (element.length if subsampled else expected + expected % 2)
    view = memoryview(file if isinstance(file, mmap.mmap) else file.getbuffer())
    view = view[element.start : min(end, element.start + element.length)]
    if len(view) < expected:
        msg = f"{len(view)} bytes of pixel data are there, {expected} are declared"
        raise ValueError(msg)
    decoder = get_decoder(BIG_ENDIAN if layout.syntax == BIG_ENDIAN else EXPLICIT)
    options = {**layout.options(), "pixel_vr": element.vr}
    if len(indices) == layout.frames:
        found, _ = decoder.as_array(view, **options)
    else:
        found = np.stack([decoder.as_array(view, index=each, **options)[0] for each in indices])
    values = found.reshape(-1, *layout.frame_shape).astype(layout.dtype, copy=False)
    return keep_bits(values, layout.bits_stored, layout.high_bit + 1 - layout.bits_stored)

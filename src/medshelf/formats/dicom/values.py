"""From stored DICOM values to what they measure, and where in the patient they lie.

Source: DICOM PS3.3, C.11.1 (modality LUT), C.7.9 (palette), C.7.6.2 (image plane), 10.7 (spacing).
"""

from __future__ import annotations

import math
from collections.abc import Mapping
from functools import lru_cache
from typing import TYPE_CHECKING, Any

import numpy as np

from medshelf.formats.dicom.header import numbers
from medshelf.formats.dicom.layout import Layout

if TYPE_CHECKING:
    from pydicom.dataset import Dataset

_SPACINGS = ("PixelSpacing", "ImagerPixelSpacing", "NominalScannedPixelSpacing")
_TO_RAS = np.array([-1.0, -1.0, 1.0])
_MAX_SKEW = 0.01
_FLOAT32_BITS = 24


def real_values(
    stored: np.ndarray, layout: Layout, header: Mapping[str, str], dataset: Dataset
) -> tuple[np.ndarray, str | None]:
    """Apply palette, modality LUT, or rescale slope and intercept, whichever there is.

    Whole slope and intercept give the smallest of int16, int32 and int64 that holds every value
    which the stored bits can take (the stored type where they change nothing), others float32, or
    float64 for more than 24 stored bits. A palette gives uint8, or uint16 where it needs that.

    Returns:
        The values, and what they measure (`HU`, `OD`, ...) or null.

    Raises:
        ValueError: Slope or intercept is no number, or the slope is 0.
    """
    from pydicom.pixels.processing import apply_modality_lut

    if layout.photometric == "PALETTE COLOR":
        return _coloured(stored, dataset), None
    if layout.samples != 1 or layout.dtype.kind == "f":
        return stored, None
    if "ModalityLUTSequence" in dataset:
        kind = dataset.ModalityLUTSequence[0].get("ModalityLUTType")
        return apply_modality_lut(stored, dataset), None if kind in {None, "US"} else str(kind)
    slope = _number(header, "RescaleSlope", 1.0)
    intercept = _number(header, "RescaleIntercept", 0.0)
    return _rescaled(stored, layout, slope, intercept), _unit(header)


def spacing(header: Mapping[str, str]) -> tuple[tuple[float, float] | None, str | None]:
    """Return the distance of pixel centres along X and Y in mm, and the element that states it.

    `PixelSpacing` is in the patient (or calibrated); `ImagerPixelSpacing` is on the detector: the
    patient is smaller, by a magnification that is not known.
    """
    for keyword in _SPACINGS:
        found = numbers(header.get(keyword))
        if found is not None and len(found) == 2 and min(found) > 0:  # noqa: PLR2004
            return (found[1], found[0]), keyword
    return None, None


def plane(header: Mapping[str, str]) -> tuple[np.ndarray, np.ndarray, np.ndarray] | None:
    """Return position (mm) of the first pixel, unit vectors along X and along Y, all in RAS+.

    Null where the header does not state them, or they are no two directions at right angles.
    """
    return _plane(header.get("ImagePositionPatient"), header.get("ImageOrientationPatient"))


@lru_cache(1 << 12)
def _plane(
    position_text: str | None, orientation_text: str | None
) -> tuple[np.ndarray, np.ndarray, np.ndarray] | None:
    position, cosines = numbers(position_text), numbers(orientation_text)
    if position is None or cosines is None or (len(position), len(cosines)) != (3, 6):
        return None
    along_x, along_y = np.array(cosines).reshape(2, 3) * _TO_RAS
    lengths = (math.hypot(*along_x), math.hypot(*along_y))
    if max(abs(lengths[0] - 1), abs(lengths[1] - 1), abs(along_x @ along_y)) > _MAX_SKEW:
        return None
    found = np.array(position) * _TO_RAS, along_x / lengths[0], along_y / lengths[1]
    for each in found:
        each.flags.writeable = False
    return found


def thickness(header: Mapping[str, str]) -> float | None:
    """Return the distance of neighbouring slices in mm, as one slice states it."""
    for keyword in ("SpacingBetweenSlices", "SliceThickness"):
        found = numbers(header.get(keyword))
        if found is not None and len(found) == 1 and found[0] > 0:
            return found[0]
    return None


def affine(header: Mapping[str, str]) -> np.ndarray | None:
    """Return the matrix from column, row and slice to mm in RAS+ for one frame.

    A step along Z is the slice's distance to the next (1 mm where the header does not state it)
    along the normal. Null where position, orientation or `PixelSpacing` is not stated.
    """
    placed, (spacing_mm, keyword) = plane(header), spacing(header)
    if placed is None or spacing_mm is None or keyword != "PixelSpacing":
        return None
    origin, along_x, along_y = placed
    step = np.cross(along_x, along_y) * (thickness(header) or 1.0)
    return to_world(origin, along_x * spacing_mm[0], along_y * spacing_mm[1], step)


def to_world(
    origin: np.ndarray, column: np.ndarray, row: np.ndarray, step: np.ndarray
) -> np.ndarray:
    """Return the matrix (4, 4) that takes (x, y, z, 1) to mm, from the steps along X, Y and Z."""
    matrix = np.eye(4)
    matrix[:3] = np.stack([column, row, step, origin], axis=1)
    return matrix


def _rescaled(stored: np.ndarray, layout: Layout, slope: float, intercept: float) -> np.ndarray:
    if (slope, intercept) == (1.0, 0.0):
        return stored
    low = -(1 << layout.bits_stored - 1) if layout.signed else 0
    bounds = sorted(slope * each + intercept for each in (low, low + (1 << layout.bits_stored) - 1))
    if max(-bounds[0], bounds[1]) > np.finfo(np.float32).max:
        msg = f"it declares values up to {max(-bounds[0], bounds[1]):g}"
        raise ValueError(msg)
    if slope.is_integer() and intercept.is_integer():
        for dtype in (np.int16, np.int32, np.int64):
            limits = np.iinfo(dtype)
            if limits.min <= bounds[0] and bounds[1] <= limits.max:
                real: np.ndarray[Any, Any] = stored.astype(dtype)
                real *= int(slope)
                real += int(intercept)
                return real
    precise = np.float32 if layout.bits_stored <= _FLOAT32_BITS else np.float64
    return (stored * slope + intercept).astype(precise)


def _coloured(stored: np.ndarray, dataset: Dataset) -> np.ndarray:
    """Look colours up, in 8 bits if the low bytes of the palette only repeat the high, or are 0."""
    from pydicom.pixels.processing import apply_color_lut

    count, first, _ = dataset.RedPaletteColorLookupTableDescriptor
    palette = apply_color_lut(np.arange(first, first + (count or 1 << 16)), dataset)[:, :3]
    if palette.dtype == np.uint16:
        is_little = dataset.original_encoding[1] or "RedPaletteColorLookupTableData" not in dataset
        palette = palette if is_little else palette.byteswap()  # pydicom takes them for little
        high, low = palette >> 8, palette & 0xFF
        if (low == high).all() or not low.any():
            palette = high.astype(np.uint8)
    return palette[np.clip(stored.astype(np.int64) - first, 0, len(palette) - 1)]


def _number(header: Mapping[str, str], keyword: str, default: float) -> float:
    value = header.get(keyword)
    found = numbers(value) if value is not None else (default,)
    if found is None or len(found) != 1 or (keyword == "RescaleSlope" and found[0] == 0):
        msg = f"{keyword} is {value}"
        raise ValueError(msg)
    return found[0]


def _unit(header: Mapping[str, str]) -> str | None:
    if "RescaleType" in header:
        return None if header["RescaleType"] == "US" else header["RescaleType"]
    if header.get("Modality") == "CT" and "RescaleIntercept" in header:
        return "HU"
    return header.get("Units")

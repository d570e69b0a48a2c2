"""DICOM grey values as a viewer shows them: windows, VOI LUTs, MONOCHROME1.

Source: DICOM PS3.3, C.11.2 (VOI LUT module) and C.7.6.3.1.2 (photometric interpretation).
"""

from __future__ import annotations

import base64
from collections.abc import Callable, Mapping
from typing import TYPE_CHECKING

import numpy as np

from medshelf.core.errors import SettingError
from medshelf.formats.dicom.header import numbers
from medshelf.formats.raster import Raster

if TYPE_CHECKING:
    from pydicom.dataset import Dataset

_LUT = "VOILUTSequence"
_TABLE_SIZE = 1 << 16


def window(source: Raster | Mapping[str, str]) -> tuple[tuple[float, float], ...]:
    """Return the (centre, width) pairs that a file offers, in its order, in real values.

    A pair whose numbers cannot be read, or whose width is not above 0, is left out.

    Args:
        source: What `read` or `read_header` gave.
    """
    header = source.header if isinstance(source, Raster) else source
    centres, widths = (header.get(each, "").split("\\") for each in ("WindowCenter", "WindowWidth"))
    pairs = [
        (*(numbers(centre) or ()), *(numbers(width) or ()))
        for centre, width in zip(centres, widths, strict=False)
    ]
    return tuple((pair[0], pair[1]) for pair in pairs if len(pair) == 2 and pair[1] > 0)  # noqa: PLR2004


def apply_voi(raster: Raster, *, index: int = 0, as_float: bool = False) -> np.ndarray:
    """Turn what `read` gave into what a viewer shows: dark to bright, MONOCHROME1 inverted.

    The VOI LUT of the file is used if it has one, else its window (with its function: LINEAR,
    LINEAR_EXACT or SIGMOID), else the range of the values, without padding.

    Args:
        raster: Grey, or colour, which is only brought to the type of the result.
        index: Which of several LUTs or windows.
        as_float: Give float32 from 0 to 1.

    Returns:
        uint8 from 0 to 255 (or float32 from 0 to 1), with the axes of `raster.array`.

    Raises:
        SettingError: There is no LUT or window of that index.
    """
    values = raster.array
    if raster.photometric == "rgb":
        return _finished(values / np.float64(np.iinfo(values.dtype).max), as_float=as_float)
    transform = _transform(raster, index)
    inverted = raster.photometric == "inverted-grey"

    def shown(part: np.ndarray) -> np.ndarray:
        bright = transform(part)
        return _finished(1 - bright if inverted else bright, as_float=as_float)

    if values.dtype.kind in "iu" and values.size > _TABLE_SIZE:
        low, high = int(values.min()), int(values.max())
        if high - low < _TABLE_SIZE:
            return shown(np.arange(low, high + 1))[values.astype(np.int64) - low]
    return shown(values)


def lut_text(frame: Dataset) -> str | None:
    """Return the VOI LUTs of a data set as text, for a header; null where there is none.

    One LUT is `first value;bits;entries`, the entries 16-bit little endian in base64; several are
    joined by a backslash. One that breaks the rules is left out.
    """
    tables, order = [], "<" if frame.original_encoding[1] else ">"
    for item in frame.get(_LUT) or []:
        count, first, bits = item.get("LUTDescriptor") or (0, 0, 0)
        data = item.get("LUTData")
        entries = (
            np.frombuffer(data, order + "u2") if isinstance(data, bytes) else np.array(data, "u2")
        )
        n_entries = count or _TABLE_SIZE
        if bits <= 8 and entries.size < n_entries:  # noqa: PLR2004
            entries = entries.view(np.uint8).astype(np.uint16)
        if 1 <= bits <= 16 and entries.size >= n_entries:  # noqa: PLR2004
            text = base64.b64encode(entries[:n_entries].astype("<u2").tobytes()).decode("ascii")
            tables.append(f"{first};{bits};{text}")
    return "\\".join(tables) or None


def _transform(raster: Raster, index: int) -> Callable[[np.ndarray], np.ndarray]:
    """Return a function from values to brightness, 0 to 1."""
    tables = [each for each in raster.header.get(_LUT, "").split("\\") if each]
    windows = window(raster)
    offered = len(tables or windows)
    if index not in range(max(1, offered)):
        problem = f"The image offers {offered} ways to be shown, none of index {index}"
        raise SettingError(problem, f"Choose an index below {max(1, offered)}")
    if tables:
        return _from_table(tables[index])
    if not windows:
        return _full_range(raster)
    centre, width = windows[index]
    function = raster.header.get("VOILUTFunction", "LINEAR")
    if function == "SIGMOID":
        return lambda values: 1 / (1 + np.exp(np.clip(4 * (centre - values) / width, -700, 700)))
    if function != "LINEAR_EXACT" and width >= 1:
        centre, width = centre - 0.5, width - 1
    return _ramp(centre - width / 2, width)


def _ramp(low: float, width: float) -> Callable[[np.ndarray], np.ndarray]:
    if width == 0:
        return lambda values: (values > low).astype(np.float64)
    return lambda values: np.clip((values - np.float64(low)) / width, 0, 1)


def _from_table(table: str) -> Callable[[np.ndarray], np.ndarray]:
    first, bits, packed = table.split(";")
    entries = np.frombuffer(base64.b64decode(packed), "<u2") / ((1 << int(bits)) - 1)

    def look_up(values: np.ndarray) -> np.ndarray:
        at = np.rint(values).astype(np.int64) - int(first)
        return entries[np.clip(at, 0, len(entries) - 1)]

    return look_up


def _full_range(raster: Raster) -> Callable[[np.ndarray], np.ndarray]:
    kept, header = raster.array, raster.header
    padding = numbers(header.get("PixelPaddingValue"))
    if padding is not None:
        limit = numbers(header.get("PixelPaddingRangeLimit")) or padding
        slope, intercept = (
            (numbers(header.get(each)) or (default,))[0]
            for each, default in (("RescaleSlope", 1.0), ("RescaleIntercept", 0.0))
        )
        low, high = sorted(slope * each + intercept for each in (padding[0], limit[0]))
        kept = kept[(kept < low) | (kept > high)]
    if not kept.size:
        return _ramp(float(raster.array.flat[0]), 0)
    return _ramp(float(kept.min()), float(kept.max()) - float(kept.min()))


def _finished(bright: np.ndarray, *, as_float: bool) -> np.ndarray:
    if as_float:
        return bright.astype(np.float32)
    return np.floor(bright * 255 + 0.5).astype(np.uint8)

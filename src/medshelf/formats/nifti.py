"""NIfTI-1 and NIfTI-2 files (.nii, .nii.gz, .hdr + .img): geometry at once, values when asked for.

The header is 348 or 540 bytes of fixed layout, read here and not by a library: it is checked
against the length of the file before anything is allocated.

Source: https://nifti.nimh.nih.gov/pub/dist/src/niftilib/nifti1.h and
https://nifti.nimh.nih.gov/pub/dist/doc/nifti2.h
"""

from __future__ import annotations

import math
from pathlib import Path
from typing import Any

import numpy as np

from medshelf.core.errors import FormatError
from medshelf.formats.geometry import orientation, rotation_of, spacing_of, usable
from medshelf.formats.nifti_header import (
    DTYPES,
    NIFTI_1,
    NIFTI_2,
    RGB_CHANNELS,
    UNIT_MM,
    UNITS_TIME,
    text_of,
)
from medshelf.formats.nifti_writer import write
from medshelf.formats.raster import Photometric, Raster
from medshelf.formats.stored import StoredArray
from medshelf.formats.streams import compression_of, name_of, open_stream
from medshelf.formats.volume import Scaling, Volume

__all__ = ["open_volume", "orientation", "read", "write"]

_AXES = "XYZTC"
_N_SPACE = 3
_MAX_HEADER_BYTES = NIFTI_2.itemsize


def open_volume(source: Path | bytes) -> Volume:
    """Read what a NIfTI file says of its volume, and none of its values.

    The axes are X, Y, Z, T (time) and C (channels or components); an RGB file has C. The affine is
    the sform where there is a usable one, else the qform, else null. Bytes that follow the values
    are ignored, as other readers do.

    Args:
        source: A `.nii`, `.hdr` or `.img` file, each with or without gzip, or the bytes of a
            file that holds header and values.

    Raises:
        FormatError: The file is truncated, no NIfTI, or of a kind that is not read.
    """
    path = name_of(source)
    if isinstance(source, Path):
        source = path = _header_of_pair(source)
    encoding = compression_of(source)
    with open_stream(source, encoding) as stream:
        header = _parse(path, stream.head(_MAX_HEADER_BYTES))
    axes, shape, dtype = _layout(path, header)
    values, start = source, _values_start(path, header)
    if header["magic"].startswith(b"ni"):
        values = _image_of_pair(path, source)
        encoding = compression_of(values)
    affine = _affine(header)
    n_space = min(_N_SPACE, int(header["dim"][0]))
    return Volume(
        stored=StoredArray(values, shape, dtype, encoding, skip_bytes=start),
        stored_axes=axes,
        spacing_mm=_pixdim(header, n_space) if affine is None else spacing_of(affine, n_space),
        affine=affine,
        photometric=_photometric(header),
        scaling=_scaling(path, header),
        header=_texts(header, axes),
    )


def read(source: Path | bytes) -> Raster:
    """Read a NIfTI file whole; see `open_volume`.

    Raises:
        FormatError: The file is truncated or damaged, no NIfTI, or of a kind that is not read.
    """
    return open_volume(source).read()


def _header_of_pair(path: Path) -> Path:
    """Return the file with the header: another one where the path is that of an `.img`."""
    name = path.name.lower().removesuffix(".gz")
    return _sibling(path, ".hdr") if name.endswith(".img") else path


def _image_of_pair(path: Path, source: Path | bytes) -> Path:
    if not isinstance(source, Path):
        reason = "it is the header of a .hdr and .img pair, and holds no values"
        raise FormatError(path, reason, "Pass the path of the file, with the .img beside it")
    return _sibling(source, ".img")


def _sibling(path: Path, suffix: str) -> Path:
    name = path.name.removesuffix(".gz").removesuffix(".GZ")
    stem = name[: name.rfind(".")] if "." in name else name
    for each in (suffix, suffix.upper()):
        for compressed in ("", ".gz"):
            if (found := path.with_name(f"{stem}{each}{compressed}")).is_file():
                return found
    raise FormatError(
        path, f"there is no {stem}{suffix} beside it", "A pair needs both its .hdr and its .img"
    )


def _parse(path: Path, head: bytes) -> np.void:
    """Find version and byte order by the length that the header gives itself."""
    for layout in (NIFTI_1, NIFTI_2):
        for order in ("little", "big"):
            if head[:4] == layout.itemsize.to_bytes(4, order):
                if len(head) < layout.itemsize:
                    raise FormatError(path, f"its header ends after {len(head)} bytes")
                header = np.frombuffer(head, layout.newbyteorder(order), 1)[0]
                if header["magic"][:3] in (b"n+1", b"ni1", b"n+2", b"ni2"):
                    return header
                raise FormatError(
                    path,
                    "it has no NIfTI magic; it may be ANALYZE 7.5, which does not tell left from "
                    "right",
                    "Convert it to NIfTI with a program that knows its orientation",
                )
    raise FormatError(path, "it is no NIfTI file (it begins with neither 348 nor 540)")


def _layout(path: Path, header: np.void) -> tuple[str, tuple[int, ...], np.dtype[Any]]:
    """Return axes, shape and dtype as stored, the fastest axis first."""
    n_axes, *lengths = (int(each) for each in header["dim"])
    if not 1 <= n_axes <= len(lengths) or min(lengths[:n_axes], default=0) < 1:
        reason = f"its header states the dimensions {[n_axes, *lengths]}"
        raise FormatError(path, reason)
    shape = lengths[:n_axes]
    while len(shape) > len(_AXES) and shape[-1] == 1:
        shape.pop()
    code = int(header["datatype"])
    channels = RGB_CHANNELS.get(code)
    if len(shape) > len(_AXES) - bool(channels):
        raise FormatError(path, f"it has {len(shape)} dimensions", "Split it into several files")
    if code not in DTYPES:
        reason = f"its values are of NIfTI type {code}, which is not read"
        raise FormatError(path, reason, "Convert it to an integer or to float64")
    dtype = np.dtype(f"{_order(header)}{DTYPES[code]}")
    axes = _AXES[: len(shape)]
    return ("C" + axes, (channels, *shape), dtype) if channels else (axes, tuple(shape), dtype)


def _order(header: np.void) -> str:
    return header.dtype["datatype"].str[0]


def _values_start(path: Path, header: np.void) -> int:
    offset = float(header["vox_offset"])
    single = header["magic"].startswith(b"n+")
    lowest = header.dtype.itemsize + 4 if single else 0
    if single and offset == 0:
        return lowest
    if not math.isfinite(offset) or offset < lowest or offset >= 1 << 62:
        raise FormatError(path, f"its header states that the values start at byte {offset:g}")
    return int(header["vox_offset"])


def _scaling(path: Path, header: np.void) -> Scaling | None:
    slope, intercept = float(header["scl_slope"]), float(header["scl_inter"])
    if slope == 0 or not math.isfinite(slope) or int(header["datatype"]) in RGB_CHANNELS:
        return None
    if not math.isfinite(intercept):
        raise FormatError(path, f"its values are scaled with the intercept {intercept}")
    return None if (slope, intercept) == (1, 0) else Scaling(slope, intercept)


def _affine(header: np.void) -> np.ndarray | None:
    unit = UNIT_MM.get(int(header["xyzt_units"]) & 7, 1.0)
    for code, matrix in (("sform_code", _sform), ("qform_code", _qform)):
        if header[code] > 0:
            with np.errstate(all="ignore"):
                affine = matrix(header)
                affine[:3] *= unit
            if usable(affine):
                return affine
    return None


def _sform(header: np.void) -> np.ndarray:
    affine = np.eye(4)
    affine[:3] = header["srow"]
    return affine


def _qform(header: np.void) -> np.ndarray:
    first, *zooms = (float(each) for each in header["pixdim"][: _N_SPACE + 1])
    zooms = [abs(each) or 1.0 for each in zooms]
    zooms[2] *= -1 if first < 0 else 1
    affine = np.eye(4)
    affine[:3, :3] = rotation_of(header["quatern"]) * zooms
    affine[:3, 3] = header["qoffset"]
    return affine


def _pixdim(header: np.void, n_space: int) -> tuple[float, ...] | None:
    unit = UNIT_MM.get(int(header["xyzt_units"]) & 7, 1.0)
    spacing = tuple(float(each) * unit for each in header["pixdim"][1 : n_space + 1])
    stated = all(math.isfinite(each) and each > 0 for each in spacing)
    return spacing if stated else None


def _photometric(header: np.void) -> Photometric | None:
    channels = RGB_CHANNELS.get(int(header["datatype"]))
    return {3: "rgb", 4: "rgba"}.get(channels) if channels else None  # type: ignore[return-value]


def _texts(header: np.void, axes: str) -> dict[str, str]:
    texts = {name: text_of(header[name]) for name in ("descrip", "intent_name", "aux_file")}
    for name in ("intent_code", "qform_code", "sform_code"):
        texts[name] = str(int(header[name])) if header[name] else ""
    if "T" in axes:
        texts["time_step"] = f"{float(header['pixdim'][4]):g}"
        texts["time_unit"] = UNITS_TIME.get(int(header["xyzt_units"]) & 0x38, "")
    return {name: text for name, text in texts.items() if text}

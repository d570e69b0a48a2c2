"""Writing NIfTI: the same bytes each time, sform and qform, either version as the size needs."""

from __future__ import annotations

import gzip
from collections.abc import Mapping
from contextlib import ExitStack
from pathlib import Path
from typing import Any, BinaryIO, cast

import numpy as np

from medshelf.core.errors import SettingError
from medshelf.core.files import atomic_path
from medshelf.formats.geometry import quaternion_of, spacing_of, usable
from medshelf.formats.nifti_header import DTYPES, NIFTI_1, NIFTI_2, RGB_CHANNELS, UNITS_TIME
from medshelf.formats.raster import Raster

_AXES = "XYZTC"
_MAX_LENGTH_1 = 32767
_MM = 2
_SCANNER, _LAST_CODE = 1, 5
_ORTHOGONAL = 1e-5
_LEVEL = 4  # of gzip; on a CT as small as level 6 in a quarter of the time
_PIECE_BYTES = 1 << 22
_CODES = {np.dtype(kind): code for code, kind in DTYPES.items() if code not in RGB_CHANNELS}


def write(path: Path, raster: Raster) -> None:
    """Write a picture or a volume as NIfTI, atomically.

    The array keeps its values and type (bool becomes uint8); NIfTI-2 is written where an axis is
    longer than 32767. uint8 with 3 or 4 channels that is `rgb` or `rgba` becomes NIfTI's RGB type,
    other channels its fifth axis. The affine goes to the sform, and to the qform where it has no
    shear; without one both are marked as unknown and the spacing alone is written (1 where it is
    not known either). `descrip`, `aux_file`, `intent_name`, `intent_code`, `qform_code`,
    `sform_code`, `time_step` and `time_unit` are taken from the raster's header.

    Args:
        path: Ends in `.nii` or `.nii.gz`.
        raster: Any order of axes.

    Raises:
        SettingError: NIfTI has no place for the type or the axes, or the affine has no inverse.
        StorageError: The file cannot be written.
    """
    compressed = path.name.endswith(".nii.gz")
    if not compressed and path.suffix != ".nii":
        raise SettingError(
            f"{path} is no name for NIfTI", "Choose one that ends in .nii or .nii.gz"
        )
    array, rgb = _arrange(raster)
    header = _header(raster, array.shape[1:] if rgb else array.shape)
    header["datatype"] = _rgb_code(len(array)) if rgb else _CODES[array.dtype]
    header["bitpix"] = 8 * array.dtype.itemsize * (len(array) if rgb else 1)
    with atomic_path(path) as part, ExitStack() as stack:
        file = stack.enter_context(part.open("wb"))
        if compressed:
            zipped = gzip.GzipFile("", "wb", _LEVEL, file, mtime=0)
            file = cast("Any", stack.enter_context(zipped))
        file.write(header.tobytes() + bytes(4))
        _write_values(cast("BinaryIO", file), array)


def _arrange(raster: Raster) -> tuple[np.ndarray, bool]:
    """Return the array in the order that is stored, the fastest axis first, and if C is that."""
    array = raster.array.view(np.uint8) if raster.array.dtype == bool else raster.array
    if not set(raster.axes) <= set(_AXES) or array.dtype.newbyteorder("=") not in _CODES:
        problem = f"NIfTI has no place for {array.dtype} with the axes {raster.axes}"
        raise SettingError(problem, f"Pass integers, float32 or float64 with axes of {_AXES}")
    if not array.size:
        raise SettingError(f"An array of shape {array.shape} holds no values", "Pass another")
    array = array.astype(array.dtype.newbyteorder("="), copy=False)
    rgb = raster.photometric in ("rgb", "rgba") and "C" in raster.axes and array.dtype == np.uint8
    order = "".join(sorted(raster.axes, key=_AXES.index))
    array = array.transpose([raster.axes.index(each) for each in order])
    if rgb and array.shape[-1] in RGB_CHANNELS.values():
        array, order, rgb = np.moveaxis(array, -1, 0), order[:-1], True
    else:
        rgb = False
    for place in range(_AXES.index(order[-1]) if order else 0):
        if _AXES[place] not in order:
            array = np.expand_dims(array, place + rgb)
    return array, rgb


def _rgb_code(n_channels: int) -> int:
    return next(code for code, number in RGB_CHANNELS.items() if number == n_channels)


def _header(raster: Raster, shape: tuple[int, ...]) -> np.ndarray:
    layout = NIFTI_2 if max(shape) > _MAX_LENGTH_1 else NIFTI_1
    header = np.zeros((), layout)
    header["sizeof_hdr"] = layout.itemsize
    header["magic"] = b"n+2\0\r\n\x1a\n" if layout is NIFTI_2 else b"n+1"
    header["vox_offset"] = layout.itemsize + 4
    header["dim"] = [len(shape), *shape, *(1,) * (7 - len(shape))]
    header["scl_slope"] = 1
    header["pixdim"] = 1
    _write_geometry(header, raster)
    _write_texts(header, raster.header)
    return header


def _write_geometry(header: np.ndarray, raster: Raster) -> None:
    spacing = raster.spacing_mm or ()
    if (affine := raster.affine) is not None:
        if affine.shape != (4, 4) or not usable(affine):
            problem = f"The affine {affine.tolist()} has no inverse"
            raise SettingError(problem, "Pass another, or none")
        spacing = spacing_of(affine, 3)
        header["srow"] = affine[:3]
        header["sform_code"] = _code(raster.header, "sform_code", _SCANNER)
        rotation = affine[:3, :3] / spacing
        if np.linalg.det(rotation) < 0:
            rotation[:, 2] *= -1
            header["pixdim"][0] = -1
        if np.allclose(rotation.T @ rotation, np.eye(3), atol=_ORTHOGONAL):
            header["qform_code"] = _code(raster.header, "qform_code", int(header["sform_code"]))
            header["quatern"] = quaternion_of(rotation)
            header["qoffset"] = affine[:3, 3]
    header["pixdim"][1 : 1 + len(spacing)] = spacing
    header["xyzt_units"] = _MM if spacing else 0


def _write_texts(header: np.ndarray, texts: Mapping[str, str]) -> None:
    for name in ("descrip", "aux_file", "intent_name"):
        room = header.dtype[name].itemsize - 1
        header[name] = texts.get(name, "").encode()[:room].decode(errors="ignore").encode()
    header["intent_code"] = _code(texts, "intent_code", 0, 32767)
    unit = texts.get("time_unit")
    header["xyzt_units"] += next((code for code, name in UNITS_TIME.items() if name == unit), 0)
    try:
        header["pixdim"][4] = float(texts.get("time_step", 1))
    except ValueError as error:
        problem = f"The time step {texts['time_step']!r} is no number"
        raise SettingError(problem, "Pass one, or none") from error


def _code(texts: Mapping[str, str], name: str, otherwise: int, last: int = _LAST_CODE) -> int:
    text = texts.get(name, "")
    return int(text) if text.isdecimal() and 0 < int(text) <= last else otherwise


def _write_values(file: BinaryIO, array: np.ndarray) -> None:
    little = array.dtype.newbyteorder("<")
    n_last = max(1, _PIECE_BYTES * array.shape[-1] // array.nbytes)
    for start in range(0, array.shape[-1], n_last):
        piece = array[..., start : start + n_last]
        file.write(piece.astype(little, copy=False).tobytes("F"))

"""NIfTI files by the thousand, compressed by one codec in all of a conversion."""

from __future__ import annotations

import gzip
from collections.abc import Mapping
from dataclasses import replace
from importlib.util import find_spec
from pathlib import Path
from typing import Any

import numpy as np

from medshelf.core.errors import MedshelfError, MissingExtraError, SettingError
from medshelf.core.files import atomic_path
from medshelf.formats import nifti_writer
from medshelf.formats.nifti_header import NIFTI_1
from medshelf.formats.raster import Raster

OPTION = "isal (default where the extra fast is installed), or zlib, which takes twice as long"
CODECS = ("zlib", "isal")
_LEVEL = 1  # higher ones take 2 to 5 times as long for files smaller by a few percent
_PIECE_BYTES = 1 << 22
_LONGEST = np.iinfo(np.int16).max


def chosen_codec(options: Mapping[str, str]) -> str:
    """Return the option `compression`; by default ISA-L where it is installed.

    The plan of a conversion keeps it, so that all its workers write the same bytes.

    Raises:
        SettingError: There is no such codec.
        MissingExtraError: ISA-L is not installed.
    """
    codec = options.get("compression") or ("isal" if find_spec("isal") else "zlib")
    if codec not in CODECS:
        raise SettingError(f"compression={codec!r} is not known", f"Choose {' or '.join(CODECS)}")
    if codec == "isal":
        _isal()
    return codec


def write_volumes(volumes: Mapping[Path, Raster], codec: str) -> None:
    """Write the volumes of one sample, all or none; see `write_volume`."""
    try:
        for path, raster in volumes.items():
            write_volume(path, raster, codec)
    except MedshelfError:
        for path in volumes:
            path.unlink(missing_ok=True)
        raise


def write_volume(path: Path, raster: Raster, codec: str) -> None:
    """Write a volume as `.nii.gz`, atomically; what the header says is as `nifti_writer` has it.

    Args:
        path: Ends in `.nii.gz`.
        raster: Axes XYZ, or XYZT.
        codec: One of `CODECS`.

    Raises:
        SettingError: NIfTI has no place for the type, or the affine has no inverse.
        StorageError: The file cannot be written.
        MissingExtraError: ISA-L is not installed.
    """
    if max(raster.array.shape) > _LONGEST:
        nifti_writer.write(path, raster)
        return
    array = raster.array.view(np.uint8) if raster.array.dtype == bool else raster.array
    array = array.astype(array.dtype.newbyteorder("<"), copy=False)
    opened = gzip.GzipFile if codec == "zlib" else _isal().IGzipFile
    n_last = max(1, _PIECE_BYTES * array.shape[-1] // max(1, array.nbytes))
    with (
        atomic_path(path) as part,
        part.open("wb") as file,
        opened("", "wb", _LEVEL, file, mtime=0) as zipped,
    ):
        zipped.write(_header(path, raster))
        for start in range(0, array.shape[-1], n_last):
            zipped.write(array[..., start : start + n_last].tobytes("F"))


def _header(path: Path, raster: Raster) -> bytes:
    """Return the header that `nifti_writer` gives the first voxel, with the true size in it."""
    first = raster.array[tuple(slice(1) for _ in raster.axes)]
    small = path.with_name(f".{path.name}.nii")
    try:
        nifti_writer.write(small, replace(raster, array=first))
        data = bytearray(small.read_bytes()[: NIFTI_1.itemsize + 4])
    finally:
        small.unlink(missing_ok=True)
    header = np.frombuffer(data, NIFTI_1, 1)
    header["dim"][0, : 1 + raster.array.ndim] = raster.array.ndim, *raster.array.shape
    return bytes(data)


def _isal() -> Any:
    try:
        from isal import igzip
    except ImportError as error:
        raise MissingExtraError("isal", "fast") from error
    return igzip

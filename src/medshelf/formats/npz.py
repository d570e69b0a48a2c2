"""NumPy archives (.npz): headers without decompression, arrays memory-mapped from a cache.

NumPy ignores `mmap_mode` for archives, so a member is unpacked once into a `.npy` file of the cache
and mapped from there. Pickled objects are refused before anything of them is read.

Source: https://numpy.org/doc/stable/reference/generated/numpy.lib.format.html
"""

from __future__ import annotations

import math
import shutil
import warnings
import zipfile
import zlib
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path
from tokenize import TokenError
from typing import IO

import numpy as np

from medshelf.core.errors import FormatError
from medshelf.core.files import atomic_path, fingerprint, lock, require_space
from medshelf.core.settings import Settings

_CHUNK_BYTES = 1 << 20
_DAMAGED = (
    *(zipfile.BadZipFile, zlib.error, OSError, EOFError),
    *(NotImplementedError, UnicodeDecodeError),  # what zipfile says of a damaged directory
)
_MAX_HEADER_CHARACTERS = 10_000


@dataclass(frozen=True, slots=True)
class ArrayHeader:
    """What a member says of itself.

    Attributes:
        shape: Length of each axis, in C order.
        dtype: Never object.
        size_bytes: Length of the member as a `.npy` file.
    """

    shape: tuple[int, ...]
    dtype: np.dtype[np.generic]
    size_bytes: int


def read_headers(path: Path) -> dict[str, ArrayHeader]:
    """Read the header of every array in an archive, without decompressing the arrays.

    Args:
        path: The `.npz` file.

    Returns:
        Array name to header, in the order of the archive.

    Raises:
        FormatError: The file is truncated or no zip, or a member is no plain array.
    """
    with _archive(path) as archive:
        members = [each for each in archive.infolist() if each.filename.endswith(".npy")]
        return {each.filename[:-4]: _read_header(path, archive, each) for each in members}


def open_array(path: Path, member: str) -> np.ndarray:
    """Memory-map one array of an archive, read-only.

    The first call for a file (as it is now: path, size and date) unpacks the member into the cache,
    checking its CRC; a killed call leaves nothing that a later one would take for whole.

    Args:
        path: The `.npz` file.
        member: Array name, e.g. `train_images`.

    Raises:
        FormatError: The file is damaged, or has no such member.
        StorageError: The cache cannot be written.
    """
    if ".." in member.split("/") or member.startswith("/") or "\0" in member:
        raise FormatError(path, f"the name of member {member!r} leads out of it")
    folder = Settings.from_environment().cache / "arrays" / f"{path.stem}-{fingerprint(path)}"
    target = folder / f"{member}.npy"
    if not target.exists():
        with lock(target):
            if not target.exists():
                _unpack(path, member, target)
    with _headers_of_python_2():
        return np.load(target, mmap_mode="r", allow_pickle=False)


def open_npy(path: Path) -> np.ndarray:
    """Memory-map a loose `.npy` file, read-only, in C or Fortran order as it was saved.

    Raises:
        FormatError: The file is truncated or no npy, or holds pickled objects.
    """
    try:
        with _headers_of_python_2():
            return np.lib.format.open_memmap(path, mode="r")
    except OSError as error:
        reason = error.strerror or str(error)
        raise FormatError(path, reason, "Check path and permissions") from error
    except (ValueError, TypeError, SyntaxError, OverflowError, TokenError) as error:
        raise FormatError(path, f"no plain array ({error})") from error


def write_arrays(path: Path, **arrays: np.ndarray) -> None:
    """Write arrays to an archive, atomically, and byte for byte the same each time."""
    with atomic_path(path) as part, zipfile.ZipFile(part, "w", zipfile.ZIP_DEFLATED) as archive:
        for name, array in arrays.items():
            entry = zipfile.ZipInfo(f"{name}.npy", date_time=(1980, 1, 1, 0, 0, 0))
            entry.compress_type = zipfile.ZIP_DEFLATED
            with archive.open(entry, "w", force_zip64=True) as file:
                np.lib.format.write_array(file, np.ascontiguousarray(array), allow_pickle=False)


@contextmanager
def _headers_of_python_2() -> Iterator[None]:
    """Keep numpy from advising to save such a file again: it is the published one."""
    with warnings.catch_warnings():
        warnings.simplefilter("ignore", UserWarning)
        yield


@contextmanager
def _archive(path: Path) -> Iterator[zipfile.ZipFile]:
    try:
        archive = zipfile.ZipFile(path)
    except OSError as error:
        reason = error.strerror or str(error)
        raise FormatError(path, reason, "Check path and permissions") from error
    except _DAMAGED as error:
        raise FormatError(path, f"not a whole zip archive ({error})") from error
    try:
        with archive:
            yield archive
    except _DAMAGED as error:
        raise FormatError(path, f"not a whole zip archive ({error})") from error
    except RuntimeError as error:  # zipfile's word for a password
        raise FormatError(path, str(error)) from error


def _read_header(path: Path, archive: zipfile.ZipFile, entry: zipfile.ZipInfo) -> ArrayHeader:
    with archive.open(entry) as file:
        try:
            with _headers_of_python_2():
                shape, dtype = _npy_header(file)
        except (ValueError, TypeError, SyntaxError, TokenError) as error:
            reason = f"member {entry.filename} has no npy header ({error})"
            raise FormatError(path, reason) from error
        data_start = file.tell()
    if dtype.hasobject:
        raise FormatError(
            path,
            f"member {entry.filename} holds pickled Python objects, which could run any code",
            "Use the published file; medshelf never unpickles",
        )
    expected = data_start + math.prod(shape) * dtype.itemsize
    if entry.file_size != expected:
        raise FormatError(
            path,
            f"member {entry.filename} has {entry.file_size} bytes, its header says {expected}",
        )
    return ArrayHeader(shape, dtype, entry.file_size)


def _npy_header(file: IO[bytes]) -> tuple[tuple[int, ...], np.dtype[np.generic]]:
    version = np.lib.format.read_magic(file)
    if version == (1, 0):
        shape, fortran, dtype = np.lib.format.read_array_header_1_0(file, _MAX_HEADER_CHARACTERS)
    elif version == (2, 0):
        shape, fortran, dtype = np.lib.format.read_array_header_2_0(file, _MAX_HEADER_CHARACTERS)
    else:
        msg = f"npy version {version} is not 1.0 or 2.0"
        raise ValueError(msg)
    if fortran or any(length < 0 for length in shape):
        msg = f"shape {shape}, Fortran order {fortran}: only C order and real lengths are read"
        raise ValueError(msg)
    return shape, dtype


def _unpack(path: Path, member: str, target: Path) -> None:
    with _archive(path) as archive:
        try:
            entry = archive.getinfo(f"{member}.npy")
        except KeyError as error:
            raise FormatError(path, f"there is no array {member!r} in it") from error
        _read_header(path, archive, entry)
        require_space(target.parent, entry.file_size)
        with atomic_path(target) as part, archive.open(entry) as source, part.open("wb") as file:
            shutil.copyfileobj(source, file, _CHUNK_BYTES)

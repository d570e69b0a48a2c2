"""From a medium of a manifest to its array: which format is decoded by what."""

from __future__ import annotations

import io
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import replace
from pathlib import Path, PurePosixPath
from typing import Literal

import numpy as np

from medshelf.core.errors import FormatError, LayoutError, NotFetchedError, UnsupportedError
from medshelf.dataset.fields import Medium
from medshelf.formats.entry import Entry
from medshelf.formats.raster import Raster
from medshelf.formats.streams import IN_MEMORY
from medshelf.formats.volume import Volume

_CONTAINERS = ("npz", "h5", "h5.gz", "parquet")
_COLOURS = (3, 4)


def read(root: Path, medium: Medium, n_spatial: int | None = None) -> Raster:
    """Decode one medium as it is stored.

    `index` is a frame of a picture or DICOM file, a place on the last axis of a volume (a channel
    or time of a 4D file, else a slice), or a row of an array.

    Args:
        root: What the paths of the manifest are relative to.
        medium: Where it is.
        n_spatial: Spatial axes of an array without axes of its own (npz, npy, h5): Y, X or Z, Y, X.
            By default a last axis of length 3 or 4 is colour.

    Raises:
        NotFetchedError: It has no path.
        FormatError: The file is not there, damaged, or not of its format.
        LayoutError: Its path leads out of the root, or there is nothing at `index`.
        UnsupportedError: The format is not decoded.
        MissingExtraError: The format needs a package that is not installed.
    """
    with _named(root, medium):
        if medium.format in _VOLUMES:
            return _volume(open_volume(root, medium), medium)
        if medium.format in PICTURES:
            return _picture(root, medium)
        if medium.format in _WHOLE:
            return _WHOLE[medium.format](root, medium)
        if medium.format in _ARRAYS:
            array = _ARRAYS[medium.format](root, medium)
            return Raster(array, _axes(array, medium, n_spatial))
    raise _undecoded(medium, _FORMATS)


def open_volume(root: Path, medium: Medium) -> Volume:
    """Read what a file says of its volume, and none of its values; see `read` for the errors."""
    if medium.format not in _VOLUMES:
        raise _undecoded(medium, _VOLUMES)
    with _named(root, medium):
        return _VOLUMES[medium.format](source(root, medium))


def read_indices(root: Path, medium: Medium, n_spatial: int | None = None) -> Raster:
    """Decode a picture with a palette as the indices of its colours; else as `read`."""
    with _named(root, medium):
        if medium.format in PICTURES:
            return _picture(root, medium, palette="indices")
    return read(root, medium, n_spatial)


def source(root: Path, medium: Medium) -> Path | bytes:
    """Return the file of a medium: the path of a loose one, the bytes of an archive's member.

    Raises:
        NotFetchedError: It has no path.
        FormatError: The member cannot be read.
        LayoutError: The path leads out of the root.
    """
    if medium.path is None:
        remedy = "Fetch the whole release"
        raise NotFetchedError(root.name, f"The file of {medium.name!r}", [root], remedy)
    return Entry(medium.path, None if is_container(medium) else medium.member).source(root)


def is_container(medium: Medium) -> bool:
    """Say whether a medium is a part of a file with many, without a file or member of its own."""
    return medium.format in _CONTAINERS


def location(root: Path, medium: Medium) -> Path:
    """Return path and member as one path, for messages."""
    return root / Entry(medium.path or "", medium.member).location


def _picture(
    root: Path, medium: Medium, palette: Literal["colours", "indices"] = "colours"
) -> Raster:
    from medshelf.formats import picture

    where = str(location(root, medium))
    raster = picture.read(source(root, medium), where=where, palette=palette)
    if medium.index is None or (medium.index == 0 and "T" not in raster.axes):
        return raster
    frames = raster.array if "T" in raster.axes else raster.array[None]
    return replace(raster, array=_at(frames, medium), axes=raster.axes.replace("T", ""))


def _dicom(root: Path, medium: Medium) -> Raster:
    from medshelf.formats import dicom

    where = str(location(root, medium))
    return dicom.read(source(root, medium), where=where, frames=medium.index)


def _parquet(root: Path, medium: Medium) -> Raster:
    """Decode a picture in a column of bytes, or of structs with the field `bytes`."""
    import polars as pl

    from medshelf.dataset.rows import refuse_after_fork
    from medshelf.formats import picture

    refuse_after_fork("Rows of a Parquet file")
    path, where = _file(root, medium), location(root, medium)
    index, column = medium.index or 0, pl.col(medium.member or "")
    try:
        rows = pl.scan_parquet(path, glob=False)
        if isinstance(rows.select(column).collect_schema().dtypes()[0], pl.Struct):
            column = column.struct.field("bytes")
        found = rows.slice(index, 1).select(column.cast(pl.Binary)).collect().to_series()
    except (OSError, pl.exceptions.PolarsError) as error:
        raise FormatError(where, f"no such column of bytes ({error})".splitlines()[0]) from error
    if not len(found) or found[0] is None:
        raise FormatError(where, f"there is no picture in row {index}", _REREAD)
    return picture.read(found[0], where=f"{where}, row {index}")


def _volume(volume: Volume, medium: Medium) -> Raster:
    if medium.index is None:
        return volume.read()
    axis, length = volume.axes[-1], volume.shape[-1]
    if not 0 <= medium.index < length:
        raise _nothing_at(medium, length)
    axes = volume.axes[:-1]
    flat = axis == "Z"
    return Raster(
        array=volume.slice(axis, medium.index),
        axes=axes,
        photometric=volume.photometric,
        spacing_mm=volume.spacing_mm[: len(axes)] if volume.spacing_mm else None,
        affine=None if flat else volume.affine,
        header=volume.header,
    )


def _npz(root: Path, medium: Medium) -> np.ndarray:
    from medshelf.formats.npz import open_array, read_headers

    path = _file(root, medium)
    member = medium.member
    if member is None:
        members = list(read_headers(path))
        if len(members) != 1:
            raise FormatError(path, f"it holds {len(members)} arrays, and none is named", _REREAD)
        member = members[0]
    return _at(np.asarray(open_array(path, member)), medium)


def _npy(root: Path, medium: Medium) -> np.ndarray:
    from medshelf.formats.npz import open_npy

    if medium.member is not None and _is_zip(root, medium):
        # An npz is a zip of npy files: mapped from the cache, not unpacked for every row.
        array = medium.member.removesuffix(".npy")
        return _npz(root, replace(medium, member=array, format="npz"))
    file = source(root, medium)
    if isinstance(file, Path):
        return _at(np.asarray(open_npy(file)), medium)
    try:
        return _at(np.lib.format.read_array(io.BytesIO(file), allow_pickle=False), medium)
    except (ValueError, TypeError, SyntaxError, OverflowError, MemoryError) as error:
        raise FormatError(location(root, medium), f"no plain array ({error})") from error


def _hdf5(root: Path, medium: Medium) -> np.ndarray:
    from medshelf.formats.hdf5 import open_dataset

    rows = open_dataset(_file(root, medium), medium.member or "")
    try:
        if medium.index is None:
            return rows.read()
        if not 0 <= medium.index < len(rows):
            raise _nothing_at(medium, len(rows))
        return rows.row(medium.index)
    finally:
        rows.close()


def _nifti(file: Path | bytes) -> Volume:
    from medshelf.formats import nifti

    return nifti.open_volume(file)


def _metaimage(file: Path | bytes) -> Volume:
    from medshelf.formats import metaimage

    return metaimage.open_volume(file)


def _nrrd(file: Path | bytes) -> Volume:
    from medshelf.formats import nrrd

    return nrrd.open_volume(file)


def _is_zip(root: Path, medium: Medium) -> bool:
    """Say whether a member is one of a zip, with a name that can be the name of a file."""
    member = PurePosixPath(medium.member or "")
    plain = not member.is_absolute() and ".." not in member.parts and "\\" not in str(member)
    path = location(root, replace(medium, member=None))
    return plain and path.suffix.lower() == ".zip" and member.suffix == ".npy"


PICTURES = ("png", "jpg", "jpeg", "bmp", "tif", "tiff", "gif", "webp")
"""Formats of `formats.picture`."""

_WHOLE: dict[str | None, Callable[[Path, Medium], Raster]] = {
    "dcm": _dicom,
    "ima": _dicom,
    "parquet": _parquet,
}
_VOLUMES: dict[str | None, Callable[[Path | bytes], Volume]] = {
    **dict.fromkeys(("nii", "nii.gz", "hdr", "hdr.gz", "img", "img.gz"), _nifti),
    **dict.fromkeys(("mha", "mhd"), _metaimage),
    **dict.fromkeys(("nrrd", "nhdr"), _nrrd),
}
_ARRAYS: dict[str | None, Callable[[Path, Medium], np.ndarray]] = {
    "npz": _npz,
    "npy": _npy,
    "h5": _hdf5,
    "h5.gz": _hdf5,
}
VOLUMES = tuple(str(each) for each in _VOLUMES)
"""Formats whose values can be read slice by slice: `open_volume` takes them."""

_FORMATS = (*PICTURES, *_WHOLE, *_VOLUMES, *_ARRAYS)
_REREAD = "Read the dataset again, and report its manifest if that fails"


def _file(root: Path, medium: Medium) -> Path:
    file = source(root, medium)
    return file if isinstance(file, Path) else location(root, medium)


def _at(array: np.ndarray, medium: Medium) -> np.ndarray:
    if medium.index is None:
        return array
    if not array.ndim or not 0 <= medium.index < len(array):
        raise _nothing_at(medium, len(array) if array.ndim else 0)
    return array[medium.index]


def _axes(array: np.ndarray, medium: Medium, n_spatial: int | None) -> str:
    colour = array.ndim > 2 and array.shape[-1] in _COLOURS  # noqa: PLR2004
    n_space = array.ndim - colour if n_spatial is None else n_spatial
    axes = {0: "", 1: "X", 2: "YX", 3: "ZYX"}.get(n_space)
    extra = array.ndim - n_space
    if axes is None or extra not in (0, 1):
        problem = f"{medium.name!r} is an array of shape {array.shape}, whose axes are not stated"
        raise UnsupportedError(problem, "Open it with medshelf.formats")
    return axes + "C" * extra


@contextmanager
def _named(root: Path, medium: Medium) -> Iterator[None]:
    """Let an error about bytes name the archive and the member that they are."""
    try:
        yield
    except FormatError as error:
        unnamed = f"Cannot read {IN_MEMORY}: "
        if not error.problem.startswith(unnamed):
            raise
        reason = error.problem.removeprefix(unnamed)
        raise FormatError(location(root, medium), reason, error.remedy) from error


def _nothing_at(medium: Medium, length: int) -> LayoutError:
    problem = f"{medium.path} has {length} places, none with the index {medium.index}"
    return LayoutError(problem, _REREAD)


def _undecoded(medium: Medium, known: object) -> UnsupportedError:
    names = ", ".join(sorted(filter(None, known)))  # type: ignore[call-overload]
    problem = f"{medium.name!r} is of format {medium.format!r}, which is not decoded here"
    return UnsupportedError(problem, f"Formats that are: {names}; `source` gives the file itself")

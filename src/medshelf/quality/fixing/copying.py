"""Writing a corrected copy: the stored values bit by bit, everything else of the header kept."""

from __future__ import annotations

import gzip
from contextlib import ExitStack
from dataclasses import replace
from pathlib import Path
from typing import Any, BinaryIO, cast

import numpy as np

from medshelf.core.errors import FormatError, SettingError
from medshelf.core.files import atomic_path
from medshelf.dataset import decoding
from medshelf.dataset.fields import Medium
from medshelf.formats import nifti_writer
from medshelf.formats.geometry import quaternion_of, rotation_of, spacing_of
from medshelf.formats.nifti_header import NIFTI_1, NIFTI_2
from medshelf.formats.streams import open_stream
from medshelf.formats.volume import Volume
from medshelf.quality.fixing.plan import Change
from medshelf.quality.fixing.turning import farthest_mm

_MM, _TIME_UNITS = 2, 0x38
_SCANNER = 1
_ORTHOGONAL = 1e-5
_LEVEL = 4
_MAX_HEADER_BYTES = 64 << 20
_MOVED_MM = 1e-3
_ACQUISITION = {348: ((39, 40), (74, 76), (120, 123)), 540: ((224, 240), (496, 500), (524, 525))}
"""Bytes of NIfTI-1 and NIfTI-2 that say along which axis, and in which order, slices were taken."""


def copy_format(change: Change) -> str:
    """Return the format of the copy: NIfTI stays as it is, all else becomes `nii.gz`."""
    return change.header.format if change.header.format in ("nii", "nii.gz") else "nii.gz"


def write_copy(root: Path, change: Change, path: Path) -> float:
    """Write a corrected copy of a file, atomically.

    Args:
        root: The raw tree.
        change: What to do.
        path: Of the copy.

    Returns:
        How far the farthest voxel lies from where it should, in mm: the header rounds.

    Raises:
        FormatError: The file is damaged, or its header cannot hold the result.
        SettingError: NIfTI has no place for the values.
        StorageError: The copy cannot be written.
    """
    file, kind = change.header.file, change.header.format
    medium = Medium(None, "image", file.path, file.member, None, kind)
    volume = decoding.open_volume(root, medium)
    if not _is_nifti(volume, kind):
        _rewrite(volume, change, path)
    else:
        _patch(volume, change, path)
    medium = Medium(None, "image", path.name, format=copy_format(change))
    written = decoding.open_volume(path.parent, medium)
    lengths = tuple(change.header.lengths[each] for each in change.turn.order)
    moved = np.inf if written.affine is None else farthest_mm(written.affine, change.after, lengths)
    if moved > _MOVED_MM:
        path.unlink()
        reason = f"a NIfTI header holds its place to {moved:g} mm only"
        raise FormatError(root / file.path, reason, "Convert it to NIfTI-2 first")
    return float(moved)


def _is_nifti(volume: Volume, kind: str) -> bool:
    """Whether header and values are one NIfTI file."""
    return kind in ("nii", "nii.gz") and volume.stored.skip_bytes >= NIFTI_1.itemsize


def _rewrite(volume: Volume, change: Change, path: Path) -> None:
    """Write a volume of another format as NIfTI."""
    raster = volume.read()
    turned = replace(
        raster,
        array=change.turn.apply(raster.array, raster.axes),
        spacing_mm=spacing_of(change.after, 3),
        affine=change.after,
        header={**volume.header, **change.codes},
    )
    nifti_writer.write(path, turned)


def _patch(volume: Volume, change: Change, path: Path) -> None:
    """Write a NIfTI file with another geometry in its header, and its stored values turned."""
    stored = volume.stored
    if stored.skip_bytes > _MAX_HEADER_BYTES:
        reason = f"its values start at byte {stored.skip_bytes:,} only"
        raise FormatError(volume.path, reason, "Convert it with another program")
    with open_stream(stored.source, stored.encoding) as stream:
        head = bytearray(stream.head(stored.skip_bytes))
    _patch_header(head, change)
    values = change.turn.apply(stored.read(), volume.stored_axes).astype(stored.dtype, copy=False)
    with atomic_path(path) as part, ExitStack() as stack:
        file: BinaryIO = stack.enter_context(part.open("wb"))
        if copy_format(change) == "nii.gz":
            zipped = gzip.GzipFile("", "wb", _LEVEL, file, mtime=0)
            file = cast("BinaryIO", stack.enter_context(cast("Any", zipped)))
        file.write(head)
        for start in range(values.shape[-1]):
            file.write(values[..., start].tobytes("F"))


def _patch_header(head: bytearray, change: Change) -> None:
    header = _view(head)
    lengths = header["dim"][1:4].copy()
    header["dim"][1:4] = [lengths[each] for each in change.turn.order]
    affine, codes = change.after, _codes(change)
    qform = _qform(header, change)
    header["pixdim"][1:4] = spacing_of(affine, 3)
    header["xyzt_units"] = _MM | int(header["xyzt_units"]) & _TIME_UNITS
    header["srow"], header["sform_code"] = affine[:3], codes["sform_code"]
    header["qform_code"] = 0
    spacing = np.array(spacing_of(qform, 3))
    rotation = qform[:3, :3] / spacing
    left_handed = np.linalg.det(rotation) < 0
    header["pixdim"][0] = -1 if left_handed else 1
    if left_handed:
        rotation[:, 2] *= -1
    straight = np.allclose(rotation.T @ rotation, np.eye(3), atol=_ORTHOGONAL)
    if straight and np.allclose(spacing, spacing_of(affine, 3), rtol=1e-4):
        header["quatern"], header["qoffset"] = quaternion_of(rotation), qform[:3, 3]
        header["qform_code"] = codes["qform_code"]
    if change.turn:
        for start, end in _ACQUISITION[header.dtype.itemsize]:
            head[start:end] = bytes(end - start)


def _qform(header: np.ndarray, change: Change) -> np.ndarray:
    """Return the qform to write: its own, turned, where it has one beside an sform."""
    if change.affine is not change.header.affine or not header["qform_code"] > 0:
        return change.after
    if not header["sform_code"] > 0:
        return change.after
    zooms = np.abs(header["pixdim"][1:4].astype(np.float64))
    zooms[2] *= -1 if header["pixdim"][0] < 0 else 1
    own = np.eye(4)
    own[:3, :3] = rotation_of(header["quatern"].tolist()) * zooms
    own[:3, 3] = header["qoffset"]
    if int(header["xyzt_units"]) & 7 not in (0, _MM) or not np.abs(np.linalg.det(own)) > 0:
        return change.after
    return own @ change.turn.matrix(change.header.lengths)


def _codes(change: Change) -> dict[str, int]:
    """Return the codes to write; both stand for one place where only one was stated."""
    given = {name: int(change.codes.get(name) or 0) for name in ("sform_code", "qform_code")}
    known = next((code for code in given.values() if code > 0), _SCANNER)
    return {name: code or known for name, code in given.items()}


def _view(head: bytearray) -> np.ndarray:
    """Return the fixed part of a header as a record whose fields write into the bytes."""
    for layout in (NIFTI_1, NIFTI_2):
        for order in ("little", "big"):
            if head[:4] == layout.itemsize.to_bytes(4, order):
                return np.frombuffer(head, layout.newbyteorder(order), 1).reshape(())
    raise SettingError("The file begins with no NIfTI header", "Pass a NIfTI file")

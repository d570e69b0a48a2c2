"""MetaImage files (.mha; .mhd with .raw or .zraw): geometry at once, values when asked for.

Source: https://itk.org/Wiki/ITK/MetaIO/Documentation
"""

from __future__ import annotations

import math
from pathlib import Path
from typing import Any

import numpy as np

from medshelf.core.errors import FormatError
from medshelf.formats.geometry import LPS_TO_RAS, affine_of, spacing_of, usable
from medshelf.formats.raster import Raster
from medshelf.formats.stored import StoredArray
from medshelf.formats.streams import beside, name_of, open_stream
from medshelf.formats.volume import Volume

_AXES = "XYZT"
_N_SPACE = 3
_MAX_HEADER_BYTES = 1 << 20
_LAST_KEY = "ElementDataFile"
_DTYPES = {
    "MET_CHAR": "i1",
    "MET_UCHAR": "u1",
    "MET_SHORT": "i2",
    "MET_USHORT": "u2",
    "MET_INT": "i4",
    "MET_UINT": "u4",
    "MET_LONG": "i4",
    "MET_ULONG": "u4",
    "MET_LONG_LONG": "i8",
    "MET_ULONG_LONG": "u8",
    "MET_FLOAT": "f4",
    "MET_DOUBLE": "f8",
}
_SYNONYMS = {
    "Position": "Offset",
    "Origin": "Offset",
    "Orientation": "TransformMatrix",
    "Rotation": "TransformMatrix",
    "ElementByteOrderMSB": "BinaryDataByteOrderMSB",
}
_READ = {
    "ObjectType",
    "NDims",
    "DimSize",
    "BinaryData",
    "BinaryDataByteOrderMSB",
    "CompressedData",
    "CompressedDataSize",
    "TransformMatrix",
    "Offset",
    "ElementSpacing",
    "ElementNumberOfChannels",
    "ElementType",
    "HeaderSize",
    _LAST_KEY,
}


def open_volume(source: Path | bytes) -> Volume:
    """Read what a MetaImage file says of its volume, and none of its values.

    The axes are X, Y, Z, T (a fourth dimension) and C (channels). World coordinates, which the
    format gives in LPS as ITK reads it, become RAS+; there is an affine where the file has an
    offset or a matrix. Keys that are not read are in the header.

    Args:
        source: A `.mha` or `.mhd` file, or the bytes of one that holds its values.

    Raises:
        FormatError: The file is truncated, no MetaImage, of a kind that is not read, or its values
            are not in its folder.
    """
    path = name_of(source)
    with open_stream(source, "raw") as stream:
        fields, end = _parse(path, stream.head(_MAX_HEADER_BYTES))
    lengths = _numbers(path, fields, "DimSize", int)
    if not 1 <= len(lengths) <= len(_AXES) or min(lengths) < 1:
        raise FormatError(path, f"its header states the dimensions {lengths}")
    affine = _affine(path, fields, len(lengths))
    n_space = min(_N_SPACE, len(lengths))
    spacing = tuple(_numbers(path, fields, "ElementSpacing", float)[:n_space])
    stated = len(spacing) == n_space and all(math.isfinite(each) and each > 0 for each in spacing)
    axes, shape = _AXES[: len(lengths)], tuple(lengths)
    if (n_channels := _first(path, fields, "ElementNumberOfChannels", 1)) != 1:
        axes, shape = "C" + axes, (n_channels, *shape)
    return Volume(
        stored=_stored(source, fields, end, shape),
        stored_axes=axes,
        spacing_mm=(
            spacing_of(affine, n_space) if affine is not None else spacing if stated else None
        ),
        affine=affine,
        header={key: text for key, text in fields.items() if key not in _READ},
    )


def read(source: Path | bytes) -> Raster:
    """Read a MetaImage file whole; see `open_volume`.

    Raises:
        FormatError: The file is truncated or damaged, no MetaImage, of a kind that is not read, or
            its values are not in its folder.
    """
    return open_volume(source).read()


def _parse(path: Path, head: bytes) -> tuple[dict[str, str], int]:
    """Return keys and texts, and where the line that names the data ends."""
    fields: dict[str, str] = {}
    at = 0
    while _LAST_KEY not in fields:
        end = head.find(b"\n", at) + 1
        key, sign, text = head[at : end or len(head)].partition(b"=")
        if not sign or not key.strip().isascii():
            raise FormatError(path, f"it is no MetaImage: its byte {at} begins no `key = value`")
        name = key.strip().decode("ascii", "replace")
        fields[_SYNONYMS.get(name, name)] = text.strip().decode("utf-8", "replace")
        if not end and _LAST_KEY not in fields:
            raise FormatError(path, f"its header ends without {_LAST_KEY}")
        at = end or len(head)
    return fields, at


def _stored(
    source: Path | bytes, fields: dict[str, str], end: int, shape: tuple[int, ...]
) -> StoredArray:
    path, name = name_of(source), fields[_LAST_KEY]
    kind = _DTYPES.get(fields.get("ElementType", "").removesuffix("_ARRAY"))
    if kind is None:
        raise FormatError(path, f"its values are {fields.get('ElementType')}, which is not read")
    order = ">" if _switch(fields, "BinaryDataByteOrderMSB") else "<"
    start = _first(path, fields, "HeaderSize", 0)
    if name.upper() == "LOCAL":
        start = end
    else:
        source = beside(source, name)
    if not _switch(fields, "BinaryData", default=True):
        encoding = "text"
    else:
        encoding = "zlib" if _switch(fields, "CompressedData") else "raw"
    return StoredArray(source, shape, np.dtype(order + kind), encoding, start)  # type: ignore[arg-type]


def _affine(path: Path, fields: dict[str, str], n_axes: int) -> np.ndarray | None:
    """Build the affine; a row of the matrix is the direction of one axis, as ITK reads it."""
    if not {"TransformMatrix", "Offset"} & fields.keys():
        return None
    n_space = min(_N_SPACE, n_axes)
    matrix = np.eye(n_axes)
    if numbers := _numbers(path, fields, "TransformMatrix", float):
        if len(numbers) != n_axes * n_axes:
            raise FormatError(path, f"its TransformMatrix has {len(numbers)} numbers")
        matrix = np.array(numbers).reshape(n_axes, n_axes)
    offset = _numbers(path, fields, "Offset", float) or [0.0] * n_axes
    spacing = _numbers(path, fields, "ElementSpacing", float) or [1.0] * n_axes
    if len(offset) != n_axes or len(spacing) != n_axes:
        raise FormatError(path, f"its Offset or ElementSpacing has not {n_axes} numbers")
    with np.errstate(all="ignore"):
        steps = matrix[:n_space, :n_space] * np.array(spacing[:n_space])[:, None]
        affine = LPS_TO_RAS @ affine_of(steps.tolist(), offset[:n_space])
    return affine if usable(affine) else None


def _numbers(path: Path, fields: dict[str, str], key: str, kind: type) -> list[Any]:
    try:
        return [kind(each) for each in fields.get(key, "").split()]
    except ValueError as error:
        raise FormatError(path, f"its {key} is {fields[key]!r}, no numbers") from error


def _first(path: Path, fields: dict[str, str], key: str, otherwise: int) -> int:
    number = int((_numbers(path, fields, key, int) or [otherwise])[0])
    if number < otherwise - 1:
        raise FormatError(path, f"its {key} is {number}")
    return number


def _switch(fields: dict[str, str], key: str, *, default: bool = False) -> bool:
    return fields[key][:1].upper() in ("T", "1") if fields.get(key) else default

"""NRRD files (.nrrd; .nhdr with a data file): geometry at once, values when asked for.

Source: https://teem.sourceforge.net/nrrd/format.html
"""

from __future__ import annotations

import math
from pathlib import Path

import numpy as np

from medshelf.core.errors import FormatError
from medshelf.formats.geometry import affine_of, spacing_of, usable
from medshelf.formats.raster import Photometric, Raster
from medshelf.formats.stored import StoredArray
from medshelf.formats.streams import Encoding, beside, name_of, open_stream
from medshelf.formats.volume import Volume

_SPACE_AXES = "XYZ"
_MAX_HEADER_BYTES = 1 << 20
_DTYPES = {
    name: kind
    for kind, names in {
        "i1": "signed char,int8,int8_t",
        "u1": "uchar,unsigned char,uint8,uint8_t",
        "i2": "short,short int,signed short,signed short int,int16,int16_t",
        "u2": "ushort,unsigned short,unsigned short int,uint16,uint16_t",
        "i4": "int,signed int,int32,int32_t",
        "u4": "uint,unsigned int,uint32,uint32_t",
        "i8": "longlong,long long,long long int,signed long long,signed long long int,"
        "int64,int64_t",
        "u8": "ulonglong,unsigned long long,unsigned long long int,uint64,uint64_t",
        "f4": "float",
        "f8": "double",
    }.items()
    for name in names.split(",")
}
_ENCODINGS: dict[str, Encoding] = {
    "raw": "raw",
    "txt": "text",
    "text": "text",
    "ascii": "text",
    "gz": "gzip",
    "gzip": "gzip",
    "bz2": "bzip2",
    "bzip2": "bzip2",
}
_FLIPS = {
    "right-anterior-superior": (1, 1, 1),
    "ras": (1, 1, 1),
    "left-anterior-superior": (-1, 1, 1),
    "las": (-1, 1, 1),
    "left-posterior-superior": (-1, -1, 1),
    "lps": (-1, -1, 1),
}
_UNIT_MM = {"m": 1000.0, "cm": 10.0, "mm": 1.0, "um": 0.001, "µm": 0.001, "nm": 1e-6}
_SYNONYMS = {
    "datafile": "data file",
    "lineskip": "line skip",
    "byteskip": "byte skip",
    "centerings": "centers",
}
_READ = {
    "type",
    "dimension",
    "sizes",
    "encoding",
    "endian",
    "space",
    "space dimension",
    "space directions",
    "space origin",
    "space units",
    "spacings",
    "kinds",
    "data file",
    "line skip",
    "byte skip",
}
_COLOURS: dict[str, Photometric] = {"rgb-color": "rgb", "rgba-color": "rgba"}
_SPACE_KINDS = {"domain", "space", "???", "none", ""}


def open_volume(source: Path | bytes) -> Volume:
    """Read what a NRRD file says of its volume, and none of its values.

    Axes with a direction in space are X, Y, Z in their order; without directions, those of the
    kinds `domain` and `space`, or all. Another axis is T (kind `time`, or a fourth one of no kind)
    or C. The affine is in RAS+ whatever the file's space, and null where that is no anatomical one.
    Fields that are not read are in the header.

    Args:
        source: A `.nrrd` or `.nhdr` file, or the bytes of one that holds its values.

    Raises:
        FormatError: The file is truncated, no NRRD, of a kind that is not read, or its values are
            not in its folder.
    """
    path = name_of(source)
    with open_stream(source, "raw") as stream:
        fields, end = _parse(path, stream.head(_MAX_HEADER_BYTES))
    shape = tuple(_integer(path, "sizes", each) for each in fields.get("sizes", "").split())
    if not shape or min(shape) < 1 or fields.get("dimension") != str(len(shape)):
        reason = f"its dimension is {fields.get('dimension')}, its sizes {list(shape)}"
        raise FormatError(path, reason)
    directions = _directions(path, fields, len(shape))
    kinds = fields.get("kinds", "").lower().split() or [""] * len(shape)
    axes = _axes(path, directions, kinds, len(shape))
    steps = [each for each in directions if each is not None]
    affine = _affine(path, fields, steps)
    return Volume(
        stored=_stored(source, fields, end, shape),
        stored_axes=axes,
        spacing_mm=(
            spacing_of(affine, len(steps))
            if affine is not None
            else _spacing(path, fields, axes, steps)
        ),
        affine=affine,
        photometric=next((_COLOURS[each] for each in kinds if each in _COLOURS), None),
        header={key: text for key, text in fields.items() if key not in _READ},
    )


def read(source: Path | bytes) -> Raster:
    """Read a NRRD file whole; see `open_volume`.

    Raises:
        FormatError: The file is truncated or damaged, no NRRD, of a kind that is not read, or its
            values are not in its folder.
    """
    return open_volume(source).read()


def _parse(path: Path, head: bytes) -> tuple[dict[str, str], int]:
    """Return fields and key/value pairs, and where the values start if they follow."""
    if not head.startswith(b"NRRD000"):
        raise FormatError(path, "it is no NRRD file (it does not begin with NRRD000)")
    fields: dict[str, str] = {}
    at = head.find(b"\n") + 1 or len(head)
    while at < len(head):
        end = head.find(b"\n", at) + 1 or len(head)
        line, at = head[at:end].decode("utf-8", "replace").strip(), end
        if not line:
            return fields, at
        if line.startswith("#"):
            continue
        name, colon, text = line.partition(":")
        if not colon:
            raise FormatError(path, f"its header has the line {line[:80]!r}, no `field: value`")
        if text.startswith("="):
            fields.setdefault(name, text[1:])
        else:
            name = name.strip().lower()
            fields[_SYNONYMS.get(name, name)] = text.strip()
    if "data file" not in fields:
        raise FormatError(path, "its header ends without an empty line and names no data file")
    return fields, at


def _stored(
    source: Path | bytes, fields: dict[str, str], end: int, shape: tuple[int, ...]
) -> StoredArray:
    path = name_of(source)
    kind = _DTYPES.get(" ".join(fields.get("type", "").lower().split()))
    encoding = _ENCODINGS.get(fields.get("encoding", "").lower())
    if kind is None or encoding is None:
        reason = f"its values are {fields.get('type')} in {fields.get('encoding')} encoding"
        raise FormatError(path, f"{reason}, which is not read", "Write it with raw encoding")
    order = {"big": ">", "little": "<"}.get(fields.get("endian", "").lower())
    if order is None and kind[1] != "1" and encoding != "text":
        raise FormatError(path, f"its endian is {fields.get('endian')!r}, not big or little")
    if name := fields.get("data file"):
        source, end = beside(source, name), 0
    if _integer(path, "line skip", fields.get("line skip", "0")) != 0:
        raise FormatError(path, "its values follow skipped lines, which is not read")
    skip = _integer(path, "byte skip", fields.get("byte skip", "0"))
    if skip == -1 and encoding == "raw":
        skip, end = 0, -1
    if skip < 0:
        raise FormatError(path, f"its byte skip is {skip}")
    return StoredArray(source, shape, np.dtype(f"{order or '<'}{kind}"), encoding, end, skip)


def _directions(path: Path, fields: dict[str, str], n_axes: int) -> list[list[float] | None]:
    """Return one vector per axis, null for an axis that has none."""
    if "space directions" not in fields:
        return [None] * n_axes
    words = fields["space directions"].replace(" ", "").replace("none", "(none)")
    vectors = [
        None if each in ("none", "nan,nan,nan") else _vector(path, each)
        for each in words.strip("()").split(")(")
    ]
    space = [each for each in vectors if each is not None]
    if len(vectors) != n_axes or len(space) > len(_SPACE_AXES):
        raise FormatError(path, f"its space directions are {fields['space directions']!r}")
    return vectors


def _axes(path: Path, directions: list[list[float] | None], kinds: list[str], n_axes: int) -> str:
    """Name the axes as stored, e.g. `CXYZ`."""
    if len(kinds) != n_axes:
        raise FormatError(path, f"it has {n_axes} axes and the kinds {kinds}")
    stated = any(each is not None for each in directions)
    space, names = list(_SPACE_AXES), []
    for direction, kind in zip(directions, kinds, strict=True):
        in_space = direction is not None if stated else kind in _SPACE_KINDS and bool(space)
        if in_space:
            names.append(space.pop(0))
        else:
            names.append("T" if kind == "time" or kind in _SPACE_KINDS else "C")
    if len(set(names)) != n_axes:
        raise FormatError(path, f"it has the axes {''.join(names)}, one of them twice")
    return "".join(names)


def _affine(path: Path, fields: dict[str, str], steps: list[list[float]]) -> np.ndarray | None:
    flips = _FLIPS.get(fields.get("space", "").lower())
    if flips is None or not steps:
        return None
    origin = _vector(path, fields.get("space origin", "(0,0,0)").replace(" ", "").strip("()"))
    if any(len(each) != len(flips) for each in (origin, *steps)):
        raise FormatError(path, "its space directions or origin have not 3 components")
    with np.errstate(all="ignore"):
        affine = affine_of(steps, origin)
        signs = np.array(flips) * [_UNIT_MM.get(each, 1.0) for each in _units(fields)]
        affine = np.diag([*signs, 1.0]) @ affine
    return affine if usable(affine) else None


def _units(fields: dict[str, str]) -> list[str]:
    units = fields.get("space units", "").replace('"', " ").split()
    return units if len(units) == len(_SPACE_AXES) else ["mm"] * len(_SPACE_AXES)


def _spacing(
    path: Path, fields: dict[str, str], axes: str, steps: list[list[float]]
) -> tuple[float, ...] | None:
    words = fields.get("spacings", "").split()
    if len(words) == len(axes):
        pairs = zip(words, axes, strict=True)
        spacing = tuple(_vector(path, word)[0] for word, axis in pairs if axis in _SPACE_AXES)
    else:
        spacing = tuple(math.hypot(*each) for each in steps)
    stated = spacing and all(math.isfinite(each) and each > 0 for each in spacing)
    return spacing if stated else None


def _vector(path: Path, text: str) -> list[float]:
    try:
        return [float(each) for each in text.split(",")]
    except ValueError as error:
        raise FormatError(path, f"its header has {text[:80]!r} where numbers belong") from error


def _integer(path: Path, name: str, text: str) -> int:
    try:
        return int(text)
    except ValueError as error:
        raise FormatError(path, f"its {name} is {text[:80]!r}") from error

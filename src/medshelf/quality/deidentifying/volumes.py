"""The free text in the headers of NIfTI, MetaImage and NRRD files, and the files without it.

Values, geometry and compressed data stay as they are; a gzip file is packed again.

Source: https://nifti.nimh.nih.gov/pub/dist/src/niftilib/nifti1.h and
https://nifti.nimh.nih.gov/pub/dist/doc/nifti2.h (places of the text fields; extensions lie between
header and `vox_offset`); https://teem.sourceforge.net/nrrd/format.html; MetaIO documentation.
"""

from __future__ import annotations

import re
import shutil
import struct
from collections.abc import Callable
from typing import BinaryIO

_NIFTI_TEXTS = {
    348: (
        *(("data_type", 4, 10), ("db_name", 14, 18), ("descrip", 148, 80)),
        *(("aux_file", 228, 24), ("intent_name", 328, 16)),
    ),
    540: (("descrip", 240, 80), ("aux_file", 320, 24), ("intent_name", 508, 16)),
}
_NIFTI_MAGICS = {348: (344, b"n+1\0"), 540: (4, b"n+2\0")}
_NIFTI_OFFSETS = {348: (108, "f"), 540: (168, "q")}
HEADER_BYTES = 540
_MAX_HEADER = 1 << 26
_META_KEYS = frozenset({
    "objecttype", "objectsubtype", "ndims", "binarydata", "binarydatabyteordermsb",
    "elementbyteordermsb", "compresseddata", "compresseddatasize", "transformmatrix",
    "orientation", "rotation", "offset", "origin", "position", "centerofrotation",
    "anatomicalorientation", "elementspacing", "elementsize", "dimsize", "headersize",
    "elementtype", "elementnumberofchannels", "elementmin", "elementmax", "modality",
    "elementdatafile",
})  # fmt: skip
_SEGMENT = re.compile(r"Segment\d+_(?:ID|Name|Color|LabelValue|Layer|Extent)$")


def nifti_texts(head: bytes) -> dict[str, str]:
    """Return the text fields of a NIfTI header that are not empty; nothing where it is none.

    Args:
        head: The first `HEADER_BYTES` bytes of the unpacked file.
    """
    size, _ = _nifti_size(head)
    fields = {
        name: head[at : at + length].split(b"\0", 1)[0].decode("latin-1").strip()
        for name, at, length in _NIFTI_TEXTS.get(size, ())
    }
    return {name: text for name, text in fields.items() if text}


def clean_nifti(source: BinaryIO, target: BinaryIO) -> list[str]:
    """Copy a NIfTI file (unpacked) without texts and extensions; return what was removed.

    Raises:
        ValueError: It is no single NIfTI-1 or NIfTI-2 file.
    """
    head = bytearray(source.read(HEADER_BYTES))
    size, order = _nifti_size(bytes(head))
    at, magic = _NIFTI_MAGICS.get(size, (0, b"?"))
    if head[at : at + 4] != magic:
        msg = "it is no NIfTI file that holds header and values together"
        raise ValueError(msg)
    place, code = _NIFTI_OFFSETS[size]
    stated = struct.unpack_from(order + code, head, place)[0]
    if not 0 <= stated <= _MAX_HEADER:
        msg = f"its values begin at byte {stated:g}"
        raise ValueError(msg)
    start = max(int(stated), size)
    head += source.read(max(0, start - len(head)))
    removed = list(nifti_texts(bytes(head)))
    for _, begin, length in _NIFTI_TEXTS[size]:
        head[begin : begin + length] = bytes(length)
    if any(head[size:start]):
        removed.append("extensions")
        head[size:start] = bytes(len(head[size:start]))
    target.write(head)
    shutil.copyfileobj(source, target, 1 << 20)
    return removed


def clean_metaimage(source: BinaryIO, target: BinaryIO) -> list[str]:
    """Copy a MetaImage without the fields that do not describe the image; return their names.

    Raises:
        ValueError: It is no MetaImage that holds header and values together.
    """

    def fate(line: str) -> str | None:
        key, _, value = (each.strip() for each in line.partition("="))
        if key.lower() == "headersize" and value not in ("", "0", "-1"):
            msg = f"its values begin at byte {value}"
            raise ValueError(msg)
        return None if key.lower() in _META_KEYS else "field"

    def is_last(line: str) -> bool:
        key, _, value = (each.strip() for each in line.partition("="))
        if key.lower() == "elementdatafile" and value.upper() != "LOCAL":
            raise _detached()
        return key.lower() == "elementdatafile"

    return _clean_lines(source, target, fate, is_last)


def clean_nrrd(source: BinaryIO, target: BinaryIO) -> list[str]:
    """Copy an NRRD without comments, `content` and keys of its writer; return what was removed.

    Names, colours and values of segments stay.

    Raises:
        ValueError: It is no NRRD that holds header and values together.
    """

    def fate(line: str) -> str | None:
        if line.startswith("#"):
            return "comment"
        key, sign, _ = line.partition(":=")
        if sign:
            return None if _SEGMENT.match(key) else "key"
        field = line.partition(":")[0].strip().lower()
        if field in ("data file", "datafile"):
            raise _detached()
        return "content" if field == "content" else None

    magic = source.readline(16)
    if not magic.startswith(b"NRRD"):
        msg = "it does not begin like an NRRD"
        raise ValueError(msg)
    target.write(magic)
    return _clean_lines(source, target, fate, lambda line: not line)


def _clean_lines(
    source: BinaryIO,
    target: BinaryIO,
    fate: Callable[[str], str | None],
    is_last: Callable[[str], bool],
) -> list[str]:
    """Copy lines of which `fate` says nothing, up to the last, and all that follows it."""
    removed, n_read = set(), 0
    while True:
        raw = source.readline(_MAX_HEADER)
        n_read += len(raw)
        if not raw or n_read > _MAX_HEADER:
            msg = "its header does not end"
            raise ValueError(msg)
        line = raw.decode("latin-1").strip()
        what = fate(line) if line else None
        if what is None:
            target.write(raw)
        else:
            removed.add(what)
        if is_last(line):
            break
    shutil.copyfileobj(source, target, 1 << 20)
    return sorted(removed)


def _nifti_size(head: bytes) -> tuple[int, str]:
    for order in ("<", ">"):
        if len(head) >= HEADER_BYTES - 192 and struct.unpack_from(order + "i", head)[0] in (
            348,
            540,
        ):
            return struct.unpack_from(order + "i", head)[0], order
    return 0, "<"


def _detached() -> ValueError:
    return ValueError("its values are in another file")

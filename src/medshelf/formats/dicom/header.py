"""What a DICOM file says before its pixels, as text and numbers straight from the bytes.

pydicom converts a value when it is asked for, and refuses or warns where the value breaks the
rules, as in released files it may (`32688,` as a window centre). Here the text of the file is kept,
and a number is read from it where one can be.

Source: DICOM PS3.5, chapter 6 (value representations).
"""

from __future__ import annotations

import re
import struct
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from functools import lru_cache
from pathlib import Path
from typing import TYPE_CHECKING, cast

from medshelf.formats.dicom.elements import BIG_ENDIAN, IMPLICIT, File, PixelElement, read_elements

if TYPE_CHECKING:
    from pydicom.dataelem import DataElement, RawDataElement
    from pydicom.dataset import Dataset

    ByTag = Mapping[int, DataElement | RawDataElement]

_EXPECTED = {"SOPClassUID", "SOPInstanceUID", "StudyInstanceUID", "Modality", "Rows"}
_TEXT = frozenset({
    "AE", "AS", "CS", "DA", "DS", "DT", "IS", "LO", "LT", "PN", "SH", "ST", "TM", "UC", "UI", "UR",
    "UT",
})  # fmt: skip
_BINARY = {
    "US": "H", "SS": "h", "UL": "I", "SL": "i", "UV": "Q", "SV": "q", "FL": "f", "FD": "d",
}  # fmt: skip
_EITHER, _SIGNED = ("US or SS", "US or SS or OW", "US or OW"), ("US", "SS")
_MAX_VALUE_BYTES = 1 << 16
_NUMBER = re.compile(r"\s*([+-]?(?:\d+\.?\d*|\.\d+)(?:[eE][+-]?\d+)?)[\s,;]*", re.ASCII)
_CHARACTER_SET, _PIXEL_REPRESENTATION = 0x00080005, 0x00280103
_SHARED, _PER_FRAME = 0x52009229, 0x52009230


@dataclass(frozen=True, slots=True)
class Opened:
    """A file whose header is read.

    Attributes:
        file: The whole file, or what was deflated in it.
        dataset: The elements before the pixels.
        text: The same as text, see `read_text`, and `TransferSyntaxUID`.
        pixels: Where the pixels are; null where there are none.
    """

    file: File
    dataset: Dataset
    text: dict[str, str]
    pixels: PixelElement | None


def open_file(source: Path | bytes) -> Opened:
    """Read a file up to its pixels.

    Raises:
        FormatError: There is no such file.
        MissingExtraError: pydicom is not installed.
        ValueError: It is no DICOM, or ends within its header.
    """
    elements = read_elements(source)
    from pydicom.dataset import Dataset
    from pydicom.tag import BaseTag

    text = {**_text_of(elements.by_tag, (), signed=False), "TransferSyntaxUID": elements.syntax}
    if not text.keys() & _EXPECTED:
        msg = "it is no DICOM file, or ends within its header"
        raise ValueError(msg)
    dataset = Dataset({BaseTag(tag): element for tag, element in elements.by_tag.items()})
    dataset.set_original_encoding(
        elements.syntax == IMPLICIT, elements.syntax != BIG_ENDIAN, "iso8859"
    )
    return Opened(elements.file, dataset, text, elements.pixels)


def frame_texts(opened: Opened, frames: Sequence[int] | None = None) -> list[dict[str, str]]:
    """Return, for each of `frames`, the header as if the frame were a file of its own.

    By default for each frame that has functional groups; once where no frame has. What an enhanced
    multi-frame object says in them (position, spacing, rescale, window) is added where a
    single-frame object says it.

    Source: DICOM PS3.3, C.7.6.16 (multi-frame functional groups).
    """
    encodings = _encodings(_by_tag(opened.dataset))
    shared, per_frame = (_items(opened.dataset, tag) for tag in (_SHARED, _PER_FRAME))
    common = dict(opened.text)
    for groups in shared[:1]:
        common |= _macros(groups, encodings)
    if not per_frame:
        return [common]
    return [
        common | _macros(per_frame[index], encodings) if index < len(per_frame) else common
        for index in (range(len(per_frame)) if frames is None else frames)
    ]


def numbers(value: str | None) -> tuple[float, ...] | None:
    r"""Return the finite numbers in a text such as `40\400`; null where anything else is in it.

    A separator left behind a number (`32688,`) is passed over.
    """
    found = [_NUMBER.fullmatch(part) for part in (value or "").split("\\")]
    values = tuple(float(match[1]) for match in found if match)
    is_finite = all(abs(each) < float("inf") for each in values)
    return values if len(values) == len(found) and is_finite else None


def integer(header: Mapping[str, str], keyword: str, default: int | None = None) -> int:
    """Return the one whole number in an element, or the default where the element is absent.

    Raises:
        ValueError: The element is absent and there is no default, or it is no whole number.
    """
    value = header.get(keyword)
    if value is None and default is not None:
        return default
    parsed = numbers(value)
    if parsed is None or len(parsed) != 1 or not parsed[0].is_integer():
        msg = f"{keyword} is {value or 'missing'}, not a whole number"
        raise ValueError(msg)
    return int(parsed[0])


def _text_of(elements: ByTag, inherited: Sequence[str], *, signed: bool) -> dict[str, str]:
    """Return the standard elements of one level as text, in the order of the file.

    Keys are DICOM keywords, e.g. `PatientID`. Several values are joined by a backslash, as in the
    file; a sequence of codes (`ViewCodeSequence`) gives its meanings. Private elements, other
    sequences, bulk data, empty values and values above 64 KiB are left out.
    """
    encodings = _encodings(elements) or inherited
    representation = elements.get(_PIXEL_REPRESENTATION)
    if representation is not None:
        signed = any(cast("bytes", representation.value) or b"")
    found = {}
    for tag, element in elements.items():
        keyword, known_vr = _entry(tag)
        if not keyword or not element.value:
            continue
        vr = str(element.VR or "UN")
        vr = known_vr if vr == "UN" else vr
        if vr == "SQ":
            text = _meanings(keyword, element, encodings)
        else:
            text = _value_text(element, _SIGNED[signed] if vr in _EITHER else vr, encodings)
        if text:
            found[keyword] = text
    return found


def _value_text(element: DataElement | RawDataElement, vr: str, encodings: Sequence[str]) -> str:
    value = element.value
    if not isinstance(value, bytes) or len(value) > _MAX_VALUE_BYTES:
        return ""
    if vr in _TEXT:
        return _decoded(value, encodings)
    return _unpacked(element, value, _BINARY[vr]) if vr in _BINARY else ""


def _items(dataset: Dataset, tag: int) -> list[Dataset]:
    if tag not in dataset or dataset[tag].VR != "SQ":
        return []
    return list(dataset[tag].value or [])


def _macros(groups: Dataset, encodings: Sequence[str]) -> dict[str, str]:
    found: dict[str, str] = {}
    for tag in list(groups.keys()):
        for item in _items(groups, tag)[:1]:
            found |= _text_of(_by_tag(item), encodings, signed=False)
    return found


def _by_tag(item: Dataset) -> ByTag:
    return {int(tag): element for tag, element in item.items()}


@lru_cache(1 << 12)
def _entry(tag: int) -> tuple[str, str]:
    """Return keyword and value representation of a standard tag; empty where it is not known."""
    from pydicom.datadict import dictionary_VR, keyword_for_tag

    keyword = "" if tag >> 16 & 1 else keyword_for_tag(tag)
    return keyword, dictionary_VR(tag) if keyword else ""


def _meanings(keyword: str, element: DataElement | RawDataElement, encodings: Sequence[str]) -> str:
    if not keyword.endswith("CodeSequence") and keyword != "AnatomicRegionSequence":
        return ""
    from pydicom.dataset import Dataset

    items = _items(Dataset({element.tag: element}), element.tag)
    codes = [_text_of(_by_tag(item), encodings, signed=False) for item in items]
    return "\\".join(each["CodeMeaning"] for each in codes if "CodeMeaning" in each)


def _unpacked(element: DataElement | RawDataElement, value: bytes, kind: str) -> str:
    order = "<" if getattr(element, "is_little_endian", True) else ">"
    n_values = len(value) // struct.calcsize(kind)
    return "\\".join(map(str, struct.unpack_from(f"{order}{n_values}{kind}", value)))


def _decoded(value: bytes, encodings: Sequence[str]) -> str:
    if value.isascii() and b"\x1b" not in value:
        return value.decode("ascii").strip(" \0")
    if b"\x1b" in value:
        from pydicom.charset import decode_bytes

        delimiters = {ord(each) for each in "\\^=\r\n\t\f"}
        return decode_bytes(value, encodings or ["iso8859"], delimiters).strip(" \0")
    if not encodings:
        try:
            return value.decode("utf-8").strip(" \0")
        except UnicodeDecodeError:
            return value.decode("latin-1").strip(" \0")
    return value.decode(encodings[0], errors="replace").strip(" \0")


def _encodings(elements: ByTag) -> list[str]:
    """Name Python's codecs for the character sets that a level declares."""
    from pydicom.charset import python_encoding

    element = elements.get(_CHARACTER_SET)
    if element is None or not isinstance(element.value, bytes):
        return []
    terms = element.value.decode("ascii", "replace").strip(" \0").split("\\")
    found = [python_encoding.get(each.strip(), "") for each in terms]
    return [each or "iso8859" for each in found] if any(terms) else []

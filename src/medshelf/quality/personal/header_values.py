"""What one file's header says that may tell of a person, value by value.

The values themselves are for whoever reduces them to signs; they are not to be kept.
"""

from __future__ import annotations

import gzip
import io
import mmap
import re
from collections.abc import Iterator
from pathlib import Path
from typing import TYPE_CHECKING, Any, NamedTuple, cast

from medshelf.core.errors import MedshelfError
from medshelf.quality.deidentifying.pictures import what_it_says
from medshelf.quality.deidentifying.volumes import HEADER_BYTES, nifti_texts
from medshelf.quality.personal.confidentiality import rule_of
from medshelf.quality.personal.identifying import Kind, kind_of

if TYPE_CHECKING:
    from pydicom.dataelem import RawDataElement
    from pydicom.dataset import Dataset

DICOM = ("dcm", "ima")
PICTURES = ("png", "jpg", "jpeg", "tif", "tiff", "gif", "webp")
NIFTI = ("nii", "nii.gz")
STATED = {
    0x00120062: "PatientIdentityRemoved",
    0x00120063: "DeidentificationMethod",
    0x00280301: "BurnedInAnnotation",
    0x00280302: "RecognizableVisualFeatures",
    0x00280303: "LongitudinalTemporalInformationModified",
}
_METHOD_CODES, _CODE_VALUE = 0x00120064, 0x00080100
_WORDS_STATED = ("YES", "NO", "UNMODIFIED", "MODIFIED", "REMOVED")
_METHOD_CODE = re.compile(r"1131[01]\d")
_CARET_NAME = re.compile(r"[A-Z][A-Za-z'-]+\^[A-Z][A-Za-z'-]+")
_MAX_VALUE_BYTES, _MAX_DEPTH = 1 << 16, 32
_NESTED = "its sequences are nested too deeply"


class Value(NamedTuple):
    """One value of a header.

    Attributes:
        tag: `gggg,eeee`, `private`, or what the format calls it, e.g. `EXIF Artist`.
        keyword: Of a DICOM element; empty where it has none.
        vr: Value representation of a DICOM element.
        action: That of the basic profile; null where the profile says nothing.
        kind: What it looks like.
        text: The value; of kind `stated` it may be kept.
    """

    tag: str
    keyword: str | None
    vr: str | None
    action: str | None
    kind: Kind
    text: str


def read_values(source: Path | bytes, file_format: str | None) -> Iterator[Value]:
    """Read the values of a file's header that may tell of a person.

    Raises:
        MedshelfError: It is not there; or pydicom, which DICOM needs, is not installed.
        Exception: It is damaged; pydicom and Pillow raise anything then.
    """
    if file_format in DICOM:
        from medshelf.formats.dicom.header import open_file

        yield from dicom_values(open_file(source).dataset)
    elif file_format in PICTURES:
        yield from _picture_values(source)
    elif file_format in NIFTI:
        for name, text in nifti_texts(_head(source)).items():
            kind: Kind = "name" if _CARET_NAME.search(text) else "text"
            yield Value(f"NIfTI {name}", None, None, None, kind, text)


def dicom_values(dataset: Dataset, depth: int = 0) -> Iterator[Value]:
    """Walk a data set and its sequences; see `read_values`.

    Raises:
        ValueError: Sequences are nested too deeply.
    """
    if depth > _MAX_DEPTH:
        raise ValueError(_NESTED)
    for tag in dataset.keys():  # noqa: SIM118 - iterating over a Dataset would convert its values
        number = int(tag)
        if number & 0xFFFF == 0:
            continue
        name = f"{number >> 16:04x},{number & 0xFFFF:04x}"
        if number >> 16 & 1:
            yield Value("private", None, None, "X", "private", "")
            continue
        keyword, vr = described(dataset, number)
        if vr == "SQ":
            yield from _sequence_values(dataset, number, depth)
            continue
        yield from _element_values(dataset, number, name, keyword, vr)


def _element_values(
    dataset: Dataset, tag: int, name: str, keyword: str, vr: str
) -> Iterator[Value]:
    rule = rule_of(tag, vr, keyword)
    if rule is None and tag not in STATED:
        return
    text = text_of(dataset, tag)
    if text and rule is not None:
        kind = kind_of(vr, keyword, text, is_descriptor=rule.is_descriptor)
        yield Value(name, keyword, vr, rule.basic, kind, text)
    elif text:
        stated = text if text in _WORDS_STATED else "other"
        yield Value(name, keyword, vr, None, "stated", stated)


def described(dataset: Dataset, tag: int) -> tuple[str, str]:
    """Return keyword (empty for an unknown element) and value representation of an element."""
    from pydicom.datadict import dictionary_VR, keyword_for_tag

    keyword = keyword_for_tag(tag)
    vr = str(cast("RawDataElement", dataset.get_item(tag)).VR or "UN")
    if vr == "UN" and keyword:
        vr = dictionary_VR(tag)
    return keyword, vr


def text_of(dataset: Dataset, tag: int) -> str:
    """Return a value as text, of bytes that are not UTF-8 as Latin-1; at most 64 KiB of it."""
    held: Any = cast("RawDataElement", dataset.get_item(tag)).value
    if isinstance(held, bytes):
        held = held[:_MAX_VALUE_BYTES]
        try:
            return held.decode("utf-8").strip(" \0")
        except UnicodeDecodeError:
            return held.decode("latin-1").strip(" \0")
    if held is None:
        return ""
    several = isinstance(held, list | tuple) or type(held).__name__ == "MultiValue"
    return "\\".join(map(str, held)) if several else str(held)


def safe_reason(error: Exception) -> str:
    """Say why a file cannot be read; the words of a library might quote the value at fault."""
    if isinstance(error, MedshelfError):
        return error.problem
    at = error.__traceback__
    while at is not None and at.tb_next is not None:
        at = at.tb_next
    own = at is not None and at.tb_frame.f_globals.get("__name__", "").startswith("medshelf.")
    if own and type(error) is ValueError:
        return str(error)
    return f"it is damaged ({type(error).__name__})"


def _sequence_values(dataset: Dataset, tag: int, depth: int) -> Iterator[Value]:
    for item in dataset[tag].value or ():
        if tag == _METHOD_CODES and _CODE_VALUE in item:
            code = text_of(item, _CODE_VALUE)
            stated = code if _METHOD_CODE.fullmatch(code) else "other"
            keyword = "DeidentificationMethodCodeSequence"
            yield Value("0012,0064", keyword, "SQ", None, "stated", stated)
        yield from dicom_values(item, depth + 1)


def _picture_values(source: Path | bytes) -> Iterator[Value]:
    if isinstance(source, bytes):
        said = what_it_says(source)
    else:
        with (
            source.open("rb") as file,
            mmap.mmap(file.fileno(), 0, access=mmap.ACCESS_READ) as data,
        ):
            said = what_it_says(data)
    for each in said:
        yield Value(each.tag, None, None, None, each.kind, each.text)


def _head(source: Path | bytes) -> bytes:
    with io.BytesIO(source) if isinstance(source, bytes) else source.open("rb") as file:
        if file.read(2) != b"\x1f\x8b":
            file.seek(0)
            return file.read(HEADER_BYTES)
        file.seek(0)
        with gzip.open(file) as unpacked:
            return unpacked.read(HEADER_BYTES)

"""A DICOM file after the Basic Application Level Confidentiality Profile; its pixels bit by bit.

Beyond the profile's table, private elements are removed, and so is a text that would stay although
it repeats a name, number or UID that was removed elsewhere in the file. The file is read again
after it was written, and given out only if nothing that names a person is found in it.

Source: DICOM PS3.15, annex E; PS3.3, C.7.1.1 and C.12.1 (how a de-identified object says so).
"""

from __future__ import annotations

import io
import warnings
from collections import defaultdict
from collections.abc import Iterator
from dataclasses import dataclass, field
from pathlib import Path
from typing import TYPE_CHECKING, Any, Final

from medshelf.core.version import __version__
from medshelf.formats.dicom.elements import UNDEFINED
from medshelf.formats.dicom.header import Opened, open_file
from medshelf.quality.deidentifying.pseudonyms import Pseudonyms
from medshelf.quality.personal.confidentiality import (
    BASIC_PROFILE,
    OPTIONS,
    Action,
    Option,
    action_of,
    rule_of,
)
from medshelf.quality.personal.header_values import described, dicom_values, text_of

if TYPE_CHECKING:
    from pydicom.dataset import Dataset

_PATIENT_ID, _PATIENT_NAME, _ACCESSION, _STUDY_ID = 0x00100020, 0x00100010, 0x00080050, 0x00200010
_CODES: Final = {
    _PATIENT_ID: "patient",
    _PATIENT_NAME: "patient",
    _ACCESSION: "accession",
    _STUDY_ID: "study",
}
_MAKER = frozenset({0x00080070, 0x00081090})
_PIXELS = frozenset({0x7FE00008, 0x7FE00009, 0x7FE00010})
_UNCLEANABLE = {
    0x0040A730: "it is a structured report, whose content a person has to clean",
    0x00420011: "it holds a whole document, which a person has to clean",
    0x00041220: "it is a directory of other files (DICOMDIR)",
}
_DUMMIES: dict[str, Any] = {
    "DA": "19000101", "TM": "000000", "DT": "19000101000000", "AS": "000Y", "CS": "REMOVED",
    "DS": "0", "IS": "0", "UR": "urn:removed",
    **dict.fromkeys(("AE", "LO", "LT", "PN", "SH", "ST", "UC", "UT"), "REMOVED"),
    **dict.fromkeys(("OB", "OD", "OF", "OL", "OV", "OW", "UN"), b"\0\0\0\0\0\0\0\0"),
    **dict.fromkeys(("AT", "FD", "FL", "SL", "SS", "SV", "UL", "US", "UV"), 0),
}  # fmt: skip
_TEXTS = frozenset({"LO", "SH", "LT", "ST", "UT", "UC", "PN"})
_TELLING = frozenset({"name", "birth-date", "contact", "id", "place", "uid", "scanner-uid"})
_MIN_WORD, _MIN_NUMBER, _MAX_DEPTH = 3, 4, 32
_LEFT_OVER = ("name", "birth-date", "contact", "private")


@dataclass(slots=True)
class Cleaned:
    """What was done with a file.

    Attributes:
        data: The clean file.
        actions: Action to the tags (`gggg,eeee`, or `private`) that it was applied to.
        has_text_in_pixels: Whether the file says that its pixels hold text.
    """

    data: bytes
    actions: dict[str, list[str]]
    has_text_in_pixels: bool


def clean_dicom(
    source: Path | bytes, pseudonyms: Pseudonyms, retained: frozenset[Option]
) -> Cleaned:
    """Clean a DICOM file.

    Raises:
        MissingExtraError: pydicom is not installed.
        ValueError: It is damaged, or holds what only a person can clean.
        Exception: pydicom cannot read or write it.
    """
    opened = open_file(source)
    for tag, reason in _UNCLEANABLE.items():
        if tag in opened.dataset:
            raise ValueError(reason)
    _require_pixels(opened)
    import pydicom

    with pydicom.config.disable_value_validation(), warnings.catch_warnings():
        warnings.simplefilter("ignore")
        stream = io.BytesIO(source) if isinstance(source, bytes) else source
        dataset = pydicom.dcmread(stream, force=True)
        cleaning = _Cleaning(pseudonyms, retained, _patient_of(dataset))
        cleaning.clean(dataset)
        cleaning.remove_repeated(dataset)
        _state(dataset, retained)
        data = _written(dataset, opened.text["TransferSyntaxUID"])
        _require_clean(data, retained)
    burned_in = opened.text.get("BurnedInAnnotation", "").upper() == "YES"
    actions = {name: sorted(tags) for name, tags in sorted(cleaning.actions.items())}
    return Cleaned(data, actions, burned_in)


@dataclass
class _Cleaning:
    pseudonyms: Pseudonyms
    retained: frozenset[Option]
    patient: str
    actions: dict[str, set[str]] = field(default_factory=lambda: defaultdict(set))
    telling: set[str] = field(default_factory=set)

    def clean(self, dataset: Dataset, depth: int = 0) -> None:
        """Apply the profile to a data set and, where they stay, the items of its sequences."""
        if depth > _MAX_DEPTH:
            msg = "its sequences are nested too deeply"
            raise ValueError(msg)
        for tag in list(dataset.keys()):
            number = int(tag)
            if number in _PIXELS:
                continue
            if number & 0xFFFF == 0 or number >> 16 & 1:
                self._note("remove", "private" if number >> 16 & 1 else _name(number))
                del dataset[tag]
                continue
            keyword, vr = described(dataset, number)
            rule = rule_of(number, vr, keyword)
            if rule is not None:
                self._apply(dataset, number, vr, action_of(rule, vr, self.retained), depth)
            elif vr == "SQ":
                self._clean_items(dataset, number, depth)

    def _apply(self, dataset: Dataset, tag: int, vr: str, action: Action, depth: int) -> None:
        if action == "keep":
            return
        self._note(action, _name(tag))
        if action == "clean":
            self._clean_items(dataset, tag, depth)
            return
        self._remember(dataset, tag, vr)
        if action == "remove":
            del dataset[tag]
        elif vr == "SQ":
            _replace_items(dataset, tag, empty=action == "empty")
        else:
            _replace(dataset, tag, vr, self._stand_in(tag, vr, action, text_of(dataset, tag)))

    def _stand_in(self, tag: int, vr: str, action: Action, text: str) -> Any:
        if not text:
            return None
        if tag in _CODES:
            is_patient = _CODES[tag] == "patient"
            return self.pseudonyms.code(_CODES[tag], self.patient if is_patient else text)
        if action == "uid" or (action == "dummy" and vr == "UI"):
            return "\\".join(self.pseudonyms.uid(each.strip()) for each in text.split("\\"))
        if action == "shift" and vr != "TM":
            moved = [self.pseudonyms.shifted(self.patient, each) for each in text.split("\\")]
            return "\\".join(each or "" for each in moved)
        return {"shift": text, "dummy": _DUMMIES.get(vr)}.get(action)

    def _clean_items(self, dataset: Dataset, tag: int, depth: int) -> None:
        for item in dataset[tag].value or ():
            self.clean(item, depth + 1)

    def _remember(self, dataset: Dataset, tag: int, vr: str) -> None:
        """Keep, while this file is cleaned, the words and numbers that are removed from it."""
        from pydicom.dataset import Dataset as Item

        alone = Item()
        alone[tag] = dataset.get_item(tag)
        alone.set_original_encoding(*dataset.original_encoding)
        for value in dicom_values(alone):
            if value.kind not in _TELLING:
                continue
            parts = value.text.replace("=", "^").replace(" ", "^").split("^")
            least = _MIN_WORD if vr == "PN" else _MIN_NUMBER
            self.telling |= {each.casefold() for each in (value.text, *parts) if len(each) >= least}

    def remove_repeated(self, dataset: Dataset) -> None:
        """Empty texts that stay although they repeat what was removed."""
        for holder, tag, vr in _texts(dataset):
            text = text_of(holder, tag).casefold()
            if (
                tag not in _MAKER | _CODES.keys()
                and text
                and any(each in text for each in self.telling)
            ):
                self._note("empty, it repeats what was removed", _name(tag))
                _replace(holder, tag, vr, None)

    def _note(self, action: str, name: str) -> None:
        self.actions[action].add(name)


def _replace(dataset: Dataset, tag: int, vr: str, value: Any) -> None:
    from pydicom.dataelem import DataElement

    dataset[tag] = DataElement(tag, vr[:2], value)  # of `US or SS` the first


def _replace_items(dataset: Dataset, tag: int, *, empty: bool) -> None:
    from pydicom.dataelem import DataElement
    from pydicom.dataset import Dataset as Item
    from pydicom.sequence import Sequence

    dataset[tag] = DataElement(tag, "SQ", Sequence([] if empty else [Item()]))


def _texts(dataset: Dataset) -> Iterator[tuple[Dataset, int, str]]:
    for tag in list(dataset.keys()):
        _, vr = described(dataset, int(tag))
        if vr == "SQ":
            for item in dataset[tag].value or ():
                yield from _texts(item)
        elif vr in _TEXTS:
            yield dataset, int(tag), vr


def _patient_of(dataset: Dataset) -> str:
    ids = (text_of(dataset, each) for each in (_PATIENT_ID, _PATIENT_NAME) if each in dataset)
    return next((each for each in ids if each), "")


def _state(dataset: Dataset, retained: frozenset[Option]) -> None:
    """Write into the file that it was de-identified, and how."""
    from pydicom.dataset import Dataset as Item

    dataset.PatientIdentityRemoved = "YES"
    dataset.DeidentificationMethod = f"PS3.15 Basic Profile, medshelf {__version__}"[:64]
    codes = []
    for value, meaning in (BASIC_PROFILE, *(OPTIONS[each] for each in OPTIONS if each in retained)):
        code = Item()
        code.CodeValue, code.CodingSchemeDesignator, code.CodeMeaning = value, "DCM", meaning
        codes.append(code)
    dataset.DeidentificationMethodCodeSequence = codes
    dates = "UNMODIFIED" if "dates" in retained else "REMOVED"
    dates = "MODIFIED" if "shifted-dates" in retained else dates
    dataset.LongitudinalTemporalInformationModified = dates


def _written(dataset: Dataset, syntax: str) -> bytes:
    import pydicom
    from pydicom.dataset import FileMetaDataset
    from pydicom.uid import UID

    meta = FileMetaDataset()
    meta.TransferSyntaxUID = UID(syntax)
    meta.MediaStorageSOPClassUID = UID(text_of(dataset, 0x00080016))
    meta.MediaStorageSOPInstanceUID = UID(text_of(dataset, 0x00080018))
    dataset.file_meta = meta
    dataset.preamble = bytes(128)
    target = io.BytesIO()
    pydicom.dcmwrite(target, dataset, enforce_file_format=True)
    return target.getvalue()


def _require_pixels(opened: Opened) -> None:
    pixels = opened.pixels
    if pixels is None or pixels.length == UNDEFINED:
        return
    opened.file.seek(0, io.SEEK_END)
    if pixels.start + pixels.length > opened.file.tell():
        msg = "it ends within its pixels"
        raise ValueError(msg)


def _require_clean(data: bytes, retained: frozenset[Option]) -> None:
    kinds = _LEFT_OVER if retained & {"dates", "shifted-dates"} else (*_LEFT_OVER, "date")
    for value in dicom_values(open_file(data).dataset):
        if value.kind in kinds:
            msg = f"element {value.tag} still looks like a {value.kind} after cleaning"
            raise ValueError(msg)


def _name(tag: int) -> str:
    return f"{tag >> 16:04x},{tag & 0xFFFF:04x}"

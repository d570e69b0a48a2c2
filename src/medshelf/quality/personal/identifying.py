"""What a value of a header looks like: a person's name, a number from a hospital, a stand-in.

A name that holds digits is a code, not a name; a value that says `anonymous`, repeats one character
or is a digest names nobody. So what a release has already replaced is told from what it left.
"""

from __future__ import annotations

import re
from typing import Literal

Kind = Literal[
    "name", "birth-date", "contact", "id", "date", "place", "scanner-uid", "uid", "text",
    "pseudonym", "placeholder", "gps", "serial", "other", "private", "stated", "error",
]  # fmt: skip
KINDS: tuple[Kind, ...] = (
    "name", "birth-date", "contact", "id", "date", "place", "scanner-uid", "uid", "text",
    "pseudonym", "placeholder", "gps", "serial", "other", "private", "stated", "error",
)  # fmt: skip
"""`contact` is an address or a telephone number, `place` an institution, a department or a station,
`scanner-uid` a UID that a scanner made, `text` free text, `pseudonym` a code or digest in the place
of a name or number, `placeholder` a stand-in that says nothing, `gps` a position and `serial` a
camera's number in a picture, `private` an element that no standard describes, `stated` a value of a
closed vocabulary that says how the file was treated, `error` a file that cannot be read.
"""

_STAND_INS = re.compile(
    r"(?i)\banon|\bde-?ident|\bremoved?\b|\bredact|\bmask(?:ed)?\b|\bunknown\b|\bnone\b"
    r"|\bn/?a\b|\bnull\b|\bnot (?:given|known)\b|\bno ?name\b|\btest\b|\bphantom\b|\bdummy\b"
    r"|\bdoe\b|\bpatient\b|\bsubject\b|\bcase\b|\bvolunteer\b|\bunspecified\b|\bdefault\b|\bxx+"
    r"|某|匿名|未知|隐"
)
_REPEATED = re.compile(r"[\W_0]*|(.)\1*")
_DIGEST = re.compile(
    r"[A-Za-z]{0,4}[-_]?(?:[0-9a-fA-F]{12,}|[0-9a-fA-F]{8}(?:-[0-9a-fA-F]{4,12}){4})"
)
_WORDS = re.compile(r"[^\W\d_]{2,}|[一-鿿]")
_COARSE_DATE = re.compile(r"(?:19000101|19700101|00000000|00010101|\d{4}0101)\d*")
_CONTACTS = (
    "Address",
    "TelephoneNumbers",
    "PhoneNumber",
    "TelecomInformation",
    "TelephoneNumberTrial",
)
_PLACES = (
    "Institution",
    "Department",
    "Station",
    "Location",
    "Residence",
    "Organization",
    "AETitle",
)
_SCANNER_ROOTS = (
    "1.2.840.113619.", "1.3.12.2.1107.5.", "1.3.46.670589.", "1.2.392.200036.9116.",
    "1.2.392.200036.9107.", "1.2.528.1.1001.",
)  # fmt: skip
_MIN_ID, _MIN_ID_DIGITS = 5, 4
_LONG_TEXT = ("LT", "ST", "UT")
_WORDED = ("PN", "LO", "SH", "AE", "UC", "UR", *_LONG_TEXT)


def kind_of(vr: str, keyword: str, text: str, *, is_descriptor: bool) -> Kind:
    """Say what a value of an element that the profile removes looks like.

    Args:
        vr: Its value representation.
        keyword: Of the element, e.g. `PatientID`.
        text: The value; several are joined by a backslash.
        is_descriptor: Whether the element is one for free text.

    Source: UID roots of makers of scanners: GE, Siemens, Philips, Canon (Toshiba), Fujifilm as
    they stand in the UIDs of their conformance statements.
    """
    if vr not in _WORDED:
        return _kind_of_coded(vr, keyword, text)
    if _is_stand_in(text):
        return "placeholder"
    if vr == "PN":
        return "name" if looks_like_name(text) else "pseudonym"
    return _kind_of_text(vr, keyword, text, is_descriptor=is_descriptor)


def looks_like_name(text: str) -> bool:
    """Say whether a text is made of words without digits, and so may be a person's name."""
    words = _WORDS.findall(text)
    return bool(words) and not any(each.isdigit() for each in text) and not _is_stand_in(text)


def _is_stand_in(text: str) -> bool:
    return bool(_REPEATED.fullmatch(text.strip()) or _STAND_INS.search(re.sub(r"[_^]", " ", text)))


def _kind_of_coded(vr: str, keyword: str, text: str) -> Kind:
    if vr == "UI":
        return "scanner-uid" if text.startswith(_SCANNER_ROOTS) else "uid"
    if vr not in ("DA", "DT"):
        return "other"
    if _COARSE_DATE.fullmatch(text) or not text.strip(" 0"):
        return "placeholder"
    return "birth-date" if "Birth" in keyword else "date"


def _kind_of_text(vr: str, keyword: str, text: str, *, is_descriptor: bool) -> Kind:
    if keyword.endswith(_CONTACTS):
        return "contact"
    if keyword == "TimezoneOffsetFromUTC":
        return "other"
    if any(each in keyword for each in _PLACES):
        return "place"
    if is_descriptor or vr in _LONG_TEXT:
        return "text"
    if _DIGEST.fullmatch(text):
        return "pseudonym"
    n_digits = sum(each.isdigit() for each in text)
    return "id" if len(text) >= _MIN_ID and n_digits >= _MIN_ID_DIGITS else "other"

"""Which elements of a DICOM file the standard removes to protect the patient.

The table is data, `confidentiality.csv`: a row per element (`x` stands for any digit), its action
in the Basic Application Level Confidentiality Profile, the action that each option puts in its
place (`uids`, `patient`, `dates`; empty where the option leaves the basic action), `C` under
`descriptors` where the element is free text that a person might clean, and in how many independent
transcriptions of the table row and basic action were found alike: 622 of 655 in two, 33 in one
(they are new in the later edition).

Source: DICOM PS3.15, annex E, table E.1-1: basic actions of edition 2026c, compared with a
transcription of the edition that was current on 2024-09-19; options of the latter.
"""

from __future__ import annotations

import csv
from dataclasses import dataclass
from functools import cache
from importlib.resources import files
from typing import Literal

EDITION = "2026c"

Option = Literal["uids", "patient-characteristics", "dates", "shifted-dates"]
OPTIONS: dict[Option, tuple[str, str]] = {
    "patient-characteristics": ("113108", "Retain Patient Characteristics Option"),
    "uids": ("113110", "Retain UIDs Option"),
    "dates": ("113106", "Retain Longitudinal Temporal Information Full Dates Option"),
    "shifted-dates": ("113107", "Retain Longitudinal Temporal Information Modified Dates Option"),
}
"""What may be retained, with the code (DCM) and its meaning. Source: DICOM PS3.16, CID 7050."""
BASIC_PROFILE = ("113100", "Basic Application Confidentiality Profile")

Action = Literal["keep", "remove", "empty", "dummy", "uid", "clean", "shift"]
"""What is done with an element; `clean` goes through the items of a sequence, `shift` moves a date.
"""

_STRICTEST_THAT_CONFORMS: dict[str, Action] = {
    "X": "remove",
    "Z": "empty",
    "X/Z": "empty",
    "D": "dummy",
    "Z/D": "dummy",
    "X/D": "dummy",
    "X/Z/D": "dummy",
    "U": "uid",
    "X/Z/U*": "clean",
}
_DATES = frozenset({"DA", "DT", "TM"})
_NAMING_UIDS = (
    *("ClassUID", "SyntaxUID", "SyntaxUIDInFile", "ClassUIDInFile", "ClassesInStudy"),
    *("ClassesInSeries", "ClassesSupported", "SchemeUID", "ContextUID", "ResourceUID"),
)
_UNLISTED = {"PN": "Z", "DA": "X", "DT": "X", "TM": "X"}


@dataclass(frozen=True, slots=True)
class Rule:
    """A row of the table.

    Attributes:
        basic: Action of the basic profile: X remove, Z empty, D dummy value, U new UID; `X/Z` is X
            unless the object's definition requires Z.
        uids: Action (K keep) with the option to retain UIDs, empty where it changes nothing.
        patient: The same with patient characteristics; C is clean.
        dates: The same with full dates; with modified dates K means shift.
        is_descriptor: Whether it is free text.
    """

    basic: str
    uids: str = ""
    patient: str = ""
    dates: str = ""
    is_descriptor: bool = False


@cache
def table() -> dict[str, Rule]:
    """Return the rows by tag, 8 hex digits in lower case, `x` for any digit."""
    text = files("medshelf.quality.personal").joinpath("confidentiality.csv").read_text("ascii")
    return {
        row["tag"]: Rule(
            row["basic"], row["uids"], row["patient"], row["dates"], row["descriptors"] == "C"
        )
        for row in csv.DictReader(text.splitlines())
    }


def rule_of(tag: int, vr: str, keyword: str) -> Rule | None:
    """Return what is to be done with a standard element; null where it may stay.

    An element that the table does not list is treated as its like are: a person's name is emptied,
    dates and times are removed, a UID that is not of the standard itself is replaced, and an
    element that the dictionary does not know is removed.
    """
    listed = _listed(tag)
    if listed is not None:
        return listed
    if not keyword:
        return Rule("X")
    if vr == "UI" and not keyword.endswith(_NAMING_UIDS):
        return Rule("U", uids="K")
    if vr in _UNLISTED:
        return Rule(_UNLISTED[vr], dates="K" if vr in _DATES else "")
    return None


def action_of(rule: Rule, vr: str, retained: frozenset[Option]) -> Action:
    """Return what is done with an element of a rule.

    Where the profile gives a choice that depends on the object's definition (`X/Z`), the last one
    is taken, which every definition allows. Free text that an option asks to be cleaned is treated
    by the basic profile, as only a person can clean it.
    """
    keep: Action = "clean" if vr == "SQ" else "keep"
    if "uids" in retained and rule.uids == "K":
        return keep
    if "patient-characteristics" in retained and rule.patient == "K":
        return keep
    if rule.dates == "K" and "dates" in retained:
        return keep
    if rule.dates == "K" and "shifted-dates" in retained and vr in _DATES:
        return "shift"
    return _STRICTEST_THAT_CONFORMS[rule.basic]


def _listed(tag: int) -> Rule | None:
    name = f"{tag:08x}"
    found = table().get(name)
    if found is None and name[:2] in ("50", "60"):
        repeated = f"{name[:2]}xx{name[4:]}", f"{name[:2]}xxxxxx"
        found = table().get(repeated[0]) or table().get(repeated[1])
    return found

"""Stand-ins for ids, UIDs and dates: the same for the same value, and nothing to the reader.

All come from a secret key. Whoever has the key can make the stand-in of a value again, and so link
a later run to this one; without it nobody can.
"""

from __future__ import annotations

import hmac
import re
import uuid
from dataclasses import dataclass, field
from datetime import date, timedelta

KEY_BYTES = 32
_STANDARD_ROOT = "1.2.840.10008."
_CODE_DIGITS = 14  # with a letter before them 15 characters, as an SH holds 16
_MAX_DAYS = 3650
_DATE = re.compile(r"(\d{4})(\d{2})(\d{2})")
_UID = re.compile(r"[0-2](?:\.(?:0|[1-9]\d*))+")


@dataclass(frozen=True, slots=True)
class Pseudonyms:
    """Makes stand-ins.

    Attributes:
        key: The secret.
    """

    key: bytes = field(repr=False)

    def code(self, kind: str, value: str) -> str:
        """Return a code for an id: the kind's first letter, in upper case, and 14 hex digits."""
        return kind[0].upper() + self._digest(kind, value.strip()).hex()[:_CODE_DIGITS]

    def uid(self, value: str) -> str:
        """Return a UID for another; those of the standard itself are left as they are.

        Source: DICOM PS3.5, B.2 (UIDs of the form 2.25.<UUID as a number>).
        """
        if value.startswith(_STANDARD_ROOT) or not value:
            return value
        number = uuid.UUID(bytes=self._digest("uid", value)[:16], version=4).int
        return f"2.25.{number}"

    def study(self, value: str) -> str:
        """Return a stand-in for a study's id: a UID for a UID, else a code."""
        return self.uid(value) if _UID.fullmatch(value) else self.code("study", value)

    def shifted(self, patient: str, value: str) -> str | None:
        """Move a DICOM date (DA or DT) back by the patient's 1 to 3,650 days; null if it is none.

        The time of day stays.
        """
        match = _DATE.match(value)
        days = 1 + int.from_bytes(self._digest("days", patient.strip())[:8], "big") % _MAX_DAYS
        try:
            moved = date(*map(int, match.groups())) - timedelta(days) if match else None
        except (ValueError, OverflowError):
            moved = None
        return None if moved is None else f"{moved:%Y%m%d}".rjust(8, "0") + value[8:]

    def _digest(self, kind: str, value: str) -> bytes:
        return hmac.digest(self.key, f"{kind}\0{value}".encode(), "sha256")

"""Names, numbers and dates in DICOM headers.

**What.** Elements that the Basic Application Level Confidentiality Profile removes and that look
real: names of persons, dates of birth, addresses and telephone numbers (error); numbers of patients
and examinations, institutions, dates finer than a year (warning); UIDs with the root of a maker of
scanners, which hold serial number and time (info). Stand-ins (`ANONYMOUS`, `0000`, digests, 1
January) are none. Where a file says that the patient's identity was removed, its numbers are taken
for pseudonyms; where it says that dates were shifted or kept on purpose, so are its dates. Values
are never shown.

**Why.** A header leads from a picture to a person. Whoever passes such files on breaks the law in
many countries.

**Example.** Patient's name, birth date and accession number, left in by an export that only renamed
the files.

**Remedy.** `medshelf deidentify ID OUT`; do not pass the files on until then.

Source: DICOM PS3.15, annex E, table E.1-1.
"""

from __future__ import annotations

from collections.abc import Iterator

import polars as pl

from medshelf.core.issues import Issue, Severity
from medshelf.quality.case import Case
from medshelf.quality.personal.header_evidence import header_issue, with_statements

SEVERITY = "error"
NEEDS = ("headers",)
TITLE_ZH = "DICOM 头中的姓名、编号与日期"

_RULE = "dicom-identifiers"
_KINDS: dict[str, tuple[Severity, str]] = {
    "name": ("error", "files with names of persons: {n}"),
    "birth-date": ("error", "files with a full date of birth: {n}"),
    "contact": ("error", "files with addresses or telephone numbers: {n}"),
    "id": ("warning", "files with numbers that a hospital may have given: {n}"),
    "place": ("warning", "files that name an institution, a department or a station: {n}"),
    "date": ("warning", "files with dates finer than a year: {n}"),
    "scanner-uid": ("info", "files with UIDs as the scanner made them: {n}"),
}


def check(case: Case) -> Iterator[Issue]:
    """Yield one Issue per kind of identifier."""
    stated = with_statements(case.headers).filter(pl.col("action").is_not_null())
    pseudonym = pl.col("kind").is_in(("id", "scanner-uid")) & pl.col("says_removed")
    shifted = (pl.col("kind") == "date") & pl.col("says_dates")
    real = stated.filter(~pseudonym & ~shifted)
    for kind, (severity, message) in _KINDS.items():
        found = real.filter(pl.col("kind") == kind)
        if found.height:
            remedy = "Remove them: medshelf deidentify ID OUT"
            yield header_issue(found, _RULE, severity, f"DICOM {kind}", message, remedy)

"""What pictures and volumes say of persons in their own headers.

**What.** Positions (GPS), serial numbers of cameras, names of photographers or owners and personal
texts in EXIF, XMP, PNG texts and JPEG comments; names and personal texts in the text fields of
NIfTI. Technical entries (program, resolution, date of the file) are passed over. Values are never
shown.

**Why.** Photographs of skin and eyes tell where and with whose camera they were taken; converters
copy names into the text fields of volumes.

**Example.** The EXIF of a photograph from a telephone: place to a few metres, time to a second.

**Remedy.** `medshelf deidentify ID OUT` removes them and leaves the pixels as they are.

Source: CIPA DC-008 (Exif 2.32); PNG, third edition, 11.3.3.
"""

from __future__ import annotations

from collections.abc import Iterator

import polars as pl

from medshelf.core.issues import Issue, Severity
from medshelf.quality.case import Case
from medshelf.quality.personal.header_evidence import header_issue

SEVERITY = "error"
NEEDS = ("headers",)
TITLE_ZH = "文件元数据中的个人信息"

_KINDS: dict[str, tuple[Severity, str]] = {
    "gps": ("error", "files that say where they were taken: {n}"),
    "name": ("warning", "files with what looks like a person's name: {n}"),
    "serial": ("warning", "files with the serial number of a camera or lens: {n}"),
    "text": ("warning", "files with texts that look personal: {n}"),
}


def check(case: Case) -> Iterator[Issue]:
    """Yield one Issue per kind of entry."""
    files = case.headers.filter(pl.col("action").is_null())
    harmless = (pl.col("kind") == "text") & pl.col("note").is_null()
    for kind, (severity, message) in _KINDS.items():
        found = files.filter((pl.col("kind") == kind) & ~harmless)
        if found.height:
            remedy = "Remove them: medshelf deidentify ID OUT"
            yield header_issue(found, "file-metadata", severity, f"header {kind}", message, remedy)

"""Private elements in DICOM headers.

**What.** Elements of odd groups, whose meaning only the maker of the device knows.

**Why.** They may repeat name, number and date of the patient in forms that no general rule finds.
The basic profile removes them all, but for those that are known to be safe.

**Example.** Headers of scanners with a copy of the protocol in a private element.

**Remedy.** `medshelf deidentify ID OUT` removes them; copy those that are needed, such as
diffusion weights, into a table first.

Source: DICOM PS3.15, annex E, E.3.10 (Retain Safe Private Option).
"""

from __future__ import annotations

from collections.abc import Iterator

import polars as pl

from medshelf.core.issues import Issue, Severity
from medshelf.quality.case import Case
from medshelf.quality.personal.header_evidence import header_issue

SEVERITY: Severity = "info"
NEEDS = ("headers",)
TITLE_ZH = "DICOM 私有标签"


def check(case: Case) -> Iterator[Issue]:
    """Yield one Issue where files hold private elements."""
    found = case.headers.filter(pl.col("kind") == "private")
    if found.height:
        most = found.select(pl.col("n_values").max()).item()
        message = f"files with private elements, up to {most} in one file: {{n}}"
        remedy = "Remove them: medshelf deidentify ID OUT"
        yield header_issue(found, "dicom-private-tags", SEVERITY, "DICOM", message, remedy)

"""Free text in DICOM headers.

**What.** Descriptions and comments that the Basic Application Level Confidentiality Profile
removes, as anything may have been typed into them: warning where a text has the pattern of a name,
a number, a telephone number or an address, info where it has not.

**Why.** Study descriptions and comments hold names of patients and physicians more often than one
would think, and no rule on names of elements finds them.

**Example.** `Image Comments` with the name of the referring physician.

**Remedy.** `medshelf deidentify ID OUT` removes them; where descriptions are needed, read them all
before they are passed on.

Source: DICOM PS3.15, annex E, E.3.5 (Clean Descriptors Option).
"""

from __future__ import annotations

from collections.abc import Iterator

import polars as pl

from medshelf.core.issues import Issue
from medshelf.quality.case import Case
from medshelf.quality.personal.header_evidence import header_issue

SEVERITY = "warning"
NEEDS = ("headers",)
TITLE_ZH = "DICOM 头中的自由文本"

_RULE = "dicom-free-text"


def check(case: Case) -> Iterator[Issue]:
    """Yield one Issue for texts that look personal, and one for the others."""
    texts = case.headers.filter((pl.col("kind") == "text") & pl.col("action").is_not_null())
    personal = pl.col("note").is_not_null()
    if (found := texts.filter(personal)).height:
        kinds = ", ".join(sorted(set(",".join(found["note"].unique()).split(","))))
        message = f"files with texts that look personal ({kinds}): {{n}}"
        remedy = "Remove them: medshelf deidentify ID OUT"
        yield header_issue(found, _RULE, "warning", "DICOM personal text", message, remedy)
    if (found := texts.filter(~personal)).height:
        message = "files with descriptions or comments that the basic profile removes: {n}"
        remedy = "Read them before the files are passed on, or run: medshelf deidentify ID OUT"
        yield header_issue(found, _RULE, "info", "DICOM text", message, remedy)

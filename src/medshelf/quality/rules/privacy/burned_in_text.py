"""Text in the pixels.

**What.** DICOM files that say `BurnedInAnnotation` YES (warning), and pictures in which a detector
sees lettering outside the centre (`text_score` of at least 0.82, which are five letters; info).
Slices of CT and MR, whose header says where in the patient they lie, are not looked at: fine
anatomy on black looks like lettering. Setting: `burned-in-text.score`.

**Why.** Names, numbers and dates are printed into the pixels of ultrasound, secondary captures and
scanned films; no cleaning of headers removes them. Many finds are harmless markers or scales: the
detector sees lettering, and does not read it.

**Example.** Name and date in the upper corner of an ultrasound picture.

**Remedy.** Look at the pictures with `medshelf show`; mask the corners, or leave the pictures out.

Source: DICOM PS3.3, C.7.6.1 (Burned In Annotation).
"""

from __future__ import annotations

from collections.abc import Iterator

import polars as pl

from medshelf.core.issues import Issue, Severity
from medshelf.quality.case import Case
from medshelf.quality.judging.evidence import IS_SLICE, issue_of, measured
from medshelf.quality.judging.wording import counted
from medshelf.quality.personal.header_evidence import header_issue

SEVERITY: Severity = "warning"
NEEDS = ("pixels", "headers", "lettering")
TITLE_ZH = "图像中的烧录文字"
SETTINGS = {"score": 0.82}

_RULE, _BURNED_IN = "burned-in-text", "0028,0301"


def check(case: Case) -> Iterator[Issue]:
    """Yield one Issue for what files say, and one for what is seen."""
    stated = case.headers.filter((pl.col("tag") == _BURNED_IN) & (pl.col("note") == "YES"))
    remedy = "Look at them with `medshelf show`; mask the text, or leave the pictures out"
    if stated.height:
        message = "files that say that text is burned into their pixels: {n}"
        yield header_issue(stated, _RULE, SEVERITY, "DICOM BurnedInAnnotation", message, remedy)
    least = case.setting("burned-in-text.score", SETTINGS["score"])
    seen = measured(case, "image").filter(pl.col("text_score") >= least, ~IS_SLICE)
    columns = ("row", "sample_id", "name", "file", "text_score")
    found = seen.select(columns).sort("text_score", "row", descending=[True, False]).collect()
    if found.height:
        message = (
            f"{counted(found.height, 'picture')} with what looks like lettering outside the centre"
        )
        yield issue_of(found, _RULE, "info", "pixels", message, remedy)

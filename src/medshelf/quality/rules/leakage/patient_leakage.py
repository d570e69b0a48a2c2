"""One patient in several splits.

**What.** Samples of one `patient_id` are in more than one official split.

**Why.** A network recognises a patient, a scanner and a positioning; tested on a patient that it
was trained on, it scores too high.

**Example.** Pictures of one skin lesion in train and in test, where a set was split by picture.

**Remedy.** Split by patient, `medshelf.load(ID).split_by("patient", 0.7, 0.1, 0.2)`, and report
that score beside the one on the official split.
"""

from __future__ import annotations

from collections.abc import Iterator

import polars as pl

from medshelf.core.issues import Issue, Severity
from medshelf.quality.case import Case
from medshelf.quality.judging.crossing import crossing_issue

SEVERITY: Severity = "error"
NEEDS = ()
TITLE_ZH = "同一患者出现在多个划分中"


def check(case: Case) -> Iterator[Issue]:
    """Yield one Issue where patients are in several splits."""
    yield from crossing_issue(
        case, pl.col("patient_id"), "patient-leakage", ("patient", "patients")
    )

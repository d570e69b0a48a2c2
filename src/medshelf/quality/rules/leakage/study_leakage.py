"""One study in several splits.

**What.** Samples of one `study_id` are in more than one official split. Where patients are stated,
studies of different patients are different ones: many releases number them anew for each.

**Why.** The images of one examination show the same body on the same day; tested on one of them, a
network that was trained on another scores too high. A report that belongs to the study is then in
both parts.

**Example.** The frontal view of an examination in train, its lateral view in test.

**Remedy.** Split by study or by patient, `medshelf.load(ID).split_by("study", 0.7, 0.1, 0.2)`, and
report that score beside the one on the official split.
"""

from __future__ import annotations

from collections.abc import Iterator

import polars as pl

from medshelf.core.issues import Issue, Severity
from medshelf.quality.case import Case
from medshelf.quality.judging.crossing import crossing_issue

SEVERITY: Severity = "error"
NEEDS = ()
TITLE_ZH = "同一检查出现在多个划分中"


def check(case: Case) -> Iterator[Issue]:
    """Yield one Issue where studies are in several splits."""
    study = pl.concat_str("patient_id", "study_id", separator="/", ignore_nulls=True)
    key = pl.when(pl.col("study_id").is_not_null()).then(study)
    yield from crossing_issue(case, key, "study-leakage", ("study", "studies"))

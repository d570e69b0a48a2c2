"""Splits that differ in labels or patients.

**What.** Site, scanner, view, laterality, sex, age and each label are tested against the official
splits, with the effect sizes and limits of attribute-association. Settings: `split-shift.v`, `.auc`
and `.minimum`.

**Why.** Where the test part has other patients or more disease than the training part, a threshold
or a probability that fits one does not fit the other, and scores of the two do not compare.

**Example.** In the official split of ChestX-ray14, pneumothorax is labelled in 3.0 % of the
training and 10.4 % of the test images.

**Remedy.** Report the share of each class beside the scores, use measures that do not depend on it,
calibrate on data like the test part; or split anew, `medshelf.load(ID).split_by("patient", ...)`.
"""

from __future__ import annotations

from collections.abc import Iterator

from medshelf.core.issues import Issue, Severity
from medshelf.quality.case import Case
from medshelf.quality.judging.targets import (
    known_attributes,
    label_targets,
    named,
    split_target,
)
from medshelf.quality.judging.tied import LIMITS, Limits, tie_issues, ties

SEVERITY: Severity = "warning"
NEEDS = ()
TITLE_ZH = "各划分的标签或患者分布不同"
SETTINGS = LIMITS


def check(case: Case) -> Iterator[Issue]:
    """Yield an Issue for the labels, and one per attribute, that differ between splits."""
    splits = split_target(case)
    if splits is None:
        return
    rule = "split-shift"
    limits = Limits.of(case, rule)
    split = named("split", case.rows.select("split").collect()["split"].cast(str))
    labels = ties(case, label_targets(case), [split], limits)
    remedy = "Report the shares beside the scores, or split anew by patient"
    yield from tie_issues(labels, rule, remedy)
    found = ties(case, [splits], known_attributes(case), limits)
    yield from tie_issues(found, rule, remedy, "differs between splits")

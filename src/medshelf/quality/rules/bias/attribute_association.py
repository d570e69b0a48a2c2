"""Labels that go with site, scanner, view, sex or age.

**What.** The label is tested against `site`, `scanner`, `view`, `laterality` and `sex` (Cramer's V,
corrected for bias) and `age_years` (the chance that a sample with the label is of an older patient,
an AUC). Reported is what stays above 0.1, or 0.6, over its whole 95 % interval, and is significant
after Holm's correction; as a warning from a V of 0.3 or an AUC of 0.65 on. Counts are scaled to
patients. Settings: `attribute-association.v`, `.auc` and `.minimum`, the patients that a level and
a value must have (10).

**Why.** A network may read the site off the picture and answer with what is common there. It then
scores well on this set and fails elsewhere.

**Example.** In ChestX-ray14 oedema is labelled far more often in AP than in PA films: patients who
cannot stand are sicker.

**Remedy.** Report scores within each value of the attribute, balance or weight the training set,
and test on data of another site.
"""

from __future__ import annotations

from collections.abc import Iterator

from medshelf.core.issues import Issue, Severity
from medshelf.quality.case import Case
from medshelf.quality.judging.targets import known_attributes, label_targets
from medshelf.quality.judging.tied import LIMITS, Limits, tie_issues, ties

SEVERITY: Severity = "warning"
NEEDS = ()
TITLE_ZH = "标签与站点、设备、体位、性别或年龄相关"
SETTINGS = LIMITS


def check(case: Case) -> Iterator[Issue]:
    """Yield one Issue per attribute that goes with labels."""
    attributes = known_attributes(case)
    targets = label_targets(case) if attributes else []
    rule = "attribute-association"
    found = ties(case, targets, attributes, Limits.of(case, rule))
    remedy = "Report scores within each of its values, and test on data of another source"
    yield from tie_issues(found, rule, remedy)

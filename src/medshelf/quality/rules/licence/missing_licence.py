"""No licence, or one of unknown terms.

**What.** The dataset states no licence, a part of it states none, or the catalog does not know the
terms of the one that it states.

**Why.** Without a licence nothing is allowed but what the law allows anyway: neither passing on
nor, in many places, training for others.

**Example.** A set on a code platform, without a licence file.

**Remedy.** Ask the authors and keep their answer; state the licence in the record.
"""

from __future__ import annotations

from collections.abc import Iterator

from medshelf.core.issues import Issue, Severity
from medshelf.quality.case import Case
from medshelf.quality.judging import terms

SEVERITY: Severity = "warning"
NEEDS = ()
TITLE_ZH = "缺少许可协议"


def check(case: Case) -> Iterator[Issue]:
    """Yield one Issue where terms are not known; generated data need none."""
    if case.meta.synthetic:
        return
    ids = terms.stated(case.meta.licence)
    known = {each.id for each in terms.known(ids)}
    unknown = [each for each in dict.fromkeys(ids) if each not in known]
    if not ids or unknown:
        named = ", ".join(unknown)
        message = f"the terms of {named} are not known" if named else "no licence is stated"
        remedy = "Ask the authors, and state the licence in the record"
        yield Issue("missing-licence", SEVERITY, "licence", message, remedy)

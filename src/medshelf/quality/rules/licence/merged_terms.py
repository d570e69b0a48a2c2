"""Data of several licences put together.

**What.** Datasets that were put together, or are checked `--against` each other to be, under
different licences: pairs whose terms exclude each other as a warning, else what all terms together
allow and ask for.

**Why.** The whole is under the strictest of all terms. Share-alike data may be joined only under
their own terms, and data without derivatives not at all.

**Example.** CC-BY-SA-4.0 with CC-BY-NC-4.0: the first demands that commercial use is allowed, the
second forbids it.

**Remedy.** Keep the parts apart when you pass them on, each under its own licence; or leave one
out.
"""

from __future__ import annotations

from collections.abc import Iterator

from medshelf.catalog.licence import USES
from medshelf.core.issues import Issue, Severity
from medshelf.quality.case import Case
from medshelf.quality.judging import terms
from medshelf.quality.judging.wording import counted

SEVERITY: Severity = "warning"
NEEDS = ()
TITLE_ZH = "合并数据的许可条款"


def check(case: Case) -> Iterator[Issue]:
    """Yield one Issue for excluding terms, else one for those of a union."""
    own = terms.stated(case.meta.licence)
    ids = [*own, *(each for other in case.against for each in terms.stated(other.meta.licence))]
    found = terms.known(ids)
    if len(found) < 2:  # noqa: PLR2004 - nothing is merged
        return
    names = ", ".join(each.id for each in found)
    where = f"licences {names}"
    remedy = "Keep the parts apart when you pass them on, or leave one out"
    if excluding := terms.conflicts(found):
        reasons = "; ".join(dict.fromkeys(reason for *_, reason in excluding))
        evidence = tuple({"one": a, "other": b, "reason": reason} for a, b, reason in excluding)
        message = (
            f"{counted(len(excluding), 'pair')} of licences that exclude each other: {reasons}"
        )
        yield Issue("merged-terms", SEVERITY, where, message, remedy, evidence=evidence)
    elif len(terms.known(own)) > 1:
        both = terms.combined(found)
        free = ", ".join(each for each in USES if both[each]) or "nothing more than using it"
        duties = [each.replace("_", "-") for each in ("attribution", "share_alike") if both[each]]
        asked = f"; it asks for {' and '.join(duties)}" if duties else ""
        message = f"the whole allows {free}{asked}"
        yield Issue("merged-terms", "info", where, message, remedy, evidence=(both,))

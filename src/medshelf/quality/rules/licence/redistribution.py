"""Data that may not be passed on.

**What.** The licence forbids to pass the data on, or to pass on changed versions; for information
where it does not say.

**Why.** Converted, resized, cleaned or merged copies are changed versions: uploading them breaks
the terms, even where everybody may fetch the original.

**Example.** Data behind a data use agreement: each user has to sign it.

**Remedy.** Pass on what makes the copy (the recipe, ids and splits), not the copy.
"""

from __future__ import annotations

from collections.abc import Iterator

from medshelf.core.issues import Issue, Severity
from medshelf.quality.case import Case
from medshelf.quality.judging import terms

SEVERITY: Severity = "warning"
NEEDS = ()
TITLE_ZH = "数据不得再分发"

_USES = {"redistribution": "passed on", "derivatives": "passed on in changed form"}
_SAID: dict[bool | None, tuple[Severity, str]] = {
    False: ("warning", "data under {} may not be {}"),
    None: ("info", "{} does not say whether data may be {}"),
}


def check(case: Case) -> Iterator[Issue]:
    """Yield one Issue for what is forbidden, and one for what is not stated."""
    found = terms.known(terms.stated(case.meta.licence))
    for answer, (severity, sentence) in _SAID.items():
        uses = {
            each.id: [how for use, how in _USES.items() if each.allows(use) is answer]
            for each in found
        }
        told = [sentence.format(name, ", or ".join(how)) for name, how in uses.items() if how]
        if told:
            where = f"licence {', '.join(name for name, how in uses.items() if how)}"
            remedy = "Pass on the recipe, ids and splits, not the copy"
            yield Issue("redistribution", severity, where, "; ".join(told), remedy)

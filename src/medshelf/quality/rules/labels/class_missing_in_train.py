"""Classes that are tested but never trained.

**What.** Classes, and findings that are present, that occur in val or test but not in train.

**Why.** A network cannot learn them: their share of the score says nothing of it, and the mean over
classes has a part that is 0 by construction.

**Example.** A subtype of which the only patient is in the test part.

**Remedy.** Leave the class out of training and of the mean, or split anew with all classes in
train, `medshelf.load(ID).split_by("patient", 0.7, 0.1, 0.2)`, which keeps the classes balanced.
"""

from __future__ import annotations

from collections.abc import Iterator

import polars as pl

from medshelf.core.issues import Issue, Severity
from medshelf.quality.case import Case
from medshelf.quality.judging.class_counts import classes_by_split, samples_of
from medshelf.quality.judging.crossing import N_SHOWN
from medshelf.quality.judging.wording import counted

SEVERITY: Severity = "error"
NEEDS = ()
TITLE_ZH = "仅出现在测试集中的类别"

_NAMED = 5


def check(case: Case) -> Iterator[Issue]:
    """Yield one Issue for all such classes."""
    counts = classes_by_split(case)
    if not counts["train"].sum():
        return
    found = counts.filter(pl.col("train") == 0, pl.col("val") + pl.col("test") > 0)
    if found.is_empty():
        return
    names = ", ".join(found["name"].head(_NAMED)) + (", ..." if found.height > _NAMED else "")
    yield Issue(
        rule="class-missing-in-train",
        severity=SEVERITY,
        where="split train",
        message=f"{counted(found.height, 'class', 'classes')} in val or test, but not in train: "
        f"{names}",
        remedy="Leave them out of the mean score, or split anew by patient",
        samples=samples_of(case, found),
        evidence=tuple(found.head(N_SHOWN).iter_rows(named=True)),
    )

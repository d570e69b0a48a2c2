"""Classes too rare in the test part for a statement.

**What.** Classes, and findings that are present, with fewer than `rare-class.minimum` samples (10)
in test (in val where there is no test), and less than `rare-class.share` of it (0.1).

**Why.** A sensitivity measured on few samples is hardly known: the evidence has the 95 % interval
(Wilson) of one of 80 %. A mean over classes gives such a class the same weight as the others.

**Example.** With 5 samples, 4 of them found, the interval reaches from 38 % to 96 %.

**Remedy.** Report the number of samples and the interval of each class; put rare classes together,
or use cross-validation.
"""

from __future__ import annotations

from collections.abc import Iterator

import polars as pl

from medshelf.core.issues import Issue, Severity
from medshelf.quality.case import Case
from medshelf.quality.judging.association import wilson
from medshelf.quality.judging.class_counts import classes_by_split, samples_of
from medshelf.quality.judging.crossing import N_SHOWN
from medshelf.quality.judging.wording import counted

SEVERITY: Severity = "warning"
NEEDS = ()
TITLE_ZH = "测试集中样本过少的类别"
SETTINGS = {"minimum": 10, "share": 0.1}

_FOUND = 0.8


def check(case: Case) -> Iterator[Issue]:
    """Yield one Issue for all such classes."""
    counts = classes_by_split(case)
    split = next((each for each in ("test", "val") if counts[each].sum()), None)
    if split is None:
        return
    n = pl.col(split)
    few = (n > 0) & (n < case.setting("rare-class.minimum", SETTINGS["minimum"]))
    rows = case.rows.filter(pl.col("split") == split).select(pl.len()).collect().item()
    found = counts.filter(few, n < case.setting("rare-class.share", SETTINGS["share"]) * rows).sort(
        split, "name"
    )
    if found.is_empty():
        return
    evidence = []
    for name, count in found.select("name", split).head(N_SHOWN).iter_rows():
        low, high = wilson(round(_FOUND * count), count)
        evidence.append({"name": name, "n": count, "low": round(low, 3), "high": round(high, 3)})
    first = evidence[0]
    yield Issue(
        rule="rare-class",
        severity=SEVERITY,
        where=f"split {split}",
        message=f"{counted(found.height, 'class', 'classes')} with too few samples in {split} for "
        f"a statement, the fewest {first['name']!r} with {first['n']}",
        remedy="Report the interval of each class, or put rare classes together",
        samples=samples_of(case, found, split),
        evidence=tuple(evidence),
    )

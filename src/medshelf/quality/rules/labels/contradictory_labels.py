"""Labels of one sample that cannot both be true.

**What.** In a multi-label task, by one source and reader: a class that says that nothing was found
(No Finding, Normal, Healthy, ...) beside a finding that is present; and one class that is both
present and absent. In a single-label task: such a class beside a drawn shape of another class.
Support devices may stand beside No Finding.

**Why.** A loss cannot be right about both, and the score depends on which one is believed.

**Example.** A row with `No Finding` and `Pneumonia`. CheXpert's `No Finding` says nothing of
support devices. Source: Irvin et al. 2019, https://doi.org/10.1609/aaai.v33i01.3301590

**Remedy.** Read the report or look at the sample; leave out what cannot be decided.
"""

from __future__ import annotations

from collections.abc import Iterator

import numpy as np
import polars as pl

from medshelf.core.issues import Issue, Severity
from medshelf.quality.case import Case
from medshelf.quality.judging.evidence import issue_of
from medshelf.quality.judging.targets import finding_targets, findings
from medshelf.quality.judging.wording import counted

SEVERITY: Severity = "error"
NEEDS = ()
TITLE_ZH = "相互矛盾的标签"

_NOTHING = (
    *("no finding", "no findings", "normal", "healthy", "negative", "no abnormality"),
    *("no abnormalities", "no disease", "background", "none", "unremarkable"),
)
_BESIDE = ("support devices", "support device")
_REMEDY = "Look at the samples, and leave out what cannot be decided"


def check(case: Case) -> Iterator[Issue]:
    """Yield one Issue per kind of contradiction."""
    suspects = _suspects(case)
    stated = findings(case, "sample_id").filter(
        pl.col("row").is_in(suspects), pl.col("value").is_in([0.0, 1.0])
    )
    by = ["row", "task", "source", "annotator"]
    found = _healthy_with_finding(stated, by) if len(suspects) else pl.DataFrame()
    if found.height:
        message = f"{counted(found.height, 'sample')} with a finding beside {found['nothing'][0]!r}"
        yield issue_of(found, "contradictory-labels", SEVERITY, "findings", message, _REMEDY)
    found = _both(stated, by) if len(suspects) else pl.DataFrame()
    if found.height:
        n_samples = counted(found["row"].n_unique(), "sample")
        message = f"{n_samples} with a finding both present and absent"
        yield issue_of(found, "contradictory-labels", SEVERITY, "values", message, _REMEDY)
    found = _healthy_with_shape(case)
    if found.height:
        message = f"{counted(found.height, 'sample')} without finding, but with shapes of one drawn"
        yield issue_of(found, "contradictory-labels", SEVERITY, "shapes", message, _REMEDY)


def _suspects(case: Case) -> list[int]:
    """Return rows that state a class twice, or a finding beside none, whoever states it.

    Looking at codes first spares most sets the joins of names.
    """
    n_rows = case.manifest.n_samples()
    healthy, ill, twice = (np.zeros(n_rows, np.bool_) for _ in range(3))
    for target in finding_targets(case):
        name = target.name.lower().strip()
        present = target.rows[target.codes == 1]
        twice[target.rows[1:][np.diff(target.rows) == 0]] = True
        if name in _NOTHING:
            healthy[present] = True
        elif name not in _BESIDE:
            ill[present] = True
    return list(np.flatnonzero((healthy & ill) | twice))


def _nothing(name: str) -> pl.Expr:
    return pl.col(name).str.to_lowercase().str.strip_chars().is_in(_NOTHING)


def _healthy_with_finding(stated: pl.LazyFrame, by: list[str]) -> pl.DataFrame:
    present = stated.filter(pl.col("value") == 1)
    healthy = present.filter(_nothing("name")).select(*by, nothing="name").unique(by)
    beside = pl.col("name").str.to_lowercase().is_in(_BESIDE)
    other = present.filter(~_nothing("name"), ~beside)
    both = other.join(healthy, on=by, nulls_equal=True)
    together = pl.col("name").unique().sort().str.join(", ")
    named = both.group_by("row", "sample_id", "nothing").agg(findings=together)
    return named.sort("row").collect()


def _both(stated: pl.LazyFrame, by: list[str]) -> pl.DataFrame:
    """Return the findings that are there twice, with different values."""
    apart = pl.col("value").n_unique().over(*by, "name") > 1
    found = stated.filter(apart).select(*by, "sample_id", "name", "value")
    return found.sort("row", "name").collect()


def _healthy_with_shape(case: Case) -> pl.DataFrame:
    classes = [name for task in case.meta.tasks for name in task.classes]
    healthy = case.rows.filter(_nothing("label")).select("row", "sample_id", "label", "shapes")
    shapes = healthy.explode("shapes").drop_nulls("shapes")
    drawn = shapes.with_columns(shape=pl.col("shapes").struct.field("label")).drop("shapes")
    of_class = drawn.filter(pl.col("shape").is_in(classes), pl.col("shape") != pl.col("label"))
    names = pl.col("shape").unique().sort().str.join(", ")
    found = of_class.group_by("row", "sample_id", "label").agg(shapes=names)
    return found.sort("row").collect()

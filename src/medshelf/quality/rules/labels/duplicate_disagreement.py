"""The same picture with different labels.

**What.** Images in different files that have the same values but another label, or of which one
states a finding as present and the other, by the same source, as absent.

**Why.** At least one of the labels is wrong, or the label says something that is not in the
picture. It bounds what any network can reach, and tells how good the labels are.

**Example.** One picture in the folders of two classes.

**Remedy.** Look at the pictures with `medshelf show`; keep one copy where the label can be decided,
none where it cannot.
"""

from __future__ import annotations

from collections.abc import Iterator

import polars as pl

from medshelf.core.issues import Issue, Severity
from medshelf.quality.case import Case
from medshelf.quality.judging.evidence import issue_of
from medshelf.quality.judging.targets import findings
from medshelf.quality.judging.twins import copies, pictures
from medshelf.quality.judging.wording import counted

SEVERITY: Severity = "error"
NEEDS = ("pixels",)
TITLE_ZH = "相同图像标签不同"

_REMEDY = "Look at them with `medshelf show`; keep one copy where the label can be decided"


def check(case: Case) -> Iterator[Issue]:
    """Yield one Issue for single labels, and one for findings."""
    same = copies(pictures(case)).select("row", "file", "pixel_digest").lazy()
    label = case.rows.select("row", "sample_id", "label").drop_nulls("label")
    found = _apart(same.join(label, on="row"), "label", ["pixel_digest"])
    if found.height:
        n = found["pixel_digest"].n_unique()
        message = f"{counted(n, 'picture')} with different labels"
        yield issue_of(found, "duplicate-disagreement", SEVERITY, "label", message, _REMEDY)
    stated = findings(case, "sample_id").filter(pl.col("value").is_in([0.0, 1.0]))
    key = ["pixel_digest", "task", "name", "source", "annotator"]
    found = _apart(same.join(stated, on="row"), "value", key)
    if found.height:
        n = found["pixel_digest"].n_unique()
        message = f"{counted(n, 'picture')} with findings both present and absent"
        yield issue_of(found, "duplicate-disagreement", SEVERITY, "findings", message, _REMEDY)


def _apart(rows: pl.LazyFrame, value: str, key: list[str]) -> pl.DataFrame:
    """Return the rows of the groups that have several values in several files."""
    several = [pl.col(each).n_unique().over(key) > 1 for each in (value, "file")]
    found = rows.filter(*several).sort(*key, "row", nulls_last=True)
    first = ("row", "sample_id", "file", value)
    return found.select(*first, pl.exclude(first)).collect()

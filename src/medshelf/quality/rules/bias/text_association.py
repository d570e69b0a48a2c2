"""Lettering or borders that go with the label.

**What.** Whether lettering is seen outside the centre of a picture (a `text_score` of at least
`text-association.score`, 0.82: five letters) is tested against each label (Cramer's V), and so is
the widest constant border (AUC). Lettering is not looked for in slices of CT and MR, see
burned-in-text. Limits as for attribute-association. Settings: `text-association.v`, `.auc`,
`.minimum` and `.score`.

**Why.** Markers, names of devices and black frames tell the hospital and the machine; where these
go with the diagnosis, a network reads the corner instead of the organ.

**Example.** Sets put together from several sources, where the sick come from one that prints
markers and the healthy from one that does not.

**Remedy.** Look at pictures of both kinds with `medshelf show`; crop or mask the margins, and test
with the centre covered: what is still right was not learned from the organ.
"""

from __future__ import annotations

from collections.abc import Iterator

import polars as pl

from medshelf.core.issues import Issue, Severity
from medshelf.quality.case import Case
from medshelf.quality.judging.evidence import IS_SLICE
from medshelf.quality.judging.targets import label_targets, named, ordered
from medshelf.quality.judging.tied import LIMITS, Limits, tie_issues, ties

SEVERITY: Severity = "warning"
NEEDS = ("pixels", "lettering")
TITLE_ZH = "标签与图中文字或边框相关"
SETTINGS = {**LIMITS, "score": 0.82}


def check(case: Case) -> Iterator[Issue]:
    """Yield one Issue for lettering and one for borders that go with labels."""
    targets = label_targets(case)
    if not targets:
        return
    images = case.measures.media.filter(pl.col("role") == "image", pl.col("error").is_null())
    images = images.with_columns(pl.when(~IS_SLICE).then("text_score"))
    lettered = pl.col("text_score").max() >= case.setting(
        "text-association.score", SETTINGS["score"]
    )
    looks = images.group_by("row").agg(
        lettering=pl.when(lettered).then(pl.lit("seen")).when(~lettered).then(pl.lit("none")),
        border=pl.col("border").list.max().max(),
    )
    rows = case.rows.select("row").join(looks, on="row", how="left", maintain_order="left")
    table = rows.collect()
    attributes = [named("lettering", table["lettering"]), ordered("border", table["border"])]
    rule = "text-association"
    found = ties(case, targets, attributes, Limits.of(case, rule))
    remedy = "Look at pictures of both kinds, crop or mask the margins, and test again"
    yield from tie_issues(found, rule, remedy)

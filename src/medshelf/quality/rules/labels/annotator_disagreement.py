"""Readers that disagree.

**What.** Findings that two readers both state: Cohen's kappa of each two readers over all findings
of a task, reported where its 95 % interval lies below `annotator-disagreement.kappa` (0.6) and both
stated at least `annotator-disagreement.minimum` (20). Structures that two readers both drew: the
largest Dice that their areas and bounding boxes allow, reported where its median lies below
`annotator-disagreement.dice` (0.7).

**Why.** A network cannot be better than its labels are consistent: agreement between readers is the
yardstick of its score.

**Example.** Two outlines whose areas are 100 and 300 pixels have a Dice of at most 2 x 100 / 400 =
0.5, wherever they lie.

**Remedy.** Report the agreement beside the score, train on a consensus or on all readers, and test
against each.
"""

from __future__ import annotations

from collections.abc import Iterator

import numpy as np
import polars as pl

from medshelf.core.issues import Issue, Severity
from medshelf.quality.case import Case
from medshelf.quality.judging.association import kappa
from medshelf.quality.judging.crossing import N_SHOWN
from medshelf.quality.judging.evidence import issue_of
from medshelf.quality.judging.targets import findings

SEVERITY: Severity = "warning"
NEEDS = ()
TITLE_ZH = "标注者之间不一致"
SETTINGS = {"kappa": 0.6, "dice": 0.7, "minimum": 20}

_RULE = "annotator-disagreement"
_REMEDY = "Report the agreement beside the score, and test against each reader"


def check(case: Case) -> Iterator[Issue]:
    """Yield one Issue per two readers who disagree on findings, and one per structure drawn."""
    yield from _stated(case)
    if case.passes.pixels:
        yield from _drawn(case)


def _stated(case: Case) -> Iterator[Issue]:
    read = findings(case, "sample_id").drop_nulls("annotator")
    values = read.select("row", "sample_id", "task", "name", "annotator", "value").collect()
    if values["annotator"].n_unique() < 2:  # noqa: PLR2004 - nobody to disagree with
        return
    pairs = values.join(values, on=["row", "task", "name"], suffix="_2").filter(
        pl.col("annotator") < pl.col("annotator_2")
    )
    least = case.setting(f"{_RULE}.minimum", SETTINGS["minimum"])
    limit = case.setting(f"{_RULE}.kappa", SETTINGS["kappa"])
    by = ["task", "annotator", "annotator_2"]
    for (task, one, other), both in sorted(pairs.partition_by(by, as_dict=True).items()):
        value, low, high = kappa(_agreement(both))
        if both.height < least or not high < limit:
            continue
        apart = both.filter(pl.col("value") != pl.col("value_2")).sort("row", "name")
        message = (
            f"{one} and {other} both state {both.height:,} findings of {task!r}, with a kappa of "
            f"only {value:.2f} ({low:.2f} to {high:.2f})"
        )
        shown = apart.select("row", "sample_id", "name", "value", "value_2")
        yield issue_of(shown, _RULE, SEVERITY, f"{one} and {other}", message, _REMEDY)


def _agreement(both: pl.DataFrame) -> np.ndarray:
    """Count the answers of two readers, in the same order of answers."""
    answers = np.stack([both["value"].to_numpy(), both["value_2"].to_numpy()])
    known, codes = np.unique(answers, return_inverse=True)
    n = len(known)
    codes = codes.reshape(2, -1)
    return np.bincount(codes[0] * n + codes[1], minlength=n * n).reshape(n, n)


def _drawn(case: Case) -> Iterator[Issue]:
    regions = case.measures.regions.filter(pl.col("annotator").is_not_null(), pl.col("in_legend"))
    drawn = regions.filter(pl.col("n_pixels") > 0).select(
        "row", "sample_id", "name", "structure", "annotator", "n_pixels", "box"
    )
    pairs = drawn.join(drawn, on=["row", "name", "structure"], suffix="_2").filter(
        pl.col("annotator") < pl.col("annotator_2")
    )
    total = pl.col("n_pixels") + pl.col("n_pixels_2")
    shared = pl.min_horizontal("n_pixels", "n_pixels_2", _common_box())
    dice = (2 * shared / total).alias("dice_at_most")
    found = pairs.with_columns(dice).sort("dice_at_most", "row").collect()
    limit = case.setting(f"{_RULE}.dice", SETTINGS["dice"])
    for structure in found["structure"].unique().sort():
        mine = found.filter(pl.col("structure") == structure)
        middle = float(mine.select(pl.col("dice_at_most").median()).item())
        if middle >= limit:
            continue
        low = mine.filter(pl.col("dice_at_most") < limit)
        yield Issue(
            rule=_RULE,
            severity=SEVERITY,
            where=f"structure {structure}",
            message=f"{low.height:,} of {mine.height:,} pairs of outlines of {structure!r} cannot "
            f"reach a Dice of {limit:g}; half of all pairs reach {middle:.2f} at most",
            remedy=_REMEDY,
            samples=tuple(low.unique("row").sort("row")["sample_id"]),
            evidence=tuple(
                low.select("sample_id", "annotator", "annotator_2", "dice_at_most")
                .head(N_SHOWN)
                .iter_rows(named=True)
            ),
        )


def _common_box() -> pl.Expr:
    """Return the pixels or voxels that two bounding boxes have in common."""
    sides = []
    for axis in range(3):
        at = 2 * axis
        one, two = (
            [pl.col(each).list.get(at + end, null_on_oob=True) for end in (0, 1)]
            for each in ("box", "box_2")
        )
        length = pl.min_horizontal(one[1], two[1]) - pl.max_horizontal(one[0], two[0]) + 1
        sides.append(length.clip(lower_bound=0).cast(pl.Int64).fill_null(1))
    return sides[0] * sides[1] * sides[2]

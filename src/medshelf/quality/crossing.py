"""Groups whose samples stand on more than one side: of a split, or of two datasets."""

from __future__ import annotations

from collections.abc import Iterator

import polars as pl

from medshelf.core.issues import Issue, Severity
from medshelf.quality.case import Case

N_SHOWN = 20
"""Cases that the evidence of an Issue lists."""


def crossing_issue(
    case: Case, key: pl.Expr, rule: str, what: str, severity: Severity = "error"
) -> Iterator[Issue]:
    """Yield one Issue where groups of samples are in several official splits.

    Args:
        case: The manifest under examination.
        key: What the samples of a group have in common; null groups nothing.
        rule: Id of the rule.
        what: The groups in the plural, e.g. `patients`.
        severity: Of the Issue.
    """
    rows = case.rows.select("row", "sample_id", "split", key.alias("key")).drop_nulls(
        ["split", "key"]
    )
    n_splits = pl.col("split").n_unique().over("key")
    found = rows.with_columns(n_splits=n_splits).filter(pl.col("n_splits") > 1).collect()
    if found.is_empty():
        return
    groups = found.group_by("key", maintain_order=True).agg(
        splits=pl.col("split").cast(pl.String).unique(maintain_order=True).sort().str.join(", "),
        n_samples=pl.len(),
    )
    of_test = groups.filter(pl.col("splits").str.contains("test")).height
    yield Issue(
        rule=rule,
        severity=severity,
        where="split",
        message=f"{groups.height:,} {what} have samples in several splits, "
        f"{of_test:,} of them in test",
        remedy=f"Split so that {what} stay together, and report both scores",
        samples=tuple(found.sort("row")["sample_id"]),
        evidence=tuple(
            groups.sort("n_samples", "key", descending=[True, False])
            .head(N_SHOWN)
            .iter_rows(named=True)
        ),
    )

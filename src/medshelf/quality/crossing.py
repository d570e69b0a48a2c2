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
    rows = case.rows.select("row", "sample_id", "split", key.alias("key"))
    yield from crossing_issue_of(rows, rule, what, severity)


def crossing_issue_of(
    rows: pl.LazyFrame, rule: str, what: str, severity: Severity = "error"
) -> Iterator[Issue]:
    """Yield one Issue where groups of rows are in several official splits.

    Args:
        rows: `row`, `sample_id`, `split`, `key`; a sample may have several.
        rule: Id of the rule.
        what: The groups in the plural, e.g. `patients`.
        severity: Of the Issue.
    """
    found = crossing(rows.drop_nulls(["split", "key"])).collect()
    if found.is_empty():
        return
    samples = pl.col("row").n_unique()
    groups = found.group_by("key", maintain_order=True).agg(splits=_splits(), n_samples=samples)
    of_test = groups.filter(pl.col("splits").str.contains("test")).height
    yield Issue(
        rule=rule,
        severity=severity,
        where="split",
        message=f"{groups.height:,} {what} have samples in several splits, "
        f"{of_test:,} of them in test",
        remedy=f"Split so that {what} stay together, and report both scores",
        samples=tuple(found.unique("row").sort("row")["sample_id"]),
        evidence=tuple(
            groups.sort("n_samples", "key", descending=[True, False])
            .head(N_SHOWN)
            .iter_rows(named=True)
        ),
    )


def crossing(rows: pl.LazyFrame) -> pl.LazyFrame:
    """Return the rows whose `key` stands in more than one `split`; neither may be null."""
    sides = rows.group_by("key").agg(several=pl.col("split").min() != pl.col("split").max())
    crossed = sides.filter("several").select("key")
    return rows.join(crossed, on="key", how="semi", maintain_order="left")


def _splits() -> pl.Expr:
    return pl.col("split").cast(pl.String).unique().sort().str.join(", ")

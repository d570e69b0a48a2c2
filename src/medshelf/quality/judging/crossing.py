"""Groups whose samples stand on more than one side: of a split, or of two datasets."""

from __future__ import annotations

from collections.abc import Iterator

import polars as pl

from medshelf.core.issues import Issue, Severity
from medshelf.quality.case import Case
from medshelf.quality.judging.wording import counted

N_SHOWN = 20
"""Cases that the evidence of an Issue lists."""

_IN_TEST = pl.col("splits").str.contains("test")


def crossing_issue(case: Case, key: pl.Expr, rule: str, what: tuple[str, str]) -> Iterator[Issue]:
    """Yield one Issue, an error, where groups of samples are in several official splits.

    Args:
        case: The manifest under examination.
        key: What the samples of a group have in common; null groups nothing.
        rule: Id of the rule.
        what: The groups in the singular and in the plural.
    """
    rows = case.rows.select("row", "sample_id", "split", key.alias(what[0]))
    yield from crossing_issue_of(rows, rule, what, "split")


def crossing_issue_of(
    rows: pl.LazyFrame,
    rule: str,
    what: tuple[str, str],
    where: str,
    severity: Severity = "error",
) -> Iterator[Issue]:
    """Yield one Issue where groups of rows are in several official splits.

    Args:
        rows: `row`, `sample_id`, `split` and a column that is called as the groups in the singular:
            what its rows have in common; a sample may have several.
        rule: Id of the rule.
        what: The groups in the singular and in the plural, e.g. `patient`, `patients`.
        where: The place that it is about.
        severity: Of the Issue.
    """
    key = what[0]
    keyed = rows.rename({key: "key"}).drop_nulls(["split", "key"])
    found = crossing(keyed).sort("row").collect()
    if found.is_empty():
        return
    sample, split = pl.col("sample_id"), pl.col("split")
    groups = found.group_by("key", maintain_order=True).agg(
        splits=split.cast(pl.String).unique().sort().str.join(", "),
        n_samples=pl.col("row").n_unique(),
        sample_id=sample.first(),
        sample_id_2=sample.filter(split != split.first()).first(),
    )
    largest = groups.rename({"key": key}).sort("n_samples", key, descending=[True, False])
    yield Issue(
        rule=rule,
        severity=severity,
        where=where,
        message=f"{counted(groups.height, *what)} in several splits; with samples in test: "
        f"{groups.filter(_IN_TEST).height:,}",
        remedy=f"Split so that {what[1]} stay together, and report both scores",
        samples=tuple(found.unique("row").sort("row")["sample_id"]),
        evidence=tuple(largest.head(N_SHOWN).iter_rows(named=True)),
    )


def crossing(rows: pl.LazyFrame) -> pl.LazyFrame:
    """Return the rows whose `key` stands in more than one `split`; neither may be null."""
    sides = rows.group_by("key").agg(several=pl.col("split").min() != pl.col("split").max())
    crossed = sides.filter("several").select("key")
    return rows.join(crossed, on="key", how="semi", maintain_order="left")

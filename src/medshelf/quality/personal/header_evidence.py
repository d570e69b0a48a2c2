"""Rows of the headers as Issues: which elements, in how many files, how many different values."""

from __future__ import annotations

import polars as pl

from medshelf.core.issues import Issue, Severity
from medshelf.quality.judging.crossing import N_SHOWN

_IDENTITY_REMOVED, _METHOD, _MODIFIED = "0012,0062", "0012,0064", "0028,0303"
_DATE_CODES = ("113106", "113107")
FILE = ("path", "member")


def with_statements(headers: pl.DataFrame) -> pl.DataFrame:
    """Add what each file states of its own treatment.

    Returns:
        The rows with `says_removed`, whether the file says that the identity was removed, and
        `says_dates`, whether it says that dates were modified or are retained on purpose.
    """
    removed = (pl.col("tag") == _IDENTITY_REMOVED) & (pl.col("note") == "YES")
    coded = (pl.col("tag") == _METHOD) & pl.col("note").is_in(_DATE_CODES)
    modified = (pl.col("tag") == _MODIFIED) & pl.col("note").is_in(("MODIFIED", "REMOVED"))
    return headers.with_columns(
        says_removed=removed.fill_null(value=False).any().over(FILE),
        says_dates=(coded | modified).fill_null(value=False).any().over(FILE),
    )


def header_issue(
    found: pl.DataFrame, rule: str, severity: Severity, where: str, message: str, remedy: str
) -> Issue:
    """Return an Issue about rows of the headers; `{n}` in the message is the number of files.

    Args:
        found: Rows of `HEADERS`, at least one.
        rule: Id of the rule.
        severity: Of the Issue.
        where: The place that it is about.
        message: What was found.
        remedy: What the user can do.
    """
    files = found.select(FILE).unique().height
    samples = found.select("row", "sample_id").unique("row").sort("row")["sample_id"]
    evidence = (
        found.group_by("tag", pl.col("keyword").fill_null(""), pl.col("kind").cast(pl.String))
        .agg(
            n_files=pl.struct(FILE).n_unique(),
            n_different=pl.col("digest").drop_nulls().n_unique(),
            longest=pl.col("n_characters").max(),
            example=pl.col("sample_id").first(),
        )
        .sort("n_files", "tag", descending=[True, False])
        .head(N_SHOWN)
    )
    return Issue(
        rule=rule,
        severity=severity,
        where=where,
        message=message.format(n=f"{files:,}"),
        remedy=remedy,
        samples=tuple(samples),
        evidence=tuple(evidence.iter_rows(named=True)),
    )

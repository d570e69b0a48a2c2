"""An Issue about the rows of a table: which samples, and what shows it."""

from __future__ import annotations

import polars as pl

from medshelf.core.issues import Issue, Severity
from medshelf.formats.tree import LOCATION
from medshelf.quality.case import Case
from medshelf.quality.judging.crossing import N_SHOWN

IS_SLICE = pl.col("affine").is_not_null()
"""Whether a medium lies at a known place in the patient: a slice or a volume, no projection."""


def issue_of(
    found: pl.DataFrame, rule: str, severity: Severity, where: str, message: str, remedy: str
) -> Issue:
    """Return an Issue about the samples of some rows.

    Args:
        found: `row`, the number of the manifest's row, and `sample_id`; all columns but `row` are
            evidence, of which the first rows are shown.
        rule: Id of the rule.
        severity: Of the Issue.
        where: The place that it is about.
        message: What was found.
        remedy: What the user can do.
    """
    samples = found.select("row", "sample_id").unique("row").sort("row")["sample_id"]
    shown = found.drop("row").head(N_SHOWN)
    return Issue(
        rule=rule,
        severity=severity,
        where=where,
        message=message,
        remedy=remedy,
        samples=tuple(samples),
        evidence=tuple(shown.iter_rows(named=True)),
    )


def location() -> pl.Expr:
    """Return path and member of a medium as one column, `file`."""
    return LOCATION.alias("file")


def media_of(case: Case, *roles: str) -> pl.LazyFrame:
    """Return one row per medium of the manifest: `row`, `sample_id` and the medium's fields.

    Args:
        case: The manifest under examination.
        roles: image, mask, ...; all by default.
    """
    media = case.rows.select("row", "sample_id", "media").explode("media").drop_nulls("media")
    media = media.unnest("media")
    return media.filter(pl.col("role").cast(pl.String).is_in(roles)) if roles else media


def measured(case: Case, *roles: str) -> pl.LazyFrame:
    """Return the measures of the media that were decoded, with the column `file`.

    Args:
        case: The manifest under examination.
        roles: image or mask; both by default.
    """
    media = case.measures.media.filter(pl.col("error").is_null()).with_columns(location())
    return media.filter(pl.col("role").is_in(roles)) if roles else media

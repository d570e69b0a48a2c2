"""Numbers far from those of the rest of a set, on a logarithmic scale."""

from __future__ import annotations

from collections.abc import Iterator, Sequence

import polars as pl

from medshelf.core.issues import Issue, Severity
from medshelf.quality.case import Case
from medshelf.quality.judging.evidence import issue_of, measured

LIMITS = {"deviations": 6.0, "share": 0.05, "minimum": 10}
"""Defaults of the settings."""
_NORMAL = 1.4826
_FLOOR = 0.05


def outlier_issues(
    case: Case, rule: str, columns: Sequence[str], severity: Severity, remedy: str
) -> Iterator[Issue]:
    """Yield one Issue per name of an image of which some have unusual measures.

    A measure is unusual where its logarithm is more than 6 robust standard deviations (1.4826 times
    the median absolute deviation, at least 0.05) from the median. Where more than 5 % are, the set
    is a mixture and nothing is an outlier; of less than 10 images none is usual. Settings:
    `deviations`, `share` and `minimum`.

    Args:
        case: The manifest under examination.
        rule: Id of the rule.
        columns: Measures that are positive.
        severity: Of the Issue.
        remedy: What the user can do.

    Source: Leys et al., Detecting outliers: Do not use standard deviation around the mean, use
    absolute deviation around the median, 2013, doi:10.1016/j.jesp.2013.03.013.
    """
    limit = case.setting(f"{rule}.deviations", LIMITS["deviations"])
    share = case.setting(f"{rule}.share", LIMITS["share"])
    least = case.setting(f"{rule}.minimum", LIMITS["minimum"])
    kept = ("row", "sample_id", "name", "file", *columns)
    images = measured(case, "image").select(kept)
    scores = [_score(each).alias(f"deviation_{each}") for each in columns]
    worst = pl.max_horizontal(f"deviation_{each}" for each in columns)
    usual = [pl.col(each).median().over("name").alias(f"median_{each}") for each in columns]
    rows = images.with_columns(scores).with_columns(usual).with_columns(deviations=worst)
    rows = rows.with_columns(n=pl.len().over("name")).filter(pl.col("n") >= least)
    odd = rows.filter(pl.col("deviations") > limit).collect()
    for (name,), found in odd.group_by("name", maintain_order=True):
        n_images = int(found["n"][0])
        if found.height > share * n_images:
            continue
        shown = found.sort("deviations", "row", descending=[True, False])
        shown = shown.select(*kept, *(f"median_{each}" for each in columns), "deviations")
        what = rule.partition("-")[0]
        message = f"{found.height:,} of {n_images:,} images far from the usual {what}"
        yield issue_of(shown, rule, severity, f"image {name}", message, remedy)


def _score(column: str) -> pl.Expr:
    log = pl.col(column).cast(pl.Float64).log()
    away = (log - log.median().over("name")).abs()
    spread = (away.median().over("name") * _NORMAL).clip(lower_bound=_FLOOR)
    return away / spread

"""Scores of parts of a split: by sex, age, view, side, site, scanner, where these are stated."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
import polars as pl

from medshelf.benchmark.metrics import one_against_rest
from medshelf.benchmark.scores import Estimate, score
from medshelf.core.tasks import Task

ATTRIBUTES = ("sex", "age_years", "view", "laterality", "site", "scanner")
"""Columns of the manifest that make subgroups."""

MIN_OUTCOMES = 10
"""A subgroup is scored if each class has so many samples in it, and so many without the class."""

_AGES, _AGE_NAMES = (
    (18, 40, 65, 80),
    ["below 18", "18 to 39", "40 to 64", "65 to 79", "80 and over"],
)
_MOST_VALUES = 20


@dataclass(frozen=True, slots=True)
class Subgroup:
    """Scores of the samples that share a value.

    Attributes:
        attribute: Which column of the manifest.
        value: The value, for ages a range in years.
        n_samples: How many.
        auc: With its 95 % interval.
        acc: With its 95 % interval.
    """

    attribute: str
    value: str
    n_samples: int
    auc: Estimate
    acc: Estimate


@dataclass(frozen=True, slots=True)
class Subgroups:
    """All subgroups of a split.

    Attributes:
        scored: Those with enough samples.
        notes: What was left out, and why.
    """

    scored: list[Subgroup]
    notes: list[str]


def subgroups(
    frame: pl.DataFrame, task: Task, y_true: np.ndarray, y_score: np.ndarray
) -> Subgroups:
    """Score each subgroup that is large enough.

    Args:
        frame: Rows of the manifest in the order of the labels.
        task: Kind and classes.
        y_true: Labels, from `metrics.checked`.
        y_score: Scores, from `metrics.checked`.
    """
    scored: list[Subgroup] = []
    notes: list[str] = []
    stated = [each for each in ATTRIBUTES if frame[each].null_count() < len(frame)]
    for attribute in stated:
        values = _ages(frame[attribute]) if attribute == "age_years" else frame[attribute]
        counted = (
            values.drop_nulls()
            .value_counts(sort=True)
            .sort("count", values.name, descending=[True, False])
        )
        if values.null_count():
            notes.append(f"{attribute}: {values.null_count()} samples state none")
        if len(counted) > _MOST_VALUES:
            notes.append(
                f"{attribute}: of {len(counted)} values the {_MOST_VALUES} most frequent were tried"
            )
        for value, n_samples in counted.head(_MOST_VALUES).iter_rows():
            inside = (values == value).fill_null(value=False).to_numpy()
            reason = _too_few(task, y_true[inside], y_score[inside])
            if reason:
                notes.append(f"{attribute} {value}: not scored, of {n_samples} samples {reason}")
                continue
            found = score(task, y_true[inside], y_score[inside])
            scored.append(Subgroup(attribute, str(value), n_samples, found.auc, found.acc))
    if not stated:
        notes.append(f"The manifest states none of {', '.join(ATTRIBUTES)}: there are no subgroups")
    return Subgroups(scored, notes)


def _too_few(task: Task, y_true: np.ndarray, y_score: np.ndarray) -> str:
    positive = one_against_rest(task, y_true, y_score)[0]
    names = task.classes[-positive.shape[1] :]
    present = positive.sum(axis=0)
    for name, n_with, n_without in zip(names, present, len(positive) - present, strict=True):
        if min(n_with, n_without) < MIN_OUTCOMES:
            return (
                f"{n_with} have {name!r} and {n_without} do not ({MIN_OUTCOMES} of each are needed)"
            )
    return ""


def _ages(years: pl.Series) -> pl.Series:
    names = pl.Series("age_years", _AGE_NAMES)
    stated = years.fill_nan(None)
    groups = names.gather(np.digitize(stated.fill_null(0).to_numpy(), _AGES))
    return groups.zip_with(stated.is_not_null(), pl.Series([None], dtype=pl.String))

"""How many samples, patients and studies there are, and how they belong together."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from typing import TypeVar

import polars as pl

from medshelf.core.manifest import SPLITS
from medshelf.dataset.overview import NO_SPLIT, Overview
from medshelf.quality.case import Case
from medshelf.quality.profiling.spread import Spread, spread_of

_Item = TypeVar("_Item")

SPLIT = pl.col("split").cast(pl.String).fill_null(NO_SPLIT)
"""The official split, `none` where there is none."""


@dataclass(frozen=True, slots=True)
class Counts:
    """How many there are.

    Attributes:
        n_samples: Rows of the manifest.
        n_patients: Different patients; null where none is named.
        n_studies: Different studies; null where none is named.
        by_split: Samples per official split; `none` where a sample is in none.
        patients_by_split: Different patients per split; null where none is named.
        samples_per_patient: Over patients.
        samples_per_study: Over studies.
        studies_per_patient: Over patients.
        media: Role and format to number of media.
        stated: Column to the samples in which it is stated, for columns that say anything.
        without_media: Samples that name no image, mask or other medium.
    """

    n_samples: int
    n_patients: int | None
    n_studies: int | None
    by_split: Mapping[str, int]
    patients_by_split: Mapping[str, int] | None
    samples_per_patient: Spread | None
    samples_per_study: Spread | None
    studies_per_patient: Spread | None
    media: Mapping[str, int]
    stated: Mapping[str, int]
    without_media: int


def count(case: Case, seen: Overview) -> Counts:
    """Count samples, patients and studies.

    Args:
        case: The manifest under examination.
        seen: What was counted in it already.
    """
    samples, studies = pl.len(), pl.col("study_id").n_unique()
    rows = case.rows
    patients, per_study, of_patients, split = pl.collect_all(
        [
            _sizes(rows, "patient_id", samples),
            _sizes(rows, "study_id", samples),
            _sizes(rows.drop_nulls("study_id"), "patient_id", studies),
            rows.drop_nulls("patient_id")
            .group_by(split=SPLIT)
            .agg(n=pl.col("patient_id").n_unique()),
        ],
        engine="streaming",
    )
    return Counts(
        n_samples=seen.n_samples,
        n_patients=seen.n_patients or None,
        n_studies=seen.n_studies or None,
        by_split=seen.by_split,
        patients_by_split=in_split_order(dict(split.iter_rows())) or None,
        samples_per_patient=spread_of(patients),
        samples_per_study=spread_of(per_study),
        studies_per_patient=spread_of(of_patients),
        media=seen.media,
        stated=seen.stated,
        without_media=seen.without_media,
    )


def in_split_order(by_split: Mapping[str, _Item]) -> dict[str, _Item]:
    """Return what belongs to splits in the order train, val, test, none."""
    return {each: by_split[each] for each in (*SPLITS, NO_SPLIT) if each in by_split}


def _sizes(rows: pl.LazyFrame, key: str, size: pl.Expr) -> pl.LazyFrame:
    """Return how many groups there are of each size, as `tally` does."""
    groups = rows.drop_nulls(key).group_by(key).agg(value=size.cast(pl.Float64))
    return groups.group_by("value").agg(n=pl.len())

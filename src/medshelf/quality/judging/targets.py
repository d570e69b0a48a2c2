"""What a network is to tell apart, as numbers: which level of which label each sample has."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass

import numpy as np
import polars as pl

from medshelf.core.manifest import LABEL
from medshelf.core.tasks import Task, TaskKind
from medshelf.quality.case import Case

UNKNOWN = -1
"""Code of what is not stated."""

FINDING = ("absent", "present")
"""Levels of a finding."""

_BINS = 256
_NAMED = ("site", "scanner", "view", "laterality", "sex")
_UNSTATED = ("", "unknown", "unk", "not stated", "not specified", "n/a", "na", "nan", "none")


@dataclass(frozen=True, slots=True, eq=False)
class Target:
    """One thing to tell apart: the classes of a single label, or one finding present or absent.

    Attributes:
        name: Of the task or finding.
        levels: What it may be.
        rows: Rows of the manifest, int64 (N,).
        codes: Position in `levels` of each of them, int64 (N,).
    """

    name: str
    levels: tuple[str, ...]
    rows: np.ndarray
    codes: np.ndarray


@dataclass(frozen=True, slots=True, eq=False)
class Attribute:
    """Something else that is known of the samples.

    Attributes:
        name: What it is, e.g. `view`.
        values: What it may be; of an ordered one the lowest number of each bin.
        codes: Position in `values` of each row of the manifest, int64 (N,), or `UNKNOWN`.
        ordered: Whether it is a number.
    """

    name: str
    values: tuple[str, ...]
    codes: np.ndarray
    ordered: bool


def single_task(case: Case) -> str:
    """Return the name of the task that the column `label` belongs to."""
    single = [each.name for each in case.meta.tasks if each.kind is not TaskKind.MULTI_LABEL]
    return single[0] if len(single) == 1 else "label"


def findings(case: Case, *columns: str) -> pl.LazyFrame:
    """Return what is stated of the classes of the multi-label tasks, one row per statement.

    Args:
        case: The manifest.
        columns: Columns of the manifest to keep.

    Returns:
        `row`, the columns, and `task`, `name`, `value` (1 present, 0 absent, -1 uncertain),
        `source`, `annotator`. Grades and measurements are left out.
    """
    tasks = [each.name for each in case.meta.tasks if each.kind is TaskKind.MULTI_LABEL]
    stated = case.rows.select("row", *columns, "labels").explode("labels").drop_nulls("labels")
    fields = [pl.col("labels").struct.field(each.name) for each in LABEL.fields]
    return stated.select("row", *columns, *fields).filter(pl.col("task").is_in(tasks))


def label_targets(case: Case) -> list[Target]:
    """Return what the labels tell apart; uncertain findings are left out."""
    rows = case.rows.select("row", "label").drop_nulls("label").collect()
    found = [] if rows.is_empty() else [_target(single_task(case), rows)]
    return found + finding_targets(case)


def finding_targets(case: Case) -> list[Target]:
    """Return the findings of the multi-label tasks, absent (0) or present (1), rows ascending."""
    several = [each for each in case.meta.tasks if each.kind is TaskKind.MULTI_LABEL]
    return [target for task in several for target in _findings(case, task)]


def split_target(case: Case) -> Target | None:
    """Return the splits as what could be told apart; None where there are less than two."""
    rows = case.rows.select("row", label=pl.col("split").cast(pl.String)).drop_nulls("label")
    target = _target("split", rows.collect())
    return target if len(target.levels) > 1 else None


def named(name: str, values: pl.Series) -> Attribute:
    """Make an attribute of texts, one per row of the manifest."""
    known = values.drop_nulls().unique().sort()
    codes = {value: code for code, value in enumerate(known)}
    found = values.replace_strict(codes, default=UNKNOWN, return_dtype=pl.Int64)
    return Attribute(name, tuple(known), found.fill_null(UNKNOWN).to_numpy(), ordered=False)


def ordered(name: str, values: pl.Series) -> Attribute:
    """Make an attribute of numbers, one per row of the manifest, in at most 256 bins by rank."""
    usable = values.cast(pl.Float64).fill_nan(None)
    rank = usable.rank("dense")
    if usable.n_unique() > _BINS:
        rank = ((usable.rank("min") - 1) * _BINS // usable.count()).rank("dense")
    lowest = pl.DataFrame({"rank": rank, "value": usable}).drop_nulls().group_by("rank").min()
    names = tuple(f"{each:g}" for each in lowest.sort("rank")["value"])
    codes = rank.cast(pl.Int64).fill_null(UNKNOWN + 1).to_numpy() - 1
    return Attribute(name, names, codes, ordered=True)


def table(target: Target, attribute: Attribute) -> np.ndarray:
    """Count the samples of each level with each value, int64 (levels, values)."""
    values = attribute.codes[target.rows]
    known = values >= 0
    n = len(attribute.values)
    counts = np.bincount(target.codes[known] * n + values[known], minlength=len(target.levels) * n)
    return counts.reshape(len(target.levels), n)


def independent_share(case: Case) -> float:
    """Return patients per sample: what a count is scaled by, since their samples are alike."""
    one = pl.coalesce("patient_id", "study_id", "sample_id").n_unique()
    return float(case.rows.select(one / pl.len()).collect().item())


def known_attributes(case: Case) -> list[Attribute]:
    """Return site, scanner, view, laterality, sex and age, where stated and not `unknown`."""
    texts = pl.col(pl.String)
    silent = texts.str.strip_chars().str.to_lowercase().is_in(_UNSTATED)
    rows = case.rows.select(*_NAMED, "age_years").with_columns(pl.when(~silent).then(texts))
    stated = [each for each in rows.collect() if each.null_count() < len(each)]
    return [
        ordered(each.name, each) if each.name == "age_years" else named(each.name, each)
        for each in stated
    ]


def _findings(case: Case, task: Task) -> Iterator[Target]:
    """Yield the classes of a multi-label task that are stated anywhere."""
    code = pl.col("name").cast(pl.Enum(task.classes), strict=False).to_physical()
    stated = (
        findings(case)
        .filter(pl.col("task") == task.name, pl.col("value").is_in([0.0, 1.0]))
        .select("row", code=code, present=pl.col("value") > 0)
        .drop_nulls("code")
        .collect()
    )
    codes = stated["code"].to_numpy()
    order = np.argsort(codes, kind="stable")
    ends = np.searchsorted(codes[order], np.arange(task.n_classes), "right")[:-1]
    columns = [stated[each].to_numpy().astype(np.int64)[order] for each in ("row", "present")]
    for name, *parts in zip(task.classes, *[np.split(each, ends) for each in columns], strict=True):
        if len(parts[0]):
            yield Target(name, FINDING, *parts)


def _target(name: str, rows: pl.DataFrame) -> Target:
    attribute = named(name, rows["label"])
    return Target(name, attribute.values, rows["row"].to_numpy().astype(np.int64), attribute.codes)

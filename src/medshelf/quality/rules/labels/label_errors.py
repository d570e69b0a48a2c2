"""Labels that are likely wrong.

**What.** Given out-of-sample predictions of a network, samples whose label the network contradicts
by more than it errs on that class elsewhere: confident learning, as cleanlab does it. In a
multi-label task each finding is looked at by itself, where it is stated.

**Why.** Wrong labels in test make the better network look worse; in train they teach mistakes.

**Example.** A picture labelled normal, to which the network gives a probability of 0.97 of disease,
while its answers for other normal pictures are right.

**Remedy.** Let a reader look at the samples, the least likely label first; do not drop them unseen,
for the network may be the one that errs.

Source: Northcutt, Jiang, Chuang, Confident Learning, 2021, https://doi.org/10.1613/jair.1.12125
"""

from __future__ import annotations

from collections.abc import Iterator

import numpy as np
import polars as pl

from medshelf.core.errors import MissingExtraError, SettingError
from medshelf.core.issues import Issue, Severity
from medshelf.core.tasks import Task, TaskKind
from medshelf.quality.case import Case
from medshelf.quality.judging.evidence import issue_of
from medshelf.quality.judging.predictions import probabilities
from medshelf.quality.judging.targets import findings, single_task
from medshelf.quality.judging.wording import counted

SEVERITY: Severity = "warning"
NEEDS = ("predictions",)
TITLE_ZH = "可能错误的标签"

_REMEDY = "Let a reader look at them, the first ones first, before anything is changed"


def check(case: Case) -> Iterator[Issue]:
    """Yield one Issue per task or finding.

    Raises:
        MissingExtraError: cleanlab is not installed.
        SettingError: The predictions do not fit the classes and samples.
    """
    given = case.predictions
    if given is None:
        return
    tasks = [each for each in case.meta.tasks if _meant(each, given, case)]
    if case.meta.tasks and not tasks:
        classes = ", ".join(name for task in case.meta.tasks for name in task.classes)
        problem = "The predictions have no column of a class"
        raise SettingError(problem, f"Name the columns after the classes: {classes}")
    for task in tasks:
        if task.kind is TaskKind.MULTI_LABEL:
            yield from _several(case, given, task)
        else:
            yield from _single(case, given, task)


def _meant(task: Task, given: pl.DataFrame, case: Case) -> bool:
    known = task.kind is TaskKind.MULTI_LABEL or task.name == single_task(case)
    return known and any(each in given.columns for each in task.classes)


def _single(case: Case, given: pl.DataFrame, task: Task) -> Iterator[Issue]:
    rows = case.rows.select("row", "sample_id", "label").drop_nulls("label").collect()
    if rows.is_empty():
        return
    found = probabilities(given, rows["sample_id"], task).to_numpy()
    kind = pl.Enum(task.classes)
    codes = rows["label"].cast(kind).to_physical().to_numpy().astype(np.int64)
    predicted = pl.Series(found.argmax(axis=1)).cast(pl.UInt32)
    table = rows.with_columns(
        predicted=pl.Series(np.array(task.classes)[predicted.to_numpy()].tolist()),
        p_label=pl.Series(found[np.arange(len(codes)), codes]),
        p_predicted=pl.Series(found.max(axis=1)),
    )
    odd = table[_suspects(codes, found)]
    if odd.height:
        message = f"{odd.height:,} of {counted(rows.height, 'label')} likely wrong"
        yield issue_of(odd, "label-errors", SEVERITY, f"task {task.name}", message, _REMEDY)


def _several(case: Case, given: pl.DataFrame, task: Task) -> Iterator[Issue]:
    stated = findings(case, "sample_id").filter(
        pl.col("task") == task.name, pl.col("value").is_in([0.0, 1.0])
    )
    rows = stated.unique(["row", "name"], keep="first").sort("row").collect()
    samples = rows["sample_id"].unique(maintain_order=True)
    found = probabilities(given, samples, task).with_columns(sample_id=samples)
    for name in task.classes:
        mine = rows.filter(pl.col("name") == name).join(
            found.select("sample_id", p_present=name), on="sample_id", maintain_order="left"
        )
        if mine["value"].n_unique() < 2:  # noqa: PLR2004 - always or never there
            continue
        present = mine["p_present"].to_numpy()
        suspects = _suspects(
            mine["value"].to_numpy().astype(np.int64), np.stack([1 - present, present], axis=1)
        )
        odd = mine[suspects].select("row", "sample_id", "name", "value", "p_present")
        if odd.height:
            message = f"{odd.height:,} of {counted(mine.height, 'label')} of {name!r} likely wrong"
            yield issue_of(odd, "label-errors", SEVERITY, f"finding {name}", message, _REMEDY)


def _suspects(codes: np.ndarray, found: np.ndarray) -> np.ndarray:
    """Return the rows whose label is likely wrong, the least likely label first, int64 (K,)."""
    try:
        from cleanlab.filter import (  # type: ignore[import-not-found, import-untyped, unused-ignore]
            find_label_issues,
        )
    except ImportError as error:
        raise MissingExtraError("cleanlab", "quality") from error
    present = np.unique(codes)
    if len(present) < 2:  # noqa: PLR2004 - no other label to confuse it with
        return np.empty(0, np.int64)
    kept = found[:, present]
    total = kept.sum(axis=1, keepdims=True)
    kept = np.divide(kept, total, out=np.full_like(kept, 1 / len(present)), where=total > 0)
    return find_label_issues(
        np.searchsorted(present, codes),
        kept,
        return_indices_ranked_by="self_confidence",
        n_jobs=1,
    )

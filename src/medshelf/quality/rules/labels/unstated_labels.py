"""Samples without a label, and findings that are uncertain or not stated.

**What.** Where a set has labels: samples without any, by split; findings of a multi-label task that
are marked uncertain (-1); and findings that some samples state and others do not.

**Why.** What is not stated is not absent. Whether it is read as absent, left out of the loss, or
learned as a class of its own changes the score, so results are comparable only where all did the
same.

**Example.** CheXpert marks findings as present, absent, uncertain, or does not mention them.

**Remedy.** `label_matrix` gives -1 for uncertain and NaN for not stated: decide, and say which way
was taken. Take samples without a label out of training with `filter`.
"""

from __future__ import annotations

from collections.abc import Iterator

import polars as pl

from medshelf.core.issues import Issue, Severity
from medshelf.core.manifest import SPLITS
from medshelf.core.tasks import TaskKind
from medshelf.quality.case import Case
from medshelf.quality.judging.crossing import N_SHOWN
from medshelf.quality.judging.targets import findings
from medshelf.quality.judging.wording import counted

SEVERITY: Severity = "warning"
NEEDS = ()
TITLE_ZH = "缺失或不确定的标签"


def check(case: Case) -> Iterator[Issue]:
    """Yield one Issue per split with unlabelled samples, and one per multi-label task."""
    yield from _unlabelled(case)
    stated = findings(case)
    counts = stated.group_by("task", "name").agg(
        n_stated=pl.col("row").n_unique(), n_uncertain=(pl.col("value") == -1).sum()
    )
    table = counts.collect()
    if table.is_empty():
        return
    n_rows = stated.group_by("task").agg(pl.col("row").n_unique()).collect()
    labelled = dict(n_rows.iter_rows())
    for task in (each for each in case.meta.tasks if each.kind is TaskKind.MULTI_LABEL):
        mine = table.filter(pl.col("task") == task.name)
        n = labelled.get(task.name, 0)
        listed = mine.with_columns(n_not_stated=n - pl.col("n_stated")).drop("task")
        odd = listed.filter((pl.col("n_uncertain") > 0) | (pl.col("n_not_stated") > 0))
        if odd.height:
            yield _partly(task.name, odd.sort("n_uncertain", "n_not_stated", descending=True), n)


def _unlabelled(case: Case) -> Iterator[Issue]:
    """Yield one Issue per split: for information where no sample in it has a label."""
    if not case.meta.tasks:
        return
    has = pl.col("label").is_not_null() | (pl.col("labels").list.len() > 0)
    rows = case.rows.select("sample_id", "split", labelled=has.fill_null(value=False))
    if rows.select(pl.col("labelled").all() | ~pl.col("labelled").any()).collect().item():
        return
    for split in (*SPLITS, None):
        part = rows.filter(pl.col("split").eq_missing(pl.lit(split, pl.Enum(SPLITS)))).collect()
        without = part.filter(~pl.col("labelled"))
        if without.is_empty():
            continue
        whole = without.height == part.height
        yield Issue(
            rule="unstated-labels",
            severity="info" if whole else "warning",
            where=f"split {split or 'none'}",
            message=f"{without.height:,} of {counted(part.height, 'sample')} without a label",
            remedy="Take them out of training with `filter`; scores need a split with labels",
            samples=tuple(without["sample_id"]),
            evidence=({"n": part.height, "n_without": without.height},),
        )


def _partly(task: str, odd: pl.DataFrame, n: int) -> Issue:
    uncertain, silent = int(odd["n_uncertain"].sum()), int(odd["n_not_stated"].sum())
    return Issue(
        rule="unstated-labels",
        severity="info",
        where=f"task {task}",
        message=f"{counted(odd.height, 'finding')} uncertain or not stated in some of "
        f"{counted(n, 'sample')}: {uncertain:,} values uncertain, {silent:,} not stated",
        remedy="Decide how uncertain and not stated findings count, and say so beside the score",
        evidence=tuple(odd.head(N_SHOWN).iter_rows(named=True)),
    )

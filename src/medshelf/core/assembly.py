"""The last step of every reader: rows in order, ids unique, labels known, oddities as Issues.

A reader never decides how strict to be. It reports; whoever wants only whole data calls
`require_complete`.
"""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Sequence
from pathlib import Path

import polars as pl

from medshelf.core.errors import LayoutError
from medshelf.core.issues import Issue
from medshelf.core.manifest import SPLITS, Manifest, Meta
from medshelf.core.tasks import Task, TaskKind

_SHOWN = 5
_OLDEST = 120
_REPORT = "Compare it with the layout of the release; report it if the release is like that"


def assemble(rows: pl.DataFrame, meta: Meta, root: Path, issues: Iterable[Issue] = ()) -> Manifest:
    """Make the manifest of a reader's rows.

    Adds to the Issues: other counts than published, patients in several official splits.

    Args:
        rows: Columns of the manifest, with `sample_id`; the others may be absent.
        meta: Facts of the dataset.
        root: The folder that was read.
        issues: What the reader found.

    Raises:
        LayoutError: There is no row, a `sample_id` is null or occurs twice, a split has another
            name, or a label is no class of its task.
    """
    if rows.is_empty():
        problem = f"{root} holds no sample of {meta.dataset!r}"
        raise LayoutError(problem, "Pass the folder that holds the files of the release")
    ids = rows["sample_id"]
    double = ids.filter(ids.is_duplicated() | ids.is_null()).unique().sort()
    if len(double):
        problem = f"{root}: sample ids that occur twice or are empty: {_some(double)}"
        raise LayoutError(problem, _REPORT)
    if "split" in rows.columns:
        splits = rows["split"].cast(pl.String).drop_nulls().unique().sort()
        if len(strange := splits.filter(~splits.is_in(SPLITS))):
            problem = f"{root}: {_some(strange)} are no splits ({', '.join(SPLITS)})"
            raise LayoutError(problem, "Say in the record which split is meant")
    rows = rows if ids.is_sorted() else rows.sort("sample_id")
    frame = Manifest.from_columns(rows.lazy(), meta, root).frame.collect()
    for task in meta.tasks:
        _check_names(frame, task, meta, root)
    found = [*issues, *_count_issues(frame, meta), *_leakage(frame)]
    return Manifest(frame.lazy(), meta.with_issues(*found), root)


def require_complete(manifest: Manifest) -> Manifest:
    """Return a manifest that has no Issue of severity `error`.

    Raises:
        LayoutError: There is one; the message shows the first ones.
    """
    errors = [each for each in manifest.meta.issues if each.severity == "error"]
    if errors:
        text = "; ".join(f"{each.where}: {each.message}" for each in errors[:_SHOWN])
        problem = f"{manifest.meta.dataset!r} in {manifest.root} is not complete: {text}"
        raise LayoutError(problem, errors[0].remedy)
    return manifest


def missing_files(samples: pl.Series, where: str = "raw tree") -> tuple[Issue, ...]:
    """Report samples whose file is not there.

    Args:
        samples: What names them: ids, or file names.
        where: The table that names them.
    """
    if not len(samples):
        return ()
    message = f"{len(samples):,} files that it names are not there: {_some(samples)}"
    remedy = "Fetch the rest; until then, keep the rows whose media is not null"
    return (Issue("file-missing", "error", where, message, remedy),)


def unused_files(locations: pl.Series, where: str = "raw tree") -> tuple[Issue, ...]:
    """Report files of a sample's kind that no row names.

    Args:
        locations: Paths below the root.
        where: What does not name them.
    """
    if not len(locations):
        return ()
    message = f"{len(locations):,} files belong to no sample: {_some(locations)}"
    return (Issue("file-unused", "warning", where, message, _REPORT),)


def unmatched(named: pl.Series, known: pl.Series, where: str) -> tuple[Issue, ...]:
    """Report samples that one table of a release names and another does not have.

    Args:
        named: Ids in the table in question.
        known: Ids of the samples.
        where: The table in question.
    """
    strange = named.filter(~named.is_in(known.implode())).unique().sort()
    if not len(strange):
        return ()
    message = f"it names {len(strange):,} samples that there are not: {_some(strange)}"
    remedy = "Use the tables of one release; those rows are left out"
    return (Issue("row-unmatched", "error", where, message, remedy),)


def without_split(rows: pl.DataFrame, where: str) -> tuple[Issue, ...]:
    """Report samples that the lists of the official split leave out.

    Args:
        rows: With `sample_id` and `split`.
        where: The lists.
    """
    left = rows.filter(pl.col("split").is_null())["sample_id"]
    if not len(left):
        return ()
    message = f"{len(left):,} samples are in none of them: {_some(left)}"
    return (Issue("split-unstated", "error", where, message, "Fetch the lists again"),)


def plausible_ages(rows: pl.DataFrame, where: str) -> tuple[pl.DataFrame, tuple[Issue, ...]]:
    """Take impossible ages out of the column `age_years`.

    Args:
        rows: With `sample_id` and `age_years`.
        where: The table that gives the ages.

    Returns:
        The rows, null where an age was below 0 or above 120, and what to report.
    """
    odd = ~pl.col("age_years").is_between(0, _OLDEST)
    found = rows.filter(odd)
    if found.is_empty():
        return rows, ()
    message = f"{found.height:,} ages are below 0 or above {_OLDEST}: {_some(found['sample_id'])}"
    remedy = "They are null in age_years; extra has them as released"
    rows = rows.with_columns(age_years=pl.when(~odd).then("age_years"))
    return rows, (Issue("age-implausible", "warning", where, message, remedy),)


def known_names(names: pl.Series, known: Iterable[str], where: str) -> None:
    """Refuse names that a reader would not know what to do with.

    Args:
        names: As released, e.g. the findings of all rows.
        known: What they may be.
        where: The table that holds them.

    Raises:
        LayoutError: There is another one.
    """
    given, listed = names.drop_nulls().unique().sort(), sorted(known)
    if len(strange := given.filter(~given.is_in(listed))):
        problem = f"{where}: {_some(strange)} are not among {', '.join(listed)}"
        raise LayoutError(problem, _REPORT)


def _check_names(frame: pl.DataFrame, task: Task, meta: Meta, root: Path) -> None:
    if task.kind is TaskKind.MULTI_LABEL:
        stated = frame["labels"].explode().struct
        names = stated.field("name").filter(stated.field("task") == task.name)
    else:
        single = [each for each in meta.tasks if each.kind is not TaskKind.MULTI_LABEL]
        names = frame["label"].drop_nulls() if len(single) == 1 else pl.Series([], dtype=pl.String)
    unknown = names.unique().sort().filter(~names.unique().sort().is_in(list(task.classes)))
    if len(unknown):
        problem = (
            f"{root}: labels that are no class of task {task.name!r} of {meta.dataset!r}: "
            f"{_some(unknown)} (classes: {', '.join(task.classes)})"
        )
        raise LayoutError(problem, "Correct the class list or the spellings in the record")


def _count_issues(frame: pl.DataFrame, meta: Meta) -> Iterator[Issue]:
    counts = dict(frame["split"].drop_nulls().cast(pl.String).value_counts().iter_rows())
    for split in SPLITS if counts else ():
        found, published = counts.get(split, 0), meta.splits.get(split)
        if published is not None and found != published:
            message = f"{found} samples, {published} are published"
            remedy = "Results are not comparable with published ones; fetch the whole release"
            yield Issue("sample-count", "warning", f"split {split}", message, remedy)


def _leakage(frame: pl.DataFrame) -> Iterator[Issue]:
    known = frame.select("patient_id", "split").drop_nulls().unique()
    shared = known.filter(pl.col("patient_id").is_duplicated())["patient_id"].unique().sort()
    if len(shared):
        message = f"{len(shared):,} patients are in more than one official split: {_some(shared)}"
        remedy = "Scores on the official split flatter; split by patient to compare fairly"
        yield Issue("patient-leakage", "warning", "official split", message, remedy)


def _some(values: pl.Series | Sequence[str]) -> str:
    some = [str(each) for each in values[:_SHOWN]]
    return ", ".join(some) + (", ..." if len(values) > _SHOWN else "")

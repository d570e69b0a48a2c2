"""What a network answered: a table with `sample_id` and one column of probabilities per class.

The columns have the names of the classes. The predictions must be out of sample: of a network that
was not trained on these samples, e.g. by cross-validation.
"""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path

import polars as pl

from medshelf.core.errors import FormatError, SettingError
from medshelf.core.tasks import Task, TaskKind

_ID = "sample_id"
_SLACK = 0.01
_SHOWN = 3


def read_predictions(path: Path) -> pl.DataFrame:
    """Read a table of predictions from CSV or Parquet.

    Raises:
        FormatError: The file is not there, or is neither.
        SettingError: It has no column `sample_id`.
    """
    try:
        if path.suffix.lower() == ".parquet":
            table = pl.read_parquet(path, glob=False)
        else:
            table = pl.read_csv(path, schema_overrides={_ID: pl.String}, glob=False)
    except (OSError, pl.exceptions.PolarsError) as error:
        remedy = "Write a CSV or Parquet file: sample_id, then one column per class"
        raise FormatError(path, f"no table of predictions ({error})", remedy) from error
    if _ID not in table.columns:
        problem = f"{path} has no column {_ID!r} (columns: {_some(table.columns)})"
        raise SettingError(problem, "Name the column with the ids of the manifest so")
    return table


def probabilities(predictions: pl.DataFrame, samples: pl.Series, task: Task) -> pl.DataFrame:
    """Return the probabilities of some samples for a task, one row per sample, in their order.

    Args:
        predictions: With `sample_id`, and a column per class; others are ignored.
        samples: Ids.
        task: Whose classes are meant. But for a multi-label task they must add up to 1.

    Returns:
        Float64, one column per class, in the order of the classes.

    Raises:
        SettingError: A column or sample is missing, a sample occurs twice, a value is no number
            from 0 to 1, or the probabilities of a sample do not add up to 1 (within 0.01).
    """
    _check_columns(predictions, task)
    table = predictions.with_columns(pl.col(_ID).cast(pl.String))
    if len(double := table.filter(pl.col(_ID).is_duplicated())[_ID]):
        problem = f"The predictions have several rows of {_some(double.unique().sort())}"
        raise SettingError(problem, "Give one row per sample, e.g. the mean of the runs")
    if len(missing := samples.filter(~samples.is_in(table[_ID].implode()))):
        problem = f"{len(missing):,} labelled samples have no prediction: {_some(missing)}"
        raise SettingError(problem, "Predict all of them, or check the split that was predicted")
    wanted = pl.DataFrame({_ID: samples}).join(table, on=_ID, how="left", maintain_order="left")
    found = wanted.select(pl.col(each).cast(pl.Float64) for each in task.classes)
    _check_values(found, samples, task)
    return found


def _check_columns(predictions: pl.DataFrame, task: Task) -> None:
    names = [_ID, *task.classes]
    if missing := [each for each in names if each not in predictions.columns]:
        problem = f"The predictions have no column {_some(missing)} (task {task.name!r})"
        raise SettingError(problem, f"Give the columns: {', '.join(names)}")
    kinds = predictions.schema
    if texts := [each for each in task.classes if not kinds[each].is_numeric()]:
        problem = f"The predictions of {_some(texts)} are no numbers"
        raise SettingError(problem, "Give probabilities from 0 to 1")


def _check_values(found: pl.DataFrame, samples: pl.Series, task: Task) -> None:
    inside = pl.all_horizontal(pl.all().is_between(0, 1) & pl.all().is_not_nan())
    odd = samples.filter(~found.select(inside.fill_null(value=False)).to_series())
    if len(odd):
        problem = f"{len(odd):,} predictions are not from 0 to 1: {_some(odd)}"
        raise SettingError(problem, "Give probabilities, not scores: apply softmax or sigmoid")
    if task.kind is TaskKind.MULTI_LABEL:
        return
    whole = found.select((pl.sum_horizontal(pl.all()) - 1).abs() <= _SLACK).to_series()
    if len(odd := samples.filter(~whole)):
        problem = f"The probabilities of {len(odd):,} samples do not add up to 1: {_some(odd)}"
        raise SettingError(problem, "Apply softmax over the classes")


def _some(names: pl.Series | Sequence[str]) -> str:
    return ", ".join(repr(each) for each in names[:_SHOWN]) + (
        ", ..." if len(names) > _SHOWN else ""
    )

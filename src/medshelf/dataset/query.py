"""Conditions on the columns of a manifest, written as text."""

from __future__ import annotations

import difflib

import numpy as np
import polars as pl

from medshelf.core.errors import SettingError
from medshelf.core.manifest import SCHEMA
from medshelf.dataset.rows import Rows


def find(rows: Rows, condition: str | pl.Expr) -> np.ndarray:
    """Return the indices of the rows for which a condition is true, int64, ascending.

    Args:
        rows: What to look through.
        condition: An expression, or text in SQL: `age_years > 60 and view == 'PA'`.

    Raises:
        SettingError: The text is no condition, names no column, or compares what cannot be.
    """
    shown = condition if isinstance(condition, str) else "given as an expression"
    try:
        # In parentheses a column may be called what SQL calls a clause, as `view` is.
        predicate = pl.sql_expr(f"({condition}\n)") if isinstance(condition, str) else condition
        if unknown := sorted(set(predicate.meta.root_names()) - set(SCHEMA)):
            raise _unknown(unknown[0], shown)
        kinds = rows.frame.select(predicate).collect_schema().dtypes()
        if kinds != [pl.Boolean]:
            problem = f"The filter {shown!r} gives {kinds[0]}, not true or false"
            raise SettingError(problem, "Compare, e.g. age_years > 60")
        return rows.where(predicate)
    except pl.exceptions.PolarsError as error:
        reason = str(error).splitlines()[0]
        problem = f"The filter {shown!r} is no condition on this table ({reason})"
        raise SettingError(problem, "Write it like: age_years > 60 and view == 'PA'") from error


def _unknown(name: str, shown: str) -> SettingError:
    near = difflib.get_close_matches(name.lower(), SCHEMA, n=3, cutoff=0.5)
    known = f"Nearest: {', '.join(near)}" if near else f"Columns: {', '.join(SCHEMA)}"
    problem = f"There is no column {name!r} (filter {shown!r})"
    return SettingError(problem, f"{known}. Text is written in single quotes: '{name}'")

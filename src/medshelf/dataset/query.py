"""Which rows of a manifest meet a condition."""

from __future__ import annotations

import numpy as np
import polars as pl

from medshelf.core.conditions import parse
from medshelf.core.errors import SettingError
from medshelf.core.manifest import SCHEMA
from medshelf.dataset.rows import Rows


def find(rows: Rows, condition: str | pl.Expr) -> np.ndarray:
    """Return the indices of the rows for which a condition is true, int64, ascending.

    Args:
        rows: What to look through.
        condition: An expression, or text: `age_years > 60 and view == 'PA'`.

    Raises:
        SettingError: The text is no condition, or the expression names no column or is none.
    """
    if isinstance(condition, str):
        return rows.where(parse(condition))
    try:
        if unknown := sorted(set(condition.meta.root_names()) - set(SCHEMA)):
            problem = f"There is no column {unknown[0]!r}"
            raise SettingError(problem, f"Columns: {', '.join(SCHEMA)}")
        kinds = rows.frame.select(condition).collect_schema().dtypes()
        if kinds != [pl.Boolean]:
            problem = f"The filter gives {kinds[0]}, not true or false"
            raise SettingError(problem, "Compare, e.g. pl.col('age_years') > 60")
        return rows.where(condition)
    except pl.exceptions.PolarsError as error:
        reason = str(error).splitlines()[0]
        problem = f"The filter is no condition on this table ({reason})"
        raise SettingError(problem, "Write it like: pl.col('age_years') > 60") from error

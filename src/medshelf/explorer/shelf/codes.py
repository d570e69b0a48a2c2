"""Columns of few values as small numbers, so that a million rows are counted in milliseconds."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Final

import numpy as np
import polars as pl

COLUMNS: Final = (*("split", "label", "sex", "view", "laterality", "site", "scanner", "language"),)
"""Columns that can be facets, in the order of the page."""

_MOST_VALUES: Final = 500
_PRESENT: Final = 0.5


@dataclass(frozen=True, slots=True)
class Coded:
    """One column with one value per row.

    Attributes:
        values: Its values, sorted; the number of a value is its place here.
        codes: Number of each row's value, `len(values)` where it is null, uint16 (N,).
    """

    values: tuple[str, ...]
    codes: np.ndarray

    def count(self, rows: np.ndarray | None) -> np.ndarray:
        """Return how many rows have each value, the last entry those that have none, int64.

        Args:
            rows: Row numbers; all by default.
        """
        codes = self.codes if rows is None else self.codes[rows]
        return np.bincount(codes, minlength=len(self.values) + 1)

    def mask(self, chosen: tuple[str, ...]) -> np.ndarray:
        """Return which rows have one of some values, bool (N,); an empty text stands for null."""
        found = np.zeros(len(self.codes), bool)
        for value in chosen:
            if value == "":
                found |= self.codes == len(self.values)
            elif value in self.values:
                found |= self.codes == self.values.index(value)
        return found

    def text(self, row: int) -> str | None:
        """Return the value of a row."""
        code = int(self.codes[row])
        return self.values[code] if code < len(self.values) else None


@dataclass(frozen=True, slots=True)
class Listed:
    """A column with any number of values per row, as pairs of row and value.

    Attributes:
        values: As for `Coded`.
        rows: Row number of each pair, rising, int64 (P,).
        codes: Number of the value of each pair, uint16 (P,).
        n_rows: Rows of the table.
    """

    values: tuple[str, ...]
    rows: np.ndarray
    codes: np.ndarray
    n_rows: int

    def count(self, inside: np.ndarray | None) -> np.ndarray:
        """Return how many pairs have each value, int64.

        Args:
            inside: Which rows count, bool (N,); all by default.
        """
        codes = self.codes if inside is None else self.codes[inside[self.rows]]
        return np.bincount(codes, minlength=len(self.values))

    def mask(self, chosen: tuple[str, ...]) -> np.ndarray:
        """Return which rows have all of some values, bool (N,)."""
        found = np.ones(self.n_rows, bool)
        for value in chosen:
            has = np.zeros(self.n_rows, bool)
            if value in self.values:
                has[self.rows[self.codes == self.values.index(value)]] = True
            found &= has
        return found

    def texts(self, row: int) -> tuple[str, ...]:
        """Return the values of a row."""
        start, end = np.searchsorted(self.rows, (row, row + 1))
        return tuple(self.values[code] for code in self.codes[start:end])


def coded(column: pl.Series) -> Coded | None:
    """Number the values of a column; None where it has none, or too many for a facet."""
    texts = column.cast(pl.String)
    values = texts.drop_nulls().unique().sort().to_list()
    if not 0 < len(values) <= _MOST_VALUES:
        return None
    numbers = texts.cast(pl.Enum(values)).to_physical().cast(pl.UInt16)
    return Coded(tuple(values), numbers.fill_null(len(values)).to_numpy())


def findings(labels: pl.DataFrame) -> Listed | None:
    """Number the names of the labels that are present; None where there are none.

    Args:
        labels: A table with the column `labels` of a manifest.
    """
    n_rows = labels.height
    entries = (
        labels.lazy()
        .select(pl.row_index("row"), "labels")
        .explode("labels")
        .drop_nulls("labels")
        .select("row", pl.col("labels").struct.unnest())
        .filter(pl.col("value") >= _PRESENT)
        .select("row", "name")
        .unique()
        .sort("row", "name")
        .collect()
    )
    found = coded(entries["name"])
    if found is None:
        return None
    return Listed(found.values, entries["row"].cast(pl.Int64).to_numpy(), found.codes, n_rows)

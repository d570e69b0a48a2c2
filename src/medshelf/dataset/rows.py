"""The rows of a manifest by position: a table where it is small, else read in blocks."""

from __future__ import annotations

import os
from collections.abc import Iterator
from functools import cached_property
from typing import Any

import numpy as np
import polars as pl

from medshelf.core.errors import LayoutError, SettingError

_SMALL = 500_000
_BLOCK = 1024
_KEPT_BLOCKS = 8
_PROCESS = os.getpid()


class Rows:
    """Rows of a lazy table, all of them or those at some positions, in that order.

    Up to 500,000 stored rows are collected at the first access. Of more, a row is read with its
    1,023 neighbours, so that a scanned Parquet file of any length is opened at no cost.
    """

    def __init__(self, frame: pl.LazyFrame, positions: np.ndarray | None = None) -> None:
        self._stored = frame
        self._positions = positions
        self._blocks: dict[int, pl.DataFrame] = {}

    def __getstate__(self) -> dict[str, Any]:
        """Leave what was collected behind; what it was collected from is enough."""
        return {**self.__dict__, "_blocks": {}, "table": None}

    def __setstate__(self, state: dict[str, Any]) -> None:
        """Forget the place of what was left behind."""
        self.__dict__.update({key: value for key, value in state.items() if key != "table"})

    @cached_property
    def n_stored(self) -> int:
        """Rows of the lazy table."""
        return int(_collected(self._stored.select(pl.len())).item())

    def __len__(self) -> int:
        """Return the number of rows."""
        return self.n_stored if self._positions is None else len(self._positions)

    @cached_property
    def table(self) -> pl.DataFrame:
        """All rows, collected."""
        return _collected(self.frame)

    @property
    def frame(self) -> pl.LazyFrame:
        """All rows, lazily."""
        if "table" in self.__dict__:
            return self.table.lazy()
        if self._positions is None:
            return self._stored
        return self._stored.select(pl.all().gather(pl.lit(pl.Series(self._positions))))

    @property
    def is_small(self) -> bool:
        """Whether single rows come from the collected table."""
        return "table" in self.__dict__ or self.n_stored <= _SMALL

    def prepare(self) -> None:
        """Collect a small table now, so that forked processes share it."""
        if self.is_small:
            _ = self.table

    def row(self, index: int) -> dict[str, Any]:
        """Return one row; `index` is from 0 to the number of rows - 1.

        Raises:
            SettingError: The table is large and this is a forked process, where polars would hang.
        """
        if self.is_small:
            return self.table.row(index, named=True)
        refuse_after_fork(f"Rows of a table of {self.n_stored:,}")
        place = index if self._positions is None else int(self._positions[index])
        start = place - place % _BLOCK
        if start not in self._blocks:
            if len(self._blocks) == _KEPT_BLOCKS:
                del self._blocks[next(iter(self._blocks))]
            self._blocks[start] = _collected(self._stored.slice(start, _BLOCK))
        return self._blocks[start].row(place - start, named=True)

    def __iter__(self) -> Iterator[dict[str, Any]]:
        """Yield every row."""
        for index in range(len(self)):
            yield self.row(index)

    def where(self, predicate: pl.Expr) -> np.ndarray:
        """Return the indices for which `predicate` is true, int64, ascending."""
        numbered = self.frame.with_row_index("\0row")
        found = numbered.filter(predicate).select("\0row").collect()
        return found["\0row"].cast(pl.Int64).to_numpy()

    def take(self, indices: np.ndarray) -> Rows:
        """Return the rows at `indices`, in that order."""
        if self.is_small:
            return Rows(self.table[indices].lazy())
        return Rows(self._stored, indices if self._positions is None else self._positions[indices])


def _collected(frame: pl.LazyFrame) -> pl.DataFrame:
    """Collect rows, which of a scanned table reads the raw files.

    Raises:
        LayoutError: They are damaged, or not as they were when the table was opened.
    """
    try:
        return frame.collect()
    except pl.exceptions.ComputeError as error:
        problem = f"The rows of the table cannot be read ({error})"
        raise LayoutError(problem, "Fetch the raw files again, and read them anew") from error


def refuse_after_fork(what: str) -> None:
    """Raise SettingError in a forked process, where the threads of polars are gone and it hangs."""
    if os.getpid() != _PROCESS:
        problem = f"{what} cannot be read in a forked process"
        raise SettingError(problem, "Pass multiprocessing_context='spawn' to the DataLoader")

"""What is true of the columns of any table: their names, which must be there, and their types."""

from __future__ import annotations

import difflib
import json
from collections.abc import Iterable, Mapping, Sequence
from pathlib import Path

import numpy as np
import polars as pl

from medshelf.core.errors import FormatError, LayoutError

Dtype = pl.DataType | type[pl.DataType]

MAX_COLUMNS = 10_000
MAX_VALUES = 1 << 27
"""What is held at once, in rows times columns: some 2 GiB, and their text."""

_MAX_SHOWN = 500
_TEXT_SHOWN = 60
_SAFE_DEPTH = 200
_BOOLEANS = {"true": True, "false": False}


def header_names(path: Path, cells: Sequence[str | None]) -> list[str]:
    """Make the cells of a header into names that differ.

    Blanks around a name and empty cells at the end go; an empty cell elsewhere is named by its
    place, `column_3`; a name that is there again gets its number, `x`, `x_2`, `x_3`.

    Raises:
        FormatError: There are more than `MAX_COLUMNS`, or no names at all.
    """
    found = [(cell or "").strip() for cell in cells]
    while found and not found[-1]:
        found.pop()
    if not found or len(found) > MAX_COLUMNS:
        reason = f"its header has {len(found):,} names" if found else "its header has no names"
        raise FormatError(path, reason, "Pass the kind, separator and encoding of the file")
    given, names = set(found), []
    for place, cell in enumerate(found, 1):
        name, number = cell or f"column_{place}", 1
        while name in names or (number > 1 and name in given) or (not cell and name in given):
            number += 1
            name = f"{cell or f'column_{place}'}_{number}"
        names.append(name)
    return names


def canonical_names(
    path: Path,
    names: Sequence[str],
    aliases: Mapping[str, Sequence[str]],
    required: Iterable[str],
) -> list[str]:
    """Give columns the names that a reader knows, and check that those it needs are there.

    Args:
        path: What messages call the table.
        names: As the file has them.
        aliases: Name to the names that some copies have instead; the first one found is taken, and
            none where the name itself is there.
        required: Names that must be among the result.

    Raises:
        LayoutError: One is not.
    """
    renamed = list(names)
    for name, others in aliases.items():
        match = next((each for each in (name, *others) if each in renamed), name)
        if match != name:
            renamed[renamed.index(match)] = name
    missing = [name for name in required if name not in renamed]
    if missing:
        wanted = ", ".join(_with_nearest(each, names) for each in missing)
        header = ", ".join(names[:_MAX_SHOWN])
        raise LayoutError(
            f"{path}: there is no column {wanted}; its header is: {header}",
            "Check that it is the release which the layout describes, and its separator",
        )
    return renamed


def check_size(path: Path, n_rows: int, n_columns: int) -> None:
    """Check that a table is not too large to be held.

    Raises:
        FormatError: It has more than `MAX_COLUMNS` or `MAX_VALUES`.
    """
    if n_columns > MAX_COLUMNS or n_rows * (n_columns + 1) > MAX_VALUES:
        reason = f"it holds more than {n_rows:,} rows of {n_columns:,} columns"
        raise FormatError(path, reason, "Scan it with scan_table, if it is what it should be")


def cast_columns(
    path: Path, frame: pl.DataFrame, dtypes: Mapping[str, Dtype], places: Places
) -> pl.DataFrame:
    """Give columns the stated types; those that are not in the frame are passed over.

    Text becomes a number as polars casts it, a Boolean where it is `true` or `false`, a date where
    it is like `2020-01-31`, a list or a struct where it is JSON of that form.

    Raises:
        FormatError: A value is none of that type; the message has file, place, column and value.
    """
    changed = []
    for name in dtypes.keys() & set(frame.columns):
        column, dtype = frame[name], dtypes[name]
        cast = _cast(column, dtype)
        if cast is None or cast.null_count() > column.null_count():
            row = _first_wrong(column, dtype)
            value = str(column[row])[:_TEXT_SHOWN]
            reason = f"{places[row]}: column {name!r} holds {value!r}, which is no {dtype}"
            raise FormatError(path, reason, "Correct the file, or read the column as text")
        changed.append(cast)
    return frame.with_columns(changed)


class Places:
    """What messages call the rows of a table: `line 7`, `record 7`, `row 7`."""

    def __init__(self, unit: str, numbers: np.ndarray) -> None:
        self.unit, self.numbers = unit, numbers

    def __getitem__(self, row: int) -> str:
        """Return the name of a row, counted from 0."""
        return f"{self.unit} {int(self.numbers[row]):,}"


def _cast(column: pl.Series, dtype: Dtype) -> pl.Series | None:
    """Return a column as `dtype`, null where a value is none, or nothing if one cannot be cast."""
    try:
        if column.dtype == dtype:
            return column
        if column.dtype == pl.String and dtype == pl.Boolean:
            return column.replace_strict(_BOOLEANS, default=None, return_dtype=pl.Boolean)
        if column.dtype == pl.String and dtype == pl.Date:
            return column.str.to_date("%Y-%m-%d", strict=False)
        if column.dtype == pl.String and dtype.is_nested():
            return None if _is_deep(column) else column.str.json_decode(dtype)
        return column.cast(dtype, strict=False)
    except pl.exceptions.PolarsError:
        return None


def _is_deep(column: pl.Series) -> bool:
    """Say whether JSON is nested so deeply that polars may run out of stack, which ends Python."""
    for text in column.filter(column.str.count_matches(r"[\[{]") > _SAFE_DEPTH):
        try:
            json.loads(text)
        except (ValueError, RecursionError):
            return True
    return False


def _first_wrong(column: pl.Series, dtype: Dtype) -> int:
    n_right, n_wrong = 0, len(column)
    while n_wrong - n_right > 1:
        middle = (n_right + n_wrong) // 2
        cast = _cast(column.head(middle), dtype)
        if cast is None or cast.null_count() > column.head(middle).null_count():
            n_wrong = middle
        else:
            n_right = middle
    return n_wrong - 1


def _with_nearest(name: str, names: Sequence[str]) -> str:
    folded = {each.casefold(): each for each in names}
    near = difflib.get_close_matches(name.casefold(), folded, n=1, cutoff=0.5)
    return f"{name!r} (nearest: {folded[near[0]]!r})" if near else repr(name)

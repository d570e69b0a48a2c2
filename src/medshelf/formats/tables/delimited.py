"""Rows of delimited text, every value as text; a row of another length is an error, never cut.

polars takes the values out, but it fills short rows and counts no lines. So NumPy counts the values
of each line before; where quotes make that more than counting, Python's csv module takes over.
"""

from __future__ import annotations

import re
from collections.abc import Iterator
from itertools import chain
from pathlib import Path
from typing import NamedTuple

import numpy as np
import polars as pl

from medshelf.core.errors import FormatError
from medshelf.formats.tables.columns import MAX_COLUMNS
from medshelf.formats.tables.csv_rows import QUOTES_REMEDY, Dialect, Found, quoted_rows

MAX_ROW_BYTES = 1 << 28
"""The longest row that is read: 256 MiB."""

_NEWLINE, _RETURN = b"\n\r"
_REMEDY = (
    "It may be truncated, or have separators within values: correct that line, or pass separator, "
    "quote, columns or rest as its layout says"
)


class Rows(NamedTuple):
    """Some rows of a table.

    Attributes:
        lines: Number of the line where each begins, from 1 (int64).
        cells: Their values, null where empty.
    """

    lines: np.ndarray
    cells: pl.DataFrame


def read_rows(
    path: Path, blocks: Iterator[bytes], dialect: Dialect, n_columns: int, line: int = 1
) -> Iterator[Rows]:
    """Yield the rows, which must all have as many values.

    Args:
        path: What messages call the file.
        blocks: Its text in UTF-8.
        dialect: How it is divided.
        n_columns: How many columns it has; where all rows have more values than that, those must be
            empty.
        line: Number of the first line.

    Raises:
        FormatError: A row has another number of values, a quote has no end, or `MAX_ROW_BYTES` hold
            no end of a row.
    """
    width = 0
    for found in _find(path, blocks, dialect, line):
        full = np.flatnonzero(~found.blank)
        if not width and full.size:
            width = min(max(n_columns, int(found.n_cells[full[0]])), MAX_COLUMNS)
        if (other := full[found.n_cells[full] != width]).size:
            reason = f"line {found.lines[other[0]]:,} has {found.n_cells[other[0]]:,} values"
            raise FormatError(path, f"{reason}, not {width:,}", _REMEDY)
        if len(found.lines):
            cells = _cells(path, found, dialect, width or n_columns)
            yield Rows(found.lines, _without_surplus(path, cells, found.lines, n_columns))


def split_line(text: str, separator: str | None) -> list[str]:
    """Split one line; a null separator is any run of blanks and tabs."""
    if separator is None:
        return re.findall(r"[^ \t]+", text.removesuffix("\r"))
    return text.split(separator)


def split_rows(
    path: Path,
    rows: Iterator[Rows],
    separator: str | None,
    n_columns: int,
    *,
    rest: bool,
    keep_blank: bool,
) -> Iterator[Rows]:
    """Split rows of one value each.

    Args:
        path: What messages call the file.
        rows: Its lines.
        separator: Between values; null is any run of blanks and tabs, those at the margins apart.
        n_columns: How many.
        rest: Whether the last column takes all that is left of the line.
        keep_blank: Whether lines of blanks are rows of nulls.

    Raises:
        FormatError: A row has another number of values.
    """
    cell, between = r"[^ \t]+", r"[ \t]+"
    if separator is not None:
        cell, between = f"[^{re.escape(separator)}]*", re.escape(separator)
    groups = [f"({cell})"] * (n_columns - 1) + ["(.*)" if rest else f"({cell})"]
    pattern = f"^{between.join(groups)}$"
    for found in rows:
        lines, text = found.lines, found.cells.to_series()
        if separator is None:
            text = _with_nulls(text.str.strip_chars(" \t").to_frame()).to_series()
            if not keep_blank:
                lines, text = lines[text.is_not_null().to_numpy()], text.drop_nulls()
        split = text.str.extract_groups(pattern).struct.unnest()
        if (wrong := (split.to_series().is_null() & text.is_not_null()).arg_true()).len():
            n_values = len(split_line(text[wrong[0]], separator))
            reason = f"line {lines[wrong[0]]:,} has {n_values:,} values, not {n_columns:,}"
            raise FormatError(path, reason, _REMEDY)
        yield Rows(lines, _with_nulls(split))


def _without_surplus(
    path: Path, cells: pl.DataFrame, lines: np.ndarray, n_columns: int
) -> pl.DataFrame:
    for name in cells.columns[n_columns:]:
        if (stated := cells[name].is_not_null().arg_true()).len():
            value = cells[name][stated[0]]
            reason = f"line {lines[stated[0]]:,} has {value!r} beyond its last named column"
            raise FormatError(path, reason, _REMEDY)
    return cells.select(cells.columns[:n_columns])


def _find(path: Path, blocks: Iterator[bytes], dialect: Dialect, line: int) -> Iterator[Found]:
    rest = b""
    for block in blocks:
        end = block.rfind(b"\n") + 1
        data, rest = (rest + block[:end], block[end:]) if end else (b"", rest + block)
        if _is_untidy(data, dialect):
            yield from quoted_rows(path, chain([data, rest], blocks), dialect, line)
            return
        yield _plain_rows(data, dialect, line)
        line += data.count(b"\n")
        if len(rest) > MAX_ROW_BYTES:
            reason = f"the row at line {line:,} has more than {MAX_ROW_BYTES:,} bytes"
            raise FormatError(path, reason, QUOTES_REMEDY)
    if _is_untidy(rest, dialect):
        yield from quoted_rows(path, [rest], dialect, line)
    elif rest:
        yield _plain_rows(rest + b"\n", dialect, line)


def _is_untidy(data: bytes, dialect: Dialect) -> bool:
    if dialect.quote is not False and b'"' in data:
        return True
    return data.count(b"\r") != data.count(b"\r\n")


def _plain_rows(data: bytes, dialect: Dialect, line: int) -> Found:
    """Find the rows of text without quotes, each of which ends with a line."""
    text = np.frombuffer(data, np.uint8)
    ends = np.flatnonzero(text == _NEWLINE)
    starts = np.concatenate([[0], ends + 1])[:-1]
    n_cells = np.ones(len(ends), np.int64)
    if dialect.separator is not None:
        separators = np.flatnonzero(text == ord(dialect.separator))
        n_cells += np.diff(np.searchsorted(separators, ends), prepend=0)
    sizes = ends - starts
    blank = (sizes == 0) | ((sizes == 1) & (text[starts] == _RETURN))
    kept = np.ones(len(ends), bool) if dialect.keep_blank else ~blank
    if dialect.comment:
        kept &= text[starts] != ord(dialect.comment)
    if not (full := kept & ~blank).all():
        data = text[np.repeat(full, sizes + 1)].tobytes()
    lines = np.arange(line, line + len(ends))
    return Found(data, lines[kept], n_cells[kept], blank[kept])


def _cells(path: Path, found: Found, dialect: Dialect, width: int) -> pl.DataFrame:
    schema = {str(number): pl.String for number in range(width)}
    if isinstance(found.data, list):
        cells = _with_nulls(pl.DataFrame(found.data, schema, orient="row"))
    elif not found.data:
        cells = pl.DataFrame(schema=schema)
    else:
        separator = dialect.separator or "\0"  # which text never holds
        cells = pl.read_csv(
            found.data, has_header=False, schema=schema, separator=separator, quote_char=None
        )
    n_full = len(found.lines) - int(np.count_nonzero(found.blank))
    if cells.height != n_full:
        reason = f"of {n_full:,} rows from line {found.lines[0]:,} on, {cells.height:,} can be read"
        raise FormatError(path, reason, QUOTES_REMEDY)
    if n_full < len(found.lines):
        rows = np.where(found.blank, -1, np.cumsum(~found.blank) - 1)
        at = pl.Series(rows).replace(-1, None)
        cells = cells.select(pl.all().gather(at)) if n_full else cells.clear(len(rows))
    return cells


def _with_nulls(cells: pl.DataFrame) -> pl.DataFrame:
    return cells.with_columns(pl.when(pl.all() != "").then(pl.all()))

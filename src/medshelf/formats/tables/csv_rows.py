"""Rows of delimited text whose quotes matter, by Python's csv module.

Source: https://www.rfc-editor.org/rfc/rfc4180
"""

from __future__ import annotations

import csv
from collections.abc import Iterable, Iterator
from dataclasses import dataclass
from itertools import chain
from pathlib import Path
from typing import Literal, NamedTuple

import numpy as np

from medshelf.core.errors import FormatError

QUOTES_REMEDY = (
    "Pass quote=False if quotes are plain characters in it; otherwise it may be truncated"
)
_PLAIN_OR_NOT = "Pass quote=False if quotes are plain characters in it, quote=True if not"
_MAX_VALUE_CHARACTERS = 1 << 24
_N_ROWS = 20_000


@dataclass(frozen=True, slots=True)
class Dialect:
    """How a file divides its text.

    Attributes:
        separator: One ASCII character; null where a row is one value.
        quote: Whether a value may stand in double quotes. Null is as true, but a value in quotes
            that holds both a separator and a line end is refused, because it is more likely that
            quotes are plain characters, as in lists of words.
        comment: Lines that begin with this ASCII character are left out.
        keep_blank: Blank lines are rows of nulls, otherwise they are left out.
    """

    separator: str | None
    quote: bool | None = True
    comment: str | None = None
    keep_blank: bool = False


class Found(NamedTuple):
    """Rows that are found, but not yet taken apart.

    Attributes:
        data: The rows that are not blank: their text, or their values.
        lines: Number of the line where each row begins, from 1 (int64).
        n_cells: How many values each has (int64).
        blank: Which are blank (bool).
    """

    data: bytes | list[list[str]]
    lines: np.ndarray
    n_cells: np.ndarray
    blank: np.ndarray


def take_header(
    path: Path, blocks: Iterator[bytes], dialect: Dialect
) -> tuple[list[str], int, Iterator[bytes]]:
    """Read the first row that is neither blank nor a comment.

    Returns:
        Its values, the number of the line after it, and the blocks from there on.

    Raises:
        FormatError: There is none, or its quotes are not in order.
    """
    first = next(blocks, b"")
    for _, line, cells in _records(path, lines_of([first]), dialect, 1):
        after = first.split(b"\n", line - 1)[line - 1 :]
        return cells, line, chain(after, blocks)
    raise FormatError(path, "it is empty")


def quoted_rows(
    path: Path, blocks: Iterable[bytes], dialect: Dialect, line: int
) -> Iterator[Found]:
    """Find rows, whatever the quotes.

    A quote within a value that does not begin with one is a plain character.

    Raises:
        FormatError: Something follows a closing quote, a quote is never closed, or a line end is a
            lone return.
    """
    rows, numbers = list[list[str]](), list[int]()
    for start, _, cells in _records(path, lines_of(blocks), dialect, line):
        rows.append(cells)
        numbers.append(start)
        if len(rows) == _N_ROWS:
            yield _found(rows, numbers)
            rows, numbers = [], []
    yield _found(rows, numbers)


def lines_of(blocks: Iterable[bytes]) -> Iterator[bytes]:
    r"""Yield the lines of a text, each with its `\n`, the last as it is."""
    rest = b""
    for block in blocks:
        *whole, rest = (rest + block).split(b"\n")
        for each in whole:
            yield each + b"\n"
    if rest:
        yield rest


def _found(rows: list[list[str]], numbers: list[int]) -> Found:
    n_cells = np.array([len(each) for each in rows], np.int64)
    full = [each for each in rows if each]
    return Found(full, np.array(numbers, np.int64), n_cells, n_cells == 0)


def _records(
    path: Path, lines: Iterator[bytes], dialect: Dialect, line: int
) -> Iterator[tuple[int, int, list[str]]]:
    """Yield the number of the line where a row begins, of the one after it, and its values."""
    taken = list[str]()  # the lines of the present row

    def watched() -> Iterator[str]:
        nonlocal line
        for each in lines:
            text = each.decode("utf-8", "replace")  # a block may end within a character
            line += 1
            if taken or not (dialect.comment and text.startswith(dialect.comment)):
                taken.append(text)
                yield text

    quoting: Literal[0, 3] = csv.QUOTE_NONE if dialect.quote is False else csv.QUOTE_MINIMAL
    separator = dialect.separator or "\0"  # which text never holds
    csv.field_size_limit(max(csv.field_size_limit(), _MAX_VALUE_CHARACTERS))  # 131,072 at first
    reader = csv.reader(watched(), delimiter=separator, quoting=quoting, strict=True)
    try:
        for cells in reader:
            start = line - len(taken)
            if dialect.quote is None and len(taken) > 1:
                _refuse_long(path, cells, separator, start)
            if cells or dialect.keep_blank:
                yield start, line, cells
            taken.clear()
    except csv.Error as error:
        reason = f"line {line - len(taken):,}: {error}"
        raise FormatError(path, reason, QUOTES_REMEDY) from error


def _refuse_long(path: Path, cells: list[str], separator: str, line: int) -> None:
    if any(separator in each and "\n" in each for each in cells):
        reason = f"what begins with a quote in line {line:,} goes on over lines and values"
        raise FormatError(path, reason, _PLAIN_OR_NOT)

"""Rows of JSON: a list of objects, an object of objects, or one object in each line.

Text is that text; every other value is its JSON text (`12`, `true`, `["a", "b"]`), so that the type
of a column is the same whatever the rows hold. Null and empty text are null.
"""

from __future__ import annotations

import json
from collections.abc import Iterable, Iterator
from itertools import chain
from pathlib import Path
from typing import Any

import numpy as np
import polars as pl

from medshelf.core.errors import FormatError, LayoutError
from medshelf.formats.tables.columns import Places, check_size
from medshelf.formats.tables.csv_rows import lines_of

KEY, VALUE = "key", "value"
"""What the columns are called whose names a file does not say."""

_MAX_VALUES = 1 << 25  # of a document or a line, which Python holds whole: some 2 GiB
_N_ROWS = 50_000
_FIRST_BYTES = 1 << 20  # so that the first rows of a large file come at once
_PART_BYTES = 1 << 24
_SHOWN = 60
_decode = json.JSONDecoder().decode
_encode = json.JSONEncoder(ensure_ascii=False).encode
_REMEDY = "Read it with a tool of your own if you trust the file"


def document_rows(path: Path, text: str) -> tuple[Places, pl.DataFrame]:
    """Read the rows of a JSON document.

    A list of objects gives a row for each; an object of objects too, with its keys in the first
    column, `key`; an object of other values than objects and lists has the columns `key` and
    `value`.

    Raises:
        FormatError: It is no JSON, too large, or nested too deeply.
        LayoutError: It is something else, or an object among objects has a `key` of its own.
    """
    rows = list(_rows(path, _parsed(path, text, "it")))
    return _frame(path, Places("record", np.arange(1, len(rows) + 1)), rows)


def line_rows(path: Path, blocks: Iterable[bytes]) -> Iterator[tuple[Places, pl.DataFrame]]:
    """Yield the rows of JSON Lines, an object in each line: those of 1 MiB, then of 16 MiB.

    Blank lines are left out. Columns are in the order in which they occur first.

    Raises:
        FormatError: A line is no JSON, no object, too large, or nested too deeply.
    """
    numbers, rows, n_bytes, limit = list[int](), list[dict[str, Any]](), 0, _FIRST_BYTES
    for number, line in enumerate(lines_of(blocks), 1):
        if line.isspace():
            continue
        row = _parsed(path, line.decode(), f"line {number:,}")
        if not isinstance(row, dict):
            shown = line[:_SHOWN].decode("utf-8", "replace").strip()
            reason = f"line {number:,} is no object but {shown}"
            raise FormatError(path, reason, "Pass kind='json' if the file is one document")
        rows.append(row)
        numbers.append(number)
        n_bytes += len(line)
        if len(rows) == _N_ROWS or n_bytes > limit:
            yield _frame(path, Places("line", np.array(numbers)), rows)
            numbers, rows, n_bytes, limit = [], [], 0, _PART_BYTES
    yield _frame(path, Places("line", np.array(numbers, np.int64)), rows)


def _parsed(path: Path, text: str, what: str) -> Any:
    if len(text) > _MAX_VALUES and sum(map(text.count, ",[{")) > _MAX_VALUES:
        raise FormatError(path, f"{what} holds more than {_MAX_VALUES:,} values", _REMEDY)
    try:
        return _decode(text)
    except RecursionError as error:
        raise FormatError(path, f"{what} is nested too deeply", _REMEDY) from error
    except ValueError as error:
        raise FormatError(path, f"{what} is no JSON ({error})") from error


def _rows(path: Path, document: Any) -> Iterable[dict[str, Any]]:
    if isinstance(document, list) and all(isinstance(each, dict) for each in document):
        return document
    if isinstance(document, dict):
        kinds = {type(each) for each in document.values()}
        if not kinds & {dict, list}:
            return ({KEY: key, VALUE: value} for key, value in document.items())
        if kinds == {dict} and not any(KEY in each for each in document.values()):
            return ({KEY: key, **row} for key, row in document.items())
    problem = f"{path}: it is no table: neither a list of objects nor an object of objects"
    raise LayoutError(problem, "Read it with medshelf.formats.entry.read_json")


def _frame(path: Path, places: Places, rows: list[dict[str, Any]]) -> tuple[Places, pl.DataFrame]:
    names = dict.fromkeys(chain.from_iterable(rows))
    check_size(path, len(rows), len(names))
    columns = []
    for name in names:
        texts = [_text(row.get(name)) for row in rows]
        try:
            columns.append(pl.Series(name, texts, pl.String))
        except UnicodeEncodeError as error:
            row = texts.index(error.object)
            reason = f"{places[row]}: {name!r} holds half of a surrogate pair"
            raise FormatError(path, reason, "Correct the file") from error
    return places, pl.DataFrame(columns)


def _text(value: Any) -> str | None:
    if value is None or isinstance(value, str):
        return value or None
    return _encode(value)

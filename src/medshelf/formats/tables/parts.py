"""The parts of a table as its file has them: named columns of text, and where each row is."""

from __future__ import annotations

import io
import re
from collections.abc import Iterable, Iterator, Mapping, Sequence
from contextlib import contextmanager
from dataclasses import dataclass
from itertools import chain
from pathlib import Path
from types import EllipsisType
from typing import NamedTuple

import numpy as np
import polars as pl

from medshelf.core.errors import FormatError, SettingError, UnknownNameError
from medshelf.formats.streams import name_of, reading, size_of
from medshelf.formats.tables.columns import (
    Dtype,
    Places,
    canonical_names,
    cast_columns,
    check_size,
    header_names,
)
from medshelf.formats.tables.csv_rows import Dialect, take_header
from medshelf.formats.tables.delimited import read_rows, split_line, split_rows
from medshelf.formats.tables.json_rows import document_rows, line_rows
from medshelf.formats.tables.workbook import sheet_rows
from medshelf.formats.text import limited, read_text, utf8_blocks

KINDS = ("csv", "tsv", "blanks", "json", "jsonl", "xlsx", "parquet")

_SUFFIXES = {".ndjson": "jsonl", ".tab": "tsv", **{f".{kind}": kind for kind in KINDS}}
_SEPARATORS = {"csv": ",", "tsv": "\t"}
_LARGE = "Read it with scan_table, which holds only a part of it at a time"


@dataclass(frozen=True, slots=True)
class Layout:
    """How a table lies in its file, and what its columns are: see `tables.read_table`."""

    kind: str
    separator: str | EllipsisType | None
    encoding: str
    quote: bool | None
    comment: str | None
    keep_blank: bool
    columns: Sequence[str] | None
    rest: bool
    sheet: str | None
    aliases: Mapping[str, Sequence[str]]
    required: Iterable[str]
    dtypes: Mapping[str, Dtype]

    def names(self, path: Path, found: Sequence[str]) -> list[str]:
        """Return the names that a reader knows for those of the file."""
        return canonical_names(path, found, self.aliases, self.required)


class Table(NamedTuple):
    """An opened table.

    Attributes:
        names: Of its columns.
        parts: Its rows: where they are, and their values as text; at least one part.
    """

    names: list[str]
    parts: Iterator[tuple[Places, pl.DataFrame]]


def kind_of(path: Path, kind: str | None) -> str:
    """Return the kind of a table, by its suffix where none is given.

    Raises:
        FormatError: The suffix does not say it.
        UnknownNameError: There is no such kind.
    """
    if kind is not None:
        if kind not in KINDS:
            raise UnknownNameError("kind of table", kind, KINDS)
        return kind
    suffix = Path(path.name.lower().removesuffix(".gz")).suffix
    if suffix not in _SUFFIXES:
        reason = f"its suffix {suffix!r} does not say what kind of table it is"
        raise FormatError(path, reason, f"Pass kind=, one of {', '.join(KINDS)}")
    return _SUFFIXES[suffix]


def open_table(source: Path | bytes, layout: Layout, *, whole: bool) -> Table:
    """Open a table of any kind but Parquet.

    Args:
        source: The file, or its bytes.
        layout: How it lies there.
        whole: Whether all of it will be held: then its size is limited, and JSON Lines have the
            keys of all rows as columns.

    Raises:
        MedshelfError: As `tables.read_table`, here or while the parts are taken.
    """
    if layout.kind == "xlsx":
        return _sheet(source, layout)
    if layout.kind == "json":
        return _json(source, layout, whole=True)
    if layout.kind == "jsonl":
        return _json(source, layout, whole=whole)
    return _delimited(source, layout, whole=whole)


def scan_parquet(source: Path | bytes, layout: Layout) -> pl.LazyFrame:
    """Scan a Parquet file.

    Raises:
        FormatError: It cannot be opened, or is none.
        LayoutError: A required column is not there.
    """
    path = name_of(source)
    size_of(source)
    file = source if isinstance(source, Path) else io.BytesIO(source)
    with _reading_parquet(path):
        frame = pl.scan_parquet(file, glob=False, hive_partitioning=False)
        found = frame.collect_schema().names()
    return frame.rename(dict(zip(found, layout.names(path, found), strict=True)))


def read_parquet(source: Path | bytes, layout: Layout) -> pl.DataFrame:
    """Read a Parquet file whole.

    Raises:
        FormatError: It cannot be opened, is damaged or too large, or a value is not of its stated
            type.
        LayoutError: A required column is not there.
    """
    path, lazy = name_of(source), scan_parquet(source, layout)
    with _reading_parquet(path):
        n_rows = lazy.select(pl.len()).collect().item()
        check_size(path, n_rows, len(lazy.collect_schema()))
        frame = lazy.collect()
    return cast_columns(path, frame, layout.dtypes, Places("row", np.arange(1, n_rows + 1)))


@contextmanager
def _reading_parquet(path: Path) -> Iterator[None]:
    try:
        with reading(path):
            yield
    except (pl.exceptions.PolarsError, pl.exceptions.PanicException) as error:
        reason = str(error).partition("\n")[0]
        raise FormatError(path, f"it is no Parquet file, or damaged ({reason})") from error


def _delimited(source: Path | bytes, layout: Layout, *, whole: bool) -> Table:
    path, separator = name_of(source), _separator(layout)
    splits = layout.rest or layout.kind == "blanks"
    one_value = splits or separator is None
    dialect = Dialect(
        None if splits else separator,
        False if one_value else layout.quote,
        layout.comment,
        layout.keep_blank,
    )
    blocks, line = utf8_blocks(source, layout.encoding), 1
    if whole:
        blocks = limited(path, blocks, _LARGE)
    if layout.columns is None:
        cells, line, blocks = take_header(path, blocks, dialect)
        found = header_names(path, split_line(cells[0], separator) if splits else cells)
    else:
        found = list(layout.columns)
    names = layout.names(path, found)
    rows = read_rows(path, blocks, dialect, 1 if splits else len(names), line)
    if splits:
        rows = split_rows(
            path, rows, separator, len(names), rest=layout.rest, keep_blank=layout.keep_blank
        )
    none = pl.DataFrame(schema=dict.fromkeys(names, pl.String))
    parts = ((Places("line", lines), _renamed(cells, names)) for lines, cells in rows)
    return Table(names, chain([(Places("line", np.zeros(0, np.int64)), none)], parts))


def _renamed(cells: pl.DataFrame, names: list[str]) -> pl.DataFrame:
    cells.columns = names
    return cells


def _separator(layout: Layout) -> str | None:
    given = layout.separator
    separator = _SEPARATORS.get(layout.kind) if isinstance(given, EllipsisType) else given
    for character in (separator, layout.comment):
        if character is not None and not re.fullmatch(r"[\x01-\x7f]", character):
            problem = f"{character!r} is not one ASCII character"
            raise SettingError(problem, "Pass one as separator or comment")
    return separator


def _json(source: Path | bytes, layout: Layout, *, whole: bool) -> Table:
    path = name_of(source)
    blocks = utf8_blocks(source, layout.encoding)
    if layout.kind == "json":
        parts = iter([document_rows(path, read_text(source, layout.encoding))])
    elif whole:
        parts = iter([_joined(path, list(line_rows(path, limited(path, blocks, _LARGE))))])
    else:
        parts = line_rows(path, blocks)
    at, frame = next(parts)
    found = layout.columns or frame.columns
    if not found:
        raise FormatError(path, "it holds no row with a name")
    names = dict(zip(found, layout.names(path, found), strict=True))
    named = ((at, _selected(path, at, part, names)) for at, part in chain([(at, frame)], parts))
    return Table(list(names.values()), named)


def _joined(path: Path, parts: list[tuple[Places, pl.DataFrame]]) -> tuple[Places, pl.DataFrame]:
    numbers = np.concatenate([at.numbers for at, _ in parts])
    check_size(path, len(numbers), len({name for _, part in parts for name in part.columns}))
    frame = pl.concat([part for _, part in parts], how="diagonal")
    return Places(parts[0][0].unit, numbers), frame


def _selected(
    path: Path, at: Places, frame: pl.DataFrame, names: Mapping[str, str]
) -> pl.DataFrame:
    """Return the columns of records by other names, null where no record has one."""
    if unknown := [each for each in frame.columns if each not in names]:
        row = int(frame[unknown[0]].is_not_null().arg_max() or 0)
        reason = f"{at[row]} has a {unknown[0]!r}, which is none of its columns"
        raise FormatError(path, reason, "Pass columns= with all keys that its objects may have")
    none = pl.Series([None], dtype=pl.String).new_from_index(0, len(at.numbers))
    return pl.DataFrame(
        [frame.get_column(key, default=none).alias(name) for key, name in names.items()]
    )


def _sheet(source: Path | bytes, layout: Layout) -> Table:
    path, rows = name_of(source), sheet_rows(source, layout.sheet)
    if layout.columns is None:
        found = header_names(path, next(rows, (0, []))[1])
    else:
        found = list(layout.columns)
    names = layout.names(path, found)
    numbers, values = list[int](), list[list[str | None]]()
    for number, cells in rows:
        if more := [each for each in cells[len(names) :] if each]:
            reason = f"row {number:,} has {more[0]!r} beyond its last named column"
            raise FormatError(path, reason, "Give each column a name, or pass columns")
        numbers.append(number)
        values.append([*cells[: len(names)], *[None] * (len(names) - len(cells))])
    frame = pl.DataFrame(values, dict.fromkeys(names, pl.String), orient="row")
    return Table(names, iter([(Places("row", np.array(numbers, np.int64)), frame)]))

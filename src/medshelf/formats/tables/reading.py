"""One table of any kind, checked, at once or as it is asked for; see the package."""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Mapping, Sequence
from contextlib import contextmanager
from pathlib import Path
from types import EllipsisType, MappingProxyType
from typing import Any

import polars as pl
from polars.io.plugins import register_io_source

from medshelf.core.errors import MedshelfError
from medshelf.formats.streams import IN_MEMORY, name_of
from medshelf.formats.tables.columns import Dtype, cast_columns, check_size
from medshelf.formats.tables.parts import Layout, kind_of, open_table, read_parquet, scan_parquet

_NONE: Mapping[str, Any] = MappingProxyType({})


def read_table(  # noqa: PLR0913 - each option is a way in which releases differ
    source: Path | bytes,
    *,
    kind: str | None = None,
    separator: str | EllipsisType | None = ...,
    encoding: str = "utf-8",
    quote: bool | None = None,
    comment: str | None = None,
    keep_blank: bool = False,
    columns: Sequence[str] | None = None,
    rest: bool = False,
    sheet: str | None = None,
    aliases: Mapping[str, Sequence[str]] = _NONE,
    required: Iterable[str] = (),
    dtypes: Mapping[str, Dtype] = _NONE,
    name: Path | None = None,
) -> pl.DataFrame:
    """Read a table whole; see `medshelf.formats.tables`.

    Args:
        source: The file, or its bytes.
        kind: As above; null goes by the suffix of the file, or of `name`.
        separator: One ASCII character instead of that of the kind; null makes a line one value.
        encoding: Of the text kinds; any that Python knows.
        quote: Whether a value may stand in double quotes. Null is as true, but a value in quotes
            that holds both a separator and a line end is refused: it may be a stray quote.
        comment: Lines that begin with this ASCII character are left out.
        keep_blank: Blank lines are rows of nulls, otherwise they are left out.
        columns: Names of the columns of a file without a header; of JSON, all keys it may have.
        rest: The last column takes all that is left of a line, and quotes are plain characters.
        sheet: Of a workbook; null is its only one.
        aliases: Name of a column to the names that some copies have instead.
        required: Columns that must be there, by their names after `aliases`.
        dtypes: Types of columns that shall not be text; those that are not there are passed over.
        name: What messages call a `source` of bytes.

    Raises:
        FormatError: The file cannot be opened, is damaged or too large, a row has another number of
            values than the header, or a value is not of its stated type.
        LayoutError: A required column is not there, or the workbook has no such sheet.
        MissingExtraError: It is a workbook, and openpyxl is not installed.
        SettingError: There is no such encoding or separator.
        UnknownNameError: There is no such kind.
    """
    layout = Layout(
        kind_of(name or name_of(source), kind),
        separator,
        encoding,
        quote,
        comment,
        keep_blank,
        columns,
        rest,
        sheet,
        aliases,
        tuple(required),
        dtypes,
    )
    with _named(name):
        if layout.kind == "parquet":
            return read_parquet(source, layout)
        path, frames, n_rows = name_of(source), list[pl.DataFrame](), 0
        table = open_table(source, layout, whole=True)
        for at, part in table.parts:
            n_rows += part.height
            check_size(path, n_rows, len(table.names))
            frames.append(cast_columns(path, part, dtypes, at))
        return pl.concat(frames)


def scan_table(  # noqa: PLR0913 - as read_table
    source: Path | bytes,
    *,
    kind: str | None = None,
    separator: str | EllipsisType | None = ...,
    encoding: str = "utf-8",
    quote: bool | None = None,
    comment: str | None = None,
    keep_blank: bool = False,
    columns: Sequence[str] | None = None,
    rest: bool = False,
    sheet: str | None = None,
    aliases: Mapping[str, Sequence[str]] = _NONE,
    required: Iterable[str] = (),
    dtypes: Mapping[str, Dtype] = _NONE,
    name: Path | None = None,
) -> pl.LazyFrame:
    """Scan a table of any size; the arguments are those of `read_table`.

    Rows come in parts of some MiB and are checked as by `read_table`, each time the frame is
    collected. JSON Lines have the keys of their first MiB as columns, unless `columns` says
    otherwise. Documents of JSON and workbooks are held whole.

    Raises:
        MedshelfError: As `read_table`, here or when the frame is collected.
    """
    layout = Layout(
        kind_of(name or name_of(source), kind),
        separator,
        encoding,
        quote,
        comment,
        keep_blank,
        columns,
        rest,
        sheet,
        aliases,
        tuple(required),
        dtypes,
    )
    with _named(name):
        if layout.kind == "parquet":
            frame = scan_parquet(source, layout)
            present = frame.collect_schema().names()
            return frame.cast({k: v for k, v in dtypes.items() if k in present})
        names = open_table(source, layout, whole=False).names
    schema = {each: dtypes.get(each, pl.String) for each in names}

    def parts(
        wanted: list[str] | None, condition: pl.Expr | None, n_rows: int | None, _: int | None
    ) -> Iterator[pl.DataFrame]:
        n_left = n_rows
        with _named(name):
            for at, part in open_table(source, layout, whole=False).parts:
                typed = cast_columns(name_of(source), part, dtypes, at)
                if n_left is not None:
                    typed = typed.head(n_left)
                    n_left -= typed.height
                typed = typed if wanted is None else typed.select(wanted)
                yield typed if condition is None else typed.filter(condition)
                if n_left == 0:
                    return

    return register_io_source(parts, schema=schema)


@contextmanager
def _named(name: Path | None) -> Iterator[None]:
    """Let messages about bytes say the name that was given for them."""
    try:
        yield
    except MedshelfError as error:
        if name is not None:
            error.problem = error.problem.replace(str(IN_MEMORY), str(name), 1)
        raise

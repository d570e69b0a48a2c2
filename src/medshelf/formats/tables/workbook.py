"""Rows of a sheet of an Excel workbook (xlsx), every value as text."""

from __future__ import annotations

import io
import warnings
import zipfile
from collections.abc import Iterator, Sequence
from datetime import datetime
from pathlib import Path
from typing import Any

from medshelf.core.errors import FormatError, LayoutError, MissingExtraError
from medshelf.formats.streams import name_of, reading, size_of

MAX_BYTES = 1 << 28
"""What the parts of a workbook may unpack to, in all: 256 MiB."""
MAX_CELLS = 20_000_000

_SMALLER = "Save the sheet as CSV and read that"


def sheet_rows(
    source: Path | bytes, sheet: str | None = None
) -> Iterator[tuple[int, list[str | None]]]:
    """Yield the number of each row that is not empty, from 1, and its values.

    Numbers are as Python writes them (`12`, `0.5`), dates ISO 8601, truth `true` and `false`; a
    formula gives the value that was stored with it.

    Args:
        source: The workbook or its bytes.
        sheet: Null is the only one.

    Raises:
        FormatError: It is no workbook, damaged, or larger than `MAX_BYTES` or `MAX_CELLS`.
        LayoutError: There is no such sheet, or none is named and there are several.
        MissingExtraError: openpyxl is not installed.
    """
    try:
        from openpyxl import load_workbook
    except ImportError as error:
        raise MissingExtraError("openpyxl", "tables") from error
    path = name_of(source)
    size_of(source)
    with reading(path):
        data = source if isinstance(source, bytes) else source.read_bytes()
    _check_size(path, data)
    try:
        with warnings.catch_warnings(action="ignore"):  # of styles and extensions
            book = load_workbook(io.BytesIO(data), read_only=True, data_only=True)
            chosen = _sheet(path, book, sheet)
            chosen.reset_dimensions()  # rows beyond what the file says they are would be dropped
            yield from _texts(path, chosen.iter_rows(values_only=True))
    except (FormatError, LayoutError):
        raise
    except Exception as error:  # openpyxl raises whatever the XML happens to break
        raise FormatError(path, f"it is no workbook that can be read ({error})") from error


def _check_size(path: Path, data: bytes) -> None:
    """Check what the archive says; zipfile unpacks no more than that."""
    try:
        with zipfile.ZipFile(io.BytesIO(data)) as archive:
            n_bytes = sum(each.file_size for each in archive.infolist())
    except (zipfile.BadZipFile, ValueError, NotImplementedError) as error:
        raise FormatError(path, f"it is no xlsx workbook ({error})") from error
    if n_bytes > MAX_BYTES:
        raise FormatError(path, f"it unpacks to {n_bytes:,} bytes of {MAX_BYTES:,}", _SMALLER)


def _sheet(path: Path, book: Any, name: str | None) -> Any:
    sheets = {each.title: each for each in book.worksheets}
    if name is None and len(sheets) == 1:
        return next(iter(sheets.values()))
    if name in sheets:
        return sheets[name]
    named = "its sheet is not named" if name is None else f"there is no sheet {name!r}"
    problem = f"{path}: {named}; it has {', '.join(map(repr, sheets)) or 'none'}"
    raise LayoutError(problem, "Pass sheet=, one of them")


def _texts(path: Path, rows: Iterator[Sequence[Any]]) -> Iterator[tuple[int, list[str | None]]]:
    n_cells = 0
    for number, row in enumerate(rows, 1):
        n_cells += len(row) + 1
        if n_cells > MAX_CELLS:
            raise FormatError(path, f"it has more than {MAX_CELLS:,} cells", _SMALLER)
        cells = [_text(each) for each in row]
        if any(cells):
            yield number, cells


def _text(value: Any) -> str | None:
    if isinstance(value, bool):
        return "true" if value else "false"
    if isinstance(value, datetime) and value.time() == value.min.time():
        return value.date().isoformat()
    return None if value is None else str(value) or None

"""JSON Lines of many million rows, scanned so that a row in the middle is near.

`tables.scan_table` checks each line and says where one is damaged, but takes the rows in Python and
in their order. Here polars reads them and skips what is not asked for; what it says of a damaged
line is less.
"""

from __future__ import annotations

import io
import json
from collections.abc import Sequence
from pathlib import Path

import polars as pl

from medshelf.core.errors import FormatError, LayoutError
from medshelf.formats.streams import name_of, reading

_END_BYTES = 1 << 20


def scan_lines(
    source: Path | bytes, keys: Sequence[str], *, row: str = "row", name: Path | None = None
) -> pl.LazyFrame:
    """Scan JSON Lines, an object in each; only the first and the last line are checked before.

    Args:
        source: The file, not compressed, or its bytes.
        keys: Of the objects, to be columns; others are left out.
        row: Column to make, the place of a row from 0.
        name: What messages call the file.

    Returns:
        Columns of text, and `row`; a value that is no text is its JSON text, an empty one null.

    Raises:
        FormatError: The file cannot be opened, is empty, or its first or last line is no object.
        LayoutError: One of these has not all `keys`.
    """
    path = name or name_of(source)
    for end in _ends(source, path):
        _check(end, keys, path)
    file = source if isinstance(source, Path) else io.BytesIO(source)
    frame = pl.scan_ndjson(file, schema=dict.fromkeys(keys, pl.String), row_index_name=row)
    return frame.with_columns(pl.when(pl.col(each) != "").then(each).alias(each) for each in keys)


def _ends(source: Path | bytes, path: Path) -> tuple[bytes, bytes]:
    """Return the first and the last line."""
    if isinstance(source, bytes):
        head, tail = source[:_END_BYTES], source[-_END_BYTES:]
    else:
        with reading(path), source.open("rb") as file:
            head = file.read(_END_BYTES)
            file.seek(max(0, source.stat().st_size - _END_BYTES))
            tail = file.read()
    return head.lstrip().partition(b"\n")[0], tail.rstrip().rpartition(b"\n")[2]


def _check(line: bytes, keys: Sequence[str], path: Path) -> None:
    try:
        found = json.loads(line)
    except (ValueError, RecursionError) as error:
        reason = f"its first or last line is no JSON ({error}), so it is not whole"
        raise FormatError(path, reason, "Fetch it again") from error
    if not isinstance(found, dict) or (missing := [each for each in keys if each not in found]):
        what = ", ".join(missing) if isinstance(found, dict) else "object"
        problem = f"{path}: its first or last line has no {what}"
        raise LayoutError(problem, "Check that it is the release which the layout describes")

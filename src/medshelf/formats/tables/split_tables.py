"""Tables that a release is made of: one per split, one under the other."""

from __future__ import annotations

import json
from collections.abc import Iterable, Mapping, Sequence
from pathlib import Path
from typing import Any

import polars as pl

from medshelf.core.errors import LayoutError
from medshelf.core.issues import Issue
from medshelf.formats.entry import Entry, read_object
from medshelf.formats.tables import read_table
from medshelf.formats.tree import find_one, list_files, match

PART, ROW = "(part)", "(row)"
"""Columns that say from where a row is; no release calls its own so."""


def list_named(root: Path, *names: str) -> pl.DataFrame:
    """List the files below a folder; where there is none, say which ones are wanted.

    Raises:
        LayoutError: As `tree.list_files`.
        FormatError: As `tree.list_files`.
    """
    try:
        return list_files(root)
    except LayoutError as error:
        error.remedy += f"; it should have {' and '.join(names)}"
        raise


def read_parts(
    root: Path, files: pl.DataFrame, parts: Mapping[str, Sequence[str]], **options: Any
) -> tuple[pl.DataFrame, tuple[Issue, ...]]:
    """Read the tables of the parts of a release.

    Args:
        root: The folder that was listed.
        files: Rows of `tree.list_files`.
        parts: Name of a part, e.g. a split, to what its table may be called, as patterns.
        options: For `stack_tables`.

    Returns:
        The rows as `stack_tables` gives them, and an Issue for each table that is not there.

    Raises:
        LayoutError: None of them is there, one is there several times, or lacks a column.
        FormatError: One is truncated or damaged.
    """
    found = {
        part: names
        for part, names in parts.items()
        if any(match(files, name).height for name in names)
    }
    tables = [(part, find_one(files, *names)) for part, names in (found or parts).items()]
    absent = {part: " or ".join(names) for part, names in parts.items() if part not in found}
    issues = [
        Issue("file-missing", "error", part, f"its table {names} is not there", "Fetch the rest")
        for part, names in absent.items()
    ]
    return stack_tables(root, tables, **options), tuple(issues)


def stack_tables(
    root: Path, tables: Iterable[tuple[str, Entry]], *, items: str = "", **options: Any
) -> pl.DataFrame:
    """Read tables and put one under the other.

    Args:
        root: The folder that was listed.
        tables: What each is called, and where it is.
        items: Key of the list of rows, where a file is a JSON object that has other keys too.
        options: For `tables.read_table`.

    Returns:
        All rows, with the columns `PART`, what their table is called, and `ROW`, the place in it
        from 0; columns that one table lacks are null there.

    Raises:
        LayoutError: A table lacks a column, or the key `items`.
        FormatError: One is truncated or damaged.
    """
    stacked = []
    for part, entry in tables:
        source, kind = entry.source(root), options.get("kind")
        if items:
            rows = read_object(root, entry, **{items: list})[items]
            source, kind = json.dumps(rows).encode(), "json"
        table = read_table(source, **{"name": root / entry.location, **options, "kind": kind})
        place = pl.int_range(pl.len()).alias(ROW)
        stacked.append(table.with_columns(place, pl.lit(part).alias(PART)))
    return pl.concat(stacked, how="diagonal")

"""The catalog as one file: JSON lines, CSV or Parquet."""

from __future__ import annotations

import io
import json
from collections.abc import Iterable
from typing import Any

from medshelf.catalog.record import Record
from medshelf.catalog.table import catalog_table


def jsonl(records: Iterable[Record]) -> bytes:
    """Return complete records, one JSON object a line in UTF-8, that `Record` reads back."""
    lines = (json.dumps(each.model_dump(mode="json"), ensure_ascii=False) for each in records)
    return "".join(f"{line}\n" for line in lines).encode()


def csv(records: Iterable[Record], language: str | None = None) -> bytes:
    """Return the table with a cell per fact, in UTF-8.

    A list is a JSON array in its cell, so that no value is taken for two; what is not known is an
    empty cell.

    Args:
        records: The datasets.
        language: As for `catalog_table`; the ids of terms by default.

    Raises:
        UnknownNameError: There is no such language.
    """
    import polars as pl

    table = catalog_table(language, records)
    lists = [name for name, kind in table.schema.items() if isinstance(kind, pl.List)]
    texts = [pl.Series(name, [_array(each) for each in table[name].to_list()]) for name in lists]
    return table.with_columns(texts).write_csv().encode()


def parquet(records: Iterable[Record], language: str | None = None) -> bytes:
    """Return the table with its types; lists stay lists.

    Args:
        records: The datasets.
        language: As for `catalog_table`; the ids of terms by default.

    Raises:
        UnknownNameError: There is no such language.
    """
    file = io.BytesIO()
    catalog_table(language, records).write_parquet(file, compression="zstd", statistics=False)
    return file.getvalue()


def _array(values: list[Any] | None) -> str | None:
    return None if values is None else json.dumps(values, ensure_ascii=False)

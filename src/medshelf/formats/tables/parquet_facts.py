"""What a Parquet file says of its pictures, without the pictures.

The library `datasets` stores a picture as a struct of `bytes` and `path`; the bytes are nearly all
of the file. polars reads a struct whole, so PyArrow reads the columns here.
"""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any, NamedTuple

import polars as pl

from medshelf.core.errors import FormatError, MissingExtraError
from medshelf.formats.streams import reading


class Facts(NamedTuple):
    """Rows of a Parquet file.

    Attributes:
        rows: All columns, structs with a `path` without their `bytes`.
        features: What `datasets` says of the columns in the file's metadata; empty if nothing.
    """

    rows: pl.DataFrame
    features: dict[str, Any]


def read_facts(path: Path) -> Facts:
    """Read all of a Parquet file but the bytes of its pictures.

    Raises:
        FormatError: The file cannot be opened, or is no Parquet file.
        MissingExtraError: PyArrow is not installed.
    """
    try:
        import pyarrow as pa  # type: ignore[import-untyped, unused-ignore]
        import pyarrow.parquet as pq  # type: ignore[import-untyped, unused-ignore]
    except ImportError as error:
        raise MissingExtraError("pyarrow", "parquet") from error
    try:
        with reading(path), pq.ParquetFile(path) as file:
            leaves = [file.schema.column(n).path for n in range(len(file.schema))]
            pictures = {each.removesuffix("path") for each in leaves if each.endswith(".path")}
            kept = [each for each in leaves if f"{each}\0".rpartition("bytes\0")[0] not in pictures]
            rows = pl.DataFrame(file.read(columns=kept))
            stored = (file.metadata.metadata or {}).get(b"huggingface", b"{}")
        about = json.loads(stored)
    except (pa.ArrowException, ValueError) as error:
        raise FormatError(path, f"it is no Parquet file, or damaged ({error})") from error
    info = about.get("info") if isinstance(about, dict) else None
    features = info.get("features") if isinstance(info, dict) else None
    return Facts(rows, features if isinstance(features, dict) else {})

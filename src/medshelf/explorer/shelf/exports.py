"""The rows that a state chooses, as files: a manifest, or plain columns."""

from __future__ import annotations

import tempfile
from pathlib import Path

import numpy as np
import polars as pl

from medshelf.core.manifest import SCHEMA, TEXT, Manifest
from medshelf.explorer.shelf.collection import Collection

_PRESENT = 0.5


def as_manifest(shown: Collection, rows: np.ndarray) -> bytes:
    """Return rows as a Parquet file that every medshelf command takes."""
    manifest = shown.manifest
    with tempfile.TemporaryDirectory() as folder:
        path = Path(folder) / "samples.parquet"
        Manifest(_at(manifest.frame, rows), manifest.meta, manifest.root).write(path)
        return path.read_bytes()


def as_csv(shown: Collection, rows: np.ndarray) -> bytes:
    """Return the columns that hold one value, the text, and the labels that are present."""
    nested = [name for name, kind in SCHEMA.items() if kind.is_nested()]
    present = pl.element().struct.field("value") >= _PRESENT
    named = pl.col("labels").list.eval(pl.element().struct.field("name").filter(present))
    table = _at(shown.manifest.frame, rows).select(
        pl.all().exclude(nested),
        *(pl.col("text").struct.field(each.name) for each in TEXT.fields),
        *(pl.col(each).list.join("; ") for each in ("options", "answers")),
        labels=named.list.join("; "),
    )
    return table.collect().write_csv().encode()


def _at(frame: pl.LazyFrame, rows: np.ndarray) -> pl.LazyFrame:
    return frame.select(pl.all().gather(pl.lit(pl.Series(rows, dtype=pl.Int64))))

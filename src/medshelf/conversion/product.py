"""What every product says of itself: where each sample came from, under which terms, how made."""

from __future__ import annotations

import json
from collections.abc import Iterator
from dataclasses import asdict
from itertools import islice
from pathlib import Path
from typing import Any

import polars as pl

from medshelf.conversion.job import Job, Record
from medshelf.conversion.request import Converted, Request
from medshelf.core.files import atomic_path, write_text
from medshelf.core.version import __version__

CARD, PROVENANCE = "medshelf.json", "provenance.parquet"
_AT_ONCE = 20_000
_SOURCES = pl.Schema(
    {
        "sample_id": pl.String,
        "key": pl.String,
        "role": pl.String,
        "name": pl.String,
        "path": pl.String,
        "member": pl.String,
        "index": pl.Int64,
        "sha256": pl.String,
    }
)


def write_provenance(job: Job) -> None:
    """Write one row per image and mask of the written samples, with the hash of its raw file.

    The hash is null where no file was opened.
    """
    if job.shards.is_dir():
        rows = _stated_sources(job.sources()).lazy()
    else:
        media = pl.scan_parquet(job.table, glob=False).select("sample_id", "key", "media")
        fields = media.explode("media").unnest("media").with_columns(sha256=pl.lit(None))
        rows = fields.select(pl.col(name).cast(kind) for name, kind in _SOURCES.items())
    with atomic_path(job.folder / PROVENANCE) as part:
        rows.sink_parquet(part)


def _stated_sources(sources: Iterator[Record]) -> pl.DataFrame:
    """Return them as a table; some at a time, as dictionaries take far more memory."""
    frames = [pl.DataFrame(schema=_SOURCES)]
    while some := list(islice(sources, _AT_ONCE)):
        frames.append(pl.DataFrame(some, schema=_SOURCES, orient="row"))
    return pl.concat(frames)


def write_card(job: Job, request: Request, converted: Converted, key: str) -> None:
    """Write source, terms, options and losses of the product, as JSON."""
    meta = job.meta
    card: dict[str, Any] = {
        "dataset": meta.dataset,
        "name": meta.name,
        "version": meta.version,
        "licence": meta.licence,
        "citation": meta.citation,
        "label_origin": meta.label_origin,
        "limitations": list(meta.limitations),
        "reader_options": dict(meta.options),
        "raw_files": dict(meta.files),
        "modified": meta.modified,
        "synthetic": meta.synthetic,
        "format": request.target,
        "options": dict(request.options),
        "preparation": asdict(request.preparation),
        "dropped": list(converted.dropped),
        "n_samples": {part.name: part.n_samples for part in job.parts},
        "n_written": converted.n_written,
        "skipped": dict(converted.skipped),
        "medshelf": __version__,
        "key": key,
        "notice": "Not for clinical use.",
    }
    write_text(job.folder / CARD, json.dumps(card, indent=2, ensure_ascii=False) + "\n")


def stated_key(card: str | None) -> str | None:
    """Return the key of the conversion that wrote a card; null where none did."""
    try:
        key = json.loads(card or "")["key"]
    except (ValueError, KeyError, TypeError):
        return None
    return key if isinstance(key, str) else None


def stated_product(folder: Path | str, card: str) -> Converted:
    """Return what the card of the product in a folder, or at a URL, says."""
    said = json.loads(card)
    return Converted(folder, said["n_written"], said["skipped"], tuple(said["dropped"]))

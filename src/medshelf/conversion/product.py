"""What every product says of itself: where each sample came from, under which terms, how made."""

from __future__ import annotations

import json
from dataclasses import asdict
from pathlib import Path
from typing import Any

import polars as pl

from medshelf.conversion.job import Job
from medshelf.conversion.request import Converted, Request
from medshelf.core.files import atomic_path, write_text
from medshelf.core.version import __version__

CARD, PROVENANCE = "medshelf.json", "provenance.parquet"
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
        rows = pl.DataFrame(list(job.sources()), schema=_SOURCES, orient="row").lazy()
    else:
        media = pl.scan_parquet(job.table, glob=False).select("sample_id", "key", "media")
        fields = media.explode("media").unnest("media").with_columns(sha256=pl.lit(None))
        rows = fields.select(pl.col(name).cast(kind) for name, kind in _SOURCES.items())
    with atomic_path(job.folder / PROVENANCE) as part:
        rows.sink_parquet(part)


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


def stated_key(folder: Path) -> str | None:
    """Return the key of the conversion that made a folder; null where none did."""
    try:
        key = json.loads((folder / CARD).read_text("utf-8"))["key"]
    except (OSError, ValueError, KeyError, TypeError):
        return None
    return key if isinstance(key, str) else None


def stated_product(folder: Path) -> Converted:
    """Return what the card of a product says."""
    card = json.loads((folder / CARD).read_text("utf-8"))
    return Converted(folder, card["n_written"], card["skipped"], tuple(card["dropped"]))

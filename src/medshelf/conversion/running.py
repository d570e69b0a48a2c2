"""From a manifest to the files of a writer: resumable, the same bytes however the work is done."""

from __future__ import annotations

from dataclasses import replace
from pathlib import Path

import polars as pl

from medshelf.conversion.contents import check_losses, contents
from medshelf.conversion.delivery.object_store import place_of
from medshelf.conversion.delivery.staging import Stage, key_of
from medshelf.conversion.job import Job, Part, shard_size_of
from medshelf.conversion.naming import with_keys
from medshelf.conversion.product import stated_product, write_card, write_provenance
from medshelf.conversion.request import Converted, Labour, Request
from medshelf.conversion.sharding import ShardTask, writer_module
from medshelf.core.errors import FormatError, UnknownNameError
from medshelf.core.files import storage_errors
from medshelf.core.manifest import Manifest
from medshelf.parallel.run import run

_SPLITS = ("train", "val", "test", None)


def convert(
    manifest: Manifest, folder: Path | str, request: Request, labour: Labour | None = None
) -> Converted:
    """Write a manifest's samples in another format.

    The product appears under its name when it is whole. Until then it grows in a hidden folder
    beside it, where a run that was stopped goes on.

    Args:
        manifest: The samples, see `choosing.choose`.
        folder: The product: a folder, or as text an fsspec URL, e.g. `s3://bucket/folder`, where it
            is copied to when it is whole, see `object_store`.
        request: What is asked for.
        labour: How the work is done.

    Raises:
        UnknownNameError: There is no such writer, option, or content to drop.
        SettingError: The format cannot carry something that was not given up, the writer refuses
            the dataset, or a sample cannot be prepared as asked.
        StorageError: The folder is there already, cannot be written, or another run writes it.
        MissingExtraError: A URL is given, and fsspec or what it needs for it is not installed.
        FormatError: An image cannot be read, and `on_error` is `stop`.
    """
    writer = writer_module(request.target)
    if unknown := sorted(set(request.options) - set(writer.OPTIONS)):
        raise UnknownNameError(f"option of {request.target}", unknown[0], writer.OPTIONS)
    place = place_of(folder)
    # what counts and orders the rows would read and decode the table anew each time
    manifest = replace(manifest, frame=manifest.frame.collect().lazy())
    dropped = check_losses(contents(manifest), writer.CARRIES, request.drop, request.target)
    plan = writer.plan(manifest, request.options)
    if refuse := getattr(writer, "check_preparation", None):
        refuse(request.preparation, plan)
    table = _ordered(manifest)
    stage = Stage(place, key_of(table, manifest.meta, request, plan))
    if request.existing == "resume" and (done := stage.product()):
        return done
    with stage.opened(manifest.root, request.existing) as is_whole:
        if not is_whole:
            with storage_errors(stage.table):
                table.write_parquet(stage.table)
            job = Job(
                target=request.target,
                folder=stage.folder,
                meta=manifest.meta,
                preparation=request.preparation,
                options=request.options,
                plan=plan,
                dropped=dropped,
                parts=_parts(table, request.shard_size or shard_size_of(writer, plan)),
                shards=stage.shards,
                table=stage.table,
                root=manifest.root,
            )
            _write(job, stage, request, labour or Labour())
    return stated_product(place.name, place.card() or "")


def _write(job: Job, stage: Stage, request: Request, labour: Labour) -> None:
    skipped = _write_shards(job, stage, request, labour)
    stage.tidy()
    writer_module(job.target).finish(job)
    write_provenance(job)
    n_written = sum(part.n_samples for part in job.parts) - len(skipped)
    converted = Converted(stage.place.name, n_written, skipped, job.dropped)
    write_card(job, request, converted, stage.key)


def _ordered(manifest: Manifest) -> pl.DataFrame:
    """Return the rows with their keys, one split after the other."""
    rows = with_keys(manifest.frame).collect()
    return pl.concat(
        rows.filter(pl.col("split").cast(pl.String).eq_missing(pl.lit(split, pl.String)))
        for split in _SPLITS
    )


def _parts(table: pl.DataFrame, shard_size: int) -> tuple[Part, ...]:
    counts = dict(table.group_by(pl.col("split").cast(pl.String)).len().iter_rows())
    parts, first = [], 0
    for split in _SPLITS:
        if n := counts.get(split, 0):
            parts.append(Part(split, first, n, shard_size or n))
            first += n
    return tuple(parts)


def _write_shards(job: Job, stage: Stage, request: Request, labour: Labour) -> dict[str, str]:
    """Write all shards; return the samples that are not there, with the reason."""
    skipped: dict[str, str] = {}
    for part in job.parts if shard_size_of(writer_module(job.target), job.plan) else ():
        done = run(
            ShardTask(job, part, request.on_error),
            part.n_samples,
            stage.shards / part.name,
            shard_size=part.shard_size,
            workers=labour.workers,
            engine=labour.engine,
            address=labour.address,
            title=f"Writing {part.name}",
            suffix=".jsonl",
            key=stage.key,
        )
        lost = {part.first + each.item: each.reason for each in done.lost}
        ids = pl.scan_parquet(stage.table, glob=False).select("sample_id").collect()["sample_id"]
        skipped |= {ids[row]: reason for row, reason in lost.items()}
    skipped |= job.failures()
    if skipped and request.on_error == "stop":
        name, reason = next(iter(skipped.items()))
        remedy = "Leave such samples out with --on-error skip, or begin anew with --overwrite"
        raise FormatError(job.root, f"sample {name} cannot be converted: {reason}", remedy)
    return skipped

"""One pass over the files of a manifest, kept in the cache while nothing has changed."""

from __future__ import annotations

import hashlib
import json
import shutil
from pathlib import Path

import polars as pl

from medshelf.core.files import atomic_path, lock
from medshelf.core.manifest import Manifest
from medshelf.core.settings import Settings
from medshelf.core.version import __version__
from medshelf.formats.tree import fingerprint
from medshelf.parallel.run import Outcome, run
from medshelf.quality.measures import MEDIA_MEASURES, REGION_MEASURES, Measures
from medshelf.quality.measuring.digests import ALGORITHM
from medshelf.quality.measuring.one_sample import ROLES
from medshelf.quality.measuring.task import REGION, MeasuringTask
from medshelf.quality.passes import Passes

LAYOUT = 2
"""Counts up when what is measured changes."""

_SHARD_SIZES = {3: 8}
_SHARD_SIZE = 256
_ROW_GROUP = 1 << 13


def measure(manifest: Manifest, passes: Passes) -> Measures:
    """Decode every image and mask of a manifest once and tell what they are.

    What was measured is kept below `$XDG_CACHE_HOME/medshelf/measures` and taken from there while
    the rows of the manifest, its legend, and names, sizes and dates of the raw files are the same.
    A run that was killed goes on where it ended. The tables do not depend on the number of workers.

    Args:
        manifest: The rows.
        passes: How the pass is run; 0 workers measure in this process, which a decoder that
            crashes ends.

    Raises:
        StorageError: The cache cannot be written.
        LayoutError: The raw tree cannot be listed, or the legend has a value that is no number.
        JobError: As `parallel.run`.
    """
    rows = _rows_of(manifest)
    cache = Settings.from_environment().cache / "measures" / manifest.meta.dataset
    folder = cache / _digest_of(rows, manifest)
    media, regions = folder / "media.parquet", folder / "regions.parquet"
    if not (media.is_file() and regions.is_file()):
        with lock(folder / "all"):
            if not (media.is_file() and regions.is_file()):
                _pass(rows, manifest, passes, folder)
    return Measures(pl.scan_parquet(media, glob=False), pl.scan_parquet(regions, glob=False))


def _rows_of(manifest: Manifest) -> pl.DataFrame:
    """Return what the measurement needs of each row of the manifest that has images or masks."""
    dataset = (
        pl.col("extra")
        .list.eval(pl.element().filter(pl.element().struct["name"] == "dataset").struct["value"])
        .list.first()
    )
    seen = pl.col("media").list.eval(pl.element().struct["role"].is_in(ROLES)).list.any()
    rows = manifest.frame.with_row_index("row").filter(seen)
    return rows.select("row", "sample_id", dataset.alias("dataset"), "media").collect()


def _digest_of(rows: pl.DataFrame, manifest: Manifest) -> str:
    """Return a digest of all that the tables depend on."""
    flat = rows.explode("media").unnest("media").with_columns(pl.col("role").cast(pl.String))
    meta = manifest.meta
    legends = sorted((k, v) for k, v in meta.options.items() if k.startswith("legend"))
    root = manifest.root
    parts = [__version__, pl.__version__, LAYOUT, ALGORITHM, legends, meta.dimensions]
    digest = hashlib.sha256(json.dumps(parts).encode())
    digest.update(flat.hash_rows(seed=0).to_numpy().tobytes())
    digest.update((fingerprint(root) if root.is_dir() else "no such folder").encode())
    digest.update(str(root.resolve()).encode())
    return digest.hexdigest()[:32]


def _pass(rows: pl.DataFrame, manifest: Manifest, passes: Passes, folder: Path) -> None:
    with atomic_path(folder / "rows.parquet") as part:
        rows.write_parquet(part, row_group_size=_ROW_GROUP)
    task = MeasuringTask(folder / "rows.parquet", manifest.root.resolve(), manifest.meta)
    outcome = run(
        task,
        rows.height,
        folder / "shards",
        shard_size=_SHARD_SIZES.get(manifest.meta.dimensions or 0, _SHARD_SIZE),
        workers=passes.workers,
        engine=passes.engine,
        address=passes.address,
        title="measuring",
        suffix=".parquet",
        key=folder.name,
    )
    _join(rows, outcome, folder)
    shutil.rmtree(folder / "shards", ignore_errors=True)


def _join(rows: pl.DataFrame, outcome: Outcome, folder: Path) -> None:
    """Write the shards as one file per table, media that ended their process in their places."""
    empty = pl.LazyFrame(schema=MEDIA_MEASURES), pl.LazyFrame(schema=REGION_MEASURES)
    media, regions = empty
    if outcome.paths:
        shards = pl.scan_parquet(list(outcome.paths), glob=False)
        media = shards.select(MEDIA_MEASURES.names()).filter(pl.col("row").is_not_null())
        names = {REGION + name: name for name in REGION_MEASURES}
        regions = shards.select(list(names)).rename(names).filter(pl.col("row").is_not_null())
    if outcome.lost:
        media = media.merge_sorted(_crashed(rows, outcome).lazy(), key="row")
    for name, table in (("regions", regions), ("media", media)):
        with atomic_path(folder / f"{name}.parquet") as part:
            table.sink_parquet(part, row_group_size=_ROW_GROUP, maintain_order=True)


def _crashed(rows: pl.DataFrame, outcome: Outcome) -> pl.DataFrame:
    reasons = pl.Series("error_message", [each.reason for each in outcome.lost], pl.String)
    lost = rows[[each.item for each in outcome.lost]].with_columns(reasons)
    places = pl.int_ranges(pl.col("media").list.len()).alias("place")
    flat = lost.with_columns(places).explode("media", "place").unnest("media")
    found = flat.filter(pl.col("role").is_in(ROLES)).with_columns(error=pl.lit("crash"))
    missing = [pl.lit(None).alias(each) for each in MEDIA_MEASURES if each not in found.columns]
    return found.with_columns(missing).select(
        pl.col(name).cast(kind) for name, kind in MEDIA_MEASURES.items()
    )

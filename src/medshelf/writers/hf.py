"""A repository of the Hugging Face Hub: Parquet files with images within, and a card.

    README.md                               card; its head names splits, columns and classes
    data/train-00000-of-00002.parquet       one row per sample
    data/validation-00000-of-00001.parquet  the split val; samples without one are train

Columns: `sample_id`; images and masks (Image, volumes as Nifti); `label` (ClassLabel); `labels`
with a number per finding, null where it is not stated; `objects` (boxes as x, y, width, height) or
`shapes`; texts, questions, `messages` (dialogues), and what else is stated of a sample.

Source: https://huggingface.co/docs/datasets/repository_structure
"""

from __future__ import annotations

from collections.abc import Callable, Iterator, Mapping
from contextlib import contextmanager
from typing import Any

import polars as pl

from medshelf.conversion.contents import CONTENTS
from medshelf.conversion.job import Job, Part, Record
from medshelf.conversion.preparation import Preparation
from medshelf.conversion.prepared import Prepared
from medshelf.conversion.tabular.hub_card import card
from medshelf.conversion.tabular.hub_features import arrow, arrow_schema
from medshelf.conversion.tabular.hub_table import HubTable
from medshelf.conversion.tabular.media_files import File, MediaFiles, MovedShapes
from medshelf.core.errors import SettingError
from medshelf.core.files import atomic_path, make_folder, write_text
from medshelf.core.manifest import SCHEMA, Manifest

CARRIES = frozenset(CONTENTS) - {"videos", "signals"}
OPTIONS: Mapping[str, str] = {}
SHARD_SIZE = 512

_VOLUMES_PER_FILE, _ROWS_PER_FILE = 16, 500_000
_GROUP_BYTES, _GROUP_ROWS, _TEXT_ROWS = 32 << 20, 100, 10_000
_VALIDATION = {"val": "validation"}


def plan(manifest: Manifest, options: Mapping[str, str]) -> dict[str, Any]:  # noqa: ARG001
    """Return the columns.

    Raises:
        SettingError: An image is a picture in some samples and a volume in others, and the like;
            see `flat_columns.columns_of`.
        MissingExtraError: PyArrow is not installed.
    """
    hub = HubTable.of(manifest)
    arrow()
    media = hub.columns.media
    size = _VOLUMES_PER_FILE if any(each.is_volume for each in media) else SHARD_SIZE
    codes = manifest.frame.select(pl.col("language").drop_nulls().unique()).collect()["language"]
    languages = sorted({each.split("-")[0].lower() for each in codes})
    return {**hub.to_dict(), "shard_size": size if media else 0, "languages": languages}


def check_preparation(preparation: Preparation, plan: Mapping[str, Any]) -> None:
    """Refuse to prepare images where samples have none.

    Raises:
        SettingError: See above.
    """
    if preparation.alters and not plan["shard_size"]:
        problem = "The samples have no images, so they cannot be prepared"
        raise SettingError(problem, "Leave --size and the like out")


@contextmanager
def shard(job: Job, part: Part, number: int) -> Iterator[Callable[[Prepared], Record]]:
    """Give a function that adds one sample to a Parquet file."""
    first = part.first + number * part.shard_size
    table = pl.scan_parquet(job.table, glob=False).slice(first, part.shard_size)
    with _opened(job, part, number) as file:
        rows = _Rows(file, job, table.collect())
        yield rows.add
        rows.flush()


def finish(job: Job) -> None:
    """Write the card; and the rows, where samples have neither images nor masks."""
    hub = HubTable.from_dict(job.plan)
    if not hub.columns.media:
        _write_rows(job, hub)
    n_samples = {
        _split(job, part): sum(1 for _ in job.records(part))
        if hub.columns.media
        else part.n_samples
        for part in job.parts
    }
    write_text(job.folder / "README.md", card(job, hub, n_samples, list(job.plan["languages"])))


class _Rows:
    """Samples on their way into a file, written as soon as they are many or large."""

    def __init__(self, file: Any, job: Job, table: pl.DataFrame) -> None:
        self._file, self._hub = file, HubTable.from_dict(job.plan)
        self._moves = job.preparation.moves
        self._schema = file.schema
        self._table = table
        self._place = {key: row for row, key in enumerate(table["key"])}
        self._waiting: list[tuple[int, dict[str, File | None], MovedShapes]] = []
        self._size_bytes = 0

    def add(self, sample: Prepared) -> Record:
        """Encode a sample; nothing of it is kept if that fails."""
        media = MediaFiles(sample)
        files = {each.column: media.file(each) for each in self._hub.columns.media}
        self._waiting.append((self._place[sample.key], files, media.moved_shapes()))
        self._size_bytes += sum(len(each[0]) for each in files.values() if each)
        if self._size_bytes >= _GROUP_BYTES or len(self._waiting) >= _GROUP_ROWS:
            self.flush()
        return {"key": sample.key}

    def flush(self) -> None:
        """Write what waits as one row group."""
        if not self._waiting:
            return
        places, files, shapes = zip(*self._waiting, strict=True)
        rows = self._table[list(places)]
        if self._moves:
            rows = rows.with_columns(pl.Series("shapes", shapes, SCHEMA["shapes"]))
        table = _as_arrow(self._hub.rows(rows))
        for column in self._hub.columns.media:
            name, kind = column.column, self._schema.field(column.column).type
            keys = rows["key"].to_list()
            values = [_stored(key, each[name]) for key, each in zip(keys, files, strict=True)]
            table = table.append_column(name, arrow().array(values, kind))
        self._file.write_table(table.select(self._schema.names).cast(self._schema))
        self._waiting, self._size_bytes = [], 0


def _write_rows(job: Job, hub: HubTable) -> None:
    for part in job.parts:
        for number in range(_n_files(part, hub)):
            size = min(part.shard_size, _ROWS_PER_FILE)
            rows = pl.scan_parquet(job.table, glob=False).slice(
                part.first + number * size, min(size, part.n_samples - number * size)
            )
            with _opened(job, part, number) as file:
                table = _as_arrow(hub.rows(rows.collect()))
                table = table.select(file.schema.names).cast(file.schema)
                file.write_table(table, row_group_size=_TEXT_ROWS)


def _n_files(part: Part, hub: HubTable) -> int:
    if hub.columns.media:
        return part.n_shards
    return -(-part.n_samples // min(part.shard_size, _ROWS_PER_FILE))


@contextmanager
def _opened(job: Job, part: Part, number: int) -> Iterator[Any]:
    """Give a `pyarrow.parquet.ParquetWriter` of one file."""
    hub = HubTable.from_dict(job.plan)
    schema = arrow_schema(hub.features())
    name = f"{_split(job, part)}-{number:05d}-of-{_n_files(part, hub):05d}.parquet"
    make_folder(job.folder / "data")
    with (
        atomic_path(job.folder / "data" / name) as path,
        arrow().parquet.ParquetWriter(
            path, schema, compression="zstd", use_dictionary=not hub.columns.media
        ) as file,
    ):
        yield file


def _as_arrow(rows: pl.DataFrame) -> Any:
    return rows.to_arrow(compat_level=pl.CompatLevel.oldest())


def _stored(key: str, file: File | None) -> dict[str, Any] | None:
    return None if file is None else {"bytes": file[0], "path": f"{key}.{file[1]}"}


def _split(job: Job, part: Part) -> str:
    if part.split is None:
        return "train" if len(job.parts) == 1 else "unsplit"
    return _VALIDATION.get(part.split, part.split)

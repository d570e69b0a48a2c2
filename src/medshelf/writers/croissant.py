"""Pictures, volumes and tables with Croissant metadata, which says how they belong together.

    croissant.json           files with hashes, splits, classes, and the records below
    data/samples.parquet     record set `samples`: one row per sample
    data/shapes.parquet      one row per shape, sample_id joins it; likewise turns, extra, labels
    image/train/p001.png     record set `image`: the picture with its sample; also mask/..., or
                             .jpg and .nii.gz; `all` where samples have no split

With `images=none` no image is opened: `data/media.parquet` names the raw files instead.

Source: https://docs.mlcommons.org/croissant/docs/croissant-spec.html
"""

from __future__ import annotations

import hashlib
import json
from collections.abc import Callable, Iterator, Mapping
from contextlib import contextmanager
from itertools import islice
from typing import Any

import polars as pl

from medshelf.catalog.export.croissant import Json
from medshelf.catalog.export.croissant_context import VERSIONS
from medshelf.conversion.contents import CONTENTS
from medshelf.conversion.job import Job, Part, Record
from medshelf.conversion.preparation import Preparation
from medshelf.conversion.prepared import Prepared
from medshelf.conversion.tabular import croissant_metadata as described
from medshelf.conversion.tabular.croissant_tables import (
    class_records,
    finding_records,
    part_fields,
    part_tables,
    sample_fields,
    sample_table,
)
from medshelf.conversion.tabular.flat_columns import Columns, MediaColumn, columns_of
from medshelf.conversion.tabular.media_files import MediaFiles
from medshelf.core.columns import chosen
from medshelf.core.errors import SettingError
from medshelf.core.files import atomic_path, make_folder, write_text
from medshelf.core.manifest import SCHEMA, Manifest

CARRIES = frozenset(CONTENTS) - {"videos", "signals"}
OPTIONS: Mapping[str, str] = {
    "images": "files (default), or none: tables only, with the names of the raw files",
    "version": "of Croissant: 1.1 (default) or 1.0",
}
SHARD_SIZE = 256

_VOLUMES_PER_SHARD, _AT_ONCE = 16, 20_000


def plan(manifest: Manifest, options: Mapping[str, str]) -> dict[str, Any]:
    """Return the columns, and what is said of the dataset.

    Raises:
        UnknownNameError: An option has another value.
        SettingError: An image is a picture in some samples and a volume in others, and the like;
            see `flat_columns.columns_of`.
    """
    bare = chosen("images", options.get("images", ""), ("files", "none")) == "none"
    version = chosen("version", options.get("version", ""), VERSIONS) or "1.1"
    columns = columns_of(manifest)
    size = _VOLUMES_PER_SHARD if any(each.is_volume for each in columns.media) else SHARD_SIZE
    return {
        "columns": columns.to_dict(),
        "head": described.head(manifest.meta, version),
        "shard_size": 0 if bare or not columns.media else size,
    }


def check_preparation(preparation: Preparation, plan: Mapping[str, Any]) -> None:
    """Refuse to prepare images where none are written.

    Raises:
        SettingError: See above.
    """
    if preparation.alters and not plan["shard_size"]:
        problem = "No images are written, so they cannot be prepared"
        raise SettingError(problem, "Leave --size and the like out, or images=none")


@contextmanager
def shard(job: Job, part: Part, number: int) -> Iterator[Callable[[Prepared], Record]]:  # noqa: ARG001
    """Give a function that writes the images and masks of one sample."""
    columns = Columns.from_dict(job.plan["columns"])

    def write(sample: Prepared) -> Record:
        media = MediaFiles(sample)
        found = [(each.column, media.file(each)) for each in columns.media]
        record: Record = {"key": sample.key, "shapes": media.moved_shapes()}
        for column, file in found:
            record[f"file:{column}"] = None
            if file is not None:
                name = f"{column}/{part.name}/{sample.key}.{file[1]}"
                make_folder((job.folder / name).parent)
                with atomic_path(job.folder / name) as path:
                    path.write_bytes(file[0])
                record[f"file:{column}"] = name
        return record

    yield write


def finish(job: Job) -> None:
    """Write the tables, and what describes them."""
    columns = Columns.from_dict(job.plan["columns"])
    rows = pl.read_parquet(job.table, glob=False)
    table = sample_table(rows, columns)
    if with_files := bool(job.plan["shard_size"]):
        rows, table = _written(job, rows, table, columns)
    splits = [each.split for each in job.parts if each.split]
    table = table if splits else table.drop("split")
    parts = part_tables(rows, columns, media=not with_files and bool(columns.media))
    files = [_stored(job, "samples", table)]
    files += [_stored(job, name, each) for name, each in parts.items()]
    found = {each: _endings(table[each.column]) for each in columns.media if with_files}
    media = [each for each, endings in found.items() if endings]
    sets = [described.file_set(each.column, found[each]) for each in media]
    fields = [each for each in sample_fields(columns) if each.name in table.columns]
    fields += [described.Field(each.column, description=_about(each, job)) for each in media]
    records = [
        *([described.split_records(splits)] if splits else []),
        *([class_records(columns.classes)] if columns.classes else []),
        *([finding_records(columns.groups)] if columns.groups else []),
        described.record_set("samples", fields, "sample_id"),
        *[described.record_set(name, part_fields(each)) for name, each in parts.items()],
        *[_pictures(each, table) for each in media if not each.is_volume],
    ]
    content = {**job.plan["head"], "distribution": [*files, *sets], "recordSet": records}
    text = json.dumps(content, ensure_ascii=False, indent=2)
    write_text(job.folder / "croissant.json", text + "\n")


def _written(
    job: Job, rows: pl.DataFrame, table: pl.DataFrame, columns: Columns
) -> tuple[pl.DataFrame, pl.DataFrame]:
    """Return rows and table of the samples that were written, with names of files, shapes moved."""
    names = [each.column for each in columns.media]
    kinds: dict[str, Any] = {"key": pl.String, "shapes": SCHEMA["shapes"]}
    kinds |= {f"file:{name}": pl.String for name in names}
    told, frames = job.records(), [pl.DataFrame(schema=kinds)]
    while some := list(islice(told, _AT_ONCE)):  # dictionaries take far more memory
        frames.append(pl.DataFrame(some, schema=kinds, orient="row"))
    records = pl.concat(frames)
    place = rows.select("key").with_row_index("row")
    order = records.select("key").join(place, on="key", maintain_order="left")["row"]
    rows, table = rows[order], table[order]
    if job.preparation.moves:
        rows = rows.with_columns(records["shapes"])
    return rows, table.with_columns(records[f"file:{name}"].alias(name) for name in names)


def _stored(job: Job, name: str, table: pl.DataFrame) -> Json:
    path = f"data/{name}.parquet"
    make_folder(job.folder / "data")
    with atomic_path(job.folder / path) as part:
        table.write_parquet(part, compression="zstd")
    with (job.folder / path).open("rb") as file:
        digest = hashlib.file_digest(file, "sha256").hexdigest()
        return described.file_object(path, file.tell(), digest)


def _endings(names: pl.Series) -> list[str]:
    return sorted(names.drop_nulls().str.extract(r"\.(nii\.gz|\w+)$").unique())


def _about(column: MediaColumn, job: Job) -> str:
    said = [each for each in (column.role, column.name, column.label, column.annotator) if each]
    legend = job.meta.options.get("legend") if column.role == "mask" else None
    return " / ".join(said) + (f": {legend}" if legend else "")


def _pictures(column: MediaColumn, table: pl.DataFrame) -> Json:
    """Return the record set of a column's pictures: path, pixels, sample, split, class."""
    name = column.column
    fields = [
        described.Field("path", references=f"samples/{name}", property="fullpath"),
        described.Field("content", "sc:ImageObject", property="content"),
        *[
            described.Field(each, joined=f"samples/{each}")
            for each in ("sample_id", "split", "label")
            if each in table.columns
        ],
    ]
    return described.record_set(name, fields, "path", files=name)

"""Fitzpatrick17k: clinical photographs of 114 skin conditions with the skin type of each.

Raw tree:
    fitzpatrick17k.csv                              one row per image, with its address
    images/5e82a45bc5d78bd24ae9202d194423f8.jpg     by `md5hash`, as the authors send them,
    images/httpwww...minocyclinepigmentation1jpg.jpg    or by `url_alphanum`, as users fetch them

Known quirks: the images are not in the release and lie wherever users put them; some addresses are
dead, 41 are empty. A skin type of -1 is unknown. Patients are not named, and several photographs
show one of them.

Source: https://github.com/mattgroh/fitzpatrick17k and CVPR Workshops 2021, pages 1820 to 1828
"""

from __future__ import annotations

from pathlib import Path

import polars as pl

from medshelf.core.assembly import assemble, missing_files, unused_files
from medshelf.core.columns import class_names, entries, extra, media, one_label
from medshelf.core.manifest import Manifest, Meta
from medshelf.formats.tables import read_table
from medshelf.formats.tree import IMAGE_SUFFIXES, LOCATION, attach, find_one, left_over, list_files

_TABLE = "fitzpatrick17k.csv"
_PARTITIONS = ("nine_partition_label", "three_partition_label")
_SKIN_TYPES = ("fitzpatrick_scale", "fitzpatrick_centaur")
_EXTRA = ("qc", "url", "url_alphanum")


def read(root: Path, meta: Meta) -> Manifest:
    """Read Fitzpatrick17k.

    Args:
        root: The folder that holds the table, and images if there are any.
        meta: Facts of the dataset.

    Returns:
        `sample_id` is the image's hash, `label` its condition; `labels` has the two coarser
        partitions, and the skin types from 1 to 6 that two annotation services gave.

    Raises:
        LayoutError: The table or a column is missing, or a condition is not known.
        FormatError: The table is truncated, or an archive cannot be read.
    """
    files = list_files(root)
    entry = find_one(files, _TABLE)
    table = read_table(
        entry.source(root),
        name=root / entry.location,
        required=("md5hash", "label", *_PARTITIONS, *_SKIN_TYPES, *_EXTRA),
        dtypes=dict.fromkeys(_SKIN_TYPES, pl.Int64),
    )
    images = files.filter(pl.col("suffix").is_in(IMAGE_SUFFIXES))
    by_hash = pl.col("md5hash") + ".jpg"
    is_by_hash = by_hash.is_in(images["name"].implode())
    file = pl.when(is_by_hash).then(by_hash).otherwise("url_alphanum")
    rows = attach(table.with_columns(file=file), images, "file")
    partitions = [one_label(each, pl.col(each), 1) for each in _PARTITIONS]
    skin_types = [
        one_label(each, each, pl.when(pl.col(each) > 0).then(each)) for each in _SKIN_TYPES
    ]
    columns = rows.select(
        sample_id="md5hash",
        media=entries(media("image")),
        label=class_names(pl.col("label"), meta.tasks[0].classes),
        labels=entries(*partitions, *skin_types),
        extra=extra({each: pl.col(each) for each in _EXTRA}),
    )
    issues = [
        *missing_files(rows.filter(pl.col("path").is_null())["md5hash"], entry.location),
        *unused_files(left_over(images, rows).select(LOCATION).to_series(), entry.location),
    ]
    return assemble(columns, meta, root, issues)

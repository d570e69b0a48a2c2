"""TB Chest X-ray Database of Qatar and Dhaka: two class folders with a workbook each.

Raw tree:
    TB_Chest_Radiography_Database/Normal/Normal-1.png               3,500
    TB_Chest_Radiography_Database/Tuberculosis/Tuberculosis-1.png   700
    TB_Chest_Radiography_Database/Normal.metadata.xlsx              FILE NAME, FORMAT, SIZE, URL
    TB_Chest_Radiography_Database/Tuberculosis.metadata.xlsx

Known quirks: the outer folder may be there twice; workbooks spell names in another case than the
files, and some copies lack them; a few pictures are RGB. Normal images come from RSNA Pneumonia,
thus from ChestX-ray14, and no patient is named.

Source: https://doi.org/10.1109/ACCESS.2020.3031384
"""

from __future__ import annotations

from pathlib import Path

import polars as pl

from medshelf.core.assembly import assemble, missing_files
from medshelf.core.columns import entries, extra, media
from medshelf.core.manifest import Manifest, Meta
from medshelf.formats.tables import read_table
from medshelf.formats.tree import find_one, list_files, match

_COLUMNS = ("FILE NAME", "FORMAT", "SIZE", "URL")


def read(root: Path, meta: Meta) -> Manifest:
    """Read the database.

    Args:
        root: The folder that holds the class folders, unpacked or not.
        meta: Facts of the dataset.

    Returns:
        `sample_id` is the file's name without `.png`, `label` the folder.

    Raises:
        LayoutError: No image lies in a class folder, or a workbook has other columns.
        FormatError: A workbook or an archive is damaged.
    """
    files = list_files(root)
    pieces, absent = [], []
    for label in meta.tasks[0].classes:
        images = match(files, f"{label}/{{stem}}.png", required=True)
        images = images.with_columns(key=pl.col("stem").str.to_lowercase())
        name = f"{label}.metadata.xlsx"
        if match(files, name).is_empty():
            absent.append(name)
            rows = images
        else:
            entry = find_one(files, name)
            table = read_table(entry.source(root), name=root / entry.location, required=_COLUMNS)
            table = table.with_columns(key=pl.col("FILE NAME").str.to_lowercase())
            rows = images.join(table, on="key", how="full", coalesce=True)
        pieces.append(rows.with_columns(label=pl.lit(label)))
    rows = pl.concat(pieces, how="diagonal")
    facts = [each for each in _COLUMNS[1:] if each in rows.columns]
    columns = rows.with_columns(
        sample_id=pl.coalesce("stem", *[each for each in _COLUMNS[:1] if each in rows.columns])
    ).select(
        "sample_id",
        "label",
        media=entries(media("image")),
        extra=extra({each.lower(): pl.col(each) for each in facts}),
    )
    without = columns.filter(pl.col("media").is_null())["sample_id"].sort()
    issues = [
        *missing_files(without, "workbooks"),
        *missing_files(pl.Series(absent, dtype=pl.String), "raw tree"),
    ]
    return assemble(columns, meta, root, issues)

"""NIH ChestX-ray14: frontal chest X-rays with findings mined from reports, and some boxes.

Raw tree:
    Data_Entry_2017_v2020.csv           or Data_Entry_2017.csv, or sample_labels.csv (5 % sample)
    BBox_List_2017.csv                  984 boxes on images of the test list
    train_val_list.txt, test_list.txt   official split, by patient
    images_001.tar.gz, images_001/images/00000001_000.png, images.zip ... wherever the images lie

Known quirks: headers hold commas within brackets, so `OriginalImage[Width,Height]` is two columns,
and that of the boxes has three names too many; the 2017 tables end lines with a comma, write ages
as `058Y` and have some above 400; patient ids are padded or not; boxes say `Infiltrate` for the
finding `Infiltration`; a few images are RGBA. Counts of findings differ between the tables, so the
table is the version. The number in a file's name is not the follow-up number.

Source: https://doi.org/10.1109/CVPR.2017.369 and https://nihcc.app.box.com/v/ChestXray-NIHCC
"""

from __future__ import annotations

from dataclasses import replace
from pathlib import Path

import polars as pl

from medshelf.core.assembly import (
    assemble,
    known_names,
    missing_files,
    plausible_ages,
    unmatched,
    unused_files,
    without_split,
)
from medshelf.core.columns import age_years, box, entries, extra, grouped, labels, listed, media
from medshelf.core.manifest import Manifest, Meta
from medshelf.formats.tables import read_table
from medshelf.formats.tree import LOCATION, attach, find_one, left_over, list_files

_TABLES = ("Data_Entry_2017_v2020.csv", "Data_Entry_2017.csv", "sample_labels.csv")
_BOXES = "BBox_List_2017.csv"
_SPLITS = {"train": "train_val_list.txt", "test": "test_list.txt"}
_AND = " and "
_NEGATIVE = "No Finding"
_NAMES = {
    "Patient Gender": ("Patient Sex",),
    "OriginalImage[Width": ("OriginalImageWidth",),
    "Height]": ("OriginalImageHeight",),
    "OriginalImagePixelSpacing[x": ("OriginalImagePixelSpacing_x",),
    "y]": ("OriginalImagePixelSpacing_y",),
}
_COLUMNS = ("Image Index", "Finding Labels", "Follow-up #", "Patient ID", "Patient Age")
_EXTRA = {
    "original_width_px": "OriginalImage[Width",
    "original_height_px": "Height]",
    "original_spacing_x_mm": "OriginalImagePixelSpacing[x",
    "original_spacing_y_mm": "y]",
}
_BOX = ("Bbox [x", "y", "w", "h]")
_SPELLINGS = {"Infiltrate": "Infiltration"}


def read(root: Path, meta: Meta, *, table: str = "") -> Manifest:
    """Read ChestX-ray14 or its 5 % sample.

    Args:
        root: The folder that holds tables and images, unpacked or not.
        meta: Facts of the dataset.
        table: File name of the table to use; by default the newest that is there.

    Returns:
        `sample_id` is the file name without `.png`, `labels` has every finding with 1 or 0 (`No
        Finding` is all 0), `shapes` the boxes. The version is the table's name.

    Raises:
        LayoutError: A table, a list or a column is missing, or a finding is not known.
        FormatError: A table is truncated, or an archive cannot be read.
    """
    files = list_files(root)
    entry = find_one(files, *([table] if table else _TABLES))
    where = entry.location
    rows = read_table(
        entry.source(root),
        name=root / where,
        aliases=_NAMES,
        required=(*_COLUMNS, *_NAMES, "View Position"),
        dtypes={"Patient ID": pl.Int64, "Follow-up #": pl.Int64},
    )
    rows = attach(rows, files, "Image Index").with_columns(
        _sample_id("Image Index"), findings=pl.col("Finding Labels").str.split("|")
    )
    classes = meta.tasks[0].classes
    known_names(rows["findings"].explode(), (*classes, _NEGATIVE), where)
    issues = []
    if not where.endswith(_TABLES[2]):
        boxes, splits = _boxes(root, files), _splits(root, files)
        rows = rows.join(boxes, on="sample_id", how="left").join(splits, on="sample_id", how="left")
        issues += [
            *unmatched(boxes["sample_id"], rows["sample_id"], _BOXES),
            *unmatched(splits["sample_id"], rows["sample_id"], _AND.join(_SPLITS.values())),
            *without_split(rows, _AND.join(_SPLITS.values())),
        ]
    rows, odd = plausible_ages(rows.with_columns(age_years=age_years(pl.col("Patient Age"))), where)
    released = pl.when(pl.col("age_years").is_null()).then("Patient Age")
    facts = {"follow_up": pl.col("Follow-up #"), "age_as_released": released}
    columns = rows.select(
        "sample_id",
        "age_years",
        *[each for each in ("shapes", "split") if each in rows.columns],
        patient_id=pl.col("Patient ID").cast(pl.String),
        media=entries(media("image")),
        labels=labels(listed(pl.col("findings"), classes), meta.tasks[0].name),
        sex="Patient Gender",
        view="View Position",
        extra=extra(facts | {name: pl.col(old) for name, old in _EXTRA.items()}),
    )
    images = files.filter(pl.col("suffix") == "png")
    issues += [
        *odd,
        *missing_files(rows.filter(pl.col("path").is_null())["Image Index"], where),
        *unused_files(left_over(images, rows).select(LOCATION).to_series(), where),
    ]
    version = where.rpartition("/")[2].removesuffix(".csv")
    return assemble(columns, replace(meta, version=version), root, issues)


def _sample_id(column: str) -> pl.Expr:
    return pl.col(column).str.strip_suffix(".png").alias("sample_id")


def _boxes(root: Path, files: pl.DataFrame) -> pl.DataFrame:
    """Return the boxes of the images that have one."""
    entry = find_one(files, _BOXES)
    boxes = read_table(
        entry.source(root),
        name=root / entry.location,
        required=("Image Index", "Finding Label", *_BOX),
        dtypes=dict.fromkeys(_BOX, pl.Float64),
    )
    x, y, width, height = (pl.col(each) for each in _BOX)
    drawn = box(pl.col("Finding Label").replace(_SPELLINGS), (x, y, x + width, y + height))
    return grouped(boxes.with_columns(_sample_id("Image Index")), "sample_id", shapes=drawn)


def _splits(root: Path, files: pl.DataFrame) -> pl.DataFrame:
    """Return the official split of each image."""
    lists = []
    for split, name in _SPLITS.items():
        entry = find_one(files, name)
        named = read_table(
            entry.source(root), name=root / entry.location, kind="blanks", columns=["image"]
        )
        lists.append(named.select(_sample_id("image"), split=pl.lit(split)))
    return pl.concat(lists)

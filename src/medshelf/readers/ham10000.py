"""HAM10000: dermatoscopic images of pigmented lesions; with the test set of ISIC 2018, task 3.

Raw tree:
    HAM10000_metadata.csv               or HAM10000_metadata, HAM10000_metadata.tab (Dataverse)
    HAM10000_images_part_1/ISIC_0024306.jpg, HAM10000_images_part_2/...
    HAM10000_segmentations_lesion_tschandl/ISIC_0024306_segmentation.png    optional
    ISIC2018_Task3_Test_GroundTruth.csv, ISIC2018_Task3_Test_Images/        optional

Known quirks: the 10,015 images have no split of their own and are the training set of ISIC 2018, so
they are `train`. One lesion has up to six images and is taken as the patient, whom the release does
not name. Dataverse adds a column, `dataset`, and writes ages without `.0`. Copies of the table with
augmented rows circulate: an id that occurs twice is refused. Kaggle adds tables of pixels
(`hmnist_*.csv`), and its folder may hold both parts twice; the copy nearest to the root counts.

Source: https://doi.org/10.1038/sdata.2018.161 and https://doi.org/10.7910/DVN/DBW86T
"""

from __future__ import annotations

from pathlib import Path

import polars as pl

from medshelf.core.assembly import assemble, missing_files, plausible_ages, unused_files
from medshelf.core.columns import age_years, class_names, entries, extra, media, with_legend
from medshelf.core.manifest import Manifest, Meta
from medshelf.formats.entry import Entry
from medshelf.formats.tables import read_table
from medshelf.formats.tree import LOCATION, attach, find_one, left_over, list_files, match

_TABLE = ("HAM10000_metadata.csv", "HAM10000_metadata", "HAM10000_metadata.tab")
_TEST = "ISIC2018_Task3_Test_GroundTruth.csv"
_COLUMNS = ("lesion_id", "image_id", "dx", "dx_type", "age", "sex", "localization")
_EXTRA = ("dx_type", "localization", "dataset")
_LEGEND = {"0": "background", "255": "lesion"}


def read(root: Path, meta: Meta) -> Manifest:
    """Read HAM10000, with masks and test set where they are there.

    Args:
        root: The folder that holds tables and images, unpacked or not.
        meta: Facts of the dataset.

    Returns:
        `sample_id` is the image's id, `patient_id` that of its lesion, `label` the code `dx`.

    Raises:
        LayoutError: The table or a column is missing, an image is there twice with other contents
            or in the table, or a class is not known.
        FormatError: A table is truncated, or an archive cannot be read.
    """
    files = list_files(root)
    entry = find_one(files, *_TABLE)
    tables = [_table(root, entry, "train")]
    if match(files, _TEST).height:
        tables.append(_table(root, find_one(files, _TEST), "test"))
    where = f"{entry.location}, {_TEST}"
    images = files.filter(pl.col("suffix") == "jpg")
    once = images.unique(["name", "size_bytes"], keep="first", maintain_order=True)
    rows = attach(pl.concat(tables, how="diagonal"), once, "file")
    masks = match(files, "{sample_id}_segmentation.png")
    masked = masks.select("sample_id", mask=media("mask", "mask"))
    rows = rows.join(masked, on="sample_id", how="left")
    rows, odd = plausible_ages(rows.with_columns(age_years=age_years(pl.col("age"))), where)
    facts = {each: pl.col(each) for each in _EXTRA if each in rows.columns}
    facts["age_as_released"] = pl.when(pl.col("age_years").is_null()).then("age")
    columns = rows.select(
        "sample_id",
        "split",
        "age_years",
        "sex",
        patient_id="lesion_id",
        media=entries(media("image"), pl.col("mask")),
        label=class_names(pl.col("dx"), meta.tasks[0].classes),
        extra=extra(facts),
    )
    there = rows.filter(pl.col("path").is_not_null())
    unmasked = there.filter((pl.col("split") == "train") & pl.col("mask").is_null())
    unused = [left_over(once, rows), masks.join(rows, on="sample_id", how="anti")]
    issues = [
        *odd,
        *missing_files(rows.filter(pl.col("path").is_null())["file"], where),
        *missing_files(unmasked["sample_id"] if masks.height else pl.Series(), "masks"),
        *unused_files(pl.concat(e.select(LOCATION) for e in unused).to_series(), where),
    ]
    meta = with_legend(meta, _LEGEND) if masks.height else meta
    return assemble(columns, meta, root, issues)


def _table(root: Path, entry: Entry, split: str) -> pl.DataFrame:
    kind = "tsv" if entry.location.endswith(".tab") else "csv"
    table = read_table(entry.source(root), name=root / entry.location, kind=kind, required=_COLUMNS)
    return table.with_columns(
        sample_id="image_id", file=pl.col("image_id") + ".jpg", split=pl.lit(split)
    )

"""RSNA Pneumonia Detection Challenge, stage 2: boxes of opacities on chest X-rays of NIH.

Raw tree:
    stage_2_train_labels.csv                            a row per box: patientId, x, y, width, ...
    stage_2_detailed_class_info.csv                     as many rows: one of three classes
    stage_2_train_images/<patientId>.dcm
    stage_2_test_images/<patientId>.dcm                 labels were never published
    pneumonia-challenge-dataset-mappings_2018.json      from RSNA, may be absent: the NIH image

Known quirks: `patientId` names an image, not a patient: only the mapping tells the patient. Both
tables repeat an image once per box. Age, sex and view are in the DICOM headers alone, and some ages
are about 150. Stage 1 has other images and labels.

Source: https://doi.org/10.1148/ryai.2019180041 and
https://www.kaggle.com/competitions/rsna-pneumonia-detection-challenge/data
"""

from __future__ import annotations

from pathlib import Path

import polars as pl

from medshelf.core.assembly import (
    assemble,
    known_names,
    missing_files,
    plausible_ages,
    unmatched,
    unused_files,
)
from medshelf.core.columns import age_years, box, entries, extra, grouped, media
from medshelf.core.errors import LayoutError, SettingError
from medshelf.core.manifest import Manifest, Meta
from medshelf.formats.entry import Entry
from medshelf.formats.tables import read_table
from medshelf.formats.tree import LOCATION, find_one, left_over, list_files, match

_LABELS = "stage_2_train_labels.csv"
_CLASSES = "stage_2_detailed_class_info.csv"
_MAPPING = "pneumonia-challenge-dataset-mappings_2018.json"
_CORNERS = ("x", "y", "width", "height")
_OPACITY = "Lung Opacity"
_HEADERS = {"age": "PatientAge", "sex": "PatientSex", "view": "ViewPosition"}


def read(root: Path, meta: Meta, *, headers: str = "no") -> Manifest:
    """Read the challenge.

    Args:
        root: The folder that holds tables and images, unpacked or not.
        meta: Facts of the dataset.
        headers: `yes` opens every DICOM for age, sex and view; minutes for the whole set.

    Returns:
        `sample_id` is the `patientId`; `patient_id` is the patient of ChestX-ray14 where the
        mapping is there; `label` is one of three classes, null for the test images.

    Raises:
        LayoutError: A table or column is missing, a class is not known, or files of stage 1 lie
            there.
        FormatError: A table is truncated, an archive or a header cannot be read.
        MissingExtraError: `headers` is `yes` and pydicom is not installed.
    """
    if headers not in ("yes", "no"):
        raise SettingError(f"Option headers={headers!r} is neither yes nor no", "Use yes or no")
    files = list_files(root)
    if match(files, "stage_1_*").height:
        raise LayoutError(f"{root} holds files of stage 1", "Pass a folder that has stage 2 alone")
    labels, classes = _table(root, files, _LABELS), _table(root, files, _CLASSES)
    known_names(classes["class"], meta.tasks[0].classes, _CLASSES)
    x, y, width, height = (pl.col(each).cast(pl.Float64) for each in _CORNERS)
    boxes = labels.with_columns(box=box(_OPACITY, (x, y, x + width, y + height)))
    boxes = grouped(boxes.drop_nulls("box"), "sample_id", shapes=pl.col("box"))
    train = labels.select("sample_id", target="Target", part=pl.lit("train")).unique()
    images = match(files, "stage_2_{part}_images/{sample_id}.dcm")
    test = images.filter(pl.col("part") == "test").select("sample_id", "part")
    rows = pl.concat([train, test], how="diagonal").join(
        images, on=["sample_id", "part"], how="left"
    )
    for further in (classes.unique(), boxes, _patients(root, files)):
        rows = rows.join(further, on="sample_id", how="left")
    rows = _with_headers(root, rows, opened=headers == "yes")
    rows, odd = plausible_ages(rows, "DICOM headers")
    released = pl.when(pl.col("age_years").is_null()).then("age")
    facts = {"target": pl.col("target"), "age_as_released": released, "nih_image": pl.col("img_id")}
    columns = rows.select(
        "sample_id",
        "shapes",
        "age_years",
        "sex",
        "view",
        split="part",
        patient_id=pl.col("img_id").str.extract(r"^0*(\d+)_"),
        media=entries(media("image")),
        label="class",
        extra=extra(facts),
    )
    issues = [
        *odd,
        *missing_files(rows.filter(pl.col("path").is_null())["sample_id"].sort(), _LABELS),
        *unused_files(left_over(images, rows).select(LOCATION).to_series(), _LABELS),
        *unmatched(classes["sample_id"], train["sample_id"], _CLASSES),
        *unmatched(train["sample_id"], classes["sample_id"], _LABELS),
    ]
    return assemble(columns, meta, root, issues)


def _table(root: Path, files: pl.DataFrame, name: str) -> pl.DataFrame:
    entry = find_one(files, name)
    required = ("patientId", *((*_CORNERS, "Target") if name == _LABELS else ("class",)))
    table = read_table(entry.source(root), name=root / entry.location, required=required)
    return table.rename({"patientId": "sample_id"})


def _patients(root: Path, files: pl.DataFrame) -> pl.DataFrame:
    """Return the NIH image that each image was; no rows where the mapping is not there."""
    columns = ("subset_img_id", "img_id")
    if match(files, _MAPPING).is_empty():
        return pl.DataFrame(schema=dict.fromkeys(("sample_id", "img_id"), pl.String))
    entry = find_one(files, _MAPPING)
    mapping = read_table(entry.source(root), name=root / entry.location, required=columns)
    return mapping.select("img_id", sample_id="subset_img_id")


def _with_headers(root: Path, rows: pl.DataFrame, *, opened: bool) -> pl.DataFrame:
    """Add age, sex and view, from the headers of the images where these are to be opened."""
    from medshelf.formats import dicom

    found: dict[str, list[str | None]] = {name: [] for name in ("sample_id", *_HEADERS)}
    places = rows.drop_nulls("path").select("sample_id", "path", "member")
    for sample, *place in places.rows() if opened else ():
        entry = Entry(*place)
        header = dicom.read_header(entry.source(root), where=str(root / entry.location))
        found["sample_id"].append(sample)
        for name, keyword in _HEADERS.items():
            found[name].append(header.get(keyword))
    known = pl.DataFrame(found, dict.fromkeys(found, pl.String))
    known = known.with_columns(age_years=age_years(pl.col("age")))
    return rows.join(known, on="sample_id", how="left")

"""COVIDx CXR-4 and the releases before it: chest X-rays with and without COVID-19, by lists.

Raw tree:
    train.txt, val.txt, test.txt                    older: train_COVIDx9A.txt, test_COVIDx9A.txt
    train/<file>, val/<file>, test/<file>           older: data/train/<file>, data/test/<file>

A line of a list is patient, file, class and source, with single spaces between and no header.

Known quirks: a patient's id is unique within its source only, and `rsna` is also spelled `rnsa`;
names of files hold `,` and `&`; pictures are PNG or JPEG, grey, RGB or RGBA. Older releases have no
validation part and other classes: normal, pneumonia and COVID-19, or levels of severity. Negatives
from RSNA are images of ChestX-ray14.

Source: https://arxiv.org/abs/2311.17677 and COVID-Net, docs/COVIDx.md
"""

from __future__ import annotations

from dataclasses import replace
from pathlib import Path

import polars as pl

from medshelf.core.assembly import assemble, known_names, missing_files, unused_files
from medshelf.core.columns import entries, extra, media
from medshelf.core.issues import Issue
from medshelf.core.manifest import SPLITS, Manifest, Meta
from medshelf.core.tasks import Task, TaskKind
from medshelf.formats.tables import read_table
from medshelf.formats.tree import (
    IMAGE_SUFFIXES,
    LOCATION,
    attach,
    find_one,
    left_over,
    list_files,
    match,
)

_OLDER = (
    Task("classification", TaskKind.MULTI_CLASS, ("normal", "pneumonia", "COVID-19")),
    Task("severity", TaskKind.BINARY, ("level1", "level2")),
)
_COLUMNS = ("patient", "file", "label", "source")


def read(root: Path, meta: Meta, *, lists: str = "") -> Manifest:
    """Read a release of COVIDx.

    Args:
        root: The folder that holds lists and images, unpacked or not.
        meta: Facts of the dataset.
        lists: Which of several older lists to use, e.g. `COVIDx9A`.

    Returns:
        `sample_id` is split and file name, `patient_id` source and patient. The task of an older
        release is its own, and an Issue says so.

    Raises:
        LayoutError: A list is missing, a line has not four parts, or a class is not known.
        FormatError: A list is truncated, or an archive cannot be read.
    """
    files = list_files(root)
    release = lists or _older_release(files)
    name = f"{{}}_{release}.txt" if release else "{}.txt"
    tables = [_list(root, files, name, each) for each in SPLITS if not release or each != "val"]
    rows = attach(pl.concat(tables), files, "place")
    tasks = _tasks(rows["label"], meta)
    known_names(rows["label"], [each for task in tasks for each in task.classes], "lists")
    source = pl.col("source").replace({"rnsa": "rsna"})
    columns = rows.select(
        "split",
        "label",
        sample_id="place",
        patient_id=source + "/" + pl.col("patient"),
        media=entries(media("image")),
        extra=extra({"source": pl.col("source")}),
    )
    images = files.filter(pl.col("suffix").is_in(IMAGE_SUFFIXES))
    issues = [
        *missing_files(rows.filter(pl.col("path").is_null())["place"], "lists"),
        *unused_files(left_over(images, rows).select(LOCATION).to_series(), "lists"),
    ]
    if tasks != meta.tasks:
        message = f"its classes are {', '.join(tasks[0].classes)}, those of a release before CXR-4"
        remedy = f"Do not compare it with results on {meta.name}"
        issues.append(Issue("release-older", "warning", "lists", message, remedy))
        meta = replace(meta, tasks=tasks, splits={}, version=release)
    return assemble(columns, meta, root, issues)


def _older_release(files: pl.DataFrame) -> str | None:
    """Return the release of older lists where there are no others; the first of several."""
    found = match(files, "{split}_COVIDx{release}.txt").sort("release")
    newer = any(match(files, f"{split}.txt").height for split in SPLITS)
    return None if newer or found.is_empty() else f"COVIDx{found['release'][0]}"


def _list(root: Path, files: pl.DataFrame, name: str, split: str) -> pl.DataFrame:
    entry = find_one(files, name.format(split))
    table = read_table(
        entry.source(root),
        name=root / entry.location,
        kind="csv",
        separator=" ",
        quote=False,
        columns=_COLUMNS,
    )
    place = pl.format(f"{split}/{{}}", "file")
    return table.with_columns(place.alias("place"), pl.lit(split).alias("split"))


def _tasks(labels: pl.Series, meta: Meta) -> tuple[Task, ...]:
    """Return the task of the release that the classes are of; the record's where none fits."""
    found = set(labels.drop_nulls())
    return next(((task,) for task in _OLDER if found <= set(task.classes)), meta.tasks)

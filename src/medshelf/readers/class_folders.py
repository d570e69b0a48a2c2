"""Images in one folder per class, with or without a folder per split above it.

Raw tree:
    train/NORMAL/IM-0115-0001.jpeg
    train/PNEUMONIA/person1_bacteria_1.jpeg
    test/NORMAL/IM-0001-0001.jpeg
    ...                                 other folders, e.g. of the archive, may lie above

Known quirks: folders are spelled in ways of their own (option `classes`); some releases put the
images one level deeper (option `layout`); an image that lies in no class folder is an Issue.
"""

from __future__ import annotations

from pathlib import Path

import polars as pl

from medshelf.core.assembly import assemble, unused_files
from medshelf.core.columns import class_names, entries, media, pairs
from medshelf.core.manifest import SPLITS, Manifest, Meta
from medshelf.core.tasks import TaskKind
from medshelf.formats.tree import (
    IMAGE_SUFFIXES,
    LOCATION,
    fields_of,
    left_over,
    list_files,
    match,
)


def read(
    root: Path, meta: Meta, *, classes: str = "", splits: str = "", layout: str = ""
) -> Manifest:
    """Read images whose folder is their class.

    Args:
        root: The folder that holds the release, unpacked or not.
        meta: Facts of the dataset; the classes of its task, where it has one, are the only ones.
        classes: Folder to class where they differ by more than the case of letters:
            `BNG=benign; MLG=malignant`.
        splits: Folder to split: `training=train; testing=test`. Empty if the release has none.
        layout: Pattern of an image with `{label}`, and maybe `{split}`, `{patient}`, `{study}`; the
            fields in their order are the `sample_id`. By default `{split}/{label}/{id}` where
            `splits` is given, else `{label}/{id}`.

    Raises:
        LayoutError: No image lies in a class folder, or an id occurs twice.
        FormatError: An archive cannot be read.
        SettingError: `classes` or `splits` is not written as above.
    """
    spellings, folders = pairs("classes", classes), pairs("splits", splits)
    layout = layout or ("{split}/{label}/{id}" if folders else "{label}/{id}")
    images = list_files(root).filter(pl.col("suffix").is_in(IMAGE_SUFFIXES))
    rows = match(images, layout, required=True)
    fields = fields_of(layout)
    known = {
        each
        for task in meta.tasks
        if task.kind is not TaskKind.MULTI_LABEL
        for each in task.classes
    }
    rows = rows.with_columns(
        pl.concat_str(fields, separator="/").alias("sample_id"),
        class_names(pl.col("label"), known or set(spellings.values()), spellings),
    )
    if "split" in fields:
        split = class_names(pl.col("split"), SPLITS, folders)
        rows = rows.with_columns(split).filter(pl.col("split").is_in(SPLITS))
    if known:
        rows = rows.filter(pl.col("label").is_in(known))
    columns = {"patient": "patient_id", "study": "study_id"}
    columns = {old: new for old, new in columns.items() if old in fields}
    unused = left_over(images, rows).select(LOCATION).to_series()
    rows = rows.rename(columns).select(
        "sample_id",
        *[each for each in ("split", "label") if each in fields],
        *columns.values(),
        entries(media("image")).alias("media"),
    )
    return assemble(rows, meta, root, unused_files(unused, "class folders"))

"""Images that a table describes: classes, findings, patients, splits.

Raw tree:
    metadata.csv                        one row per image: its name and what is known of it
    images_part_1/ISIC_0024306.jpg      image="{image_id}.jpg"
    train.csv, valid.csv                or a table per split: table="train=train.csv; val=valid.csv"

Known quirks: names of images hold folders of another machine, so a file is found by the end of its
path, without the first folders where none is there with them. Ages are numbers or DICOM age
strings. What no option names goes to `extra` under its own name.
"""

from __future__ import annotations

import re
from collections.abc import Mapping
from pathlib import Path

import polars as pl

from medshelf.core.assembly import (
    assemble,
    known_names,
    missing_files,
    plausible_ages,
    unused_files,
)
from medshelf.core.columns import (
    age_years,
    class_names,
    entries,
    extra,
    media,
    one_label,
    pairs,
)
from medshelf.core.errors import SettingError
from medshelf.core.manifest import SPLITS, Manifest, Meta
from medshelf.core.tasks import TaskKind
from medshelf.formats.tables import read_table
from medshelf.formats.tree import (
    IMAGE_SUFFIXES,
    LOCATION,
    attach,
    find_one,
    left_over,
    list_files,
)

_FIELD = re.compile(r"\{([^{}]+)\}")
_AWAY = r"^(\w:)?(\.{0,2}/)+"
_STATED = ("1", "0", "-1", "1.0", "0.0", "-1.0")


def read(  # noqa: PLR0913 - one option per thing that a record may state
    root: Path,
    meta: Meta,
    *,
    table: str,
    image: str,
    id: str = "",  # noqa: A002 - the record's word
    label: str = "",
    patient: str = "",
    study: str = "",
    split: str = "",
    age: str = "",
    sex: str = "",
    view: str = "",
    laterality: str = "",
    site: str = "",
    scanner: str = "",
    labels: str = "",
    labels_task: str = "",
    classes: str = "",
    splits: str = "",
    encoding: str = "utf-8",
    separator: str = "",
) -> Manifest:
    """Read a table of images.

    Args:
        root: The folder that holds table and images, unpacked or not.
        meta: Facts of the dataset.
        table: Pattern of the table; or one per split, `train=train.csv; val=valid.csv`.
        image: Name of an image with columns in it: `{image_id}.jpg`, `{Path}`.
        id: Column with the `sample_id`; by default the image's name without its suffix. Where
            there is a table per split, the split comes before it.
        label: Column with the class.
        patient: Column.
        study: Column.
        split: Column.
        age: Column.
        sex: Column.
        view: Column.
        laterality: Column.
        site: Column.
        scanner: Column.
        labels: Columns of findings, `Effusion=Pleural effusion; Edema=edema`, whose values are 1,
            0, -1 (uncertain) or empty (not stated).
        labels_task: Task of the findings; by default the record's only multi-label one.
        classes: Text of the class to class, where they differ by more than the case of letters.
        splits: Text of the split to split: `Train=train; holdout=test`.
        encoding: Of the table.
        separator: Of the table, if it is not that of its suffix.

    Raises:
        LayoutError: A table or column is missing, or a class, split or value is not known.
        FormatError: A table is truncated, or an archive cannot be read.
        SettingError: An option that maps names is not written as above, or findings have no task.
    """
    stated = {
        "split": split,
        "patient_id": patient,
        "study_id": study,
        "label": label,
        "age_years": age,
        "sex": sex,
        "view": view,
        "laterality": laterality,
        "site": site,
        "scanner": scanner,
    }
    stated = {column: name for column, name in stated.items() if name}
    findings = pairs("labels", labels)
    used = [*_FIELD.findall(image), *filter(None, [id]), *stated.values(), *findings]
    files, pieces, where = list_files(root), [], list[str]()
    for part, pattern in _tables(table).items():
        entry = find_one(files, pattern)
        rows = read_table(
            entry.source(root),
            name=root / entry.location,
            kind="csv" if separator else None,
            separator=separator or ...,
            encoding=encoding,
            required=used,
        )
        pieces.append(rows.with_columns(_part=pl.lit(part or None, pl.String)))
        where.append(entry.location)
    rows, places = pl.concat(pieces, how="diagonal"), ", ".join(where)
    pictures = files.filter(pl.col("suffix").is_in(IMAGE_SUFFIXES))
    found = _attached(rows.select(_filled(image)), pictures)
    name = rows[id] if id else found["file"].str.replace(r"\.[^./]+$", "")
    known = [c for t in meta.tasks if t.kind is not TaskKind.MULTI_LABEL for c in t.classes]
    given = {column: pl.col(each) for column, each in stated.items()}
    given.setdefault("split", pl.col("_part"))
    given["split"] = class_names(given["split"], SPLITS, pairs("splits", splits))
    if label:
        given["label"] = class_names(given["label"], known, pairs("classes", classes))
    columns = rows.select(
        sample_id=pl.concat_str("_part", pl.lit(name), separator="/", ignore_nulls=True),
        media=found.select(entries(media("image"))).to_series(),
        labels=_labels(rows, findings, _task(meta, labels_task, findings), places),
        **{**given, "age_years": age_years(given.get("age_years", pl.lit(None)))},
    )
    columns, odd = plausible_ages(columns, places)
    facts = {each: pl.col(each) for each in rows.columns if each not in ("_part", *used)}
    if age:
        facts["age_as_released"] = pl.when(columns["age_years"].is_null()).then(age)
    issues = [
        *odd,
        *missing_files(found.filter(pl.col("path").is_null())["file"], places),
        *unused_files(left_over(pictures, found).select(LOCATION).to_series(), places),
    ]
    columns = columns.with_columns(rows.select(extra=extra(facts)).to_series())
    return assemble(columns, meta, root, issues)


def _tables(option: str) -> dict[str, str]:
    return pairs("table", option) if "=" in option else {"": option}


def _filled(image: str) -> pl.Expr:
    """Return the name of each row's image, with `/` between folders and nothing before them."""
    name = pl.format(_FIELD.sub("{}", image), *_FIELD.findall(image))
    return name.str.replace_all(r"\\", "/").str.replace(_AWAY, "").alias("file")


def _attached(names: pl.DataFrame, pictures: pl.DataFrame) -> pl.DataFrame:
    """Give each name its file; where none is there, without the first folder of the names."""
    keys, has_folder = names.with_columns(key="file"), pl.col("key").str.contains("/", literal=True)
    found = attach(keys, pictures, "key")
    while found["path"].is_null().all() and keys.select(has_folder.any()).item():
        keys = keys.with_columns(pl.col("key").str.replace("^[^/]*/", ""))
        found = attach(keys, pictures, "key")
    return found


def _task(meta: Meta, given: str, findings: Mapping[str, str]) -> str:
    """Return the task of the findings."""
    tasks = [each.name for each in meta.tasks if each.kind is TaskKind.MULTI_LABEL]
    if findings and not given and len(tasks) != 1:
        problem = f"{meta.dataset!r} has not one multi-label task but {tasks}"
        raise SettingError(problem, "Name the task of the findings with the option labels_task")
    return given or (tasks[0] if findings else "")


def _labels(rows: pl.DataFrame, findings: Mapping[str, str], task: str, where: str) -> pl.Expr:
    structs = []
    for column, name in findings.items():
        known_names(rows[column], _STATED, f"{where}: {column}")
        structs.append(one_label(task, name, pl.col(column)))
    return entries(*structs)

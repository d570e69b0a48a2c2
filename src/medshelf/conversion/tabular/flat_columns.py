"""Rows of a manifest as flat, typed columns: what a table of samples has, and in which form.

A column is there where at least one sample states it. Labels become one number per name in groups
by task, source and annotator, where that is possible; else they stay a list.
"""

from __future__ import annotations

import re
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import asdict, dataclass
from typing import Any

import numpy as np
import polars as pl

from medshelf.core.errors import SettingError
from medshelf.core.manifest import Manifest
from medshelf.core.tasks import Task
from medshelf.dataset.decoding import VOLUMES

FACTS = (
    *("patient_id", "study_id", "age_years", "sex", "view", "laterality", "site", "scanner"),
    *("question", "explanation", "language"),
)
TEXTS = ("report", "findings", "impression", "caption", "context")
LISTS = ("options", "answers")
ENTRIES = ("shapes", "turns", "extra")
_TAKEN = frozenset(
    (
        *("sample_id", "split", "label", "labels", "objects", "messages"),
        *("samples", "classes", "splits", "media", "data"),
    )
).union(FACTS, TEXTS, LISTS, ENTRIES)

_EITHER = ("npz", "npy", "h5", "h5.gz", "dcm", "ima")
_MOST_MEDIA, _MOST_GROUPS, _MOST_NAMES = 256, 16, 1024
_GROUP = ("task", "source", "annotator")
_KEY = ("role", "name", "label", "annotator")


@dataclass(frozen=True, slots=True)
class MediaColumn:
    """Images or masks that are the same thing in each sample.

    Attributes:
        column: Name in the table: letters, digits and `_`, unique whatever the case of letters.
        role: image or mask.
        name: As in the manifest, like `label` and `annotator`, which an image has not.
        is_volume: Whether it has three axes of space.
    """

    column: str
    role: str
    name: str | None
    label: str | None
    annotator: str | None
    is_volume: bool


@dataclass(frozen=True, slots=True)
class LabelGroup:
    """Labels of one task, source and annotator, at most one value per name and sample."""

    column: str
    task: str | None
    source: str | None
    annotator: str | None
    names: tuple[str, ...]


@dataclass(frozen=True, slots=True)
class Columns:
    """The columns of a table.

    Attributes:
        plain: Those of `FACTS`, `TEXTS`, `LISTS` and `ENTRIES` that are stated.
        media: Images, then masks.
        has_label: Whether samples have one class.
        classes: Of the single label in their order; null where there is none, or a label that no
            task knows.
        groups: Of the labels; null where they only fit a list, empty where there are none.
    """

    plain: tuple[str, ...]
    media: tuple[MediaColumn, ...]
    has_label: bool
    classes: tuple[str, ...] | None
    groups: tuple[LabelGroup, ...] | None

    def to_dict(self) -> dict[str, Any]:
        """Return the fields as what JSON holds."""
        return asdict(self)

    @classmethod
    def from_dict(cls, fields: Mapping[str, Any]) -> Columns:
        """Restore what `to_dict` gave, or JSON made of it."""
        groups = fields["groups"]
        return cls(
            plain=tuple(fields["plain"]),
            media=tuple(MediaColumn(**each) for each in fields["media"]),
            has_label=fields["has_label"],
            classes=None if fields["classes"] is None else tuple(fields["classes"]),
            groups=None
            if groups is None
            else tuple(LabelGroup(**{**each, "names": tuple(each["names"])}) for each in groups),
        )


def columns_of(manifest: Manifest) -> Columns:
    """Return the columns that a table of these samples has.

    Raises:
        SettingError: An image is there several times in a sample, is a picture in some and a volume
            in others, or there are too many different ones.
    """
    stated = manifest.frame.select(
        pl.col("label").count(),
        *[pl.col(name).count() for name in FACTS],
        *[pl.col("text").struct.field(name).count() for name in TEXTS],
        *[pl.col(name).list.len().max().fill_null(0) for name in (*LISTS, *ENTRIES)],
    ).collect()
    found = {name for name in stated.columns if stated[name][0]}
    return Columns(
        plain=tuple(each for each in (*FACTS, *TEXTS, *LISTS, *ENTRIES) if each in found),
        media=_media(manifest),
        has_label="label" in found,
        classes=_classes(manifest) if "label" in found else None,
        groups=_groups(manifest),
    )


def facts(rows: pl.DataFrame, columns: Columns) -> pl.DataFrame:
    """Return id, facts and texts of rows, and the lists of strings; other columns are left out."""
    plain = [
        pl.col("text").struct.field(name) if name in TEXTS else pl.col(name)
        for name in columns.plain
        if name not in ENTRIES
    ]
    return rows.select("sample_id", *plain)


def label_values(rows: pl.DataFrame, groups: Sequence[LabelGroup]) -> list[list[pl.Series]]:
    """Return one series per name of each group, Float32, null where it is not stated."""
    order = [(group, name) for group in groups for name in group.names]
    keys = pl.DataFrame(
        [(group.task, name, group.source, group.annotator) for group, name in order],
        schema=dict.fromkeys(("task", "name", "source", "annotator"), pl.String),
        orient="row",
    ).with_row_index("at")
    telling = [each for each in keys.columns[1:] if keys[each].n_unique() > 1] or ["name"]
    entries = _entries(rows.lazy(), "labels", [*telling, "value"])
    found = entries.drop_nulls("value").join(keys.lazy(), on=telling, nulls_equal=True).collect()
    matrix = np.full((len(order), rows.height), np.nan, np.float32)
    matrix[found["at"].to_numpy(), found["row"].to_numpy()] = found["value"].to_numpy()
    series = iter(
        pl.Series(name, values, nan_to_null=True)
        for (_, name), values in zip(order, matrix, strict=True)
    )
    return [[next(series) for _ in group.names] for group in groups]


def _entries(rows: pl.LazyFrame, column: str, names: Iterable[str]) -> pl.LazyFrame:
    """Return some fields of each label or medium, and the row that it is in."""
    entries = pl.col(column)
    stated = rows.select(column).with_row_index("row").filter(entries.list.len() > 0)
    row = pl.col("row").repeat_by(entries.list.len()).explode()
    # struct by struct, an explode would copy the texts of all fields
    fields = [
        entries.list.eval(pl.element().struct.field(name)).explode().alias(name) for name in names
    ]
    return stated.select(row, *fields)


def _classes(manifest: Manifest) -> tuple[str, ...] | None:
    tasks = [each for each in manifest.meta.tasks if "label" in each.kind.columns]
    labels = manifest.frame.select(pl.col("label").drop_nulls().unique()).collect()["label"]
    fitting = (each.classes for each in tasks if set(labels) <= set(each.classes))
    return next(fitting, None)


def _groups(manifest: Manifest) -> tuple[LabelGroup, ...] | None:
    entries = _entries(manifest.frame, "labels", [*_GROUP, "name"])
    counted = entries.group_by(*_GROUP, "name").agg(n=pl.len(), n_rows=pl.col("row").n_unique())
    found = counted.collect().sort(*_GROUP, "name", nulls_last=True)
    if (found["n"] > found["n_rows"]).any() or found["name"].null_count():
        return None
    parts = found.partition_by(*_GROUP, maintain_order=True)
    if len(parts) > _MOST_GROUPS or any(each.height > _MOST_NAMES for each in parts):
        return None
    tasks = {each.name: each for each in manifest.meta.tasks}
    varying = [name for name in _GROUP if found[name].n_unique() > 1]
    columns = _column_names(
        [["labels", *(part[name][0] for name in varying)] for part in parts], _TAKEN - {"labels"}
    )
    groups = list[LabelGroup]()
    for column, part in zip(columns, parts, strict=True):
        task, source, annotator = part.select(_GROUP).row(0)
        names = _in_order(part["name"], tasks.get(task))
        groups.append(LabelGroup(column, task, source, annotator, names))
    return tuple(groups)


def _in_order(names: pl.Series, task: Task | None) -> tuple[str, ...]:
    return tuple(dict.fromkeys((*(task.classes if task else ()), *names)))


def _media(manifest: Manifest) -> tuple[MediaColumn, ...]:
    media = _entries(manifest.frame, "media", [*_KEY, "format"])
    media = media.with_columns(pl.col("role").cast(pl.String))
    is_image = pl.col("role") == "image"
    bare = [pl.when(~is_image).then(pl.col(each)).alias(each) for each in ("label", "annotator")]
    counted = (
        media.filter(pl.col("role").is_in(["image", "mask"]))
        .with_columns(bare)
        .group_by(_KEY)
        .agg(
            n=pl.len(),
            n_samples=pl.col("row").n_unique(),
            formats=pl.col("format").unique().drop_nulls(),
        )
    )
    found = counted.collect().sort(_KEY, nulls_last=True)
    if found.height > _MOST_MEDIA:
        problem = f"Samples have {found.height:,} different images and masks, too many for columns"
        raise SettingError(problem, "Convert to image-folder, or choose some with --filter")
    solid = [_is_volume(row, manifest.meta.dimensions) for row in found.iter_rows(named=True)]
    names = _media_names(found)
    keys = found.select(_KEY).rows()
    return tuple(
        MediaColumn(column, role, name, label, annotator, is_volume)
        for column, (role, name, label, annotator), is_volume in zip(
            names, keys, solid, strict=True
        )
    )


def _media_names(found: pl.DataFrame) -> list[str]:
    """Name the columns: `image` and `mask` where there is one of a kind, else by what they are."""
    n_of = dict(found["role"].value_counts().iter_rows())
    words = [
        [role] if n_of[role] == 1 else [name or role, label, annotator]
        for role, name, label, annotator in found.select(_KEY).iter_rows()
    ]
    return _column_names(words, _TAKEN)


def _column_names(words: Iterable[Iterable[str | None]], taken: Iterable[str]) -> list[str]:
    used, names = {each.lower() for each in taken}, list[str]()
    for parts in words:
        plain = re.sub(r"\W+", "_", "_".join(each for each in parts if each)).strip("_") or "medium"
        name, n = plain, 1
        while name.lower() in used:
            n += 1
            name = f"{plain}_{n}"
        used.add(name.lower())
        names.append(name)
    return names


def _is_volume(row: Mapping[str, Any], dimensions: int | None) -> bool:
    solid = (*VOLUMES, *(_EITHER if dimensions == 3 else ()))  # noqa: PLR2004
    found = {each in solid for each in row["formats"]}
    what = f"the {row['role']} {row['name']!r}"
    if len(found) > 1:
        problem = f"In some samples {what} is a picture, in others a volume"
        raise SettingError(problem, "Convert one kind at a time: --filter with a condition")
    is_volume = found == {True}
    if row["role"] == "image" and row["n"] > row["n_samples"] and not is_volume:
        problem = f"{what.capitalize()} is there several times in a sample"
        raise SettingError(problem, "Give them names of their own in the reader, or report the set")
    return is_volume

"""A manifest as tables without structs: one of the samples, one for each list that they have."""

from __future__ import annotations

from collections.abc import Sequence

import polars as pl

from medshelf.catalog.export.croissant import Json, inline_records
from medshelf.conversion.tabular.croissant_metadata import Field
from medshelf.conversion.tabular.flat_columns import LISTS, Columns, LabelGroup, facts, label_values

_PARTS = {"labels": "labels", "shapes": "shapes", "turns": "turns", "extra": "extra"}
_SPLIT = Field("split", references="splits/name")
_SAMPLE = Field("sample_id", references="samples/sample_id")


def sample_table(rows: pl.DataFrame, columns: Columns) -> pl.DataFrame:
    """Return one row per sample: id, split, label, numbers of labels, facts and texts."""
    plain = facts(rows, columns)
    table = plain.select("sample_id").with_columns(rows["split"].cast(pl.String))
    if columns.has_label:
        table = table.with_columns(rows["label"])
    groups = columns.groups or ()
    for group, values in zip(groups, label_values(rows, groups), strict=True):
        names = label_columns(group)
        table = table.with_columns(
            each.alias(name) for name, each in zip(names, values, strict=True)
        )
    return table.with_columns(plain.drop("sample_id"))


def sample_fields(columns: Columns) -> list[Field]:
    """Return the fields of `sample_table`."""
    fields = [Field("sample_id"), _SPLIT]
    if columns.has_label:
        known = "classes/name" if columns.classes else ""
        fields.append(Field("label", ("sc:Text", "cr:Label"), references=known))
    for group in columns.groups or ():
        said = [each for each in (group.task, group.source, group.annotator) if each]
        for column, name in zip(label_columns(group), group.names, strict=True):
            about = " / ".join([*said, name])
            about += ": 1 present, 0 absent, -1 uncertain, empty not stated; or a grade"
            fields.append(Field(column, ("sc:Float", "cr:Label"), about))
    plain = [each for each in columns.plain if each not in _PARTS]
    types = {"age_years": "sc:Float"}
    return [
        *fields,
        *[Field(each, types.get(each, "sc:Text"), repeated=each in LISTS) for each in plain],
    ]


def label_columns(group: LabelGroup) -> list[str]:
    """Return the columns of a group's names, `labels_01` and so on."""
    digits = len(str(len(group.names)))
    return [f"{group.column}_{n:0{digits}d}" for n in range(1, len(group.names) + 1)]


def finding_records(groups: Sequence[LabelGroup]) -> Json:
    """Return what the columns of labels stand for."""
    rows = [
        {
            "column": column,
            "name": name,
            "task": group.task or "",
            "source": group.source or "",
            "annotator": group.annotator or "",
        }
        for group in groups
        for column, name in zip(label_columns(group), group.names, strict=True)
    ]
    types = dict.fromkeys(("column", "name", "task", "source", "annotator"), "sc:Text")
    return inline_records("findings", "sc:Enumeration", types, rows)


def class_records(classes: Sequence[str]) -> Json:
    """Return the classes in their order."""
    rows = [{"name": name, "code": code} for code, name in enumerate(classes)]
    return inline_records(
        "classes", "sc:Enumeration", {"name": "sc:Text", "code": "sc:Integer"}, rows
    )


def part_tables(rows: pl.DataFrame, columns: Columns, *, media: bool) -> dict[str, pl.DataFrame]:
    """Return a table for each list of structs that samples have: one row per entry.

    Args:
        rows: Of the manifest.
        columns: Which lists are stated.
        media: Whether to name the raw files too.
    """
    wanted = [each for each in _PARTS if each in columns.plain]
    wanted += ["labels"] if columns.groups is None else []
    wanted += ["media"] if media else []
    return {name: _long(rows, name) for name in wanted}


def part_fields(table: pl.DataFrame) -> list[Field]:
    """Return the fields of one of `part_tables`."""
    fields = [_SAMPLE]
    for name, kind in list(table.schema.items())[1:]:
        if name == "box":
            about = "x_min y_min x_max y_max, between pixels or in mm; empty for other shapes"
            fields.append(Field(name, "cr:BoundingBox", about))
        else:
            fields.append(Field(name, _type(kind), repeated=isinstance(kind, pl.List)))
    return fields


def _long(rows: pl.DataFrame, name: str) -> pl.DataFrame:
    entries = rows.lazy().select("sample_id", name).explode(name).drop_nulls(name).unnest(name)
    numbered = entries.with_columns(number=pl.int_range(pl.len()).over("sample_id"))
    if name == "shapes":
        corners = pl.col("points").list.eval(pl.element().cast(pl.String)).list.join(" ")
        said = pl.col("extra").list
        numbered = numbered.with_columns(
            box=pl.when(pl.col("kind").cast(pl.String) == "box").then(corners),
            extra_names=said.eval(pl.element().struct.field("name")),
            extra_values=said.eval(pl.element().struct.field("value")),
        ).drop("extra")
    enums = numbered.with_columns(pl.col(pl.Enum).cast(pl.String))
    return enums.select("sample_id", "number", pl.exclude("sample_id", "number")).collect()


def _type(kind: pl.DataType) -> str:
    if isinstance(kind, pl.List):
        return _type(kind.inner)  # type: ignore[arg-type]
    if kind.is_numeric():
        return "sc:Integer" if kind.is_integer() else "sc:Float"
    return "sc:Text"

"""Expressions that build a manifest's nested columns, so that a reader names facts and no structs.

A text given for a field is that text; a column is given as `pl.col(...)`.

Boxes are `[x_min, y_min, x_max, y_max]` between pixels: the first pixel reaches from 0 to 1, so
the width is x_max - x_min. Polygons, contours and points are `[x, y, x, y, ...]` in the same frame.
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import replace

import numpy as np
import polars as pl

from medshelf.core.errors import SettingError, UnknownNameError
from medshelf.core.manifest import LABEL, MEDIA, SHAPE, TEXT, Meta

Value = pl.Expr | str | int | float | None

_PER_YEAR = {"D": 365.25, "W": 365.25 / 7, "M": 12.0, "Y": 1.0}
_SPELLED = {"hdf5": "h5", "dicom": "dcm", "jpe": "jpg"}


def media(role: str, name: Value = "image", **fields: Value) -> pl.Expr:
    """Say where one image, mask or other medium is; null where its path is null.

    Args:
        role: image, mask, video, mesh, signal, audio or text.
        name: Which of several it is, e.g. `frontal`, `t1ce`.
        fields: The other fields of a medium. By default `path` and `member` are the columns of that
            name, `format` is the column `suffix`, and `index`, `label`, `annotator` are null.
    """
    given = {"path": pl.col("path"), "member": pl.col("member"), **fields}
    if "format" not in given:
        given["format"] = pl.col("suffix").replace(_SPELLED)
    filled = _struct({"name": name, "role": role, **given}, MEDIA)
    return pl.when(_expr(given["path"]).is_not_null()).then(filled)


def entries(*structs: pl.Expr) -> pl.Expr:
    """Put structs into one list, without those that are null; null where none is left."""
    if not structs:
        return pl.lit(None)
    named = [each.alias(str(number)) for number, each in enumerate(structs)]
    kind = pl.dtype_of(structs[0]).wrap_in_list()
    return pl.map_batches(named, _listed, kind, is_elementwise=True).alias("entries")


def filled(items: pl.Expr) -> pl.Expr:
    """Return lists without what is null in them; null where nothing is left."""
    kept = items.list.drop_nulls()
    return pl.when(kept.list.len() > 0).then(kept)


def labels(
    values: Mapping[str, pl.Expr], task: str, source: str | None = None, **fields: Value
) -> pl.Expr:
    """Build the column `labels` of one task.

    Args:
        values: Class name to its value: 1 present, 0 absent, -1 uncertain, null not stated.
        task: Name of the task.
        source: Who gave the labels.
        fields: `annotator`.
    """
    return entries(*[one_label(task, each, values[each], source, **fields) for each in values])


def one_label(
    task: str, name: Value, value: Value, source: Value = None, **fields: Value
) -> pl.Expr:
    """Build one entry of the column `labels`; null where its value is null.

    Args:
        task: Name of the task.
        name: The class, or what is graded or measured.
        value: As for `labels`; a grade or measurement is the number itself.
        source: Who gave it.
        fields: `annotator`.
    """
    number = _expr(value).cast(pl.Float32)
    given = {"task": task, "name": name, "value": number, "source": source, **fields}
    return pl.when(number.is_not_null()).then(_struct(given, LABEL))


def text(**parts: pl.Expr) -> pl.Expr:
    """Build the column `text`; null where no part says anything.

    Args:
        parts: `report`, `findings`, `impression`, `caption`, `context`; empty is not stated.
    """
    stated = {name: pl.when(each != "").then(each) for name, each in parts.items()}
    some = pl.any_horizontal(each.is_not_null() for each in stated.values())
    return pl.when(some).then(_struct(stated, TEXT))


def listed(items: pl.Expr, classes: Iterable[str]) -> dict[str, pl.Expr]:
    """Return the values for `labels` of a List(String): 1 where a class is named, else 0.

    A row whose list is null states nothing.
    """
    return {name: items.list.contains(pl.lit(name)).cast(pl.Float32) for name in classes}


def shape(kind: str, label: Value, points: pl.Expr, **fields: Value) -> pl.Expr:
    """Build one shape; null where its points are null.

    Args:
        kind: box, box3d, ellipse, polygon, contour, point or sphere.
        label: What it shows.
        points: List(Float64).
        fields: `unit` (pixel by default), `media` (`image` by default), `frame`, `annotator`,
            `extra`.
    """
    given = {"unit": "pixel", "media": "image", **fields}
    filled = _struct({"kind": kind, "label": label, "points": points, **given}, SHAPE)
    return pl.when(points.is_not_null()).then(filled)


def box(label: Value, corners: Sequence[pl.Expr], **fields: Value) -> pl.Expr:
    """Build a box from x_min, y_min, x_max, y_max, in pixels; null where one of them is null.

    Args:
        label: What it shows.
        corners: Four numbers, between pixels: see the top of this module.
        fields: As for `shape`.
    """
    numbers = [each.cast(pl.Float64) for each in corners]
    whole = pl.all_horizontal(each.is_not_null() for each in numbers)
    return shape("box", label, pl.when(whole).then(pl.concat_list(*numbers)), **fields)


def numbered(part: Value, number: Value, digits: int = 6) -> pl.Expr:
    """Return the sample ids of rows without a name of their own: `train/000017`.

    Args:
        part: What the number counts within.
        number: Place of the row, from 0, or the number that the release gives it.
        digits: What the number is filled up to, so that ids are in its order.
    """
    filled = _expr(number).cast(pl.String).str.zfill(digits)
    return pl.concat_str(_expr(part), filled, separator="/")


def extra(values: Mapping[str, pl.Expr]) -> pl.Expr:
    """Build the column `extra`: name to value, as text; empty and null values are left out."""
    structs = []
    for name, value in values.items():
        text = value.cast(pl.String)
        present = text.is_not_null() & (text != "")
        structs.append(pl.when(present).then(pl.struct(name=pl.lit(name), value=text)))
    return entries(*structs)


def grouped(rows: pl.DataFrame, key: str, **columns: pl.Expr) -> pl.DataFrame:
    """Collect structs of many rows into one list per key, in their order, nulls left out.

    Args:
        rows: E.g. one row per box.
        key: Column that names the sample.
        columns: Column to make, e.g. `shapes=box(...)`.
    """
    aggregated = {name: each.drop_nulls() for name, each in columns.items()}
    return rows.group_by(key, maintain_order=True).agg(**aggregated)


def age_years(age: pl.Expr) -> pl.Expr:
    """Turn ages as numbers or DICOM age strings (`058Y`, `006M`) into years; null where neither.

    Source: DICOM PS3.5, 6.2, value representation AS.
    """
    text = age.cast(pl.String).str.strip_chars()
    number = text.str.extract(r"^(\d+(?:\.\d+)?)\s*[DWMYdwmy]?$").cast(pl.Float64)
    unit = text.str.extract(r"([DWMYdwmy])$").str.to_uppercase()
    per_year = unit.replace_strict(_PER_YEAR, default=1.0, return_dtype=pl.Float64)
    return (number / per_year).cast(pl.Float32)


def class_names(
    names: pl.Expr, classes: Iterable[str] = (), spellings: Mapping[str, str] | None = None
) -> pl.Expr:
    """Turn the release's spelling of names into that of the record.

    Args:
        names: As released; spaces around them and the case of letters do not matter.
        classes: Names as the record spells them.
        spellings: Released name to ours, where they differ.

    Returns:
        The record's names; a name that is neither class nor spelling stays as it is.
    """
    plain = names.str.strip_chars()
    known = {each.lower(): each for each in classes}
    known |= {old.lower(): new for old, new in (spellings or {}).items()}
    folded = plain.str.to_lowercase().replace_strict(known, default=None, return_dtype=pl.String)
    return pl.coalesce(folded, plain)


def pairs(option: str, text: str) -> dict[str, str]:
    """Read an option that maps names: `NORMAL=normal; 1=pneumonia`.

    Raises:
        SettingError: A part has no `=`, or a name occurs twice.
    """
    found: dict[str, str] = {}
    for part in filter(None, (each.strip() for each in text.split(";"))):
        name, sign, value = (each.strip() for each in part.partition("="))
        if not sign or not name or name in found:
            problem = f"Option {option}={text!r}: {part!r} is not 'name=value' of a new name"
            raise SettingError(problem, "Write it like: NORMAL=normal; PNEUMONIA=pneumonia")
        found[name] = value
    return found


def chosen(option: str, value: str, known: Iterable[str]) -> str:
    """Return the value of an option that has to be one of several; empty is the default.

    Raises:
        UnknownNameError: It is none of them.
    """
    names = tuple(known)
    if value and value not in names:
        raise UnknownNameError(f"value of {option}", value, names)
    return value


def with_legend(meta: Meta, legend: Mapping[str, str]) -> Meta:
    """Return a copy of `meta` that says what the values of its masks mean.

    Args:
        meta: Facts of the dataset.
        legend: Value in the mask to name, e.g. `{"0": "background", "1": "liver"}`; a region of
            several values is `1,2,3`. Kept as the option `legend`, in the form of `pairs`.

    Raises:
        SettingError: That form cannot hold it: a value is empty, there twice or has `=`, or `;` is
            in it.
    """
    wanted = {str(value).strip(): str(name).strip() for value, name in legend.items()}
    text = "; ".join(f"{value}={name}" for value, name in wanted.items())
    if pairs("legend", text) != wanted:
        problem = f"The legend {text!r} holds ';' or '=' in a value or name"
        raise SettingError(problem, "Correct it in the files of the release, or in the record")
    return replace(meta, options={**meta.options, "legend": text})


def _listed(columns: Sequence[pl.Series]) -> pl.Series:
    """Return one list per row of what is not null; `pl.concat_list` of structs takes 30 times."""
    n_rows, n_columns = max(map(len, columns)), len(columns)
    # a literal comes as one row
    flat = pl.concat(
        each if len(each) == n_rows else each.new_from_index(0, n_rows) for each in columns
    )
    order = np.arange(n_rows * n_columns).reshape(n_columns, n_rows).T.ravel()
    if not flat.null_count():
        return flat.gather(order).reshape((n_rows, n_columns)).arr.to_list()
    kept = flat.is_not_null().to_numpy()[order]
    rows = np.repeat(np.arange(n_rows), n_columns)[kept]
    filled = pl.DataFrame({"row": rows, "entries": flat.gather(order[kept])})
    lists = filled.set_sorted("row").group_by("row", maintain_order=True).agg("entries")
    every = pl.DataFrame({"row": np.arange(n_rows)})
    return every.join(lists, on="row", how="left", maintain_order="left")["entries"]


def _struct(fields: Mapping[str, Value], kind: pl.Struct) -> pl.Expr:
    known = [each.name for each in kind.fields]
    if unknown := set(fields) - set(known):
        msg = f"no fields {sorted(unknown)} in {known}"
        raise TypeError(msg)
    return pl.struct([_expr(fields.get(name)).alias(name) for name in known]).cast(kind)


def _expr(value: Value) -> pl.Expr:
    return value if isinstance(value, pl.Expr) else pl.lit(value)

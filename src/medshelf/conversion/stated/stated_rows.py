"""What a manifest says of a sample, but for where its files are, as JSON of one fixed form."""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from dataclasses import asdict
from typing import Any

import polars as pl

from medshelf.conversion.prepared import Prepared
from medshelf.core.manifest import SCHEMA, Manifest
from medshelf.dataset.fields import Shape

_ALWAYS = ("sample_id", "split")


def stated_columns(manifest: Manifest) -> list[str]:
    """Return the columns, without `media`, that say something of at least one sample."""
    columns = [name for name in SCHEMA if name not in ("media", *_ALWAYS)]
    found = manifest.frame.select(_is_stated(name).any() for name in columns).collect()
    return [*_ALWAYS, *(name for name in columns if found[name][0])]


def stated_row(sample: Prepared, columns: Sequence[str]) -> dict[str, Any]:
    """Return column to value, all columns, null where a sample does not state them.

    Shapes are in pixels of the prepared images.
    """
    row = sample.sample
    asked = row.question
    texts = asdict(row.text) if row.text else None
    special: dict[str, Any] = {
        "sample_id": row.id,
        "split": sample.split,
        "labels": [asdict(each) for each in row.labels],
        "shapes": [_shape(each) for each in _shapes(sample)] if "shapes" in columns else [],
        "text": texts,
        "question": asked.text if asked else None,
        "options": list(asked.options) if asked else [],
        "answers": list(asked.answers) if asked else [],
        "explanation": asked.explanation if asked else None,
        "turns": [asdict(each) for each in row.turns],
        "extra": _named_values(row.extra),
    }
    return {name: special[name] if name in special else getattr(row, name) for name in columns}


def hub_features(types: Iterable[tuple[str, Any]]) -> list[dict[str, Any]]:
    """Return names and polars types as the features of a dataset card on the Hugging Face Hub.

    Source: https://huggingface.co/docs/datasets/about_dataset_features
    """
    return [{"name": name, **_feature(kind)} for name, kind in types]


def _feature(kind: Any) -> dict[str, Any]:
    if isinstance(kind, pl.Struct):
        return {"struct": hub_features((each.name, each.dtype) for each in kind.fields)}
    if isinstance(kind, pl.List):
        inner = _feature(kind.inner)
        return {"list": inner.get("struct") or inner["dtype"]}
    names = {pl.Float32: "float32", pl.Float64: "float64", pl.Int64: "int64"}
    return {"dtype": names.get(kind, "string")}


def _is_stated(name: str) -> pl.Expr:
    column, kind = pl.col(name), SCHEMA[name]
    if isinstance(kind, pl.Struct):
        fields = [column.struct.field(each.name).is_not_null() for each in kind.fields]
        return pl.any_horizontal(fields).alias(name)
    return (column.list.len() > 0) if isinstance(kind, pl.List) else column.is_not_null()


def _shapes(sample: Prepared) -> tuple[Shape, ...]:
    images = sample.sample.images
    if not sample.preparation.moves or not images:
        return sample.sample.shapes
    moved = {name: sample.shapes(name) for name in images}
    first = images[0]
    drawn = [each for name in images for each in moved[name] if each.media == name]
    elsewhere = [each for each in sample.sample.shapes if each.media not in (None, *images)]
    return (*(each for each in moved[first] if each.media is None), *drawn, *elsewhere)


def _shape(shape: Shape) -> dict[str, Any]:
    return {**asdict(shape), "points": list(shape.points), "extra": _named_values(shape.extra)}


def _named_values(values: Any) -> list[dict[str, str]]:
    return [{"name": name, "value": value} for name, value in values.items()]

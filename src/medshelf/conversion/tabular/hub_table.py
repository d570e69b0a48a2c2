"""Rows of a manifest as a table of the library `datasets`: its columns, their types and values."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

import polars as pl

from medshelf.conversion.tabular import hub_features as hub
from medshelf.conversion.tabular.flat_columns import LISTS, Columns, columns_of, facts, label_values
from medshelf.core.manifest import Manifest

_TEXT = hub.value("string")
_NAMED = {"name": _TEXT, "value": _TEXT}
_SHAPE = {
    **dict.fromkeys(("kind", "label", "unit", "media", "annotator"), _TEXT),
    "frame": hub.value("int64"),
    "points": hub.many(hub.value("float64")),
    "extra": hub.many(_NAMED),
}
_LABEL = {
    **dict.fromkeys(("task", "name", "source", "annotator"), _TEXT),
    "value": hub.value("float32"),
}
_MOST_CATEGORIES = 1024


@dataclass(frozen=True, slots=True)
class HubTable:
    """What the table has.

    Attributes:
        columns: See `flat_columns`.
        only_boxes: Whether all shapes are plain boxes on the only image.
        categories: Names of those boxes; empty where they have none, or too many.
    """

    columns: Columns
    only_boxes: bool
    categories: tuple[str, ...]

    def to_dict(self) -> dict[str, Any]:
        """Return the fields as what JSON holds."""
        boxes = {"only_boxes": self.only_boxes, "categories": list(self.categories)}
        return {"columns": self.columns.to_dict(), **boxes}

    @classmethod
    def from_dict(cls, fields: Mapping[str, Any]) -> HubTable:
        """Restore what `to_dict` gave."""
        columns = Columns.from_dict(fields["columns"])
        return cls(columns, fields["only_boxes"], tuple(fields["categories"]))

    @classmethod
    def of(cls, manifest: Manifest) -> HubTable:
        """Return what the table of a manifest has; errors as those of `columns_of`."""
        columns = columns_of(manifest)
        if "shapes" not in columns.plain:
            return cls(columns, only_boxes=False, categories=())
        shapes = manifest.frame.select(pl.col("shapes").list.drop_nulls().explode()).drop_nulls()
        said = shapes.unnest("shapes").select(
            plain=_is_plain_box().all(),
            n_images=pl.col("media").n_unique(),
            names=pl.col("label").drop_nulls().unique().sort().implode(),
        )
        plain, n_images, names = said.collect().row(0)
        one = n_images == 1 and sum(each.role == "image" for each in columns.media) <= 1
        few = len(names) <= _MOST_CATEGORIES
        return cls(columns, only_boxes=plain and one, categories=tuple(names) if few else ())

    def features(self) -> dict[str, hub.Feature]:
        """Return the type of each column, in order."""
        columns = self.columns
        found: dict[str, hub.Feature] = {"sample_id": _TEXT}
        found |= {each.column: hub.NIFTI if each.is_volume else hub.IMAGE for each in columns.media}
        if columns.has_label:
            found["label"] = _TEXT if columns.classes is None else hub.classes(columns.classes)
        if columns.groups is None:
            found["labels"] = hub.many(_LABEL)
        for group in columns.groups or ():
            found[group.column] = dict.fromkeys(group.names, hub.value("float32"))
        found |= {name: each for name in columns.plain for name, each in self._plain(name).items()}
        return found

    def rows(self, rows: pl.DataFrame) -> pl.DataFrame:
        """Return the values of all columns but those of images and masks."""
        columns = self.columns
        table = facts(rows, columns)
        if columns.has_label:
            table = table.with_columns(_coded(rows["label"], columns.classes))
        if columns.groups is None:
            table = table.with_columns(rows["labels"])
        groups = columns.groups or ()
        for group, values in zip(groups, label_values(rows, groups), strict=True):
            table = table.with_columns(pl.DataFrame(values).to_struct(group.column))
        made = {
            "shapes": self._boxes() if self.only_boxes else pl.col("shapes"),
            "turns": pl.col("turns").alias("messages"),
            "extra": pl.col("extra"),
        }
        return table.hstack(rows.select(made[each] for each in made if each in columns.plain))

    def _plain(self, name: str) -> dict[str, hub.Feature]:
        if name == "shapes" and self.only_boxes:
            category = hub.classes(self.categories) if self.categories else _TEXT
            corners = hub.many(hub.many(hub.value("float64")))
            return {"objects": {"bbox": corners, "category": hub.many(category)}}
        special = {
            "shapes": {"shapes": hub.many(_SHAPE)},
            "turns": {"messages": hub.many({"role": _TEXT, "content": _TEXT})},
            "extra": {"extra": hub.many(_NAMED)},
            "age_years": {"age_years": hub.value("float32")},
            **{each: {each: hub.many(_TEXT)} for each in LISTS},
        }
        return special.get(name, {name: _TEXT})

    def _boxes(self) -> pl.Expr:
        """Return boxes as x, y, width and height, with their names in a list beside them."""
        shape, shapes = pl.element().struct, pl.col("shapes")
        points = shape.field("points")
        low, high = points.list.slice(0, 2), points.list.slice(2, 2)
        label = shape.field("label")
        if self.categories:
            codes = {name: code for code, name in enumerate(self.categories)}
            label = label.replace_strict(codes, default=None, return_dtype=pl.Int64)
        bbox = shapes.list.eval(pl.concat_list(low, high - low))
        boxes = pl.struct(bbox=bbox, category=shapes.list.eval(label))
        return pl.when(shapes.is_not_null()).then(boxes).alias("objects")


def _is_plain_box() -> pl.Expr:
    bare = [pl.col(each).is_null() for each in ("frame", "annotator")]
    said = (pl.col("kind").cast(pl.String) == "box") & (pl.col("unit").cast(pl.String) == "pixel")
    return pl.all_horizontal(said, *bare, pl.col("extra").list.len().fill_null(0) == 0)


def _coded(labels: pl.Series, classes: tuple[str, ...] | None) -> pl.Series:
    if classes is None:
        return labels
    codes = {name: code for code, name in enumerate(classes)}
    return labels.replace_strict(codes, default=None, return_dtype=pl.Int64)

"""COCO: images, boxes and polygons in one JSON file per split.

Raw tree:
    annotations/instances_train2017.json    images, annotations, categories, licenses
    annotations/image_info_test2017.json    images alone
    train2017/000000000139.jpg              images="{split}/{file}"

Known quirks: a box is x, y, width, height; ids have gaps and may be 0; a crowd is a run-length code
instead of polygons, `[]` is an object with a box alone; further keys of images and annotations are
allowed, so releases put patients and readers there. The same image ids occur in several splits.

Source: https://cocodataset.org/#format-data
"""

from __future__ import annotations

import json
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any

import polars as pl

from medshelf.core.assembly import assemble, known_names, missing_files, unmatched, unused_files
from medshelf.core.columns import box, entries, extra, grouped, media, pairs, shape
from medshelf.core.errors import LayoutError
from medshelf.core.issues import Issue
from medshelf.core.manifest import Manifest, Meta
from medshelf.formats.entry import Entry, read_object
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

_ANNOTATIONS = ("instances_{split}.json", "image_info_{split}.json")
_PLAIN = ("file_name", "width", "height", "flickr_url", "coco_url", "date_captured")
_DRAWN = ("image_id", "category_id", "bbox")
_CORNERS, _LEAST = 4, 6  # numbers of a box, of a polygon
_POLYGONS = pl.List(pl.List(pl.Float64))
_REMEDY = "Correct the file, or use the published one"


def read(  # noqa: PLR0913 - one option per thing that a record may state
    root: Path,
    meta: Meta,
    *,
    annotations: str = "",
    splits: str = "",
    images: str = "",
    patient: str = "",
    study: str = "",
) -> Manifest:
    """Read images with boxes and polygons.

    Args:
        root: The folder that holds the release, unpacked or not.
        meta: Facts of the dataset.
        annotations: Pattern of the JSON files, with `{split}` or of a single file; by default
            `instances_{split}.json`, and `image_info_{split}.json` where that is not there.
        splits: Text of `{split}` to split: `train2017=train; val2017=val`. Files of other splits
            are reported and not read.
        images: Where an image is: `{file}` is its name in the file, `{split}` as released. By
            default `{split}/{file}`, of a single file `{file}`.
        patient: Key of an image that names the patient.
        study: Key of an image that names the study.

    Raises:
        LayoutError: A file of annotations or a key is missing, or a category is not known.
        FormatError: A file is truncated, or an archive cannot be read.
        SettingError: `splits` is not written as above.
    """
    files = list_files(root)
    names, patterns = pairs("splits", splits), [annotations] if annotations else _ANNOTATIONS
    found = pl.concat([match(files, each) for each in patterns])
    parts = found["split"].unique().sort().to_list() if "split" in found.columns else [""]
    images = images or ("{file}" if parts == [""] else "{split}/{file}")
    pieces, issues = [], list[Issue]()
    for part in list(names) or parts or [""]:
        entry = find_one(files, *[each.replace("{split}", part or "*") for each in patterns])
        before, _, after = images.replace("{split}", part).partition("{file}")
        split = pl.lit(names.get(part, part) or None, pl.String)
        stem = pl.col("file_name").str.replace(r"\.[^./]+$", "")
        rows, odd = _rows(root, entry, {patient: "patient_id", study: "study_id"})
        pieces.append(
            rows.with_columns(
                place=pl.lit(before) + pl.col("file_name") + pl.lit(after),
                split=split,
                sample_id=pl.concat_str(split, stem, separator="/", ignore_nulls=True),
            )
        )
        issues += odd
    pictures = files.filter(pl.col("suffix").is_in(IMAGE_SUFFIXES))
    rows = attach(pl.concat(pieces, how="diagonal"), pictures, "place")
    facts = [each for each in ("patient_id", "study_id", "shapes") if each in rows.columns]
    columns = rows.select("sample_id", "split", "extra", *facts, media=entries(media("image")))
    unread = found.filter(~pl.col("split").is_in(list(names))) if names else found.clear()
    issues += [
        *missing_files(rows.filter(pl.col("path").is_null())["place"], "annotations"),
        *unused_files(left_over(pictures, rows).select(LOCATION).to_series(), "annotations"),
        *unused_files(unread.select(LOCATION).to_series(), "option splits"),
    ]
    return assemble(columns, meta, root, issues)


def _rows(
    root: Path, entry: Entry, renamed: Mapping[str, str]
) -> tuple[pl.DataFrame, tuple[Issue, ...]]:
    """Return the images of one file with their shapes, and what is odd about them."""
    document, where = read_object(root, entry, images=list), root / entry.location
    stated = {old: new for old, new in renamed.items() if old}
    images = _table(document, "images", where, ("id", "file_name", *stated))
    if images["id"].is_duplicated().any():
        problem = f"{where}: the ids of 'images' are not unique"
        raise LayoutError(problem, _REMEDY)
    licences = _names(_table(document, "licenses", where, ("id", "name")))
    facts = {"image_id": pl.col("id")} | {
        each: pl.col(each).replace(licences) if each == "license" else pl.col(each)
        for each in images.columns
        if each not in ("id", *_PLAIN, *stated)
    }
    rows = images.with_columns(extra=extra(facts)).rename(stated)
    rows = rows.select("id", "file_name", "extra", *stated.values())
    marks = document.get("annotations") or []
    outlines = [each.pop("segmentation", None) for each in marks if isinstance(each, dict)]
    drawn = _table(document, "annotations", where, _DRAWN, ("id",))
    if drawn.is_empty():
        return rows, ()
    categories = _names(_table(document, "categories", where, ("id", "name")))
    known_names(drawn["category_id"].fill_null(""), categories, f"{where}: category_id")
    drawn = drawn.with_columns(
        pl.col("image_id").fill_null(""), label=pl.col("category_id").replace(categories)
    )
    issues = unmatched(drawn["image_id"], images["id"], entry.location)
    try:
        shapes = _shapes(drawn, outlines)
    except (pl.exceptions.PolarsError, TypeError, OverflowError) as error:
        problem = f"{where}: a 'bbox' or a part of a 'segmentation' is no list of numbers"
        raise LayoutError(problem, _REMEDY) from error
    if not shapes["is_whole"].all():
        problem = f"{where}: a 'bbox' has not four numbers, or a polygon not three corners or more"
        raise LayoutError(problem, _REMEDY)
    shapes = grouped(shapes, "image_id", shapes=pl.col("shape"))
    return rows.join(shapes, left_on="id", right_on="image_id", how="left"), issues


def _shapes(drawn: pl.DataFrame, outlines: Sequence[Any]) -> pl.DataFrame:
    """Return a row per box and polygon, in the order of annotations."""
    parts = [each if isinstance(each, list) else None for each in outlines]
    codes = [
        each if each is None or isinstance(each, str) else json.dumps(each)
        for each in (None if isinstance(each, list) else each for each in outlines)
    ]
    drawn = drawn.with_columns(
        pl.Series("parts", parts, _POLYGONS), pl.Series("segmentation", codes, pl.String)
    ).sort(pl.col("id").cast(pl.Int64, strict=False), maintain_order=True)
    tie = {"annotation": pl.col("id")}
    others = [each for each in drawn.columns if each not in ("id", *_DRAWN, "label", "parts")]
    drawn = drawn.with_row_index("place").with_columns(
        extra=extra(tie | {each: pl.col(each) for each in others}),
        tie=extra(tie),
        bbox=pl.col("bbox").str.json_decode(pl.List(pl.Float64)),
    )
    x, y, width, height = (pl.col("bbox").list.get(n, null_on_oob=True) for n in range(_CORNERS))
    label, length = pl.col("label"), pl.col("parts").list.len()
    boxes = drawn.select(
        "image_id",
        "place",
        shape=box(label, (x, y, x + width, y + height), extra=pl.col("extra")),
        is_whole=_is_finite("bbox") & (pl.col("bbox").list.len() == _CORNERS),
    )
    polygons = (
        drawn.filter(length > 0)
        .explode("parts")
        .select(
            "image_id",
            "place",
            shape=shape("polygon", label, pl.col("parts"), extra=pl.col("tie")),
            is_whole=_is_finite("parts") & (length >= _LEAST) & (length % 2 == 0),
        )
    )
    whole = pl.col("is_whole").fill_null(value=False)
    return pl.concat([boxes, polygons]).sort("place", maintain_order=True).with_columns(whole)


def _is_finite(column: str) -> pl.Expr:
    return pl.col(column).list.eval(pl.element().is_finite().fill_null(value=False)).list.all()


def _table(
    document: Mapping[str, Any],
    key: str,
    where: Path,
    required: Sequence[str],
    optional: Sequence[str] = (),
) -> pl.DataFrame:
    """Return a list of objects as text and JSON text; no row where there is none."""
    columns = pl.DataFrame(schema=dict.fromkeys((*required, *optional), pl.String))
    if not document.get(key):
        return columns
    data = json.dumps(document[key]).encode()
    table = read_table(data, kind="json", name=where, required=required)
    return pl.concat([columns, table], how="diagonal")


def _names(table: pl.DataFrame) -> dict[str, str]:
    return dict(table.select("id", "name").drop_nulls().rows())

"""CUB-200-2011: birds of 200 species with box, parts and attributes; natural images, not medical.

Raw tree:
    CUB_200_2011/images.txt, image_class_labels.txt, train_test_split.txt, bounding_boxes.txt
    CUB_200_2011/classes.txt, images/001.Black_footed_Albatross/Black_Footed_Albatross_0046_18.jpg
    CUB_200_2011/parts/parts.txt, part_locs.txt
    CUB_200_2011/attributes/certainties.txt, image_attribute_labels.txt; attributes.txt beside
    segmentations/001.Black_footed_Albatross/Black_Footed_Albatross_0046_18.png     if fetched

Known quirks: tables have ids from 1, single spaces and no header; names of parts have spaces; some
lines of `image_attribute_labels.txt` have more than five values or too few; hidden parts are at
0, 0. `attributes.txt` lies beside the folder or in `attributes/`. The clicks of single workers and
the times they took are not read.

Source: https://doi.org/10.22002/D1.20098, README
"""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import replace
from pathlib import Path
from typing import Any

import polars as pl

from medshelf.core.assembly import assemble, known_names, missing_files, unused_files
from medshelf.core.columns import box, entries, extra, grouped, media, one_label, shape
from medshelf.core.errors import LayoutError
from medshelf.core.issues import Issue
from medshelf.core.manifest import Manifest, Meta
from medshelf.core.tasks import Task, TaskKind
from medshelf.formats.tables import read_table
from medshelf.formats.tree import LOCATION, attach, find_one, left_over, list_files, match

_IMAGES = "images.txt"
_STATED = "image_attribute_labels.txt"
_CORNER = ("x", "y", "width", "height")
_KINDS = {
    **dict.fromkeys(("image", "class", "number", "part", "visible"), pl.Int64),
    **dict.fromkeys(_CORNER, pl.Float64),
}
_SPLITS = {"1": "train", "0": "test"}
_LINE = r"^\s*(?<image>\d+)\s+(?<attribute>\d+)\s+(?<present>[01])\s+(?<certainty>\d+)(?:\s|$)"
_LENGTHS = (4, 5)


def read(root: Path, meta: Meta) -> Manifest:
    """Read CUB-200-2011.

    Args:
        root: The folder that holds the release, unpacked or not.
        meta: Facts of the dataset; the tasks are made from the lists of classes and attributes.

    Returns:
        `sample_id` is the path of the image without suffix; `shapes` has its box and the parts that
        can be seen, `labels` the attributes with the certainty of who stated them as source.

    Raises:
        LayoutError: A table is missing, or does not name the images of `images.txt`.
        FormatError: A table is truncated, or an archive cannot be read.
    """
    files = list_files(root)
    classes = _names(root, files, "classes.txt")
    attributes = _names(root, files, "attributes/attributes.txt", "attributes.txt")
    rows = _table(root, files, _IMAGES, ("image", "place"))
    for name, keys in (
        ("image_class_labels.txt", ("image", "class")),
        ("train_test_split.txt", ("image", "split")),
        ("bounding_boxes.txt", ("image", *_CORNER)),
    ):
        table = _table(root, files, name, keys)
        _check_images(table, rows, name)
        rows = rows.join(table, on="image", maintain_order="left")
    known_names(rows["split"], _SPLITS, "train_test_split.txt")
    rows = rows.with_columns(
        label=pl.col("class").replace_strict(classes, default=None, return_dtype=pl.String),
        split=pl.col("split").replace_strict(_SPLITS),
        sample_id=pl.col("place").str.strip_suffix(".jpg"),
    )
    _check_classes(rows)
    stated, odd = _attributes(root, files, attributes, rows)
    pictured = attach(rows.select("sample_id", "place"), files, "place")
    masked = attach(
        rows.select(place="segmentations/" + pl.col("sample_id") + ".png"), files, "place"
    )
    mask = masked.select(mask=media("mask", "mask")).to_series()
    rows = rows.join(_shapes(root, files, rows), on="image", how="left", maintain_order="left")
    rows = rows.join(stated, on="image", how="left", maintain_order="left")
    columns = rows.select(
        *("sample_id", "split", "label", "labels", "shapes"),
        media=pictured.with_columns(mask)
        .select(entries(media("image"), pl.col("mask")))
        .to_series(),
        extra=extra({"image_id": pl.col("image")}),
    )
    tasks = (
        Task("classification", TaskKind.MULTI_CLASS, tuple(classes.values())),
        Task("attributes", TaskKind.MULTI_LABEL, tuple(attributes.values())),
    )
    issues = [*odd, *_absent(pictured, mask, files)]
    return assemble(columns, replace(meta, tasks=tasks), root, issues)


def _table(
    root: Path, files: pl.DataFrame, name: str, columns: tuple[str, ...], **how: Any
) -> pl.DataFrame:
    entry = find_one(files, name)
    how = {"kind": "blanks", "dtypes": _KINDS, **how}
    return read_table(entry.source(root), name=root / entry.location, columns=columns, **how)


def _names(root: Path, files: pl.DataFrame, *names: str) -> dict[int, str]:
    """Return what numbers stand for."""
    name = next((each for each in names if match(files, each).height), names[-1])
    return dict(_table(root, files, name, ("number", "name"), rest=True).rows())


def _check_images(table: pl.DataFrame, rows: pl.DataFrame, name: str, *, once: bool = True) -> None:
    """Refuse a table that has other images than the list of them."""
    strange = set(table["image"]) ^ set(rows["image"])
    if strange or (once and table["image"].is_duplicated().any()):
        some = ", ".join(str(each) for each in sorted(strange)[:5]) or "each more than once"
        problem = f"{name} and {_IMAGES} do not name the same images: {some}"
        raise LayoutError(problem, "Fetch the whole release again")


def _check_classes(rows: pl.DataFrame) -> None:
    """Refuse a class that is not the folder of its image."""
    wrong = rows.filter(
        ~pl.col("place").str.starts_with(pl.col("label") + "/").fill_null(value=False)
    )
    if wrong.height:
        problem = f"classes.txt calls the class of {wrong['place'][0]} {wrong['label'][0]!r}"
        raise LayoutError(problem, "Fetch the whole release again")


def _shapes(root: Path, files: pl.DataFrame, rows: pl.DataFrame) -> pl.DataFrame:
    """Return the box of each image and the parts that can be seen, in their order."""
    names = _names(root, files, "parts/parts.txt")
    parts = _table(root, files, "part_locs.txt", ("image", "part", "x", "y", "visible"))
    _check_images(parts, rows, "part_locs.txt", once=False)
    x, y, width, height = (pl.col(each) for each in _CORNER)
    boxes = rows.select(
        "image", part=pl.lit(0, pl.Int64), shape=box(pl.col("label"), (x, y, x + width, y + height))
    )
    label = pl.col("part").replace_strict(names, return_dtype=pl.String)
    points = parts.filter(pl.col("visible") == 1).select(
        "image", "part", shape=shape("point", label, pl.concat_list(x, y))
    )
    return grouped(pl.concat([boxes, points]).sort("part"), "image", shapes=pl.col("shape"))


def _attributes(
    root: Path, files: pl.DataFrame, names: dict[int, str], rows: pl.DataFrame
) -> tuple[pl.DataFrame, tuple[Issue, ...]]:
    """Return what is stated of each image, and an Issue for lines of another length."""
    certainties = _names(root, files, "certainties.txt")
    lines = _table(root, files, _STATED, ("line",), kind="csv", separator=None)
    values = lines.select(pl.col("line").str.extract_groups(_LINE)).unnest("line").cast(pl.Int64)
    length = lines["line"].str.count_matches(r"\S+")
    odd = lines["line"].filter(~length.is_in(_LENGTHS) | values["image"].is_null())
    values = values.drop_nulls()
    _check_images(values, rows, _STATED, once=False)
    known_names(values["attribute"].cast(pl.String), map(str, names), _STATED)
    known_names(values["certainty"].cast(pl.String), map(str, certainties), _STATED)
    stated = one_label(
        "attributes",
        pl.col("attribute").replace_strict(names, return_dtype=pl.String),
        pl.col("present"),
        pl.col("certainty").replace_strict(certainties, return_dtype=pl.String),
    )
    labels = grouped(values, "image", labels=stated)
    if odd.is_empty():
        return labels, ()
    message = f"{len(odd):,} lines have not five values: {' | '.join(odd.head(3))}"
    remedy = "The first four are used, and lines with fewer left out"
    return labels, (Issue("row-malformed", "warning", _STATED, message, remedy),)


def _absent(pictured: pl.DataFrame, mask: pl.Series, files: pl.DataFrame) -> Iterator[Issue]:
    yield from missing_files(pictured.filter(pl.col("path").is_null())["place"], _IMAGES)
    if match(files, "segmentations/*/*.png").height:
        bare = pictured.filter(pl.col("path").is_not_null() & mask.is_null())["sample_id"]
        yield from missing_files(bare, "segmentations of images")
    unused = left_over(match(files, "images/*/*.jpg"), pictured)
    yield from unused_files(unused.select(LOCATION).to_series(), _IMAGES)

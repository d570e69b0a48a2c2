"""SLAKE: questions in English and Chinese about CT, MRI and X-ray images, with organ masks.

Raw tree:
    train.json, validate.json (or validation.json), test.json
    imgs/xmlab0/source.jpg, mask.png, detection.json        loose or in imgs.zip
    mask.txt                                                value:name of the masks
    KG/*.csv                                                knowledge graph, not read

Known quirks: the split is made per language, so an image is in train for one and in test for the
other; keys come in varying order; an answer may be empty, and several are joined by commas; CLOSED
has questions with other answers than yes and no. The form of `detection.json`, a list of `{name:
[x, y, width, height]}`, and of `mask.txt` is as others describe it.

Source: https://doi.org/10.1109/ISBI48211.2021.9434010 and https://www.med-vqa.com/slake/
"""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import replace
from itertools import chain
from pathlib import Path

import polars as pl

from medshelf.core.assembly import assemble, known_names, missing_files, unused_files
from medshelf.core.columns import (
    box,
    chosen,
    entries,
    extra,
    grouped,
    media,
    numbered,
    with_legend,
)
from medshelf.core.errors import LayoutError
from medshelf.core.manifest import Manifest, Meta
from medshelf.formats.entry import Entry, read_json
from medshelf.formats.tables import read_table
from medshelf.formats.tables.split_tables import PART, read_parts
from medshelf.formats.tree import LOCATION, attach, find_one, left_over, list_files, match

_TABLES = {
    "train": ("train.json",),
    "val": ("validate.json", "validation.json"),
    "test": ("test.json",),
}
_LANGUAGES = ("en", "zh")
_EXTRA = ("qid", "location", "modality", "answer_type", "base_type", "content_type", "triple")
_REQUIRED = ("img_id", "img_name", "question", "answer", "q_lang", *_EXTRA)
_BOX = ("x", "y", "width", "height")


def read(root: Path, meta: Meta, *, language: str = "") -> Manifest:
    """Read SLAKE.

    Args:
        root: The folder that holds questions and images, unpacked or not.
        meta: Facts of the dataset.
        language: `en` or `zh` for the questions of one language; by default both.

    Returns:
        `sample_id` is split and `qid`, `patient_id` the number of the image; `shapes` has the boxes
        of organs and lesions, what the values of a mask mean is the legend.

    Raises:
        LayoutError: No table is there, a key is missing, or a language is not known.
        FormatError: A table is truncated, or an archive cannot be read.
        UnknownNameError: There are no questions in that language.
    """
    files = list_files(root)
    rows, absent = read_parts(root, files, _TABLES, required=_REQUIRED)
    known_names(rows["q_lang"], _LANGUAGES, "questions")
    if chosen("language", language, _LANGUAGES):
        rows = rows.filter(pl.col("q_lang") == language)
        meta = replace(meta, splits={})
    rows = attach(rows, files, "img_name")
    mask = pl.col("img_name").str.replace("source.jpg", "mask.png", literal=True)
    masks = attach(rows.select(mask), files, "img_name").select(media("mask", "mask"))
    rows = rows.with_columns(mask=masks.to_series())
    rows = rows.join(_boxes(root, files), on="img_id", how="left", maintain_order="left")
    columns = rows.select(
        "question",
        "shapes",
        sample_id=numbered(pl.col(PART), pl.col("qid"), 5),
        split=PART,
        patient_id="img_id",
        media=entries(media("image"), pl.col("mask")),
        answers=entries(pl.col("answer")),
        language="q_lang",
        extra=extra({name: pl.col(name) for name in _EXTRA}),
    )
    images = match(files, "{folder}/source.jpg")
    unused = left_over(images, rows) if not language else images.clear()
    gone = rows.filter(pl.col("path").is_null())["img_name"].unique().sort()
    bare = rows.filter(pl.col("mask").is_null())["img_name"].unique().sort()
    issues = [
        *absent,
        *missing_files(gone, "questions"),
        *missing_files(bare.filter(~bare.is_in(gone.implode())), "masks of images"),
        *unused_files(unused.select(LOCATION).to_series(), "questions"),
    ]
    return assemble(columns, _with_legend(root, files, meta), root, issues)


def _boxes(root: Path, files: pl.DataFrame) -> pl.DataFrame:
    """Return the boxes of each image that has some."""
    found = match(files, "xmlab{image}/detection.json")
    boxes = [
        (image, name, *corners)
        for image, *place in found.select("image", "path", "member").rows()
        for name, corners in _detections(root, Entry(*place))
    ]
    kinds = {"img_id": pl.String, "name": pl.String, **dict.fromkeys(_BOX, pl.Float64)}
    x, y, width, height = (pl.col(each) for each in _BOX)
    drawn = box(pl.col("name"), (x, y, x + width, y + height))
    return grouped(pl.DataFrame(boxes, kinds, orient="row"), "img_id", shapes=drawn)


def _detections(root: Path, entry: Entry) -> Iterator[tuple[str, list[float]]]:
    document = read_json(root, entry)
    named = [each.items() for each in document if isinstance(each, dict)]
    for name, corners in chain.from_iterable(named):
        if not isinstance(corners, list) or {type(each) for each in corners} - {int, float}:
            problem = f"{root / entry.location}: {name!r} has {corners!r}, no box of four numbers"
            raise LayoutError(problem, "Use the published file")
        yield name, corners


def _with_legend(root: Path, files: pl.DataFrame, meta: Meta) -> Meta:
    if match(files, "mask.txt").is_empty():
        return meta
    entry = find_one(files, "mask.txt")
    names = read_table(
        entry.source(root),
        name=root / entry.location,
        kind="csv",
        separator=":",
        columns=("value", "name"),
    )
    return with_legend(meta, dict(names.rows()))

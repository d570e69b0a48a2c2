"""Boxes in Pascal VOC files, beside their images or in the folders of a VOC release.

Raw tree:
    Annotations/2007_000027.xml         one file per image: its name and its boxes
    JPEGImages/2007_000027.jpg
    ImageSets/Main/train.txt            and val.txt, test.txt: official split, where there is one
    SegmentationClass/2007_000027.png   mask="SegmentationClass/{id}.png"

Known quirks: VOC counts pixels from 1 and means the last pixel of a box to be in it, labelling
programs write corners between pixels, from 0 (option `first_pixel`). `filename` may lack its suffix
or be that of a file renamed since. Tags come in any order; boxes of parts (`part`) are left out.

Source: http://host.robots.ox.ac.uk/pascal/VOC/voc2012/htmldoc, annotation format
"""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path
from xml.etree.ElementTree import Element

import polars as pl

from medshelf.core.assembly import assemble, missing_files, unused_files, without_split
from medshelf.core.columns import box, class_names, entries, extra, grouped, media, pairs
from medshelf.core.errors import FormatError, LayoutError, SettingError
from medshelf.core.manifest import SPLITS, Manifest, Meta
from medshelf.formats.entry import Entry
from medshelf.formats.tables import read_table
from medshelf.formats.tree import IMAGE_SUFFIXES, LOCATION, attach, left_over, list_files, match
from medshelf.formats.xml_tree import read_xml

_CORNERS = ("xmin", "ymin", "xmax", "ymax")
_FACTS = ("pose", "truncated", "difficult", "occluded")
_SUFFIX = rf"(?i)\.({'|'.join(IMAGE_SUFFIXES)})$"
_LISTS = "ImageSets/Main: train.txt, val.txt, test.txt"


def read(
    root: Path, meta: Meta, *, first_pixel: str = "1", mask: str = "", classes: str = ""
) -> Manifest:
    """Read images and their boxes.

    Args:
        root: The folder that holds the release, unpacked or not.
        meta: Facts of the dataset.
        first_pixel: Number of the first pixel: `1` as in VOC itself, `0` leaves boxes as they are.
        mask: Pattern of the masks with `{id}`, if there are any.
        classes: Released name to class: `rbc=red cell; wbc=white cell`.

    Returns:
        A row per XML file and per name in the lists; `sample_id` is its name without suffix.

    Raises:
        LayoutError: There is no XML file, or one is no annotation.
        FormatError: An XML file or a list is truncated, or a corner is no number.
        SettingError: An option is not as above.
    """
    if first_pixel not in ("0", "1"):
        problem = f"Option first_pixel={first_pixel!r} is neither 0 nor 1"
        raise SettingError(problem, "Write 1 for VOC, 0 for boxes as they are")
    files = list_files(root)
    drawn, boxes = _annotations(root, match(files, "{id}.xml", required=True))
    masks = match(files, mask, required=True) if mask else match(files.clear(), "{id}")
    images = left_over(files.filter(pl.col("suffix").is_in(IMAGE_SUFFIXES)), masks)
    lists = _lists(root, files)
    rows = drawn.join(lists, on="id", how="full", coalesce=True).sort("id")
    rows = attach(rows.with_columns(_image_name(images)), images, "file")
    shape = box(
        class_names(pl.col("name"), (), pairs("classes", classes)),
        [pl.col(each) - (int(first_pixel) if each.endswith("min") else 0) for each in _CORNERS],
        extra=extra({each: pl.col(each) for each in _FACTS}),
    )
    shapes = grouped(boxes.with_columns(shape=shape), "id", shapes=pl.col("shape"))
    masks = masks.select("id", mask=media("mask", "mask"))
    rows = rows.join(shapes, on="id", how="left").join(masks, on="id", how="left")
    columns = rows.select(
        "split", "shapes", sample_id="id", media=entries(media("image"), pl.col("mask"))
    )
    unlabelled = rows.filter(
        pl.col("filename").is_null() & pl.col("filename").is_not_null().any().over("split")
    )
    issues = [
        *missing_files(unlabelled.select(pl.col("id") + ".xml").to_series(), _LISTS),
        *missing_files(rows.filter(pl.col("path").is_null())["file"], "annotations"),
        *(without_split(columns, _LISTS) if lists.height else ()),
        *unused_files(left_over(images, rows).select(LOCATION).to_series(), "annotations"),
    ]
    return assemble(columns, meta, root, issues)


def _annotations(root: Path, found: pl.DataFrame) -> tuple[pl.DataFrame, pl.DataFrame]:
    """Return a row per XML file, with the name of its image, and a row per box."""
    names, boxes = [], []
    for stem, path, member in found.select("id", "path", "member").rows():
        entry = Entry(path, member)
        tree, where = read_xml(entry.source(root)), root / entry.location
        if tree.tag != "annotation":
            problem = f"{where}: it is no Pascal VOC annotation but <{tree.tag}>"
            raise LayoutError(problem, "Take it out of the folder, or pass the one of the release")
        names.append((stem, tree.findtext("filename") or stem))
        boxes += [(stem, *values) for values in _boxes(tree, where)]
    kinds = dict.fromkeys(_CORNERS, pl.Float64) | dict.fromkeys(_FACTS, pl.String)
    return (
        pl.DataFrame(names, {"id": pl.String, "filename": pl.String}, orient="row"),
        pl.DataFrame(boxes, {"id": pl.String, "name": pl.String, **kinds}, orient="row"),
    )


def _boxes(tree: Element, where: Path) -> Iterator[tuple[str | float | None, ...]]:
    for each in tree.iterfind("object"):
        name, texts = each.findtext("name"), [each.findtext(f"bndbox/{c}") for c in _CORNERS]
        try:
            corners = [float(text or "") for text in texts]
        except ValueError as error:
            raise FormatError(where, f"object {name!r} has the corners {texts}") from error
        facts = [(each.findtext(fact) or "").strip() for fact in _FACTS]
        yield name, *corners, *facts


def _lists(root: Path, files: pl.DataFrame) -> pl.DataFrame:
    """Return the official split of each name in the lists; no row where there is none."""
    lists = [pl.DataFrame(schema={"id": pl.String, "split": pl.String})]
    found = match(files, "ImageSets/Main/{split}.txt").filter(pl.col("split").is_in(SPLITS))
    for split, path, member in found.select("split", "path", "member").rows():
        entry = Entry(path, member)
        named = read_table(
            entry.source(root),
            name=root / entry.location,
            kind="csv",
            separator=None,
            columns=["id"],
        )
        lists.append(named.select(pl.col("id").str.strip_chars(), split=pl.lit(split)))
    return pl.concat(lists)


def _image_name(images: pl.DataFrame) -> pl.Expr:
    """Say which image belongs to a row: the one that its file names, else that of its stem."""
    stem = pl.col("name").str.replace(_SUFFIX, "")
    by_stem = dict(images.select(stem, pl.col("name").alias("full")).rows())
    named = pl.col("filename").str.extract(r"([^/\\]+)$")
    known = [
        each.replace_strict(by_stem, default=None, return_dtype=pl.String)
        for each in (named.str.replace(_SUFFIX, ""), pl.col("id"))
    ]
    exact = pl.when(named.is_in(images["name"].implode())).then(named)
    return pl.coalesce(exact, *known, named, "id").alias("file")

"""YOLO: a text file of boxes or polygons per image, and a YAML file that names the classes.

Raw tree:
    data.yaml                           names; train, val, test: folders or lists of images
    images/train/p001_s01.png           or train/images/...
    labels/train/p001_s01.txt           or train/labels/...: `0 0.5 0.5 0.25 0.5` per object

Known quirks: `path` and a leading `../` in the YAML are of another machine; places are shares of
width and height, so sizes are needed (option `size`, or the images are opened); an image without
objects has an empty file or none; five numbers are a box with its centre, more a polygon.

Source: https://docs.ultralytics.com/datasets/detect and /segment, dataset format
"""

from __future__ import annotations

import io
import re
from collections.abc import Mapping
from pathlib import Path
from typing import Literal

import polars as pl

from medshelf.core.assembly import assemble, missing_files, unused_files
from medshelf.core.columns import entries, grouped, media, shape
from medshelf.core.errors import FormatError, LayoutError, SettingError
from medshelf.core.manifest import SPLITS, Manifest, Meta
from medshelf.formats.entry import Entry, read_bytes
from medshelf.formats.tables import read_table
from medshelf.formats.text import read_text
from medshelf.formats.tree import (
    IMAGE_SUFFIXES,
    LOCATION,
    attach,
    find_one,
    left_over,
    list_files,
    match,
)

_MAX_YAML_BYTES = 1 << 20
_N_BOX, _LEAST = 4, 6
_LAST_IMAGES = r"^(.*/|)images(/|$)"
_ROW = ("key", "path", "member", "suffix", "label_path", "label_member", "split", "sample_id")
_ORIENTATION, _SIDEWAYS = 274, 4  # of EXIF; orientations above it turn the picture by a quarter


def read(root: Path, meta: Meta, *, data: str = "data.yaml", size: str = "") -> Manifest:
    """Read images with boxes and polygons.

    Args:
        root: The folder that holds the release, unpacked or not.
        meta: Facts of the dataset.
        data: Name of the YAML file.
        size: Width and height of all images in pixels, `640x480`; where it is not given, the header
            of each image that has objects is read.

    Returns:
        `sample_id` is the split and the name of the image without its suffix.

    Raises:
        LayoutError: The YAML file is not there or names no classes, or a line of labels has another
            number of values or a class without name.
        FormatError: The YAML file, or an image without a stated size, is damaged.
        SettingError: `size` is not written as above.
    """
    stated = re.fullmatch(r"(\d+)x(\d+)", size)
    if size and not stated:
        problem = f"Option size={size!r} is not width x height in pixels"
        raise SettingError(problem, "Write it like: 640x480")
    files = list_files(root)
    entry = find_one(files, data)
    names, places = _data(root, entry)
    images = files.filter(pl.col("suffix").is_in(IMAGE_SUFFIXES))
    pieces = [pl.DataFrame(schema=dict.fromkeys(_ROW, pl.String))]
    for split, place in places:
        found = _pictures(root, files, images, place)
        sample_id = pl.lit(f"{split}/") + pl.col("key").str.extract(r"([^/]+)$")
        pieces.append(found.with_columns(sample_id=sample_id, split=pl.lit(split)))
    rows = pl.concat(pieces, how="diagonal")
    objects = _objects(root, rows, names)
    labelled = rows.join(objects, on="sample_id", how="semi")
    if stated:
        width, height = (pl.lit(int(each)) for each in stated.groups())
        sizes = labelled.select("sample_id", width=width, height=height)
    else:
        sizes = _sizes(root, labelled.filter(pl.col("path").is_not_null()))
    shapes = grouped(
        _shapes(objects.join(sizes, on="sample_id")), "sample_id", shapes=pl.col("shape")
    )
    rows = rows.join(shapes, on="sample_id", how="left")
    issues = [
        *missing_files(rows.filter(pl.col("path").is_null())["sample_id"], "labels"),
        *unused_files(left_over(images, rows).select(LOCATION).to_series(), entry.location),
    ]
    columns = rows.select("sample_id", "split", "shapes", media=entries(media("image")))
    return assemble(columns, meta, root, issues)


def _data(root: Path, entry: Entry) -> tuple[dict[str, str], list[tuple[str, str]]]:
    """Return class codes with their names, and splits with their folders or lists."""
    import yaml

    where = root / entry.location
    text = read_bytes(root, *entry, max_bytes=_MAX_YAML_BYTES)
    try:
        about = yaml.load(text, Loader=yaml.BaseLoader)  # noqa: S506 - makes text, lists, dicts only
    except (yaml.YAMLError, ValueError, RecursionError) as error:
        raise FormatError(where, f"not YAML ({error})") from error
    about = about if isinstance(about, dict) else {}
    names, places = about.get("names"), []
    names = dict(enumerate(names)) if isinstance(names, list) else names
    for split in SPLITS:
        given = about.get(split) or []
        places += [(split, each) for each in (given if isinstance(given, list) else [given])]
    texts = [*(names.values() if isinstance(names, dict) else ()), *(each for _, each in places)]
    if not isinstance(names, dict) or not all(isinstance(each, str) for each in texts):
        problem = f"{where}: 'names' is no list or mapping of texts, or a folder is no text"
        raise LayoutError(problem, "Use the file of the release, or name the classes in it")
    return {str(code): name for code, name in names.items()}, places


def _pictures(root: Path, files: pl.DataFrame, images: pl.DataFrame, place: str) -> pl.DataFrame:
    """Return the images of a folder or list with their labels; `key` is common to both."""
    stem = pl.col("key").str.replace(r"\.[^./]+$", "")
    texts = files.filter((pl.col("suffix") == "txt") & (pl.col("name") != "classes.txt"))
    place = re.sub(r"[{}]", "?", re.sub(r"^(\.{0,2}/)+", "", place).rstrip("/"))
    if place.endswith(".txt"):
        entry = find_one(files, place)
        listed = read_table(
            entry.source(root),
            name=root / entry.location,
            kind="csv",
            separator=None,
            columns=["key"],
        )
        there = pl.when(pl.col("path").is_not_null()).then(LOCATION)
        found = attach(listed, images, "key").with_columns(key=pl.coalesce(there, "key"))
    else:
        found = match(images, f"{place}/**/*").with_columns(key=LOCATION)
        texts = match(texts, re.sub(_LAST_IMAGES, r"\1labels/", f"{place}/") + "**/*")
    found = found.select("path", "member", "suffix", stem.str.replace(_LAST_IMAGES, "${1}labels/"))
    texts = texts.with_columns(key=LOCATION).select(stem, label_path="path", label_member="member")
    how: Literal["left", "full"] = "left" if place.endswith(".txt") else "full"
    return found.join(texts, on="key", how=how, coalesce=True)


def _objects(root: Path, rows: pl.DataFrame, names: Mapping[str, str]) -> pl.DataFrame:
    """Return a row per line of the labels: `label`, and its shares of width and height."""
    rows = rows.filter(pl.col("label_path").is_not_null())
    found = [Entry(*each) for each in rows.select("label_path", "label_member").rows()]
    columns = {
        "sample_id": rows["sample_id"],
        "where": [each.location for each in found],
        "line": [read_text(each.source(root)) for each in found],
    }
    kinds = dict.fromkeys(columns, pl.String)
    lines = pl.DataFrame(columns, kinds).with_columns(pl.col("line").str.split("\n"))
    words, code = pl.col("line").str.extract_all(r"\S+"), pl.col("words").list.first()
    lines = lines.explode("line").with_columns(words=words).filter(code.is_not_null())
    objects = lines.with_columns(
        label=code.replace_strict(names, default=None, return_dtype=pl.String),
        shares=pl.col("words").list.slice(1).cast(pl.List(pl.Float64), strict=False),
    )
    n_shares = pl.col("shares").list.len()
    is_finite = pl.col("shares").list.eval(pl.element().is_finite().fill_null(value=False))
    is_whole = (n_shares == _N_BOX) | ((n_shares >= _LEAST) & (n_shares % 2 == 0))
    is_known = is_finite.list.all() & is_whole & pl.col("label").is_not_null()
    for where, line in objects.filter(~is_known).select("where", "line").head(1).rows():
        problem = (
            f"{root / where}: {line.strip()!r} is not one of the {len(names)} classes, from 0, "
            "and the 4 numbers of a box or the 6 and more of a polygon"
        )
        raise LayoutError(problem, "Correct the line, or use the published file")
    return objects


def _shapes(objects: pl.DataFrame) -> pl.DataFrame:
    """Return the shape of each object, whose image has `width` and `height`."""
    x, y, width, height = (pl.col("shares").list.get(n, null_on_oob=True) for n in range(_N_BOX))
    corners = pl.concat_list(x - width / 2, y - height / 2, x + width / 2, y + height / 2)
    is_box = pl.col("shares").list.len() == _N_BOX
    objects = objects.with_columns(
        is_box=is_box, shares=pl.when(is_box).then(corners).otherwise("shares")
    )
    shares = objects.with_row_index("row").explode("shares")
    is_x = pl.int_range(pl.len()).over("row") % 2 == 0
    pixels = pl.col("shares") * pl.when(is_x).then("width").otherwise("height")
    points = (
        shares.with_columns(pixels).group_by("row", maintain_order=True).agg("shares")["shares"]
    )
    drawn = objects.with_columns(points=points)
    box, polygon = (shape(kind, pl.col("label"), pl.col("points")) for kind in ("box", "polygon"))
    return drawn.select("sample_id", shape=pl.when("is_box").then(box).otherwise(polygon))


def _sizes(root: Path, rows: pl.DataFrame) -> pl.DataFrame:
    """Return width and height of images as they are shown, from their headers."""
    found = rows.select("sample_id", "path", "member").rows()
    sizes = [(sample, *_size(root, Entry(*place))) for sample, *place in found]
    kinds = {"sample_id": pl.String, "width": pl.Int64, "height": pl.Int64}
    return pl.DataFrame(sizes, kinds, orient="row")


def _size(root: Path, entry: Entry) -> tuple[int, int]:
    from PIL import Image

    source = entry.source(root)
    try:
        with Image.open(io.BytesIO(source) if isinstance(source, bytes) else source) as picture:
            width, height = picture.size
            turned = picture.format != "PNG" and picture.getexif().get(_ORIENTATION, 1) > _SIDEWAYS
    except (OSError, ValueError, SyntaxError, Image.DecompressionBombError) as error:
        raise FormatError(root / entry.location, f"no picture ({error})") from error
    return (height, width) if turned else (width, height)

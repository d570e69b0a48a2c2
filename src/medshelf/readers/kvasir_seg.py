"""Kvasir-SEG: polyps in colonoscopy, with masks and boxes.

Raw tree:
    Kvasir-SEG/images/cju0qkwl35piu0993l0dewei2.jpg
    Kvasir-SEG/masks/cju0qkwl35piu0993l0dewei2.jpg
    Kvasir-SEG/kavsir_bboxes.json               (so spelled) boxes by the name of the image

Known quirks: masks are JPEG, so values lie near 0 and 255, not on them; an image may show several
polyps. There is no split, and no patient is named. Images recur in HyperKvasir.

Source: https://doi.org/10.1007/978-3-030-37734-2_37 and https://datasets.simula.no/kvasir-seg/
"""

from __future__ import annotations

from pathlib import Path

import polars as pl

from medshelf.core.assembly import assemble, missing_files, unused_files
from medshelf.core.columns import box, entries, grouped, media, with_legend
from medshelf.core.errors import LayoutError
from medshelf.core.manifest import Manifest, Meta
from medshelf.formats.tables import read_table
from medshelf.formats.tree import LOCATION, find_one, list_files, match

_BOXES = "kavsir_bboxes.json"
_CORNERS = ("xmin", "ymin", "xmax", "ymax")
_BOX = pl.Struct(dict.fromkeys(_CORNERS, pl.Float64) | {"label": pl.String})
_LEGEND = {"0": "background", "255": "polyp"}


def read(root: Path, meta: Meta) -> Manifest:
    """Read Kvasir-SEG.

    Args:
        root: The folder that holds images, masks and boxes, unpacked or not.
        meta: Facts of the dataset.

    Returns:
        A row per image and per name among the boxes; `sample_id` is the name without suffix.

    Raises:
        LayoutError: Images, masks or the file of boxes are missing, or a box lacks a corner.
        FormatError: The file of boxes is truncated, or an archive cannot be read.
    """
    files = list_files(root)
    entry = find_one(files, _BOXES)
    table = read_table(
        entry.source(root),
        name=root / entry.location,
        required=("key", "bbox"),
        dtypes={"bbox": pl.List(_BOX)},
    )
    boxes = table.select(sample_id="key", box="bbox").explode("box")
    boxes = boxes.filter(pl.col("box").is_not_null()).unnest("box")
    if boxes.select(_CORNERS).null_count().sum_horizontal().item():
        problem = f"{root / entry.location}: a box lacks one of {', '.join(_CORNERS)}"
        raise LayoutError(problem, "Use the published file")
    drawn = box(pl.col("label").fill_null("polyp"), [pl.col(each) for each in _CORNERS])
    shapes = grouped(boxes.with_columns(shape=drawn), "sample_id", shapes=pl.col("shape"))
    images = match(files, "images/{sample_id}.jpg", required=True)
    masks = match(files, "masks/{sample_id}.jpg", required=True)
    pictures = images.select("sample_id", image=media("image"))
    rows = (
        table.select(sample_id="key")
        .join(pictures, on="sample_id", how="full", coalesce=True)
        .join(masks.select("sample_id", mask=media("mask", "mask")), on="sample_id", how="left")
        .join(shapes, on="sample_id", how="left")
    )
    columns = rows.select("sample_id", "shapes", media=entries(pl.col("image"), pl.col("mask")))
    unmasked = rows.filter(pl.col("image").is_not_null() & pl.col("mask").is_null())
    spare = masks.join(rows, on="sample_id", how="anti").select(LOCATION).to_series()
    issues = [
        *missing_files(rows.filter(pl.col("image").is_null())["sample_id"], entry.location),
        *missing_files(unmasked["sample_id"], "masks"),
        *unused_files(spare, entry.location),
    ]
    return assemble(columns, with_legend(meta, _LEGEND), root, issues)

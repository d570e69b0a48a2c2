"""Images and their masks as files whose names go together.

Raw tree:
    images/0001.png                     image="images/{id}.png"
    masks/0001_mask.png                 mask="masks/{id}_mask.png"
    BRATS_001/BRATS_001_t1.nii.gz       image="t1={id}/{id}_t1.nii.gz; t2={id}/{id}_t2.nii.gz"
    leftMask/0001.png                   mask="left lung=leftMask/{id}.png; right lung=..."

Known quirks: one pattern may fit the other's files as well (`{id}.png` also fits `7_mask.png`):
what is a mask is no image. `*` in the pattern of a mask allows several masks per image. A test set
without masks is usual; masks that are missing where others are there are an Issue.
"""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path

import polars as pl

from medshelf.core.assembly import assemble, missing_files, unused_files
from medshelf.core.columns import class_names, grouped, media, pairs, with_legend
from medshelf.core.issues import Issue
from medshelf.core.manifest import SPLITS, Manifest, Meta
from medshelf.formats.tree import LOCATION, fields_of, left_over, list_files, match

_COLUMNS = {"patient": "patient_id", "study": "study_id", "split": "split", "label": "label"}


def read(  # noqa: PLR0913 - one option per thing that a record may state
    root: Path,
    meta: Meta,
    *,
    image: str,
    mask: str,
    legend: str = "",
    splits: str = "",
    classes: str = "",
) -> Manifest:
    """Read image and mask pairs.

    Args:
        root: The folder that holds the release, unpacked or not.
        meta: Facts of the dataset.
        image: Pattern with `{id}`, and maybe `{split}`, `{label}`, `{patient}`, `{study}`; or
            several as `name=pattern; name=pattern`, one for each image of a sample. The fields of
            the first in their order are the `sample_id`.
        mask: Pattern with some of these fields; or several as `structure=pattern`.
        legend: What the values of a mask mean: `0=background; 255=polyp`.
        splits: Text of `{split}` to split: `Train=train; Test=test`.
        classes: Text of `{label}` to class, where they differ by more than the case of letters.

    Raises:
        LayoutError: No image or no mask is there, or an id occurs twice.
        FormatError: An archive cannot be read.
        SettingError: An option that maps names is not written as above.
    """
    files = list_files(root)
    masks = [_media(files, "mask", *each) for each in _patterns("mask", mask)]
    others = left_over(files, pl.concat(masks, how="diagonal"))
    patterns = _patterns("image", image)
    images = [_media(others, "image", *each) for each in patterns]
    keys = fields_of(patterns[0][1])
    samples = (
        pl.concat([each.select(keys) for each in images])
        .unique()
        .select(*keys, pl.concat_str(keys, separator="/").alias("sample_id"))
    )
    joined = [
        samples.join(each, on=[key for key in keys if key in each.columns])
        .sort("path", "member")
        .select("sample_id", "medium", "path", "member")
        for each in (*images, *masks)
    ]
    used = pl.concat(joined)
    suffixes = left_over(files, left_over(files, used))["suffix"].unique()
    unused = left_over(files.filter(pl.col("suffix").is_in(suffixes)), used)
    rows = samples.join(grouped(used, "sample_id", media=pl.col("medium")), on="sample_id")
    renamed = {old: new for old, new in _COLUMNS.items() if old in keys}
    rows = rows.rename(renamed).select("sample_id", "media", *renamed.values())
    for column, known, text in (("split", SPLITS, splits), ("label", (), classes)):
        if column in rows.columns:
            spelled = class_names(pl.col(column), known, pairs(column, text))
            rows = rows.with_columns(spelled)
    issues = [
        *_missing(samples, joined[: len(images)], patterns),
        *_unmasked(rows),
        *unused_files(unused.select(LOCATION).to_series(), "patterns of images and masks"),
    ]
    if legend:
        meta = with_legend(meta, pairs("legend", legend))
    return assemble(rows, meta, root, issues)


def _patterns(option: str, text: str) -> list[tuple[str, str]]:
    return list(pairs(option, text).items()) if "=" in text else [(option, text)]


def _media(files: pl.DataFrame, role: str, name: str, pattern: str) -> pl.DataFrame:
    structure = name if role == "mask" and name != "mask" else None
    found = match(files, pattern, required=True)
    return found.with_columns(media(role, name, label=structure).alias("medium"))


def _missing(
    samples: pl.DataFrame, joined: list[pl.DataFrame], patterns: list[tuple[str, str]]
) -> Iterator[Issue]:
    for table, (name, _) in zip(joined, patterns, strict=True):
        without = samples.join(table, on="sample_id", how="anti")["sample_id"].sort()
        yield from missing_files(without, f"image {name!r} of samples")


def _unmasked(rows: pl.DataFrame) -> Iterator[Issue]:
    """Report samples without a mask, but for splits that have none at all."""
    roles = pl.col("media").list.eval(pl.element().struct.field("role") == "mask").list.any()
    split = pl.col("split") if "split" in rows.columns else pl.lit("")
    masked = rows.select("sample_id", roles.alias("masked"), split.alias("split"))
    masked = masked.with_columns(pl.col("masked").any().over("split").alias("expected"))
    without = masked.filter(pl.col("expected") & ~pl.col("masked"))["sample_id"].sort()
    yield from missing_files(without, "masks of samples")

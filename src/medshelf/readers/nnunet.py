"""nnU-Net's raw format, version 2, and version 1 where the files are called the same.

Raw tree:
    Dataset004_Hippocampus/dataset.json
    Dataset004_Hippocampus/imagesTr/case_001_0000.nii.gz    one file per channel: _0000, _0001, ...
    Dataset004_Hippocampus/labelsTr/case_001.nii.gz
    Dataset004_Hippocampus/imagesTs/case_002_0000.nii.gz    labelsTs may be there too

Known quirks: a case's name may hold underscores, and the test set may reuse the names of training
cases. Version 1 says `modality` for `channel_names`, gives labels as value to name instead of name
to value, and has no `file_ending` (it is .nii.gz). A label may be a region of several values.

Source: nnU-Net, documentation/dataset_format.md and region_based_training.md
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from pathlib import Path, PurePosixPath
from typing import Any

import polars as pl

from medshelf.core.assembly import assemble, missing_files, unused_files
from medshelf.core.columns import grouped, media, with_legend
from medshelf.core.errors import LayoutError, UnsupportedError
from medshelf.core.issues import Issue
from medshelf.core.manifest import Manifest, Meta
from medshelf.formats.entry import read_object
from medshelf.formats.tree import LOCATION, find_one, left_over, list_files

_SPLITS = {"Tr": "train", "Ts": "test"}


def read(root: Path, meta: Meta) -> Manifest:
    """Read a dataset in nnU-Net's raw format.

    Args:
        root: The folder of the dataset, or one that holds it alone, unpacked or not.
        meta: Facts of the dataset.

    Returns:
        `sample_id` is `train/` or `test/` and the case; a channel is an image with the channel's
        name, the segmentation a mask called `mask`, and what its values mean is the legend.

    Raises:
        LayoutError: There is no `dataset.json`, or a key is missing in it; no image is there.
        FormatError: `dataset.json` is truncated, or an archive cannot be read.
        UnsupportedError: `dataset.json` lists the files itself.
    """
    files = list_files(root)
    entry = find_one(files, "dataset.json")
    about = read_object(root, entry, labels=dict)
    where = root / entry.location
    channels = about.get("channel_names", about.get("modality"))
    if not isinstance(channels, dict) or not channels:
        problem = f"{where}: there is no 'channel_names' that is an object"
        raise LayoutError(problem, "Use the published file")
    if "dataset" in about:
        problem = f"{where} lists files under 'dataset', outside of imagesTr and labelsTr"
        raise UnsupportedError(problem, "Put the files into the folders of the format")
    ending = str(about.get("file_ending", ".nii.gz"))
    folder = str(PurePosixPath(entry.location).parent).removeprefix(".")
    found = _cases(files, folder, ending)
    names = {str(number).zfill(4): str(name) for number, name in channels.items()}
    images = found.filter((pl.col("kind") == "images") & pl.col("channel").is_in(list(names)))
    masks = found.filter(pl.col("kind") == "labels")
    masks = masks.join(images, on="sample_id", how="semi")
    columns = [
        images.with_columns(media("image", pl.col("channel").replace(names)).alias("medium")),
        masks.with_columns(media("mask", "mask").alias("medium")),
    ]
    used = pl.concat(columns)
    rows = grouped(
        used.sort("sample_id", "channel", nulls_last=True), "sample_id", media=pl.col("medium")
    )
    rows = rows.with_columns(pl.col("sample_id").str.extract(r"^(\w+)/").alias("split"))
    unused = left_over(files.filter(pl.col("name").str.ends_with(ending)), used)
    issues = [
        *_absent(images, masks, names),
        *_counted(rows, about, str(where)),
        *unused_files(unused.select(LOCATION).to_series(), "dataset.json"),
    ]
    meta = with_legend(meta, legend(about["labels"]))
    return assemble(rows, meta, root, issues)


def legend(labels: Mapping[str, Any]) -> dict[str, str]:
    """Return what the values of a mask mean, value to name, from either version's `labels`."""
    if all(str(each).isdecimal() for each in labels):
        return {str(value): str(name) for value, name in labels.items()}
    return {
        ",".join(map(str, value)) if isinstance(value, list) else str(value): name
        for name, value in labels.items()
    }


def _cases(files: pl.DataFrame, folder: str, ending: str) -> pl.DataFrame:
    """Return the files in the four folders, with the columns `sample_id` and `channel`."""
    below = f"^{pl.escape_regex(f'{folder}/' if folder else '')}"
    place = rf"{below}(images|labels)(Tr|Ts)/([^/]+?)(?:_(\d{{4}}))?{pl.escape_regex(ending)}$"
    parts = LOCATION.str.extract_groups(place)
    kind, split, case, channel = (parts.struct.field(str(each)) for each in range(1, 5))
    whole = pl.when(channel.is_null()).then(case).otherwise(case + "_" + channel)
    found = files.with_columns(
        kind=kind,
        sample_id=split.replace(_SPLITS)
        + "/"
        + pl.when(kind == "images").then(case).otherwise(whole),
        channel=pl.when(kind == "images").then(channel),
    )
    return found.filter(pl.col("kind").is_not_null())


def _absent(images: pl.DataFrame, masks: pl.DataFrame, names: Mapping[str, str]) -> Iterator[Issue]:
    whole = images.group_by("sample_id").len().filter(pl.col("len") == len(names))
    partial = images.join(whole, on="sample_id", how="anti")["sample_id"].unique().sort()
    yield from missing_files(partial, "channels of cases")
    training = images.filter(pl.col("sample_id").str.starts_with("train/"))
    bare = training.join(masks, on="sample_id", how="anti")["sample_id"].unique().sort()
    yield from missing_files(bare, "labels of cases")


def _counted(rows: pl.DataFrame, about: Mapping[str, Any], where: str) -> Iterator[Issue]:
    n_found, n_stated = (rows["split"] == "train").sum(), about.get("numTraining")
    if n_stated is not None and n_stated != n_found:
        message = f"{n_found} training cases are there, {n_stated} are stated"
        yield Issue("sample-count", "warning", where, message, "Fetch the whole release")

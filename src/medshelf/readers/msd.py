"""A task of the Medical Segmentation Decathlon.

Raw tree:
    Task05_Prostate/dataset.json            lists the cases; may lie in Task05_Prostate.tar
    Task05_Prostate/imagesTr/prostate_00.nii.gz
    Task05_Prostate/labelsTr/prostate_00.nii.gz
    Task05_Prostate/imagesTs/prostate_03.nii.gz    no labels: they are hidden

Known quirks: the key `release` is spelled `relase` in most tasks; paths start with `./`; images of
several modalities are 4D, the last axis being the modality; macOS companions `._name` lie between
the files. One scan per patient, so the case is the patient. Liver is the training set of LiTS.

Source: https://doi.org/10.1038/s41467-022-30695-9 and http://medicaldecathlon.com
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from dataclasses import replace
from pathlib import Path, PurePosixPath
from typing import Any

import polars as pl

from medshelf.core.assembly import assemble, missing_files, unused_files
from medshelf.core.columns import entries, media, with_legend
from medshelf.core.errors import LayoutError
from medshelf.core.issues import Issue
from medshelf.core.manifest import Manifest, Meta
from medshelf.formats.entry import Entry, read_object
from medshelf.formats.tree import LOCATION, attach, find_one, left_over, list_files

_SUFFIX = r"\.nii(\.gz)?$"


def read(root: Path, meta: Meta) -> Manifest:
    """Read a task of the Decathlon.

    Args:
        root: The folder of the task, or one that holds it alone, unpacked or as the tar.
        meta: Facts of the dataset.

    Returns:
        `sample_id` is `train/` or `test/` and the case; each modality is an image with its name,
        that of a 4D file with its place on the last axis as `index`; the segmentation is a mask
        called `mask`, and what its values mean is the legend.

    Raises:
        LayoutError: There is no `dataset.json`, or a key is missing in it.
        FormatError: `dataset.json` is truncated, or an archive cannot be read.
    """
    files = list_files(root)
    entry = find_one(files, "dataset.json")
    about = read_object(root, entry, labels=dict, modality=dict, training=list, test=list)
    files = files.filter(pl.col("name").str.contains(_SUFFIX))
    cases = _cases(root / entry.location, about, entry)
    images = attach(cases, files, "image")
    masks = attach(cases, files, "mask")
    names = [
        str(name) for _, name in sorted(about["modality"].items(), key=lambda each: int(each[0]))
    ]
    is_4d = len(names) > 1
    channels = [media("image", name, index=n if is_4d else None) for n, name in enumerate(names)]
    rows = images.with_columns(mask=masks.select(media("mask", "mask")).to_series())
    rows = rows.select(
        "sample_id", "split", "patient_id", entries(*channels, pl.col("mask")).alias("media")
    )
    issues = [
        *missing_files(images.filter(pl.col("path").is_null())["image"], entry.location),
        *missing_files(
            masks.filter(pl.col("mask").is_not_null() & pl.col("path").is_null())["mask"],
            entry.location,
        ),
        *_counted(cases, about, entry.location),
        *unused_files(
            left_over(files, pl.concat([images, masks])).select(LOCATION).to_series(),
            entry.location,
        ),
    ]
    release = about.get("relase", about.get("release"))
    meta = replace(meta, version=meta.version or (None if release is None else str(release)))
    return assemble(rows, with_legend(meta, about["labels"]), root, issues)


def _cases(where: Path, about: Mapping[str, Any], entry: Entry) -> pl.DataFrame:
    """Return one row per case: where its image and mask should be, below the tree's root."""
    folder = str(PurePosixPath(entry.location).parent)
    kinds = {"image": pl.String, "label": pl.String}
    try:
        train = pl.DataFrame(about["training"], schema=kinds)
        test = pl.DataFrame({"image": about["test"]}, schema={"image": pl.String})
    except (pl.exceptions.PolarsError, TypeError) as error:
        problem = f"{where}: 'training' or 'test' is not a list of files ({error})"
        raise LayoutError(problem, "Use the published file") from error
    cases = pl.concat(
        [train.with_columns(split=pl.lit("train")), test.with_columns(split=pl.lit("test"))],
        how="diagonal",
    )
    name = pl.col("image").str.extract(r"([^/]+)$").str.replace(_SUFFIX, "")
    prefix = "" if folder == "." else f"{folder}/"
    image, mask = (pl.lit(prefix) + pl.col(c).str.strip_prefix("./") for c in ("image", "label"))
    return cases.select(
        "split",
        pl.concat_str("split", pl.lit("/"), name).alias("sample_id"),
        image.alias("image"),
        mask.alias("mask"),
        patient_id=name,
    )


def _counted(cases: pl.DataFrame, about: Mapping[str, Any], where: str) -> Iterator[Issue]:
    for split, key in (("train", "numTraining"), ("test", "numTest")):
        n_listed = (cases["split"] == split).sum()
        if about.get(key, n_listed) != n_listed:
            message = f"{n_listed} cases are listed for {split}, {key} is {about[key]}"
            yield Issue("sample-count", "warning", where, message, "Fetch the whole release")

"""Volumes as NIfTI, whatever they were: DICOM series, MetaImage, NRRD, arrays.

    labels.csv                       a line per sample: its files, and everything else stated
    train/case/image.nii.gz          one folder per sample, in one folder per split
    train/case/mask.nii.gz           masks by what they show; their values stay as they are
    all/...                          samples without a split

The affine goes to sform and qform, float32 as NIfTI-1 has it. Axes stay as they were read, or are
turned, with all that lies on them. A value that NIfTI has a type for is never changed. Where masks
are named as images are, or several people drew them, their files say so: `mask_image.nii.gz`,
`mask-anna.nii.gz`.

Source: https://nifti.nimh.nih.gov/nifti-1
"""

from __future__ import annotations

from collections import Counter
from collections.abc import Callable, Iterator, Mapping, Sequence
from contextlib import contextmanager
from dataclasses import replace
from typing import Any

import polars as pl

from medshelf.conversion.cases.nifti_files import OPTION as COMPRESSION
from medshelf.conversion.cases.nifti_files import chosen_codec, write_volumes
from medshelf.conversion.cases.volumes import (
    AS_READ,
    ORIENTATIONS,
    as_volume,
    check_grid,
    read_image,
)
from medshelf.conversion.job import Job, Part, Record
from medshelf.conversion.moving import prepared_image, prepared_mask
from medshelf.conversion.naming import file_names
from medshelf.conversion.prepared import Prepared
from medshelf.conversion.stated.sample_facts import facts, write_table
from medshelf.core.errors import SettingError
from medshelf.core.manifest import Manifest
from medshelf.dataset.fields import Medium
from medshelf.dataset.masks import Grid, read_mask
from medshelf.dataset.sample import Sample
from medshelf.formats.raster import Raster

CARRIES = frozenset(
    {
        *("pictures", "volumes", "several-images", "masks", "several-annotators"),
        *("class", "findings", "uncertain", "unstated", "grades", "texts"),
    }
)
OPTIONS: Mapping[str, str] = {
    "orientation": "as-read (default), or RAS, LPS ...: that axes are turned to",
    "compression": COMPRESSION,
}
SHARD_SIZE = 2


def plan(manifest: Manifest, options: Mapping[str, str]) -> dict[str, Any]:
    """Return the file name of each image and mask.

    Raises:
        SettingError: Two would have one name, a sample has no image, or an option has another
            value.
    """
    wanted = options.get("orientation", AS_READ)
    if wanted != AS_READ and wanted not in ORIENTATIONS:
        raise SettingError(f"orientation={wanted!r} is none", "Write RAS, LPS ... or as-read")
    media = (
        manifest.frame.select("sample_id", "media")
        .explode("media", empty_as_null=True, keep_nulls=True)
        .unnest("media")
    )
    role = pl.col("role").cast(pl.String)
    table = media.with_columns(role, shown=_shown()).collect()
    imaged = table.filter(pl.col("role") == "image")
    bare = table.join(imaged, on="sample_id", how="anti")["sample_id"]
    if len(bare):
        problem = f"{bare.n_unique():,} samples have no image: {bare.sort()[0]}, ..."
        raise SettingError(problem, "Leave them out with --filter")
    images = _unique(imaged["name"])
    masks = _unique(table.filter(pl.col("role") == "mask")["shown"])
    taken = {each.casefold() for each in images}
    renamed = {each: f"mask_{each}" if each.casefold() in taken else each for each in masks}
    names = file_names([*images, *renamed.values()], "images and masks")
    return {
        "images": {each: names[each] for each in images},
        "masks": {each: names[renamed[each]] for each in masks},
        "orientation": wanted,
        "codec": chosen_codec(options),
    }


@contextmanager
def shard(job: Job, part: Part, number: int) -> Iterator[Callable[[Prepared], Record]]:  # noqa: ARG001
    """Give a function that writes the files of one sample."""

    def write(sample: Prepared) -> Record:
        volumes = _volumes(sample, job)
        folder = f"{sample.split or 'all'}/{sample.key}"
        places = {column: f"{folder}/{name}.nii.gz" for column, (name, _) in volumes.items()}
        files = {job.folder / places[column]: each for column, (_, each) in volumes.items()}
        write_volumes(files, job.plan["codec"])
        return {"key": sample.key, **places, **facts(sample)}

    yield write


def finish(job: Job) -> None:
    """Write the table."""
    write_table(job.folder / "labels.csv", job.records(), job.records())


def _volumes(prepared: Prepared, job: Job) -> dict[str, tuple[str, Raster]]:
    """Return column of the table to file name and volume."""
    sample, how, plan = prepared.sample, prepared.preparation, job.plan
    raw = {name: read_image(sample, name) for name in sample.images}
    found = {}
    for name, raster in raw.items():
        image, what = prepared_image(raster, how).raster, f"Image {name!r} of sample {sample.id}"
        volume = as_volume(image, plan["orientation"], what, films=True)
        found[f"image {name}"] = (plan["images"][name], volume)
    for (shown, annotator), (name, media) in _masks(sample, plan["masks"]).items():
        what = f"Mask {shown!r} of sample {sample.id}"
        mask = read_mask(sample.root, media, {}, sample.meta.dimensions)
        image = _image_of(mask, tuple(raw.values()), what, sample.meta.dataset)
        mask = replace(mask, spacing_mm=image.spacing_mm, affine=image.affine)
        moved = prepared_mask(mask, how) if how.moves else mask
        column = " ".join(["mask", shown, *([f"by {annotator}"] if annotator else [])])
        found[column] = (name, as_volume(moved, plan["orientation"], what, films=True))
    return found


def _masks(
    sample: Sample, names: Mapping[str, str]
) -> dict[tuple[str, str | None], tuple[str, list[Medium]]]:
    """Return what a mask shows, and whose it is, to the name of its file and its media."""
    groups: dict[tuple[str, str | None], list[Medium]] = {}
    for each in sample.media:
        if each.role == "mask":
            groups.setdefault((str(each.label or each.name), each.annotator), []).append(each)
    drawn = Counter(shown for shown, _ in groups)
    people = file_names([str(each or "not stated") for _, each in groups], "annotators")
    return {
        (shown, who): (
            names[shown] + (f"-{people[str(who or 'not stated')]}" if drawn[shown] > 1 else ""),
            media,
        )
        for (shown, who), media in groups.items()
    }


def _image_of(mask: Raster, images: Sequence[Raster], what: str, dataset: str) -> Raster:
    """Return the image on which a mask lies."""
    for each in images:
        if Grid.of(mask).differs(Grid.of(each)) is None:
            return each
    check_grid(mask, images[0], what, dataset)
    return images[0]


def _shown() -> pl.Expr:
    return pl.coalesce("label", "name")


def _unique(names: pl.Series) -> list[str]:
    return names.fill_null("None").unique(maintain_order=True).to_list()

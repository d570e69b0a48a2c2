"""What trainers of segmentation need: channels in one order, one map of labels, cases with both."""

from __future__ import annotations

import hashlib
import re
from collections.abc import Mapping
from dataclasses import asdict, dataclass, replace
from typing import Any

import numpy as np
import polars as pl

from medshelf.conversion.cases.label_codes import LabelCodes, code_labels
from medshelf.conversion.cases.label_maps import MaskChoice, label_map
from medshelf.conversion.cases.nifti_files import OPTION as COMPRESSION
from medshelf.conversion.cases.nifti_files import chosen_codec
from medshelf.conversion.cases.volumes import (
    AS_READ,
    ORIENTATIONS,
    as_volume,
    check_grid,
    check_right_angles,
    read_image,
)
from medshelf.conversion.moving import prepared_image, prepared_mask
from medshelf.conversion.prepared import Prepared
from medshelf.core.columns import pairs, with_legend
from medshelf.core.errors import LayoutError, SettingError, UnknownNameError
from medshelf.core.manifest import Manifest, Meta
from medshelf.dataset.masks import legend_of
from medshelf.formats.raster import Raster

OPTIONS: Mapping[str, str] = {
    "channels": "images in their order, with names: t1=T1; flair=FLAIR; image=CT (all by default)",
    "legend": "what values of masks mean: 0=background; 1=liver; 1,2=liver and tumour",
    "masks": "names of the masks to take, joined by ; (all by default)",
    "annotator": "whose masks are taken, where several drew them",
    "incomplete": "empty: a structure without a mask is not there; such samples are refused else",
    "without-masks": "test: samples without masks become test cases; refused by default",
    "orientation": "RAS (default) or another one that axes are turned to, or as-read",
    "compression": COMPRESSION,
}
_HU, _CT, _SHOWN = "HU", "CT", 5


@dataclass(frozen=True, slots=True, eq=False)
class Case:
    """A sample, read and prepared.

    Attributes:
        channels: Its images in order.
        mask: Its labels as numbers, uint8; null where it has none.
    """

    channels: tuple[Raster, ...]
    mask: Raster | None


def plan_segmentation(manifest: Manifest, options: Mapping[str, str]) -> dict[str, Any]:
    """Return channels and labels of a dataset for segmentation.

    Raises:
        SettingError: Samples lack channels or masks, it is not clear which mask is meant, labels
            cannot be numbered, or an option has another value.
        UnknownNameError: There is no such image, mask or annotator.
    """
    wanted = options.get("orientation", "RAS")
    if wanted != AS_READ and wanted not in ORIENTATIONS:
        raise SettingError(f"orientation={wanted!r} is none", "Write RAS, LPS ... or as-read")
    media = (
        manifest.frame.select("sample_id", "split", "media")
        .explode("media", empty_as_null=True, keep_nulls=True)
        .unnest("media")
    )
    table = media.with_columns(pl.col("split", "role").cast(pl.String)).collect()
    channels = _channels(table, manifest, options.get("channels", ""))
    masks = _masks(table, options)
    structures = masks["label"].unique().sort().to_list()
    labelled = [each for each in structures if each is not None]
    legends = _legends(stated_meta(manifest.meta, options))
    codes = code_labels(legends, labelled if len(labelled) == len(structures) else ())
    _check_masks(table, masks, codes, options)
    return {
        "channels": channels,
        "codes": asdict(codes),
        "masks": _listed(options.get("masks", "")),
        "annotator": options.get("annotator", ""),
        "orientation": wanted,
        "codec": chosen_codec(options),
    }


def numbered_name(manifest: Manifest, options: Mapping[str, str], own: int, last: int) -> str:
    """Return number and name of a dataset, e.g. `501_Name`, from the options `id` and `name`.

    Args:
        manifest: Its dataset's id gives what is not stated, the same each time.
        options: Those of the writer.
        own: The first number that the format leaves to anybody.
        last: The last one; its length is that of all.

    Raises:
        SettingError: An option is no number or no name.
    """
    dataset = manifest.meta.dataset
    name = options.get("name", re.sub(r"[^A-Za-z0-9]+", "_", dataset).strip("_") or "dataset")
    if not re.fullmatch(r"[A-Za-z0-9_-]+", name):
        raise SettingError(f"name={name!r} is no name", "Use letters, digits, - and _")
    digest = int(hashlib.sha256(dataset.encode()).hexdigest(), 16)
    number = options.get("id", str(own + digest % (last + 1 - own)))
    if not (number.isascii() and number.isdecimal() and 1 <= int(number) <= last):
        raise SettingError(f"id={number!r} is no number here", f"Write one from 1 to {last}")
    return f"{int(number):0{len(str(last))}}_{name}"


def stated_meta(meta: Meta, options: Mapping[str, str]) -> Meta:
    """Return the facts with the legend that the user states in place of the dataset's."""
    text = options.get("legend", "")
    if not text:
        return meta
    kept = {name: value for name, value in meta.options.items() if not name.startswith("legend")}
    return with_legend(replace(meta, options=kept), pairs("legend", text))


def mask_choice(plan: Mapping[str, Any]) -> MaskChoice:
    """Return which masks are taken, from what `plan_segmentation` gave."""
    return MaskChoice(LabelCodes(**plan["codes"]), plan["masks"], plan["annotator"])


def read_case(prepared: Prepared, plan: Mapping[str, Any], meta: Meta) -> Case:
    """Read, check and prepare images and masks of a sample.

    Args:
        prepared: The sample.
        plan: What `plan_segmentation` gave.
        meta: What `stated_meta` gave.

    Raises:
        LayoutError: A channel is missing, a grid is not that of the first channel, masks are not as
            the legend says, or an image holds what is no number.
        SettingError: An image cannot be prepared as asked, or Hounsfield units are called otherwise
            than CT.
        FormatError: A file cannot be read.
    """
    sample = prepared.sample
    images: list[Raster] = []
    for each in plan["channels"]:
        what = f"Image {each['image']!r} of sample {sample.id}"
        raster = read_image(sample, each["image"])
        if images:
            check_grid(raster, images[0], what, meta.dataset)
        if raster.array.dtype.kind == "f" and not np.isfinite(raster.array).all():
            problem = f"{what} holds values that are no number (NaN or infinite)"
            remedy = "Leave the sample out with --on-error skip; report the release"
            raise LayoutError(problem, remedy)
        images.append(raster)
    legend = legend_of(meta, sample.extra.get("dataset"))
    mask = label_map(sample, mask_choice(plan), legend, images[0])
    how = prepared.preparation
    if mask is not None and how.moves:
        mask = prepared_mask(mask, how)
    channels = tuple(prepared_image(each, how).raster for each in images)
    for each, channel in zip(plan["channels"], channels, strict=True):
        _check_name(channel, each["name"], sample.id)
    return Case(channels, mask)


def as_volumes(case: Case, plan: Mapping[str, Any], sample: str, dataset: str) -> Case:
    """Return a case whose images and mask run in the planned directions, with one geometry.

    Raises:
        LayoutError: The axes are not at right angles.
        SettingError: An image has colours or frames.
    """
    what = f"the images of sample {sample}"
    volumes = [as_volume(each, plan["orientation"], what) for each in case.channels]
    first = volumes[0]
    check_right_angles(first, what, dataset)
    mask = None if case.mask is None else as_volume(case.mask, plan["orientation"], what)
    return Case(
        tuple(_placed(each, first) for each in volumes),
        None if mask is None else _placed(mask, first),
    )


def _placed(volume: Raster, first: Raster) -> Raster:
    return replace(volume, spacing_mm=first.spacing_mm, affine=first.affine)


def _check_name(raster: Raster, name: str, sample: str) -> None:
    if raster.unit == _HU and name != _CT:
        problem = f"Channel {name!r} of sample {sample} holds Hounsfield units"
        raise SettingError(problem, f"Call it {_CT}: --with channels=...={_CT}")


def _channels(table: pl.DataFrame, manifest: Manifest, text: str) -> list[dict[str, str]]:
    images = table.filter(pl.col("role") == "image").with_columns(pl.col("name").fill_null("None"))
    found = images["name"].unique(maintain_order=True).to_list()
    if not found:
        problem = f"No sample of {manifest.meta.dataset!r} has an image"
        raise SettingError(problem, "Convert to another format, or choose other samples")
    parts = [[word.strip() for word in each.partition("=")] for each in _listed(text)]
    wanted = {image: name or image for image, _, name in parts}
    if unknown := [each for each in wanted if each not in found]:
        raise UnknownNameError("image", unknown[0], found)
    named = wanted or {each: each for each in found}
    named = {image: _CT if name.upper() == _CT else name for image, name in named.items()}
    if len(set(named.values())) < max(len(named), len(parts)):
        raise SettingError(f"channels={text!r} gives two channels one name", "Name each apart")
    whole = (
        images.filter(pl.col("name").is_in(list(named)))
        .group_by("sample_id")
        .agg(pl.col("name").n_unique())
        .filter(pl.col("name") == len(named))
    )
    lacking = table.join(whole, on="sample_id", how="anti")
    remedy = f'Take fewer, e.g. --with "channels={found[0]}"'
    _refuse(lacking, f"lack one of the channels {', '.join(named)}", remedy)
    if "image" in found and "image" not in wanted and _is_volume(images, manifest):
        problem = "Nothing says what the values of 'image' are, on which their scaling depends"
        remedy = "For Hounsfield units pass --with channels=image=CT, else e.g. channels=image=MRI"
        raise SettingError(problem, remedy)
    return [{"image": image, "name": name} for image, name in named.items()]


def _is_volume(images: pl.DataFrame, manifest: Manifest) -> bool:
    pictures = ("png", "jpg", "jpeg", "bmp", "tif", "tiff", "gif", "webp")
    return manifest.meta.dimensions != 2 and not images["format"].is_in(pictures).all()  # noqa: PLR2004


def _masks(table: pl.DataFrame, options: Mapping[str, str]) -> pl.DataFrame:
    masks = table.filter(pl.col("role") == "mask")
    names, annotator = _listed(options.get("masks", "")), options.get("annotator", "")
    known = [*masks["name"].unique(), *masks["label"].unique()]
    if unknown := [each for each in names if each not in known]:
        raise UnknownNameError("mask", unknown[0], sorted({each for each in known if each}))
    if names:
        masks = masks.filter(pl.col("name").is_in(names) | pl.col("label").is_in(names))
    people = masks["annotator"].unique().drop_nulls().sort().to_list()
    if annotator and annotator not in people:
        raise UnknownNameError("annotator", annotator, people)
    if annotator:
        return masks.filter(pl.col("annotator") == annotator)
    shown = masks.with_columns(shown=pl.coalesce("label", "name"))
    several = shown.group_by("sample_id", "shown").agg(pl.col("annotator").n_unique())
    if several.filter(pl.col("annotator") > 1).height:
        problem = f"Masks were drawn by several: {', '.join(people)}"
        raise SettingError(problem, "Choose one: --with annotator=...")
    return masks


def _check_masks(
    table: pl.DataFrame, masks: pl.DataFrame, codes: LabelCodes, options: Mapping[str, str]
) -> None:
    given = {name: options.get(name, "") for name in ("incomplete", "without-masks")}
    for name, known in (("incomplete", "empty"), ("without-masks", "test")):
        if given[name] not in ("", known):
            raise SettingError(f"{name}={given[name]!r} is not known", f"Choose {known}")
    shown = masks.with_columns(shown=pl.coalesce("label", "name")).group_by("sample_id")
    counts = shown.agg(n=pl.col("shown").n_unique())
    if codes.by_structure and not given["incomplete"]:
        partial = counts.filter(pl.col("n") < masks["label"].n_unique())
        remedy = "Say that those structures are not there: --with incomplete=empty"
        _refuse(partial, "have masks of some structures only", remedy)
    if not codes.by_structure:
        names = ", ".join(masks["name"].drop_nulls().unique().sort()[:_SHOWN])
        remedy = f"Choose one of {names}: --with masks=..."
        _refuse(counts.filter(pl.col("n") > 1), "have several masks", remedy)
    bare = table.join(masks, on="sample_id", how="anti")
    trained = bare.filter(pl.col("split").ne_missing(pl.lit("test")))
    if not given["without-masks"]:
        remedy = "Make them test cases: --with without-masks=test"
        _refuse(trained, "have no mask, and are no test cases", remedy)


def _refuse(table: pl.DataFrame, what: str, remedy: str) -> None:
    names = table["sample_id"].unique().sort()
    if len(names):
        listed = ", ".join(names[:_SHOWN]) + (", ..." if len(names) > _SHOWN else "")
        quoted = ", ".join("'{}'".format(each.replace("'", "''")) for each in names[:_SHOWN])
        without = f'leave them out with --filter "sample_id NOT IN ({quoted})"'
        raise SettingError(f"{len(names):,} samples {what}: {listed}", f"{remedy}, or {without}")


def _legends(meta: Meta) -> list[Mapping[str, tuple[int, ...]]]:
    parts = [each.partition(":")[2] for each in meta.options if each.startswith("legend")]
    return [legend_of(meta, each or None) for each in parts]


def _listed(text: str) -> list[str]:
    return [each.strip() for each in text.split(";") if each.strip()]

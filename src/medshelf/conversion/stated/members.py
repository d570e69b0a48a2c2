"""Images, masks and other media of a sample as files, with names that are the same in all."""

from __future__ import annotations

import io
import tempfile
from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np
import polars as pl

from medshelf.conversion.naming import file_names
from medshelf.conversion.prepared import Prepared, encode
from medshelf.core.errors import SettingError
from medshelf.core.manifest import Manifest
from medshelf.dataset import decoding
from medshelf.dataset.fields import Medium
from medshelf.formats import nifti_writer
from medshelf.formats.raster import Raster

_MANY = 16


@dataclass(frozen=True, slots=True)
class Member:
    """One file.

    Attributes:
        field: Its name: `png`, `<image>.jpg`, `mask.nii.gz`, `mask.<mask>.<annotator>.png`,
            `video.mp4`; lower case, so that no reader takes two for one.
        medium: What it is.
        content: Its bytes.
        spacing_mm: Of a picture that was decoded, along X and Y; null where not stated.
        array: Number of axes and dtype of an npy file; null of others.
    """

    field: str
    medium: Medium
    content: bytes
    spacing_mm: tuple[float, ...] | None = None
    array: tuple[int, str] | None = None


def member_names(manifest: Manifest) -> dict[str, Any]:
    """Return what `members` needs to know of all samples, as JSON.

    Raises:
        SettingError: Two images, masks or annotators would have one name.
    """
    media = _kinds(manifest)
    images, masks = (media.filter(pl.col("role") == each) for each in ("image", "mask"))
    kinds = images.group_by("name").agg(pl.col("formats").explode().unique())
    names = images["name"].unique().sort().to_list()
    drawn = masks["name"].unique().sort().to_list()
    annotators = masks["annotator"].drop_nulls().unique().sort().to_list()
    by_place = len(names) > _MANY
    return {
        "images": _lower(names, "images") if 1 < len(names) <= _MANY else dict.fromkeys(names, ""),
        "by_place": by_place,
        "jpegs": sorted(name for name, each in kinds.iter_rows() if set(each) <= {"jpg", "jpeg"}),
        "masks": _lower(drawn, "masks") if len(drawn) > 1 else {},
        "annotators": _lower(annotators, "annotators") if len(annotators) > 1 else {},
    }


def members(sample: Prepared, names: Mapping[str, Any]) -> Iterator[Member]:
    """Yield the files of a sample.

    Pictures whose files are all PNG or all JPEG, `.nii.gz` files, and media that are neither image
    nor mask are given byte by byte where nothing is done to them. Other pictures become PNG, other
    volumes NIfTI; masks PNG, NIfTI, or npy where they have channels or values that PNG does not
    hold. Images are called by their place where a dataset has more than 16 names for them.

    Args:
        sample: The sample.
        names: What `member_names` gave.

    Raises:
        SettingError: An image is no picture of 8 or 16 bits, or a film lies in a container.
    """
    media = sample.sample.media
    for place, name in enumerate(sample.sample.images):
        stem = str(place) if names["by_place"] else names["images"][name]
        yield _image(sample, sample.sample.medium(name), stem, jpeg=name in names["jpegs"])
    for medium in _masks(media):
        stems = (names["masks"].get(medium.name), names["annotators"].get(medium.annotator))
        yield _mask(sample, medium, _joined("mask", *stems))
    others = [each for each in media if each.role not in ("image", "mask")]
    for medium in others:
        several = sum(each.role == medium.role for each in others) > 1
        stem = _lower([str(medium.name)], "media")[str(medium.name)] if several else ""
        field = _joined(str(medium.role), stem, str(medium.format).lower())
        yield Member(field, medium, _whole(sample, medium))


def _kinds(manifest: Manifest) -> pl.DataFrame:
    """Return role, name and annotator of all media, with their formats."""
    media = manifest.frame.select("media").explode("media").drop_nulls().unnest("media")
    groups = media.group_by(pl.col("role").cast(pl.String), "name", "annotator")
    return groups.agg(formats=pl.col("format").unique()).collect()


def _joined(*parts: str | None) -> str:
    return ".".join(filter(None, parts))


def _lower(names: list[str], what: str) -> dict[str, str]:
    return {name: made.lower() for name, made in file_names(names, what).items()}


def _masks(media: tuple[Medium, ...]) -> list[Medium]:
    """Return one medium per mask; several files of one mask are read as one."""
    drawn = {(each.name, each.annotator): each for each in reversed(media) if each.role == "mask"}
    return list(reversed(drawn.values()))


def _image(sample: Prepared, medium: Medium, stem: str, *, jpeg: bool) -> Member:
    name, untouched = str(medium.name), medium.index is None and not sample.preparation.alters
    kinds = ("jpg", "jpeg") if jpeg else ("png",)
    if untouched and medium.format in (*kinds, "nii.gz"):
        ending = "jpg" if jpeg else str(medium.format)
        return Member(_joined(stem, ending), medium, sample.source(medium))
    raster = sample.image(name)
    if set(raster.axes) & set("ZT"):
        return Member(_joined(stem, "nii.gz"), medium, _nifti(raster))
    content = encode(raster, f"{sample.sample.id} ({name})")
    return Member(_joined(stem, "png"), medium, content, raster.spacing_mm)


def _mask(sample: Prepared, medium: Medium, stem: str) -> Member:
    files = [each for each in sample.sample.media if each.name == medium.name]
    whole = medium.format == "nii.gz" and medium.index is None and len(files) == 1
    if whole and not sample.preparation.moves:
        return Member(f"{stem}.nii.gz", medium, sample.source(medium))
    raster = sample.mask(medium.name, medium.annotator)
    if set(raster.axes) & set("ZT"):
        return Member(f"{stem}.nii.gz", medium, _nifti(raster))
    array = raster.as_axes("YX") if raster.axes == "XY" else raster.array
    narrow, buffer = _narrowed(array), io.BytesIO()
    if raster.axes.endswith("C") or narrow is None:
        np.lib.format.write_array(buffer, np.ascontiguousarray(array), allow_pickle=False)
        shape = array.ndim, str(array.dtype)
        return Member(f"{stem}.npy", medium, buffer.getvalue(), array=shape)
    from PIL import Image

    Image.fromarray(narrow).save(buffer, format="PNG")
    return Member(f"{stem}.png", medium, buffer.getvalue())


def _narrowed(array: np.ndarray) -> np.ndarray | None:
    """Return a mask in the narrowest type that PNG holds; null where none holds its values."""
    if array.dtype.kind == "b":
        return array.view(np.uint8)
    if array.dtype.kind not in "ui" or not array.size or array.min() < 0:
        return None
    highest = array.max()
    kinds = [each for each in (np.uint8, np.uint16) if highest <= np.iinfo(each).max]
    return array.astype(kinds[0]) if kinds else None


def _nifti(raster: Raster) -> bytes:
    with tempfile.TemporaryDirectory() as folder:
        path = Path(folder) / "volume.nii.gz"
        nifti_writer.write(path, raster)
        return path.read_bytes()


def _whole(sample: Prepared, medium: Medium) -> bytes:
    if decoding.is_container(medium):
        problem = f"{medium.name!r} of sample {sample.sample.id} is a row of {medium.path}"
        raise SettingError(problem, "Leave such samples out with --on-error skip")
    return sample.source(medium)

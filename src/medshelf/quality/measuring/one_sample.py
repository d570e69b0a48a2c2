"""One sample: each of its images and masks decoded once and measured."""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass, fields, replace
from itertools import groupby
from pathlib import Path
from typing import Any

import numpy as np

from medshelf.core.errors import StorageError
from medshelf.dataset.fields import Medium
from medshelf.dataset.masks import Legend
from medshelf.formats.raster import Raster
from medshelf.quality.measuring.decoded import (
    MismatchError,
    decode_image,
    decode_mask,
    in_order,
)
from medshelf.quality.measuring.digests import pixel_digest
from medshelf.quality.measuring.geometry import geometry_columns
from medshelf.quality.measuring.lettering import text_score
from medshelf.quality.measuring.looks import border_of, plane_of, small_picture, thumb_of
from medshelf.quality.measuring.regions import regions_of
from medshelf.quality.measuring.sources import Source, error_of, open_source
from medshelf.quality.measuring.values import value_columns

Row = dict[str, Any]
ROLES = ("image", "mask")
"""What is measured; other media are left out."""


@dataclass(slots=True)
class Measured:
    """Rows of both tables, and the reduced picture of each row of the first, where it has one."""

    media: list[Row]
    regions: list[Row]
    small: list[np.ndarray | None]


@dataclass(frozen=True, slots=True)
class SampleMeasuring:
    """What is the same for all samples of a dataset.

    Attributes:
        root: What the paths of media are relative to.
        legend: What the values of masks mean.
        n_spatial: Spatial axes of an array without axes of its own; null where it differs.
    """

    root: Path
    legend: Legend
    n_spatial: int | None

    def __call__(self, media: Sequence[Medium]) -> Measured:
        """Measure the media of a sample that are images or masks, in their order."""
        return _Sample(self, media).measured()


class _Sample:
    """The state of one measurement: decoded images that masks may be compared with."""

    def __init__(self, setting: SampleMeasuring, media: Sequence[Medium]) -> None:
        self._root, self._legend = setting.root, setting.legend
        self._n_spatial = setting.n_spatial
        self._media = [(n, each) for n, each in enumerate(media) if each.role in ROLES]
        self._has_masks = any(each.role == "mask" for _, each in self._media)
        self._images: dict[tuple[int, ...], Raster] = {}
        self._rows: dict[int, Row] = {}
        self._small: dict[int, np.ndarray] = {}
        self._regions: list[Row] = []

    def measured(self) -> Measured:
        for place, medium in self._media:
            if medium.role == "image":
                self._measure(place, medium)
        masks = [(place, each) for place, each in self._media if each.role == "mask"]
        for _, files in _grouped(masks):
            self._mask(files)
        places = sorted(self._rows)
        small = [self._small.get(each) for each in places]
        return Measured([self._rows[each] for each in places], self._regions, small)

    def _measure(self, place: int, medium: Medium) -> Raster | None:
        """Fill in the row of a medium; null where it cannot be decoded."""
        row = self._rows[place] = {"place": place} | {n: getattr(medium, n) for n in _FIELDS}
        source: Source | None = None
        try:
            source = open_source(self._root, medium)
            row |= {
                "size_bytes": source.size_bytes,
                "file_digest": source.digest,
                "actual_format": source.actual_format,
            }
            raster = self._decoded(source)
            ordered = in_order(raster, medium)
        except StorageError:
            raise
        except MismatchError as error:
            row |= {"error": "mismatch", "error_message": str(error)}
            return None
        except Exception as error:  # noqa: BLE001 - whatever damaged files lead decoders to
            row |= error_of(self._root, source, medium, error)
            return None
        row |= _media_columns(raster, ordered)
        if medium.role == "image":
            self._look(place, row, ordered)
        return ordered

    def _decoded(self, source: Source) -> Raster:
        if source.medium.role == "image":
            return decode_image(self._root, source, self._n_spatial)
        return decode_mask(self._root, source.medium, self._legend, self._n_spatial)

    def _look(self, place: int, row: Row, raster: Raster) -> None:
        plane, axes = plane_of(raster.array, raster.axes, raster.spacing_mm)
        if plane.ndim - axes.endswith("C") == 2:  # noqa: PLR2004
            small = self._small[place] = small_picture(plane, axes)
            row |= {"thumb": thumb_of(small), "border": border_of(plane)}
            if "Z" not in raster.axes:
                row["text_score"] = text_score(plane, axes)
        if self._has_masks:
            self._images.setdefault(_size(raster), raster)

    def _mask(self, files: Sequence[tuple[int, Medium]]) -> None:
        """Measure the files of one mask, and what they show together."""
        joined: Raster | None = None
        for place, medium in files:
            raster = self._measure(place, medium)
            if raster is None:
                continue
            if joined is None:
                joined = raster
            elif raster.array.shape == joined.array.shape:
                array = np.maximum(joined.array, raster.array)
                joined = replace(joined, array=array)
            else:
                self._fail(place, f"It is {raster.array.shape}, not {joined.array.shape}")
        if joined is not None:
            self._draw(files, joined)

    def _draw(self, files: Sequence[tuple[int, Medium]], mask: Raster) -> None:
        first = files[0][1]
        about = {"name": first.name, "annotator": first.annotator}
        try:
            found = regions_of(mask, self._legend, first.label, self._image_of(mask))
        except MismatchError as error:
            for place, _ in files:
                self._fail(place, str(error))
        else:
            self._regions += [about | each for each in found]

    def _image_of(self, mask: Raster) -> np.ndarray | None:
        image = self._images.get(_size(mask))
        if image is None or image.axes.removesuffix("C") != mask.axes.removesuffix("C"):
            return None
        if image.axes.endswith("C"):
            return image.array.mean(axis=-1)
        return image.array

    def _fail(self, place: int, message: str) -> None:
        """Leave of a row what is known without decoding."""
        row = self._rows[place]
        if row.get("error") is None:
            kept = {name: row[name] for name in _KNOWN if name in row}
            self._rows[place] = {**kept, "error": "mismatch", "error_message": message}


_FIELDS = tuple(each.name for each in fields(Medium))
_KNOWN = ("place", *_FIELDS, "actual_format", "size_bytes", "file_digest")


def _grouped(
    masks: list[tuple[int, Medium]],
) -> Iterator[tuple[Any, list[tuple[int, Medium]]]]:
    """Put the files of one mask together: of one name, annotator and label."""

    def key(each: tuple[int, Medium]) -> tuple[str, str, str]:
        medium = each[1]
        return str(medium.name), medium.annotator or "", medium.label or ""

    first: Mapping[Any, int] = {key(each): -each[0] for each in reversed(masks)}
    ordered = sorted(masks, key=lambda each: (-first[key(each)], each[0]))
    for name, files in groupby(ordered, key):
        yield name, list(files)


def _size(raster: Raster) -> tuple[int, ...]:
    shape = raster.array.shape
    return shape[:-1] if raster.axes.endswith("C") else shape


def _media_columns(raster: Raster, ordered: Raster) -> Row:
    array = ordered.array
    return {
        "dtype": array.dtype.name,
        "bits": _bits(raster),
        "axes": raster.axes,
        **geometry_columns(ordered),
        "unit": raster.unit,
        "photometric": raster.photometric,
        **value_columns(array, ordered.axes),
        "pixel_digest": pixel_digest(array, ordered.axes),
    }


def _bits(raster: Raster) -> int:
    stored = raster.header.get("BitsStored", "")
    if stored.isdigit() and int(stored) <= 64:  # noqa: PLR2004
        return int(stored)
    return 1 if raster.array.dtype == np.bool_ else raster.array.dtype.itemsize * 8

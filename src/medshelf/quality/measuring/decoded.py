"""A medium to its values: images as they are stored, masks before any legend is looked at."""

from __future__ import annotations

from contextlib import suppress
from dataclasses import replace
from pathlib import Path

import numpy as np

from medshelf.core.errors import FormatError, LayoutError
from medshelf.dataset import decoding
from medshelf.dataset.fields import Medium
from medshelf.dataset.masks import Legend, read_mask
from medshelf.formats.raster import Raster
from medshelf.quality.measuring.sources import Source

ORDER = "TZYXC"
"""Axes of all arrays here: those that there are, in this order."""


class MismatchError(Exception):
    """Values were decoded, and are not what such a medium holds."""


def decode_image(root: Path, source: Source, n_spatial: int | None) -> Raster:
    """Decode an image; see `decoding.read` for what it raises."""
    medium = source.medium
    if source.data is not None and medium.index is None and medium.format in decoding.PICTURES:
        from medshelf.formats import picture

        return picture.read(source.data, where=str(decoding.location(root, medium)))
    if source.data is not None and medium.format in ("dcm", "ima"):
        from medshelf.formats import dicom

        where = str(decoding.location(root, medium))
        return dicom.read(source.data, where=where, frames=medium.index)
    return decoding.read(root, medium, n_spatial)


def decode_mask(root: Path, medium: Medium, legend: Legend, n_spatial: int | None) -> Raster:
    """Decode a mask as `masks.read_mask` does, with the values that the legend does not know.

    Raises:
        MismatchError: It is a picture with colours.
        MedshelfError: As `decoding.read`.
    """
    for known in (legend, {}):
        with suppress(LayoutError, FormatError):
            return read_mask(root, [medium], known, n_spatial)
    decoding.read(root, medium, n_spatial)  # where the file is to blame, this says why
    raise MismatchError("It has colours, not values of a mask")


def in_order(raster: Raster, medium: Medium) -> Raster:
    """Return a raster with its axes in `ORDER`, its values in one piece in C order.

    A NIfTI volume, stored with X fastest, needs no copy. The resolution that a picture file states
    is that of a print or a screen, mostly a program's default, and is left out: it is no spacing.

    Raises:
        MismatchError: It has no values, or values that are no real numbers.
    """
    axes = "".join(sorted(raster.axes, key=ORDER.index))
    array = np.ascontiguousarray(raster.as_axes(axes))
    if not array.size:
        raise MismatchError(f"An array of shape {raster.array.shape} has no values")
    if array.dtype.kind not in "buif":
        raise MismatchError(f"Values of {array.dtype} are no real numbers")
    spacing_mm = None if medium.format in decoding.PICTURES else raster.spacing_mm
    return replace(raster, array=array, axes=axes, spacing_mm=spacing_mm)

"""Images and masks of a sample as files that any library opens: PNG or JPEG, NIfTI-1."""

from __future__ import annotations

import gzip
import io
import tempfile
import warnings
import zlib
from dataclasses import fields
from pathlib import Path
from typing import Any

import numpy as np
from PIL import Image

from medshelf.conversion.cases.volumes import check_grid, read_image
from medshelf.conversion.moving import Moved, moved_shapes, prepared_image, prepared_mask
from medshelf.conversion.prepared import Prepared
from medshelf.conversion.tabular.flat_columns import MediaColumn
from medshelf.core.errors import SettingError
from medshelf.dataset.fields import Medium, Shape
from medshelf.dataset.masks import Grid, read_mask
from medshelf.formats import nifti_writer, png
from medshelf.formats.picture import encode_png
from medshelf.formats.raster import Raster

File = tuple[bytes, str]
"""Content and ending."""
MovedShapes = list[dict[str, Any]] | None
"""Shapes as rows of the manifest's column `shapes`; null where they are as in the manifest."""

_PICTURES = ("png", "jpg", "jpeg")
_MODES = ("L", "RGB", "RGBA", "I;16")
_NIFTI = ("nii", "nii.gz")
_NIFTI_1 = ((348).to_bytes(4, "little"), (348).to_bytes(4, "big"))
_GZIP = b"\x1f\x8b"
_COLOURS = (3, 4)
_ORIENTATION = 274


class MediaFiles:
    """The media of one sample, each decoded once at most.

    Args:
        sample: On its way into another format.
    """

    def __init__(self, sample: Prepared) -> None:
        self._sample = sample
        self._read: dict[str, Raster] = {}
        self._moved: dict[str, Moved] = {}

    def file(self, column: MediaColumn) -> File | None:
        """Return an image or mask as a file; null where the sample has none.

        A file that is there is given byte by byte, where nothing is done to the image and the
        libraries `PIL` and `nibabel` see the same values in it; else it is written anew. A mask
        has the values of `Sample.mask`, and lies on an image of the sample.

        Raises:
            SettingError: Neither PNG nor NIfTI has a place for the values.
            LayoutError: A mask lies on no image of the sample, or has unknown values.
            FormatError: A file cannot be read.
        """
        media = [each for each in self._sample.sample.media if _is_of(each, column)]
        if not media:
            return None
        raster = self._checked_mask(media, column) if column.role == "mask" else None
        if whole := self._whole(media, column):
            return whole
        what = f"{column.role} {column.name!r} of {self._sample.sample.id}"
        if raster is None:
            raster = self._prepared(str(column.name)).raster
        elif self._sample.preparation.moves:
            raster = prepared_mask(raster, self._sample.preparation)
        return (nifti_file if column.is_volume else picture_file)(raster, what)

    def moved_shapes(self) -> MovedShapes:
        """Return the shapes in pixels of the prepared images, as rows of the manifest's column.

        Null where the images stay as they are, or nothing is drawn.
        """
        sample = self._sample.sample
        if not self._sample.preparation.moves or not sample.shapes:
            return None
        first = sample.images[0] if sample.images else ""
        return [
            {**_fields(moved), "extra": [_named(*each) for each in moved.extra.items()] or None}
            for each in sample.shapes
            for moved in moved_shapes([each], self._prepared(each.media or first))
        ]

    def _whole(self, media: list[Medium], column: MediaColumn) -> File | None:
        """Return the file itself, if it can stay as it is."""
        medium = media[0]
        if len(media) > 1 or medium.index is not None or self._sample.preparation.alters:
            return None
        if column.is_volume:
            return self._whole_volume(medium) if medium.format in _NIFTI else None
        if column.role == "mask" or medium.format not in _PICTURES:
            return None
        content = self._sample.source(medium)
        ending = "png" if medium.format == "png" else "jpg"
        return (content, ending) if _is_plain(content, ending) else None

    def _whole_volume(self, medium: Medium) -> File | None:
        content = self._sample.source(medium)
        packed = content[:2] == _GZIP
        try:
            start = gzip.GzipFile(fileobj=io.BytesIO(content)).read(4) if packed else content[:4]
        except (OSError, EOFError, zlib.error):
            return None  # decoding it says what is wrong
        return (content, "nii.gz" if packed else "nii") if start in _NIFTI_1 else None

    def _image(self, name: str) -> Raster:
        if name not in self._read:
            self._read[name] = read_image(self._sample.sample, name)
        return self._read[name]

    def _prepared(self, name: str) -> Moved:
        if name not in self._moved:
            self._moved[name] = prepared_image(self._image(name), self._sample.preparation)
        return self._moved[name]

    def _checked_mask(self, media: list[Medium], column: MediaColumn) -> Raster:
        sample = self._sample.sample
        raster = read_mask(sample.root, media, sample.legend, sample.meta.dimensions)
        grid = Grid.of(raster)
        images = sample.images
        if images and all(grid.differs(Grid.of(self._image(each))) for each in images):
            what = f"The mask {column.name!r} of sample {sample.id}"
            check_grid(raster, self._image(images[0]), what, sample.meta.dataset)
        return raster


def picture_file(raster: Raster, what: str) -> File:
    """Return a picture as PNG, losslessly.

    Args:
        raster: Axes YX or XY, whole numbers from 0 to 65535 or bool; or YXC, uint8, 3 or 4 colours.
        what: Names it in an error.

    Raises:
        SettingError: It is something else.
    """
    array = raster.as_axes("YX") if raster.axes == "XY" else raster.array
    if array.ndim == 2 and array.dtype != np.uint8:  # noqa: PLR2004
        array = _narrowed(array, what)
    flat = raster.axes in ("YX", "XY")
    coloured = raster.axes == "YXC" and array.shape[-1] in _COLOURS and array.dtype == np.uint8
    if not flat and not coloured:
        problem = f"The {what} is {array.dtype} with the axes {raster.axes}, and is no picture"
        raise SettingError(problem, "Choose colours and values that PNG has: --channels rgb")
    return encode_png(array), "png"


def nifti_file(raster: Raster, what: str) -> File:
    """Return a volume as NIfTI, compressed, the same bytes each time.

    Raises:
        SettingError: NIfTI has no place for its type or axes.
    """
    with tempfile.TemporaryDirectory() as folder:
        path = Path(folder) / "volume.nii.gz"
        try:
            nifti_writer.write(path, raster)
        except SettingError as error:
            raise SettingError(f"The {what}: {error.problem}", error.remedy) from error
        return path.read_bytes(), "nii.gz"


def _fields(shape: Shape) -> dict[str, Any]:
    return {each.name: getattr(shape, each.name) for each in fields(shape)}


def _named(name: str, value: str) -> dict[str, str]:
    return {"name": name, "value": value}


def _is_of(medium: Medium, column: MediaColumn) -> bool:
    if (medium.role, medium.name) != (column.role, column.name):
        return False
    of_mask = (medium.label, medium.annotator) == (column.label, column.annotator)
    return column.role == "image" or of_mask


def _is_plain(content: bytes, ending: str) -> bool:
    """Say whether Pillow gives the pixels as `formats.picture` does, which turns them upright."""
    kind = "PNG" if ending == "png" else "JPEG"
    try:
        with (
            warnings.catch_warnings(action="error"),
            Image.open(io.BytesIO(content), formats=[kind]) as picture,
        ):
            if ending == "png":
                turned = png.states_exif(content)
            else:
                turned = picture.getexif().get(_ORIENTATION, 1) != 1
            odd = getattr(picture, "is_animated", False) or "transparency" in picture.info
            return picture.mode in _MODES and not turned and not odd
    except (OSError, ValueError, SyntaxError, Warning, Image.DecompressionBombError):
        return False  # decoding it says what is wrong


def _narrowed(array: np.ndarray, what: str) -> np.ndarray:
    if array.dtype in (np.bool_, np.uint16):
        return array.astype(np.uint8) if array.dtype == np.bool_ else array
    if array.dtype.kind in "ui" and (not array.size or 0 <= array.min() <= array.max() < 1 << 16):
        return array.astype(np.uint8 if array.max(initial=0) < 1 << 8 else np.uint16)
    problem = f"The {what} holds {array.dtype} values, which PNG does not"
    raise SettingError(problem, "Choose a window, e.g. --window lung, or --dtype uint16")

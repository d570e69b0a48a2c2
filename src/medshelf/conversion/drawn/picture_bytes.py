"""The first image of a sample as the bytes of a picture, with its size."""

from __future__ import annotations

import io
import warnings
from dataclasses import dataclass

from PIL import Image

from medshelf.conversion.prepared import Prepared
from medshelf.conversion.tabular.media_files import picture_file
from medshelf.core.errors import FormatError
from medshelf.dataset import decoding
from medshelf.formats import png

_KINDS = {"png": "png", "jpg": "jpg", "jpeg": "jpg", "bmp": "bmp", "tif": "tif", "tiff": "tif"}
_OPENED = ("PNG", "JPEG", "BMP", "TIFF")
_ORIENTATION = 274


@dataclass(frozen=True, slots=True, eq=False)
class PictureBytes:
    """A picture as a file.

    Attributes:
        content: The file.
        ending: png, jpg, bmp or tif.
        height: In pixels.
        width: In pixels.
    """

    content: bytes
    ending: str
    height: int
    width: int


def picture_bytes(sample: Prepared) -> PictureBytes:
    """Return the first image as it is stored, byte by byte, where nothing is done to it.

    A picture is encoded as PNG where something is done, where it is of another format, and where
    its EXIF orientation asks to turn it, since trainers differ in doing so.

    Raises:
        SettingError: The sample has no image, or it is no picture of 8 or 16 bits.
        FormatError: The file is damaged.
    """
    medium = sample.sample.medium()
    if medium.format in _KINDS and medium.index is None and not sample.preparation.alters:
        content = sample.source(medium)
        size, orientation = _header(content, sample)
        if orientation == 1:
            return PictureBytes(content, _KINDS[medium.format], size[1], size[0])
    raster = sample.image()
    content, ending = picture_file(raster, f"image of sample {sample.sample.id}")
    height, width = (raster.array.shape[raster.axes.index(each)] for each in "YX")
    return PictureBytes(content, ending, height, width)


def _header(content: bytes, sample: Prepared) -> tuple[tuple[int, int], int]:
    """Return width and height as stored, and the orientation."""
    try:
        with warnings.catch_warnings():
            warnings.simplefilter("ignore", Image.DecompressionBombWarning)
            with Image.open(io.BytesIO(content), formats=_OPENED) as picture:
                tagged = picture.format != "BMP" and (
                    picture.format != "PNG" or png.states_exif(content)
                )
                found = picture.getexif().get(_ORIENTATION, 1) if tagged else 1
                return picture.size, int(found)
    except (OSError, ValueError, SyntaxError, Image.DecompressionBombError) as error:
        where = decoding.location(sample.sample.root, sample.sample.medium())
        raise FormatError(where, f"no picture ({error})") from error

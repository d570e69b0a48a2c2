"""Small pictures of samples, of any format, for a glance."""

from __future__ import annotations

from collections.abc import Iterable

import numpy as np
from PIL import Image

from medshelf.core.errors import MedshelfError, SettingError
from medshelf.dataset import decoding
from medshelf.dataset.fields import Medium
from medshelf.dataset.looking.panels import as_picture
from medshelf.dataset.masks import read_mask
from medshelf.dataset.sample import Sample
from medshelf.formats.geometry import orientation
from medshelf.formats.picture import read as read_picture
from medshelf.formats.raster import Raster
from medshelf.formats.volume import Volume
from medshelf.imaging.montage import montage
from medshelf.imaging.overlay import as_rgb
from medshelf.imaging.window import Window

_EMPTY, _PIXELS_SHOW = 200, 3


def thumbnails(
    samples: Iterable[Sample], n_columns: int, edge: int = 96
) -> tuple[Image.Image, list[str]]:
    """Put the first image of each sample into one picture.

    Args:
        samples: In the order of reading.
        n_columns: Tiles per row.
        edge: Width and height of a tile in pixels.

    Returns:
        The picture, and for each sample that cannot be shown (a grey tile) the reason.

    Raises:
        SettingError: There is no sample with an image.
        MissingExtraError: A format needs a package that is not installed.
    """
    tiles, problems = [], []
    for sample in samples:
        try:
            tiles.append(_tile(glance(sample, sample.medium()), edge))
        except MedshelfError as error:
            problems.append(f"{sample.id}: {error.problem}")
            tiles.append(np.full((edge, edge, 3), _EMPTY, np.uint8))
    if len(tiles) == len(problems):
        problem = f"None of {len(tiles)} samples can be shown"
        reason = f" ({problems[0]})" if problems else ""
        raise SettingError(problem + reason, "Choose samples that have images")
    return Image.fromarray(montage(np.stack(tiles), n_columns)), problems


def glance(
    sample: Sample,
    medium: Medium,
    *,
    window: Window | None = None,
    min_edge: int | None = None,
) -> np.ndarray:
    """Return one image as uint8, grey or RGB; of a volume or film the middle, seen from below.

    Args:
        sample: Whose image it is.
        medium: The image.
        window: Centre and width; by default the image's own range.
        min_edge: Decode a JPEG reduced, keeping both edges this long.
    """
    return as_picture(_still(sample, medium, min_edge), window)


def glance_at_mask(sample: Sample, medium: Medium) -> np.ndarray:
    """Return the values of a mask where `glance` shows the image, (H, W)."""
    return _still(sample, medium, None, mask=True).as_axes("YX")


def _still(sample: Sample, medium: Medium, min_edge: int | None, *, mask: bool = False) -> Raster:
    if medium.index is None and medium.format in decoding.VOLUMES:
        volume = decoding.open_volume(sample.root, medium)
        if "Z" in volume.axes:
            return _flat(_middle(volume))
    if min_edge is not None and medium.index is None and medium.format in ("jpg", "jpeg"):
        where = str(decoding.location(sample.root, medium))
        source = decoding.source(sample.root, medium)
        return read_picture(source, where=where, min_edge=min_edge)
    if mask:
        return _flat(read_mask(sample.root, [medium], sample.legend, sample.meta.dimensions))
    return _flat(decoding.read(sample.root, medium, sample.meta.dimensions))


def _flat(raster: Raster) -> Raster:
    array, axes = raster.array, raster.axes
    for axis in "ZT":
        if axis in axes:
            array = np.take(array, array.shape[axes.index(axis)] // 2, axes.index(axis))
            axes = axes.replace(axis, "")
    return Raster(array, axes, raster.photometric)


def _middle(volume: Volume) -> Raster:
    """Cut a volume across the body, with the patient's right on the left, anterior at the top."""
    codes = orientation(volume.affine) if volume.affine is not None else "LPS"
    named = dict(zip("XYZ", codes, strict=True))
    across = next(axis for axis, code in named.items() if code in "SI")
    array = volume.slice(across, volume.shape[volume.axes.index(across)] // 2)
    axes = volume.axes.replace(across, "")
    for axis, code in named.items():
        if axis != across and code in "RA":
            array = np.flip(array, axes.index(axis))
    shown = {axis: "X" if code in "LR" else "Y" for axis, code in named.items()}
    return Raster(array, "".join(shown.get(each, each) for each in axes), volume.photometric)


def _tile(picture: np.ndarray, edge: int) -> np.ndarray:
    """Fit a picture into a square, uint8 (edge, edge, 3); of a small one the pixels show."""
    image = Image.fromarray(as_rgb(picture))
    scale = edge / max(image.size)
    size = (max(1, round(image.width * scale)), max(1, round(image.height * scale)))
    kind = Image.Resampling.NEAREST if scale >= _PIXELS_SHOW else Image.Resampling.BILINEAR
    image = image.resize(size, kind)
    tile = Image.new("RGB", (edge, edge), (0, 0, 0))
    tile.paste(image, ((edge - image.width) // 2, (edge - image.height) // 2))
    return np.asarray(tile)

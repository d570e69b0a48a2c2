"""Small pictures of samples, of any format, for a glance."""

from __future__ import annotations

from collections.abc import Iterable

import numpy as np
from PIL import Image

from medshelf.core.errors import MedshelfError, SettingError
from medshelf.dataset.looking.panels import as_picture
from medshelf.dataset.sample import Sample
from medshelf.formats.geometry import orientation
from medshelf.formats.raster import Raster
from medshelf.formats.volume import Volume
from medshelf.imaging.montage import montage
from medshelf.imaging.overlay import as_rgb

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
            tiles.append(_tile(_picture(sample), edge))
        except MedshelfError as error:
            problems.append(f"{sample.id}: {error.problem}")
            tiles.append(np.full((edge, edge, 3), _EMPTY, np.uint8))
    if len(tiles) == len(problems):
        problem = f"None of {len(tiles)} samples can be shown"
        reason = f" ({problems[0]})" if problems else ""
        raise SettingError(problem + reason, "Choose samples that have images")
    return Image.fromarray(montage(np.stack(tiles), n_columns)), problems


def _picture(sample: Sample) -> np.ndarray:
    """Return an image as uint8, grey or RGB; of a volume or film the middle, seen from below."""
    medium = sample.medium()
    volume = None
    if medium.index is None and medium.format in ("nii", "nii.gz", "mha", "mhd", "nrrd"):
        volume = sample.volume()
    raster = _middle(volume) if volume is not None and "Z" in volume.axes else sample.raster()
    array, axes = raster.array, raster.axes
    for axis in "ZT":
        if axis in axes:
            array = np.take(array, array.shape[axes.index(axis)] // 2, axes.index(axis))
            axes = axes.replace(axis, "")
    return as_picture(Raster(array, axes, raster.photometric))


def _middle(volume: Volume) -> Raster:
    """Cut a volume in the middle, with the patient's right on the left and anterior at the top."""
    array = volume.slice("Z", volume.shape[volume.axes.index("Z")] // 2)
    axes = volume.axes.replace("Z", "")
    codes = orientation(volume.affine) if volume.affine is not None else ""
    for axis, code in zip("XY", codes, strict=False):
        if code in "RA":
            array = np.flip(array, axes.index(axis))
    return Raster(array, axes, volume.photometric)


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

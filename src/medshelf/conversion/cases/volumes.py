"""Images and masks as volumes of one grid and direction, whatever file they come from."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import replace
from itertools import permutations, product
from pathlib import Path

import numpy as np

from medshelf.core.errors import LayoutError, SettingError, UnsupportedError
from medshelf.dataset import decoding
from medshelf.dataset.fields import Medium
from medshelf.dataset.masks import Grid
from medshelf.dataset.sample import Sample
from medshelf.formats.geometry import orientation
from medshelf.formats.raster import Raster

AS_READ = "as-read"
_DICOM = ("dcm", "ima")
_OPPOSITE = {"R": "L", "L": "R", "A": "P", "P": "A", "S": "I", "I": "S"}
_RIGHT_ANGLE = 1e-4
ORIENTATIONS = frozenset(
    "".join(letters) for axes in permutations(("RL", "AP", "SI")) for letters in product(*axes)
)
"""Directions in which the three axes may run, e.g. `RAS`."""


def read_image(sample: Sample, name: str) -> Raster:
    """Decode an image; DICOM files of one name are slices of a series.

    Raises:
        LayoutError: The sample has no such image, or several files for it that are no series.
        UnsupportedError: A series lies in an archive.
        FormatError: A file cannot be read, or no volume can be made of the slices.
    """
    media = [each for each in sample.media if each.role == "image" and str(each.name) == name]
    if not media:
        problem = f"Sample {sample.id} has no image {name!r}"
        raise LayoutError(problem, "Leave such samples out with --filter, or choose other channels")
    if len(media) == 1:
        return decoding.read(sample.root, media[0], sample.meta.dimensions)
    return _series(sample, media)


def check_grid(raster: Raster, image: Raster, what: str, dataset: str) -> None:
    """Refuse a mask, or a further channel, that does not lie on an image.

    Raises:
        LayoutError: It has another size, or lies more than half a voxel away.
    """
    if problem := Grid.of(raster).differs(Grid.of(image)):
        flat = raster.affine is None and "Z" not in raster.axes
        correct = f"Correct what can be: medshelf fix-geometry {dataset} FOLDER; convert that"
        remedy = (
            "Leave the sample out with --on-error skip; report the release" if flat else correct
        )
        raise LayoutError(f"{what} does not lie on its image: {problem}", remedy)


def as_volume(raster: Raster, wanted: str, what: str, *, films: bool = False) -> Raster:
    """Return a raster with the axes X, Y, Z (and T) that run in the wanted directions.

    Axes are swapped and turned, no value is computed: each keeps its place in the world. Where no
    affine is stated, nothing says where an axis runs, and the axes stay.

    Args:
        raster: Two or three axes of space.
        wanted: One of `ORIENTATIONS`, or `AS_READ`.
        what: Names it in an error.
        films: Take an axis of time, too.

    Raises:
        SettingError: It has other axes, or an affine that cannot be inverted.
    """
    if not {"X", "Y"} <= set(raster.axes) <= set("XYZT" if films else "XYZ"):
        problem = f"{what} has the axes {raster.axes}, and is no volume of single values"
        raise SettingError(problem, "Convert colours with --channels grey; leave films out")
    axes = "".join(each for each in "XYZT" if each in raster.axes)
    array = raster.as_axes(axes)
    if "Z" not in axes:
        array, axes = np.expand_dims(array, 2), axes.replace("XY", "XYZ")
    volume = replace(raster, array=array, axes=axes)
    affine = raster.affine
    return volume if affine is None or wanted == AS_READ else _turned(volume, affine, wanted)


def check_right_angles(raster: Raster, what: str, dataset: str) -> None:
    """Refuse a volume whose axes are not at right angles, as of a tilted gantry.

    Raises:
        LayoutError: See above.
    """
    if raster.affine is None:
        return
    steps = raster.affine[:3, :3] / np.linalg.norm(raster.affine[:3, :3], axis=0)
    if np.abs(steps.T @ steps - np.eye(3)).max() > _RIGHT_ANGLE:
        problem = f"The axes of {what} are not at right angles, and SimpleITK refuses that"
        remedy = f"Resample it: medshelf fix-geometry {dataset} FOLDER --what shear; convert that"
        raise LayoutError(problem, remedy)


def _turned(volume: Raster, affine: np.ndarray, wanted: str) -> Raster:
    current = orientation(affine)
    order = [
        next(n for n, each in enumerate(current) if each in (letter, _OPPOSITE[letter]))
        for letter in wanted
    ]
    array, to_old = volume.array.transpose([*order, *range(3, volume.array.ndim)]), np.zeros((4, 4))
    to_old[3, 3] = 1
    for new, old in enumerate(order):
        to_old[old, new] = 1
        if current[old] != wanted[new]:
            array = np.flip(array, new)
            to_old[old, new], to_old[old, 3] = -1, array.shape[new] - 1
    spacing = volume.spacing_mm
    if spacing is not None:
        padded = (*spacing, *(1.0,) * (3 - len(spacing)))
        spacing = tuple(padded[each] for each in order)
    return replace(volume, array=array, spacing_mm=spacing, affine=affine @ to_old)


def _series(sample: Sample, media: Sequence[Medium]) -> Raster:
    first = media[0]
    if any(each.format not in _DICOM or each.index is not None for each in media):
        problem = f"Sample {sample.id} has {len(media)} files for the image {first.name!r}"
        raise LayoutError(problem, "Give them names of their own in the reader, or report the set")
    files = [decoding.source(sample.root, each) for each in media]
    paths = [each for each in files if isinstance(each, Path)]
    if len(paths) < len(files):
        problem = f"The series {first.name!r} of sample {sample.id} lies in an archive"
        raise UnsupportedError(problem, "Unpack it first: medshelf unpack")
    from medshelf.formats.dicom.series import read_series

    return read_series(paths)

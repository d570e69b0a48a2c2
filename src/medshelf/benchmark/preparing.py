"""Any image brought to what a run was trained on, and what was done to it, in words."""

from __future__ import annotations

from dataclasses import dataclass, replace
from pathlib import Path

import numpy as np

from medshelf.core.errors import FormatError, UnsupportedError
from medshelf.dataset.decoding import PICTURES, read
from medshelf.dataset.fields import Medium
from medshelf.formats import dicom
from medshelf.formats.raster import Raster
from medshelf.imaging.regridding import Axis, regrid
from medshelf.imaging.window import Window, to_grey

FORMATS = (
    *PICTURES,
    *("dcm", "ima", "npy", "npz", "nii", "nii.gz", "hdr", "img", "mha", "mhd", "nrrd", "nhdr"),
)
"""Endings of files that can be images."""

_DICOM_MARK, _DICOM_AT = b"DICM", 128
_LUMA = np.array([0.299, 0.587, 0.114])
"""Share of red, green and blue in brightness. Source: ITU-R BT.601, 2.5.1"""


@dataclass(frozen=True, slots=True)
class Form:
    """The form of the stored images that a run was trained on.

    Attributes:
        edge: Length of every spatial axis.
        dimensions: 2 or 3.
        channels: 1 grey, 3 RGB.
    """

    edge: int
    dimensions: int
    channels: int

    @property
    def shape(self) -> tuple[int, ...]:
        """Shape of one image as `Fit.predict` takes it."""
        spatial = (self.edge,) * self.dimensions
        return spatial if self.channels == 1 else (*spatial, self.channels)


def format_of(path: Path) -> str | None:
    """Return the ending that says what a file is; null where it is no image.

    A file with another ending, or none, is DICOM if it has DICOM's mark.
    """
    name = path.name.lower()
    for each in sorted(FORMATS, key=len, reverse=True):
        if name.endswith(f".{each}"):
            return each
    try:
        with path.open("rb") as file:
            return "dcm" if file.read(_DICOM_AT + 4)[_DICOM_AT:] == _DICOM_MARK else None
    except OSError:
        return None


def prepare(path: Path, form: Form, window: Window | None = None) -> tuple[np.ndarray, list[str]]:
    """Read an image and bring it to a form.

    Args:
        path: A file.
        form: What the run was trained on.
        window: Centre and width for values that are not 8-bit, in place of DICOM's own.

    Returns:
        uint8 of `form.shape`, and what was done, one step each.

    Raises:
        FormatError: It is not there, damaged, too large, or no image.
        MissingExtraError: The format needs a package that is not installed.
        UnsupportedError: It has another number of axes, or channels that are no colours.
    """
    raster = _read(path, form)
    steps: list[str] = []
    array = _spatial(raster, form, path, steps)
    array = _to_8_bits(raster, array, window, steps)
    array = _to_channels(array, form, path, steps)
    return _to_size(array, form, steps), steps


def _read(path: Path, form: Form) -> Raster:
    kind = format_of(path)
    if not path.is_file():
        raise FormatError(path, "there is no such file", "Check the path")
    if kind is None:
        problem = f"{path} has no ending of an image, and is no DICOM file"
        raise UnsupportedError(problem, f"Formats that are read: {', '.join(FORMATS)}")
    if kind == "gif" and form.dimensions == 3:  # noqa: PLR2004
        from medshelf.formats.picture import read_gif

        return Raster(read_gif(path), "ZYX", "grey")
    medium = Medium(name=path.name, role="image", path=path.name, format=kind)
    return read(path.parent, medium, form.dimensions if kind in ("npy", "npz") else None)


def _spatial(raster: Raster, form: Form, path: Path, steps: list[str]) -> np.ndarray:
    """Return rows and columns, or slices, rows and columns, then channels where there are any."""
    array, axes = raster.array, raster.axes
    for axis in "TZ":
        if axis in axes and array.shape[axes.index(axis)] == 1:
            array, axes = array.squeeze(axes.index(axis)), axes.replace(axis, "")
    if form.dimensions == 3 and "T" in axes and "Z" not in axes:  # noqa: PLR2004
        steps.append(f"{array.shape[axes.index('T')]} pages or frames taken as slices")
        axes = axes.replace("T", "Z")
    wanted = "YX" if form.dimensions == 2 else "ZYX"  # noqa: PLR2004
    if set(axes) - {"C"} != set(wanted):
        shape = " x ".join(map(str, raster.array.shape))
        problem = f"{path} has the axes {raster.axes} ({shape}), the run takes {form.dimensions}D"
        raise UnsupportedError(problem, "Pass single images to it, or volumes to a 3D run")
    if form.dimensions == 3:  # noqa: PLR2004
        steps.append("slices, rows and columns taken as stored, whatever way they run")
    order = wanted + "C" * ("C" in axes)
    return array.transpose([axes.index(each) for each in order])


def _to_8_bits(
    raster: Raster, array: np.ndarray, window: Window | None, steps: list[str]
) -> np.ndarray:
    if "TransferSyntaxUID" in raster.header and window is None:
        steps.append(f"DICOM shown as a viewer does: {_voi(raster)}")
        return dicom.apply_voi(replace(raster, array=array))
    if array.dtype != np.uint8:
        steps.append(f"{array.dtype} made 8-bit: {_stretch(window)}")
        array = to_grey(np.abs(array) if array.dtype.kind == "c" else array, window)
    elif window is not None:
        steps.append("the window was not used: the values are 8-bit")
    if raster.photometric == "inverted-grey":
        steps.append("inverted, since low values are bright in the file")
        return 255 - array
    return array


def _voi(raster: Raster) -> str:
    if raster.photometric == "rgb":
        return "colours as they are"
    inverted = ", inverted" if raster.photometric == "inverted-grey" else ""
    if raster.header.get("VOILUTSequence"):
        return f"its first VOI LUT{inverted}"
    windows = dicom.window(raster)
    return (f"its {_stretch(windows[0])}" if windows else "the range of its values") + inverted


def _stretch(window: Window | None) -> str:
    if window is None:
        return "stretched between its 0.5th and 99.5th percentile"
    return f"window of centre {window[0]:g} and width {window[1]:g}"


def _to_channels(array: np.ndarray, form: Form, path: Path, steps: list[str]) -> np.ndarray:
    n_channels = array.shape[-1] if array.ndim > form.dimensions else 1
    if n_channels in (2, 4):
        steps.append("transparency left out")
        array = array[..., : n_channels - 1]
        n_channels -= 1
    if n_channels not in (1, 3):
        problem = f"{path} has {n_channels} channels, which are no colours"
        raise UnsupportedError(problem, "Pass grey or RGB images")
    if array.ndim > form.dimensions and n_channels == 1:
        array = array[..., 0]
    if n_channels == 3 and form.channels == 1:  # noqa: PLR2004
        steps.append("colours made grey (ITU-R BT.601)")
        return np.rint(array @ _LUMA).astype(np.uint8)
    if n_channels == 1 and form.channels == 3:  # noqa: PLR2004
        steps.append("grey repeated as red, green and blue")
        return np.repeat(array[..., None], 3, axis=-1)
    return array


def _to_size(array: np.ndarray, form: Form, steps: list[str]) -> np.ndarray:
    shape = array.shape[: form.dimensions]
    if set(shape) == {form.edge}:
        return np.ascontiguousarray(array)
    grid = {
        n: Axis(form.edge, 0.0, length / form.edge, 0, form.edge) for n, length in enumerate(shape)
    }
    sizes = " x ".join(map(str, shape)), " x ".join([str(form.edge)] * form.dimensions)
    proportions = "" if len(set(shape)) == 1 else ", proportions not kept"
    how = "by area means" if min(shape) >= form.edge else "by area means, linear where it grows"
    steps.append(f"{sizes[0]} resized to {sizes[1]} {how}{proportions}")
    return np.ascontiguousarray(regrid(array, grid, "area"))

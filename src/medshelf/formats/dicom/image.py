"""One DICOM object: its pixels as real values, its header as text."""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from contextlib import contextmanager
from dataclasses import replace
from pathlib import Path
from typing import TYPE_CHECKING

import numpy as np

from medshelf.core.errors import FormatError, MedshelfError
from medshelf.formats.dicom import values
from medshelf.formats.dicom.display import lut_text
from medshelf.formats.dicom.header import frame_texts, open_file
from medshelf.formats.dicom.layout import Layout, read_layout
from medshelf.formats.dicom.pixels import decode
from medshelf.formats.raster import Photometric, Raster
from medshelf.formats.streams import name_of

if TYPE_CHECKING:
    from pydicom.dataset import Dataset

_SEGMENTATION = "1.2.840.10008.5.1.4.1.1.66.4"
_GREY: dict[str, Photometric] = {"MONOCHROME1": "inverted-grey", "MONOCHROME2": "grey"}


def read(
    source: Path | bytes, *, where: str | None = None, frames: int | Sequence[int] | None = None
) -> Raster:
    """Read an image: uncompressed, deflated, RLE, JPEG, JPEG-LS or JPEG 2000.

    Colour (RGB, YBR, palette) becomes RGB. Grey values become real values: the stored type where
    there is no rescale, else int16 or int32 where that is exact, else float32. MONOCHROME1 keeps
    its values and is called `inverted-grey`.

    The header holds the standard elements as text under their DICOM keywords, several values joined
    by a backslash; of several frames, what the first one wanted says. Also in it:
    `TransferSyntaxUID`; `VOILUTSequence`, for `apply_voi`; and `spacing_from`, the element that
    states the spacing: `PixelSpacing` (in the patient), `ImagerPixelSpacing` (on the detector,
    larger than in the patient) or `NominalScannedPixelSpacing` (on the film).

    Args:
        source: The file, or its bytes.
        where: What errors call the source; for bytes, e.g. the member of an archive.
        frames: The frame wanted (gives no frame axis), or several; all by default.

    Returns:
        Axes YX or YXC, with T before them for several frames. An enhanced multi-frame object as a
        volume is what `dicom_series.read_series` gives.

    Raises:
        FormatError: The file is no DICOM, has no pixels or no such frame, or is damaged.
        MissingExtraError: pydicom, or a codec for the file's compression, is not installed.
    """
    with _reported(source, where) as path:
        opened = open_file(source)
        element, syntax = opened.pixels, opened.text["TransferSyntaxUID"]
        if element is None:
            reason = f"it has no pixel data (modality {opened.text.get('Modality', 'not stated')})"
            remedy = "Read its header only; if it should be an image, it is cut off"
            raise FormatError(path, reason, remedy)
        layout = read_layout(opened.text, element.keyword, syntax)
        wanted = _wanted(path, frames, layout.frames)
        stored = decode(opened.file, element, layout, wanted, opened.dataset)
        raster = _raster(stored, layout, frame_texts(opened, wanted), opened.dataset)
    if isinstance(frames, int) or (frames is None and layout.frames == 1):
        return replace(raster, array=raster.array[0], axes=raster.axes[1:])
    return raster


def read_header(source: Path | bytes, *, where: str | None = None) -> Mapping[str, str]:
    """Read the standard elements as text, up to the pixels; see `read` for what is in it.

    Raises:
        FormatError: The file is no DICOM, or is damaged.
        MissingExtraError: pydicom is not installed.
    """
    return read_headers(source, where=where)[0]


def read_headers(source: Path | bytes, *, where: str | None = None) -> Sequence[Mapping[str, str]]:
    """Read a header for each frame of an enhanced multi-frame object, one for any other.

    Raises:
        FormatError: The file is no DICOM, or is damaged.
        MissingExtraError: pydicom is not installed.
    """
    with _reported(source, where):
        return frame_texts(open_file(source))


@contextmanager
def _reported(source: Path | bytes, where: str | None) -> Iterator[Path]:
    """Turn whatever goes wrong with a file into an error that names it."""
    path = Path(where) if where else name_of(source)
    try:
        yield path
    except MedshelfError:
        raise
    except OSError as error:
        reason = error.strerror or str(error)
        raise FormatError(path, reason, "Check path and permissions") from error
    except MemoryError as error:
        reason = "there is not enough memory for its values"
        raise FormatError(path, reason, "Read single frames, or close other programs") from error
    except ValueError as error:
        raise FormatError(path, str(error)) from error
    except Exception as error:  # pydicom and the codecs raise anything on damaged bytes
        reason = f"its data are damaged ({type(error).__name__}: {error})"
        raise FormatError(path, reason) from error


def _wanted(path: Path, frames: int | Sequence[int] | None, count: int) -> Sequence[int]:
    if frames is None:
        return range(count)
    wanted = [frames] if isinstance(frames, int) else list(frames)
    if not wanted or wanted != sorted(set(wanted)) or wanted[0] < 0 or wanted[-1] >= count:
        reason = f"frames {frames} were asked for, it has {count}"
        raise FormatError(path, reason, f"Ask for ascending frames from 0 to {count - 1}")
    return wanted


def _raster(
    stored: np.ndarray, layout: Layout, headers: Sequence[dict[str, str]], dataset: Dataset
) -> Raster:
    first = headers[0]
    if all(each is first or each == first for each in headers):
        array, unit = values.real_values(stored, layout, first, dataset)
    else:
        pairs = [
            values.real_values(frame, layout, header, dataset)
            for frame, header in zip(stored, headers, strict=True)
        ]
        array, unit = np.stack([each for each, _ in pairs]), pairs[0][1]
    spacing_mm, spacing_from = values.spacing(first)
    extra = {"VOILUTSequence": lut_text(dataset), "spacing_from": spacing_from}
    return Raster(
        array=array,
        axes="TYXC"[: array.ndim],
        photometric=_photometric(layout, first),
        spacing_mm=spacing_mm,
        affine=values.affine(first),
        unit=unit,
        header=first | {name: value for name, value in extra.items() if value is not None},
    )


def _photometric(layout: Layout, header: Mapping[str, str]) -> Photometric | None:
    if layout.samples > 1 or layout.photometric == "PALETTE COLOR":
        return "rgb"
    if header.get("SOPClassUID") == _SEGMENTATION:
        return "label"
    return _GREY.get(layout.photometric)

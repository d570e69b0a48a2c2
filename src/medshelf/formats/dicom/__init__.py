"""DICOM: images, series of slices as volumes, and what a viewer shows of them.

Values are what the file stores with rescale slope and intercept (or modality LUT) applied, so that
CT is in Hounsfield units. Windows and VOI LUTs are offered (`window`, `apply_voi`), not applied.
Needs the extra `dicom`: pydicom, and imagecodecs for compressed pixels.

Structures drawn on images are not read here: a DICOM SEG is read as frames of 0 and 1, and what
turns its segments, or the contours of an RTSTRUCT, into labels belongs into a module beside these.

Source: DICOM PS3.3, PS3.5 and PS3.10.
"""

from medshelf.formats.dicom.display import apply_voi, window
from medshelf.formats.dicom.image import read, read_header, read_headers
from medshelf.formats.dicom.series import Series, find_series, read_series
from medshelf.formats.dicom.stack import SeriesReport, Slice, check_series

__all__ = [
    "Series",
    "SeriesReport",
    "Slice",
    "apply_voi",
    "check_series",
    "find_series",
    "read",
    "read_header",
    "read_headers",
    "read_series",
    "window",
]

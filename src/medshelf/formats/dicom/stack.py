"""The volume that the slices of a DICOM series make, and what is odd about it.

Source: DICOM PS3.3, C.7.6.2 (image plane module), C.7.6.1.1.2 (image type).
"""

from __future__ import annotations

import math
from collections.abc import Callable, Hashable, Iterable, Mapping, Sequence
from dataclasses import dataclass, field
from pathlib import Path

import numpy as np

from medshelf.core.errors import FormatError
from medshelf.core.issues import Issue, Severity
from medshelf.formats.dicom.header import numbers
from medshelf.formats.dicom.image import read_headers
from medshelf.formats.dicom.values import plane, spacing, thickness, to_world

_Key = Callable[[Mapping[str, str]], tuple[str, ...] | tuple[float, ...]]

_SAME_PLACE_MM = 1e-3
_UNEVEN_MM, _UNEVEN, _GAP = 1e-2, 0.01, 1.5
_CLOSE = 1e-3
_TILT_DEGREES = 0.1
_LEFT_OUT = "Nothing is to be done: it is left out"
_TELLS_APART = (
    "EchoTime", "EchoNumbers", "TemporalPositionIdentifier", "DiffusionBValue", "ImageType",
    "AcquisitionNumber", "TriggerTime", "AcquisitionTime", "ContentTime",
)  # fmt: skip


@dataclass(frozen=True, slots=True)
class Slice:
    """One slice of a series.

    Attributes:
        path: Its file.
        frame: Its frame in the file.
        header: What the file says of the frame.
    """

    path: Path
    frame: int
    header: Mapping[str, str]


@dataclass(frozen=True, slots=True)
class SeriesReport:
    """What the headers of a series say of the volume that it makes.

    Attributes:
        slices: In the order of the volume, along the normal of their plane.
        issues: What is odd; one of severity `error` means that no volume can be made.
        spacing_mm: Distance of voxel centres along X, Y, Z; null where no volume can be made.
        affine: float64 (4, 4), from (x, y, z, 1) to mm in RAS+; null where no volume can be made.
    """

    slices: tuple[Slice, ...]
    issues: tuple[Issue, ...]
    spacing_mm: tuple[float, float, float] | None = None
    affine: np.ndarray | None = field(default=None, compare=False)


def check_series(paths: Iterable[Path]) -> SeriesReport:
    """Say from the headers which volume the files make, and what is odd about them.

    Localizers, files without pixels and copies are left out, each with an Issue.

    Args:
        paths: The files of one series, in any order; a frame of an enhanced object is a slice.

    Raises:
        MissingExtraError: pydicom is not installed.
    """
    issues: list[Issue] = []
    slices = _without_copies(_images(sorted(paths), issues), issues)
    _check_alike(slices, issues)
    if any(each.severity == "error" for each in issues):
        return SeriesReport(tuple(slices), tuple(issues))
    ordered = _ordered(slices, issues)
    if any(each.severity == "error" for each in issues):
        return SeriesReport(tuple(ordered), tuple(issues))
    step = _step(ordered, issues)
    spacing_mm, _ = spacing(ordered[0].header)
    placed = plane(ordered[0].header)
    if step is None or spacing_mm is None or placed is None:
        return SeriesReport(tuple(ordered), tuple(issues))
    origin, along_x, along_y = placed
    return SeriesReport(
        slices=tuple(ordered),
        issues=tuple(issues),
        spacing_mm=(*spacing_mm, float(np.linalg.norm(step))),
        affine=to_world(origin, along_x * spacing_mm[0], along_y * spacing_mm[1], step),
    )


def _images(paths: Sequence[Path], issues: list[Issue]) -> list[Slice]:
    """Return the frames of all files that hold pixels and are no localizers."""
    slices = []
    for path in paths:
        try:
            headers = read_headers(path)
        except FormatError as error:
            reason = error.problem.removeprefix(f"Cannot read {path}: ")
            issues.append(Issue("series-unreadable", "error", str(path), reason, error.remedy))
            continue
        n_frames = (numbers(headers[0].get("NumberOfFrames")) or (1.0,))[0]
        kind = headers[0].get("ImageType", "")
        if "Rows" not in headers[0]:
            issues.append(_no_image(path, headers[0]))
        elif "LOCALIZER" in kind.split("\\"):
            what = "it is a localizer"
            issues.append(Issue("series-localizer", "warning", str(path), what, _LEFT_OUT))
        elif len(headers) < n_frames:
            what = f"it states no position for its {n_frames:g} frames"
            remedy = "Read the file by itself: its frames are no slices of a volume"
            issues.append(Issue("series-no-position", "error", str(path), what, remedy))
        else:
            slices += [Slice(path, frame, each) for frame, each in enumerate(headers)]
    return slices


def _no_image(path: Path, header: Mapping[str, str]) -> Issue:
    from pydicom.config import IGNORE
    from pydicom.uid import UID

    kind = UID(header.get("SOPClassUID", ""), IGNORE).name
    if "Image Storage" in kind:
        what = f"it is cut off: it says that it holds an image ({kind}), and has none"
        remedy = "Delete it and fetch it again"
        return Issue("series-unreadable", "error", str(path), what, remedy)
    what = f"it holds no image (modality {header.get('Modality', 'not stated')})"
    return Issue("series-no-pixels", "info", str(path), what, _LEFT_OUT)


def _without_copies(slices: Sequence[Slice], issues: list[Issue]) -> list[Slice]:
    """Return the slices, each SOPInstanceUID once."""
    first: dict[Hashable, Slice] = {}
    for each in slices:
        uid = each.header.get("SOPInstanceUID", str(each.path))
        kept = first.setdefault((uid, each.frame), each)
        if kept is not each and not each.frame:
            what = f"it has the SOPInstanceUID of {kept.path}"
            issues.append(Issue("series-duplicate", "warning", str(each.path), what, _LEFT_OUT))
    return list(first.values())


def _check_alike(slices: Sequence[Slice], issues: list[Issue]) -> None:
    """Report what all slices of a volume must have, or have in common, and these have not."""
    if not slices:
        what = "no slice is left to make a volume of"
        issues.append(Issue("series-empty", "error", "(none)", what, "Choose another series"))
        return
    for each in slices:
        if plane(each.header) is None or spacing(each.header)[1] != "PixelSpacing":
            what = "it states no position, orientation or spacing in the patient"
            remedy = "Read its images one by one; their order in space is not known"
            issues.append(Issue("series-no-position", "error", str(each.path), what, remedy))
            return
    first = slices[0]
    for rule, what, key in _ALIKE:
        odd = [each for each in slices if not _close(key(each.header), key(first.header))]
        if odd:
            message = (
                f"{len(odd)} of its {len(slices)} slices have another {what} than {first.path}, "
                f"e.g. {odd[0].path}"
            )
            remedy = "Pass the files of one kind only"
            issues.append(Issue(rule, "error", str(first.path.parent), message, remedy))


def _texts(*keywords: str) -> _Key:
    return lambda header: tuple(header.get(each, "") for each in keywords)


def _orientation(header: Mapping[str, str]) -> tuple[float, ...]:
    placed = plane(header)
    return () if placed is None else tuple(np.concatenate(placed[1:]).tolist())


_ALIKE: tuple[tuple[str, str, _Key], ...] = (
    ("series-mixed-uid", "SeriesInstanceUID", _texts("SeriesInstanceUID")),
    ("series-mixed-size", "size", _texts("Rows", "Columns", "SamplesPerPixel")),
    ("series-mixed-photometric", "colour space", _texts("PhotometricInterpretation")),
    ("series-mixed-orientation", "orientation", _orientation),
    ("series-mixed-spacing", "pixel spacing", lambda header: spacing(header)[0] or ()),
)


def _close(one: Sequence[str | float], other: Sequence[str | float]) -> bool:
    return len(one) == len(other) and all(
        abs(mine - theirs) <= _CLOSE
        if isinstance(mine, float) and isinstance(theirs, float)
        else mine == theirs
        for mine, theirs in zip(one, other, strict=True)
    )


def _position(each: Slice) -> np.ndarray:
    placed = plane(each.header)
    return np.zeros(3) if placed is None else placed[0]


def _normal(each: Slice) -> np.ndarray:
    placed = plane(each.header)
    return np.zeros(3) if placed is None else np.cross(placed[1], placed[2])


def _ordered(slices: Sequence[Slice], issues: list[Issue]) -> list[Slice]:
    """Return the slices along the normal, one for each place."""
    normal = _normal(slices[0])

    def order(each: Slice) -> tuple[float, float, str, int]:
        number = numbers(each.header.get("InstanceNumber")) or (0.0,)
        return float(_position(each) @ normal), number[0], str(each.path), each.frame

    places: list[list[Slice]] = []
    for each in sorted(slices, key=order):
        if places and order(each)[0] - order(places[-1][0])[0] <= _SAME_PLACE_MM:
            places[-1].append(each)
        else:
            places.append([each])
    repeated = [each for each in places if len(each) > 1]
    if 2 * len(repeated) > len(places):
        apart = [
            keyword
            for keyword in _TELLS_APART
            if len({each.header.get(keyword) for each in repeated[0]}) > 1
        ]
        message = f"its {len(slices)} slices lie at {len(places)} places only"
        remedy = (
            f"Pass the files of one volume only; they differ in {', '.join(apart) or 'nothing'}"
        )
        folder = str(slices[0].path.parent)
        issues.append(Issue("series-several-volumes", "error", folder, message, remedy))
    for kept, *copies in repeated:
        for each in copies:
            what = f"it lies where {kept.path} lies"
            issues.append(Issue("series-duplicate", "warning", str(each.path), what, _LEFT_OUT))
    return [each[0] for each in places]


def _step(slices: Sequence[Slice], issues: list[Issue]) -> np.ndarray | None:
    """Return the vector from a slice to the next, in mm; null where it is not known."""
    normal, folder = _normal(slices[0]), str(slices[0].path.parent)
    if len(slices) == 1:
        distance = thickness(slices[0].header)
        severity: Severity = "error" if distance is None else "warning"
        message = f"it has one slice, of thickness {distance or 'not stated'}"
        remedy = "Read the slice by itself, or fetch the others"
        issues.append(Issue("series-one-slice", severity, folder, message, remedy))
        return None if distance is None else normal * distance
    positions = np.array([_position(each) for each in slices])
    gaps, whole = np.diff(positions @ normal), positions[-1] - positions[0]
    _check_tilt(whole, normal, folder, issues)
    typical = float(np.median(gaps))
    wide = np.flatnonzero(gaps > _GAP * typical)
    if wide.size:
        missing = int(np.rint(gaps[wide] / typical - 1).sum())
        message = (
            f"{missing} slices are missing: {wide.size} of {gaps.size} distances are longer than "
            f"{typical:g} mm, the first behind {slices[wide[0]].path}"
        )
        remedy = "Fetch the missing files: what lies behind a gap is in the wrong place"
        issues.append(Issue("series-gap", "warning", folder, message, remedy))
        return whole * (typical / gaps.sum())
    if np.abs(gaps - typical).max() > max(_UNEVEN_MM, _UNEVEN * typical):
        message = f"the distance of its slices varies from {gaps.min():g} to {gaps.max():g} mm"
        remedy = (
            "The affine has the mean; resample by the position of each slice where that matters"
        )
        issues.append(Issue("series-uneven", "warning", folder, message, remedy))
    return whole / gaps.size


def _check_tilt(whole: np.ndarray, normal: np.ndarray, folder: str, issues: list[Issue]) -> None:
    along = float(whole @ normal)
    tilt = math.degrees(math.atan2(float(np.linalg.norm(whole - along * normal)), along))
    if tilt > _TILT_DEGREES:
        message = f"its slices are stacked at {tilt:.1f} degrees to their normal (gantry tilt)"
        remedy = "Resample with the affine, whose columns are not at right angles"
        issues.append(Issue("series-gantry-tilt", "warning", folder, message, remedy))

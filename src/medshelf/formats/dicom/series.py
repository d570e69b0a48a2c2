"""DICOM series: which files belong together, and the volume that they make.

Slices are ordered by where they lie along the normal of their plane, never by name or number. What
is odd about a series (gaps, duplicates, a tilted gantry) is in the report that `check_series`
gives; what makes a volume impossible has the severity `error` there, and is an error in
`read_series`.

Source: DICOM PS3.3, C.7.3.1 (series), C.7.6.2 (image plane module).
"""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from pathlib import Path

import numpy as np

from medshelf.core.errors import FormatError
from medshelf.core.issues import Issue
from medshelf.formats.dicom.image import read, read_header
from medshelf.formats.dicom.stack import SeriesReport, check_series
from medshelf.formats.raster import Raster

_SUFFIXES = frozenset({".dcm", ".dicom", ".ima"})
_MAGIC_AT, _MAGIC, _DIRECTORY = 128, b"DICM", "DICOMDIR"


@dataclass(frozen=True, slots=True)
class Series:
    """Files with the same SeriesInstanceUID.

    Attributes:
        uid: The SeriesInstanceUID; empty where the files of a folder state none.
        paths: The files, sorted by name.
        header: What the first of them says.
    """

    uid: str
    paths: tuple[Path, ...]
    header: Mapping[str, str]


def find_series(source: Path | Iterable[Path]) -> tuple[list[Series], list[Issue]]:
    """Group DICOM files by series, from their headers.

    Args:
        source: Files, or a folder, of which every file is taken that has DICOM's mark or suffix;
            hidden files and DICOMDIR are passed over.

    Returns:
        The series in the order of their first files, and an Issue for each file that cannot be read
        and for files without SeriesInstanceUID, which are grouped by folder.

    Raises:
        MissingExtraError: pydicom is not installed.
    """
    paths = _dicom_files(source) if isinstance(source, Path) else sorted(source)
    issues: list[Issue] = []
    groups: dict[tuple[str, str], list[tuple[Path, Mapping[str, str]]]] = defaultdict(list)
    for path in paths:
        try:
            header = read_header(path)
        except FormatError as error:
            reason = error.problem.removeprefix(f"Cannot read {path}: ")
            issues.append(Issue("series-unreadable", "error", str(path), reason, error.remedy))
            continue
        uid = header.get("SeriesInstanceUID", "")
        groups[uid, "" if uid else str(path.parent)].append((path, header))
    for (uid, folder), files in groups.items():
        if not uid:
            message = f"{len(files)} files state no SeriesInstanceUID and are taken for one series"
            remedy = "Check that they belong together"
            issues.append(Issue("series-uid-missing", "warning", folder, message, remedy))
    series = [
        Series(uid, tuple(path for path, _ in files), files[0][1])
        for (uid, _), files in groups.items()
    ]
    return series, issues


def read_series(source: Iterable[Path] | SeriesReport) -> Raster:
    """Read a series as one volume.

    Args:
        source: The files of one series, in any order, or what `check_series` said of them.

    Returns:
        Axes ZYX (ZYXC in colour), values as `dicom.read` gives them, in a type that holds those of
        all slices. The affine follows the slices also where the gantry is tilted: its columns are
        then not at right angles. The header holds what all slices say alike, and as `issues` what
        the report says, one per line.

    Raises:
        FormatError: No volume can be made, or a file is damaged.
        MissingExtraError: pydicom, or a codec for a file's compression, is not installed.
    """
    report = source if isinstance(source, SeriesReport) else check_series(source)
    for issue in report.issues:
        if issue.severity == "error":
            raise FormatError(Path(issue.where), issue.message, issue.remedy)
    places: dict[Path, dict[int, int]] = defaultdict(dict)
    for place, each in enumerate(report.slices):
        places[each.path][each.frame] = place
    volume = np.empty(0, np.uint8)
    units, photometric = set(), None
    for path, frames in places.items():
        raster = read(path, frames=sorted(frames))
        if not volume.size:
            shape = (len(report.slices), *raster.array.shape[1:])
            volume = np.empty(shape, raster.array.dtype)
        volume = volume.astype(np.result_type(volume, raster.array), copy=False)
        volume[[frames[each] for each in sorted(frames)]] = raster.array
        units.add(raster.unit)
        photometric = raster.photometric
    return Raster(
        array=volume,
        axes="ZYXC"[: volume.ndim],
        photometric=photometric,
        spacing_mm=report.spacing_mm,
        affine=report.affine,
        unit=units.pop() if len(units) == 1 else None,
        header=_header(report),
    )


def _header(report: SeriesReport) -> dict[str, str]:
    first, *others = (each.header for each in report.slices)
    shared = {
        keyword: value
        for keyword, value in first.items()
        if all(each.get(keyword) == value for each in others)
    }
    lines = [f"{each.rule}: {each.where}: {each.message}" for each in report.issues]
    return shared | ({"issues": "\n".join(lines)} if lines else {})


def _dicom_files(folder: Path) -> list[Path]:
    return [
        path
        for path in sorted(folder.rglob("*"))
        if not any(part.startswith(".") for part in path.relative_to(folder).parts)
        and path.name != _DIRECTORY
        and path.is_file()
        and (path.suffix.lower() in _SUFFIXES or _is_marked(path))
    ]


def _is_marked(path: Path) -> bool:
    with path.open("rb") as file:
        file.seek(_MAGIC_AT)
        return file.read(len(_MAGIC)) == _MAGIC

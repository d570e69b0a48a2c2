"""A file whose name says another format than its bytes.

**What.** The first bytes of a file are those of another format than its suffix, or the record,
says.

**Why.** A loader that goes by the name fails or picks another decoder, and a picture believed to be
lossless may be a JPEG: its artefacts are then part of the data.

**Example.** Files called `.png` that hold JPEGs, after a bulk rename.

**Remedy.** Open the files by their content, or rename copies of them; say in the record which
format they are.

Source: DICOM PS3.10, 7.1: a DICOM file may begin as a TIFF does, so that what was decoded as DICOM
is DICOM.
"""

from __future__ import annotations

from collections.abc import Iterator

import polars as pl

from medshelf.core.issues import Issue, Severity
from medshelf.quality.case import Case
from medshelf.quality.judging.evidence import issue_of, location
from medshelf.quality.judging.wording import counted

SEVERITY: Severity = "warning"
NEEDS = ("pixels",)
TITLE_ZH = "扩展名与内容不符"

_SAME = {
    "jpeg": "jpg",
    "tiff": "tif",
    "dicom": "dcm",
    "ima": "dcm",
    "mhd": "mha",
    "nhdr": "nrrd",
    "npz": "zip",
    "hdr": "nii",
    "img": "nii",
    "hdr.gz": "nii.gz",
    "img.gz": "nii.gz",
    "hdf5": "h5",
}


def check(case: Case) -> Iterator[Issue]:
    """Yield one Issue per pair of formats."""
    said = pl.col("format").str.to_lowercase().replace(_SAME)
    is_there = pl.col("actual_format").str.to_lowercase().replace(_SAME)
    packed = (is_there == "gz") & said.str.ends_with(".gz")
    decoded = (said == "dcm") & pl.col("error").is_null()
    columns = ("row", "sample_id", location(), "role", "name", "format", "actual_format")
    rows = (
        case.measures.media.filter(said.ne(is_there) & ~packed & ~decoded).select(columns).collect()
    )
    for (stated, actual), found in rows.group_by("format", "actual_format", maintain_order=True):
        message = f"{counted(found.height, 'file')} of format {stated} by name, {actual} by content"
        remedy = f"Open them as {actual}, or rename copies of them"
        where = f"format {stated}"
        yield issue_of(found, "wrong-extension", SEVERITY, where, message, remedy)

"""What the headers of all volumes of a manifest say, and which of them may be turned."""

from __future__ import annotations

import re
from collections.abc import Mapping
from dataclasses import dataclass, field
from pathlib import Path
from typing import NamedTuple

import numpy as np
import polars as pl

from medshelf.core.errors import MedshelfError
from medshelf.core.progress import progress_bar
from medshelf.dataset import decoding
from medshelf.dataset.fields import Medium
from medshelf.dataset.masks import Grid
from medshelf.formats.volume import Volume
from medshelf.quality.case import Case
from medshelf.quality.judging.evidence import media_of

_OUTWARDS = re.compile(r"^/|(^|/)\.\.(/|$)|[\\:\x00]")
_VECTORS = ("1005", "1006", "1007", "1008", "1009")


class File(NamedTuple):
    """A file of the raw tree, or a member of an archive."""

    path: str
    member: str | None


@dataclass(frozen=True, slots=True, eq=False)
class Header:
    """The header of a volume.

    Attributes:
        file: Where.
        format: As in the manifest.
        axes: As `Volume.axes`; empty where the header cannot be read.
        lengths: Of the axes X, Y, Z.
        affine: float64 (4, 4); null where not stated.
        codes: `qform_code` and `sform_code` of NIfTI, where stated.
        samples: Ids of the samples that name the file.
        problem: Why its header cannot be read; null where it can.
        fixed_axes: Why its axes cannot be turned; null where they can.
    """

    file: File
    format: str
    axes: str = ""
    lengths: tuple[int, ...] = ()
    affine: np.ndarray | None = None
    codes: Mapping[str, str] = field(default_factory=dict)
    samples: tuple[str, ...] = ()
    problem: str | None = None
    fixed_axes: str | None = None

    def grid(self, affine: np.ndarray | None = None) -> Grid:
        """Return where its values lie, by its own affine or another."""
        edges = dict(zip("XYZ", self.lengths, strict=True))
        return Grid(edges, self.affine if affine is None else affine)


class Drawn(NamedTuple):
    """The volumes of one sample."""

    images: tuple[File, ...]
    masks: tuple[File, ...]


def read_headers(case: Case) -> tuple[dict[File, Header], list[Drawn]]:
    """Read the header of every volume, and tell which volumes belong to one sample.

    Pictures, slices and formats without geometry are left out.
    """
    media = media_of(case, "image", "mask").filter(pl.col("format").is_in(decoding.VOLUMES))
    rows = media.drop_nulls("path").with_columns(pl.col("role").cast(pl.String)).collect()
    rows = rows.join(_with_shapes(case), on=["row", "name"], how="left").sort("row")
    per_file = rows.group_by("path", "member", "format", maintain_order=True).agg(
        samples=pl.col("sample_id").unique(maintain_order=True),
        drawn_on=pl.col("drawn_on").any(),
        index=pl.col("index").max(),
    )
    headers = {}
    with progress_bar("headers", per_file.height, unit="file") as bar:
        for facts in per_file.iter_rows(named=True):
            header = _header(case.root, facts)
            if header is not None:
                headers[header.file] = header
            bar.update()
    return headers, _drawn(rows, headers)


def _with_shapes(case: Case) -> pl.DataFrame:
    """Return the media that shapes in pixels are drawn on."""
    shapes = case.rows.select("row", "shapes").explode("shapes").drop_nulls("shapes")
    in_pixels = shapes.unnest("shapes").filter(pl.col("unit") == "pixel")
    named = in_pixels.select("row", name="media", drawn_on=pl.lit(value=True))
    return named.unique().collect()


def _header(root: Path, facts: Mapping[str, object]) -> Header | None:
    """Return the header of a file; null where it is no volume of three axes."""
    file = File(str(facts["path"]), facts["member"])  # type: ignore[arg-type]
    kind = str(facts["format"])
    samples: tuple[str, ...] = tuple(facts["samples"])  # type: ignore[arg-type]
    medium = Medium(None, "image", file.path, file.member, None, kind)
    if _OUTWARDS.search(file.member or ""):
        return Header(file, kind, samples=samples, problem="its name leads out of its archive")
    try:
        volume = decoding.open_volume(root, medium)
    except MedshelfError as error:
        return Header(file, kind, samples=samples, problem=error.problem)
    if not {"X", "Y", "Z"} <= set(volume.axes):
        return None
    return Header(
        file=file,
        format=kind,
        axes=volume.axes,
        lengths=tuple(volume.shape[volume.axes.index(each)] for each in "XYZ"),
        affine=volume.affine,
        codes={name: volume.header.get(name, "") for name in ("qform_code", "sform_code")},
        samples=samples,
        fixed_axes=_fixed_axes(root, file, volume, facts),
    )


def _fixed_axes(root: Path, file: File, volume: Volume, facts: Mapping[str, object]) -> str | None:
    if facts["drawn_on"]:
        return "shapes in pixels are drawn on it, and would lie elsewhere"
    if facts["index"] is not None and volume.axes.endswith("Z"):
        return "rows of the manifest are single slices of it"
    if volume.header.get("intent_code") in _VECTORS:
        return "its values are vectors or matrices, which may be along its axes"
    name = file.path.removesuffix(".gz").removesuffix(".nii")
    if "T" in volume.axes and (root / f"{name}.bvec").exists():
        return "the directions in the .bvec beside it are along its axes"
    return None


def _drawn(rows: pl.DataFrame, headers: Mapping[File, Header]) -> list[Drawn]:
    files = rows.select("row", "role", file=pl.struct("path", "member"))
    grouped = files.group_by("row", maintain_order=True).agg(
        images=pl.col("file").filter(pl.col("role") == "image").unique(maintain_order=True),
        masks=pl.col("file").filter(pl.col("role") == "mask").unique(maintain_order=True),
    )
    found = []
    for images, masks in grouped.select("images", "masks").iter_rows():
        parts = ([File(**each) for each in listed] for listed in (images, masks))
        known = [tuple(each for each in part if each in headers) for part in parts]
        found.append(Drawn(*known))
    return found

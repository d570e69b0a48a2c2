"""Small manifests with pixels, for the tests of what shows them."""

from __future__ import annotations

import io
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any

import nibabel as nib
import numpy as np
import polars as pl
from PIL import Image

from medshelf.core.manifest import SCHEMA, Manifest, Meta
from medshelf.formats.nifti_writer import write
from medshelf.formats.raster import Raster

ORIENTATIONS = ("RAS", "LPS", "LAS", "PIR", "ASL", "IPL")
SHAPE_LPS = (12, 10, 8)
SPACING_LPS = (1.0, 2.0, 3.0)
MARKER = (1, 2, 6)
"""Index of the marker along left, posterior, superior: right, anterior, superior in the body."""


def medium(path: str | None, **facts: Any) -> dict[str, Any]:
    """Return an entry of `media`; its format is the ending of the path."""
    name = "" if path is None else path.rsplit("/", 1)[-1]
    ending = "nii.gz" if name.endswith(".nii.gz") else name.rpartition(".")[2]
    empty = dict.fromkeys(("member", "index", "label", "annotator"))
    given = {"name": "image", "role": "image", "path": path, "format": ending or "png"}
    return {**given, **empty, **facts}


def box(points: Sequence[float], label: str, annotator: str | None = None) -> dict[str, Any]:
    """Return an entry of `shapes` in pixels."""
    facts = {"kind": "box", "label": label, "points": list(points), "unit": "pixel"}
    return {**facts, "media": None, "frame": None, "annotator": annotator, "extra": []}


def manifest(rows: Sequence[Mapping[str, Any]], root: Path, **facts: Any) -> Manifest:
    """Return a manifest of rows that give the columns they need, sorted by `sample_id`."""
    columns = {
        name: pl.Series(name, [each.get(name) for each in rows], kind)
        for name, kind in SCHEMA.items()
    }
    meta = Meta(**{"dataset": "made", "name": "Made", "version": "1"} | facts)
    return Manifest.from_columns(pl.DataFrame(columns).lazy(), meta, root)


def save(path: Path, array: np.ndarray) -> None:
    """Write a picture; its ending says the format."""
    path.parent.mkdir(parents=True, exist_ok=True)
    Image.fromarray(array).save(path)


def as_bytes(array: np.ndarray, kind: str = "PNG") -> bytes:
    """Return a picture in a format."""
    out = io.BytesIO()
    Image.fromarray(array).save(out, kind)
    return out.getvalue()


def phantom() -> np.ndarray:
    """Return values along left, posterior, superior: all differ, the marker is by far the highest.

    Returns:
        int16, `SHAPE_LPS`.
    """
    found = np.arange(np.prod(SHAPE_LPS), dtype=np.int16).reshape(SHAPE_LPS) - 1000
    found[MARKER] = 3000
    return found


def write_oriented(path: Path, volume: np.ndarray, orientation: str) -> None:
    """Write a volume given along left, posterior, superior as NIfTI, stored in another order.

    nibabel turns it, so that our own code does not check itself.
    """
    affine = np.diag([-SPACING_LPS[0], -SPACING_LPS[1], SPACING_LPS[2], 1.0])
    affine[:3, 3] = (20, 30, -40)
    image = nib.Nifti1Image(volume, affine)
    current = nib.orientations.io_orientation(affine)
    wanted = nib.orientations.axcodes2ornt(orientation)
    change = nib.orientations.ornt_transform(current, wanted)
    turned = image.as_reoriented(change)
    turned.header.set_xyzt_units("mm")
    turned.to_filename(path)


def write_volume(path: Path, volume: np.ndarray, spacing_mm: tuple[float, float, float]) -> None:
    """Write a volume whose axes run to the left, posterior and superior."""
    affine = np.diag([-spacing_mm[0], -spacing_mm[1], spacing_mm[2], 1.0])
    write(path, Raster(volume, "XYZ", spacing_mm=spacing_mm, affine=affine))

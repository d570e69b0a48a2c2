"""Size and place of an image: the columns that come from its axes and its header."""

from __future__ import annotations

from typing import Any

import numpy as np

from medshelf.formats.geometry import orientation, usable
from medshelf.formats.raster import Raster

_SPACING = ("spacing_x_mm", "spacing_y_mm", "spacing_z_mm")


def geometry_columns(raster: Raster) -> dict[str, Any]:
    """Return lengths, spacing and affine."""
    lengths = dict(zip(raster.axes, raster.array.shape, strict=True))
    columns: dict[str, Any] = {
        "channels": lengths.get("C", 1),
        **{f"n_{each.lower()}": lengths.get(each) for each in "XYZT"},
        **dict(zip(_SPACING, map(float, raster.spacing_mm or ()), strict=False)),
    }
    if raster.affine is not None:
        columns |= _affine_columns(np.asarray(raster.affine, np.float64))
    return columns


def _affine_columns(affine: np.ndarray) -> dict[str, Any]:
    columns: dict[str, Any] = {"affine": affine.ravel().tolist()}
    if usable(affine):
        axes = affine[:3, :3] / np.linalg.norm(affine[:3, :3], axis=0)
        nearest = np.degrees(np.arccos(np.abs(axes).max(axis=0).clip(0, 1)))
        between = np.abs((axes.T @ axes)[np.triu_indices(3, 1)]).clip(0, 1)
        columns |= {
            "orientation": orientation(affine),
            "oblique_degrees": float(nearest.max()),
            "shear_degrees": float(np.degrees(np.arcsin(between)).max()),
        }
    return columns

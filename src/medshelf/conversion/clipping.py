"""Shapes cut at the edges of an image."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import replace

import numpy as np

from medshelf.dataset.fields import Shape

_CORNERS = 3


def clipped(shape: Shape, extent: Mapping[str, int]) -> Shape | None:
    """Return what of a shape lies inside an image; null where nothing does.

    Boxes and polygons are cut at the edges, points outside are left out, ellipses and spheres stay
    whole where their centre is inside.

    Args:
        shape: In pixels, positions between them.
        extent: Length along X, Y (and Z).
    """
    if shape.kind in ("box", "box3d"):
        return _box(shape, np.array([extent[each] for each in "XYZ"[: len(shape.points) // 2]]))
    if shape.kind in ("polygon", "contour"):
        points = np.array(shape.points, np.float64).reshape(-1, 2)
        inside = _polygon(points, (extent["X"], extent["Y"]))
        kept = len(inside) >= min(_CORNERS, len(points))
        return replace(shape, points=tuple(inside.ravel().tolist())) if kept else None
    if shape.kind == "point":
        return _points(shape, np.array([extent["X"], extent["Y"]]))
    letters = "XYZ" if shape.kind == "sphere" else "XY"
    places = zip(letters, shape.points[: len(letters)], strict=True)
    return shape if all(0 <= at <= extent[each] for each, at in places) else None


def _box(shape: Shape, extent: np.ndarray) -> Shape | None:
    corners = np.array(shape.points, np.float64).reshape(2, -1)
    cut = corners.clip(0, extent)
    is_empty = (cut[1] <= cut[0]).any() and (corners[1] > corners[0]).all()
    return None if is_empty else replace(shape, points=tuple(cut.ravel().tolist()))


def _points(shape: Shape, extent: np.ndarray) -> Shape | None:
    points = np.array(shape.points, np.float64).reshape(-1, 2)
    inside = points[((points >= 0) & (points <= extent)).all(axis=1)]
    return replace(shape, points=tuple(inside.ravel().tolist())) if len(inside) else None


def _polygon(points: np.ndarray, extent: tuple[int, int]) -> np.ndarray:
    """Cut a polygon at the four edges in turn.

    Source: Sutherland and Hodgman 1974, https://doi.org/10.1145/360767.360802.
    """
    for axis, limit in enumerate(extent):
        for sign, edge in ((1.0, 0.0), (-1.0, float(-limit))):
            distance = sign * points[:, axis] - edge
            points = _one_side(points, distance)
            if not len(points):
                return points
    return points


def _one_side(points: np.ndarray, distance: np.ndarray) -> np.ndarray:
    kept: list[np.ndarray] = []
    for here, after in zip(range(len(points)), [*range(1, len(points)), 0], strict=True):
        if distance[here] >= 0:
            kept.append(points[here])
        if distance[here] * distance[after] < 0:
            share = distance[here] / (distance[here] - distance[after])
            kept.append(points[here] + share * (points[after] - points[here]))
    return np.array(kept).reshape(-1, 2)

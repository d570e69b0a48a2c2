"""A volume as three planes, laid out as radiologists read them.

The patient's right is on the left of axial and coronal planes, anterior is at the top of axial ones
and on the left of sagittal ones, superior is at the top of the others.
"""

from __future__ import annotations

from typing import NamedTuple

import numpy as np

_TO = (("L", "R"), ("P", "A"), ("S", "I"))
"""Directions in which the axes run in the layout, and their opposites."""


class Plane(NamedTuple):
    """One plane.

    Attributes:
        name: axial, coronal or sagittal.
        array: (rows, columns).
        spacing_mm: Distance between rows, and between columns.
        edges: What is at the left, right, top and bottom, e.g. `RLAP`.
    """

    name: str
    array: np.ndarray
    spacing_mm: tuple[float, float]
    edges: str


def in_layout(volume: np.ndarray, orientation: str) -> np.ndarray:
    """Turn and flip the axes of a volume so that they run to the left, posterior and superior.

    Args:
        volume: Three axes.
        orientation: Direction of each axis, e.g. `RAS`.

    Returns:
        A view.
    """
    order, flips = [], []
    for wanted, opposite in _TO:
        axis = next(n for n, code in enumerate(orientation) if code in (wanted, opposite))
        order.append(axis)
        flips.append(slice(None, None, 1 if orientation[axis] == wanted else -1))
    return volume.transpose(order)[tuple(flips)]


def spacing_in_layout(
    spacing_mm: tuple[float, float, float], orientation: str
) -> tuple[float, float, float]:
    """Return the spacing along the axes that `in_layout` gives."""
    found = [
        next(s for s, code in zip(spacing_mm, orientation, strict=True) if code in pair)
        for pair in _TO
    ]
    return (found[0], found[1], found[2])


def centre_of(mask: np.ndarray) -> tuple[int, int, int]:
    """Return the slice of each axis that holds most of a mask; the middle where it is empty."""
    found = []
    for axis in range(3):
        counts = np.count_nonzero(mask, axis=tuple(each for each in range(3) if each != axis))
        found.append(int(counts.argmax()) if counts.any() else mask.shape[axis] // 2)
    return (found[0], found[1], found[2])


def three_planes(
    volume: np.ndarray, spacing_mm: tuple[float, float, float], at: tuple[int, int, int]
) -> tuple[Plane, Plane, Plane]:
    """Cut a volume in the axes of `in_layout`.

    Args:
        volume: (left, posterior, superior).
        spacing_mm: Along these axes.
        at: Index along each, through which the planes go.
    """
    x, y, z = at
    dx, dy, dz = spacing_mm
    return (
        Plane("axial", volume[:, :, z].T, (dy, dx), "RLAP"),
        Plane("coronal", volume[:, y, ::-1].T, (dz, dx), "RLSI"),
        Plane("sagittal", volume[x, :, ::-1].T, (dz, dy), "APSI"),
    )

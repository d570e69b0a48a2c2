"""Affines: index along X, Y, Z to millimetres in RAS+ world coordinates."""

from __future__ import annotations

import math
from collections.abc import Sequence

import numpy as np

from medshelf.core.errors import SettingError

LPS_TO_RAS = np.diag([-1.0, -1.0, 1.0, 1.0])
_FLAT = 1e-6
_CODES = ("LR", "PA", "IS")


def affine_of(steps: Sequence[Sequence[float]], origin: Sequence[float]) -> np.ndarray:
    """Build an affine from what one step along each axis adds to the position.

    Args:
        steps: One vector per spatial axis, 1 to 3 of 1 to 3 components; components that are left
            out are 0, axes that are left out get a unit vector at a right angle to the others.
        origin: Position of the first value, 1 to 3 components.

    Returns:
        float64 (4, 4).
    """
    affine = np.eye(4)
    for axis, step in enumerate(steps):
        affine[:3, axis] = 0
        affine[: len(step), axis] = step
    affine[: len(origin), 3] = origin
    if len(steps) == 2:  # noqa: PLR2004
        normal = np.cross(affine[:3, 0], affine[:3, 1])
        length = np.linalg.norm(normal)
        if length > 0:
            affine[:3, 2] = normal / length
    return affine


def spacing_of(affine: np.ndarray, n_axes: int) -> tuple[float, ...]:
    """Return the distance in mm between neighbours along each of the first `n_axes` axes."""
    return tuple(float(each) for each in np.linalg.norm(affine[:3, :n_axes], axis=0))


def usable(affine: np.ndarray) -> bool:
    """Say whether an affine is finite and can be inverted."""
    with np.errstate(all="ignore"):
        lengths = np.linalg.norm(affine[:3, :3], axis=0)
        volume = abs(np.linalg.det(affine[:3, :3] / lengths))
    return bool(np.isfinite(affine).all() and np.isfinite(lengths).all() and volume > _FLAT)


def orientation(affine: np.ndarray) -> str:
    """Name the direction in which each axis of a volume runs, e.g. `RAS` or `LPS`.

    Oblique axes get the nearest direction, each direction being given once.

    Args:
        affine: float64 (4, 4).

    Raises:
        SettingError: The affine is not finite, or cannot be inverted.

    Source: the rule of `nibabel.orientations.io_orientation`, so that names agree.
    """
    if not usable(affine):
        raise SettingError(f"{affine.tolist()} is no affine that can be inverted", "Pass another")
    lengths = np.linalg.norm(affine[:3, :3], axis=0)
    left, _, right = np.linalg.svd(affine[:3, :3] / lengths, full_matrices=False)
    closeness = left @ right
    codes = ["", "", ""]
    for axis in np.argsort((-(closeness**2)).min(axis=0), kind="stable"):
        world = int(np.abs(closeness[:, axis]).argmax())
        codes[axis] = _CODES[world][int(closeness[world, axis] > 0)]
        closeness[world, :] = 0
    return "".join(codes)


def rotation_of(quaternion: Sequence[float]) -> np.ndarray:
    """Turn a unit quaternion's last three parts into a rotation, float64 (3, 3).

    Source: nifti1.h, "METHOD 2", and nifti_quatern_to_mat44 for parts that are longer than 1.
    """
    b, c, d = (float(each) for each in quaternion)
    rest = 1 - b * b - c * c - d * d
    if rest < 1e-7:  # noqa: PLR2004
        length = math.hypot(b, c, d)
        a, b, c, d = 0.0, b / length, c / length, d / length
    else:
        a = math.sqrt(rest)
    return np.array(
        [
            [a * a + b * b - c * c - d * d, 2 * (b * c - a * d), 2 * (b * d + a * c)],
            [2 * (b * c + a * d), a * a + c * c - b * b - d * d, 2 * (c * d - a * b)],
            [2 * (b * d - a * c), 2 * (c * d + a * b), a * a + d * d - c * c - b * b],
        ]
    )


def quaternion_of(rotation: np.ndarray) -> np.ndarray:
    """Turn a rotation (3, 3) into the last three parts of its unit quaternion; the first is >= 0.

    Sums of the rotation's elements are 4 times the products of the quaternion's parts; the row of
    the largest square is the one that loses no digits.
    """
    (xx, xy, xz), (yx, yy, yz), (zx, zy, zz) = rotation.tolist()
    products = np.array(
        [
            [1 + xx + yy + zz, zy - yz, xz - zx, yx - xy],
            [zy - yz, 1 + xx - yy - zz, xy + yx, xz + zx],
            [xz - zx, xy + yx, 1 - xx + yy - zz, yz + zy],
            [yx - xy, xz + zx, yz + zy, 1 - xx - yy + zz],
        ]
    )
    row = products[products.diagonal().argmax()]
    a, b, c, d = row / np.linalg.norm(row)
    return np.array([b, c, d]) * (-1 if a < 0 else 1)

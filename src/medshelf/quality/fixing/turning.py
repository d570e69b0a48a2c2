"""Affines of turned volumes: axes exchanged and flipped, every voxel where it was."""

from __future__ import annotations

from dataclasses import dataclass
from itertools import product

import numpy as np

from medshelf.formats.geometry import orientation
from medshelf.quality.judging.grids import turn_of

_ALIGNED = 1e-4


@dataclass(frozen=True, slots=True)
class Turn:
    """How the axes X, Y, Z of a volume are turned.

    Attributes:
        order: For each new axis the one that it comes from.
        flips: The old axes that run backwards from then on.
    """

    order: tuple[int, int, int] = (0, 1, 2)
    flips: tuple[int, ...] = ()

    @classmethod
    def between(cls, affine: np.ndarray, target: str) -> Turn:
        """Return the turn that gives a volume the orientation `target`, e.g. `RAS`."""
        return cls(*turn_of(orientation(affine), target))

    def __bool__(self) -> bool:
        """Whether anything is turned."""
        return self != Turn()

    def matrix(self, lengths: tuple[int, ...]) -> np.ndarray:
        """Return what takes new indices to old ones, float64 (4, 4).

        Args:
            lengths: Of the old axes X, Y, Z.
        """
        matrix = np.zeros((4, 4))
        matrix[3, 3] = 1
        for new, old in enumerate(self.order):
            matrix[old, new] = -1 if old in self.flips else 1
        for old in self.flips:
            matrix[old, 3] = lengths[old] - 1
        return matrix

    def apply(self, array: np.ndarray, axes: str) -> np.ndarray:
        """Return a view of an array with its axes X, Y, Z turned; the others stay in place."""
        places = [axes.index(each) for each in "XYZ"]
        flipped = np.flip(array, tuple(places[each] for each in self.flips))
        wanted = list(range(array.ndim))
        for new, old in enumerate(self.order):
            wanted[places[new]] = places[old]
        return flipped.transpose(wanted)


def without_shear(affine: np.ndarray, lengths: tuple[int, ...]) -> np.ndarray:
    """Return the nearest affine with axes at right angles, around the same centre.

    Distances of neighbours stay as they are.

    Args:
        affine: float64 (4, 4).
        lengths: Of the axes X, Y, Z.

    Source: the orthogonal factor of a polar decomposition is the nearest orthogonal matrix; Higham,
    Computing the polar decomposition, 1986, doi:10.1137/0907079.
    """
    spacing = np.linalg.norm(affine[:3, :3], axis=0)
    left, _, right = np.linalg.svd(affine[:3, :3] / spacing)
    straight = np.eye(4)
    straight[:3, :3] = left @ right * spacing
    centre = (np.array(lengths) - 1) / 2
    straight[:3, 3] = affine[:3, 3] + (affine[:3, :3] - straight[:3, :3]) @ centre
    return straight


def shear_degrees(affine: np.ndarray) -> float:
    """Return the largest deviation of two axes from a right angle."""
    axes = affine[:3, :3] / np.linalg.norm(affine[:3, :3], axis=0)
    between = np.abs((axes.T @ axes)[np.triu_indices(3, 1)]).clip(0, 1)
    return float(np.degrees(np.arcsin(between)).max())


def farthest_mm(one: np.ndarray, other: np.ndarray, lengths: tuple[int, ...]) -> float:
    """Return the largest distance of a corner by two affines, in mm."""
    corners = np.array([[*each, 1] for each in product(*[(0, n - 1) for n in lengths])]).T
    return float(np.linalg.norm(((one - other) @ corners)[:3], axis=0).max())


def says_nothing(affine: np.ndarray | None) -> bool:
    """Whether an affine is what programs write that know no place: no origin, axes aligned."""
    if affine is None:
        return True
    steps = affine[:3, :3]
    return bool(
        np.abs(affine[:3, 3]).max() < _ALIGNED
        and np.abs(steps - np.diag(steps.diagonal())).max() < _ALIGNED
    )

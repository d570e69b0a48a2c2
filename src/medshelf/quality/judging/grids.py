"""Where the values of many images lie, compared all at once."""

from __future__ import annotations

from dataclasses import dataclass
from itertools import product

import numpy as np
import polars as pl

_CORNERS = np.array(list(product((0.0, 1.0), repeat=3)))
_WORLD = "LRPAIS"
GRID_COLUMNS = (
    *("n_x", "n_y", "n_z"),
    *("spacing_x_mm", "spacing_y_mm", "spacing_z_mm"),
    *("affine", "orientation"),
)
"""The measures that a grid is made of."""


@dataclass(frozen=True, slots=True, eq=False)
class Grids:
    """Places of the values of N images.

    Attributes:
        edges: float64 (N, 3), length of the axes X, Y, Z; NaN where there is no such axis.
        affines: float64 (N, 4, 4), index to mm in RAS+; where the header states none, that of its
            spacing alone; NaN where it states no spacing either.
        stated: bool (N,), whether the header states an affine.
        orientations: Codes such as `RAS`, of which there is one per stated affine.
    """

    edges: np.ndarray
    affines: np.ndarray
    stated: np.ndarray
    orientations: np.ndarray

    @classmethod
    def of(cls, media: pl.DataFrame, suffix: str = "") -> Grids:
        """Return the grids of measured media; their columns' names may end with a suffix."""
        given = {name: media[f"{name}{suffix}"] for name in GRID_COLUMNS}
        edges = _matrix([given[name] for name in ("n_x", "n_y", "n_z")])
        spacing = _matrix([given[f"spacing_{axis}_mm"] for axis in "xyz"])
        spacing[:, 2] = np.where(np.isnan(edges[:, 2]), 1.0, spacing[:, 2])
        affines = np.zeros((media.height, 4, 4))
        affines[:, range(3), range(3)] = spacing
        affines[:, 3, 3] = 1
        stated = given["affine"].is_not_null().to_numpy()
        if stated.any():
            flat = given["affine"].drop_nulls().explode().to_numpy()
            affines[stated] = flat.reshape(-1, 4, 4)
        codes = given["orientation"].fill_null("").to_numpy()
        return cls(edges, affines, stated, codes)

    def same_edges(self, other: Grids) -> np.ndarray:
        """Return where both have the same axes of the same length, bool (N,)."""
        return ((self.edges == other.edges) | np.isnan(self.edges) & np.isnan(other.edges)).all(1)

    def apart_mm(self, other: Grids) -> np.ndarray:
        """Return the largest distance of two corners of the same index, float64 (N,).

        Where only one header states an affine, the spacings alone are compared; 0 where a header
        states neither.
        """
        both = (self.stated & other.stated)[:, None, None]
        mine, theirs = (np.where(both, each.affines, _plain(each)) for each in (self, other))
        corners = _CORNERS[None] * (np.nan_to_num(self.edges, nan=1)[:, None] - 1)
        homogeneous = np.concatenate([corners, np.ones((*corners.shape[:2], 1))], axis=2)
        moved = np.einsum("nij,ncj->nci", mine - theirs, homogeneous)[..., :3]
        return np.nan_to_num(np.linalg.norm(moved, axis=2).max(axis=1, initial=0), nan=0)

    def tolerance_mm(self) -> np.ndarray:
        """Return half the smallest distance of neighbours, float64 (N,), infinity where unknown.

        Corners may be that far apart, since headers round: the rule of `dataset.masks.Grid`.
        """
        lengths = np.linalg.norm(self.affines[:, :3, :3], axis=1)
        lengths[np.isnan(self.edges)] = np.inf
        return np.nan_to_num(lengths, nan=np.inf).min(axis=1, initial=np.inf) / 2

    def turned(self) -> Grids:
        """Return the grids after flips and exchanges of axes that make them RAS+.

        Grids without a stated affine, or of pictures, stay as they are.
        """
        edges, affines = self.edges.copy(), self.affines.copy()
        for code in {str(each) for each in self.orientations if len(each) == len(_CORNERS[0])}:
            rows = np.flatnonzero((self.orientations == code) & ~np.isnan(self.edges[:, 2]))
            order, flips = turn_of(code)
            for axis in flips:
                last = self.edges[rows, axis] - 1
                affines[rows, :3, 3] += self.affines[rows, :3, axis] * last[:, None]
                affines[rows, :3, axis] *= -1
            affines[rows, :, :3] = affines[rows][:, :, list(order)]
            edges[rows] = self.edges[rows][:, list(order)]
        return Grids(edges, affines, self.stated, self.orientations)


def turn_of(code: str, target: str = "RAS") -> tuple[tuple[int, int, int], tuple[int, ...]]:
    """Return how axes of one orientation become those of another.

    Args:
        code: Direction in which each axis runs, e.g. `LPS`.
        target: The same, of the result.

    Returns:
        For each axis of the result the axis that it comes from, and the axes to flip before, as
        they are numbered before.
    """
    world = [_WORLD.index(each) // 2 for each in code]
    order = [world.index(_WORLD.index(each) // 2) for each in target]
    flips = [axis for axis, each in zip(order, target, strict=True) if code[axis] != each]
    return (order[0], order[1], order[2]), tuple(sorted(flips))


def _plain(grids: Grids) -> np.ndarray:
    """Return affines of the spacing alone."""
    plain = np.zeros_like(grids.affines)
    plain[:, range(3), range(3)] = np.linalg.norm(grids.affines[:, :3, :3], axis=1)
    return plain


def _matrix(columns: list[pl.Series]) -> np.ndarray:
    return np.stack([each.cast(pl.Float64).to_numpy() for each in columns], axis=1).copy()

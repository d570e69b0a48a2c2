"""What a mask shows, one thing at a time: connected parts, or all of one value, cut out."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass

import numpy as np


@dataclass(frozen=True, slots=True, eq=False)
class Region:
    """Some pixels of an image.

    Attributes:
        x: Column of the image at which `mask` begins.
        y: Row of the image at which `mask` begins.
        mask: bool (Y, X), the least that holds all pixels.
    """

    x: int
    y: int
    mask: np.ndarray

    @property
    def area(self) -> int:
        """Number of pixels."""
        return int(np.count_nonzero(self.mask))

    @property
    def box(self) -> tuple[float, float, float, float]:
        """x_min, y_min, x_max, y_max between pixels."""
        height, width = self.mask.shape
        return float(self.x), float(self.y), float(self.x + width), float(self.y + height)

    def parts(self) -> Iterator[Region]:
        """Yield the connected parts."""
        for each in connected(self.mask):
            yield Region(self.x + each.x, self.y + each.y, each.mask)


def whole(mask: np.ndarray) -> Iterator[Region]:
    """Yield all pixels of a mask as one region; nothing where there are none.

    Args:
        mask: bool (Y, X).
    """
    rows, columns = (np.flatnonzero(mask.any(axis=axis)) for axis in (1, 0))
    if rows.size:
        y, x = int(rows[0]), int(columns[0])
        yield Region(x, y, mask[y : rows[-1] + 1, x : columns[-1] + 1])


def connected(mask: np.ndarray) -> Iterator[Region]:
    """Yield the parts of a mask that touch at edges or corners, by their first pixel in rows.

    Args:
        mask: bool (Y, X).
    """
    steps = np.zeros((mask.shape[0], mask.shape[1] + 2), np.int8)
    steps[:, 1:-1] = mask
    steps = np.diff(steps, axis=1)
    rows, starts = np.nonzero(steps > 0)
    ends = np.nonzero(steps < 0)[1]
    part = _parts(rows, starts, ends, mask.shape[1] + 2)
    order = np.argsort(part, kind="stable")
    cuts = np.flatnonzero(np.diff(part[order])) + 1
    for runs in np.split(order, cuts) if order.size else ():
        y, x = int(rows[runs[0]]), int(starts[runs].min())
        height, width = int(rows[runs[-1]]) - y + 1, int(ends[runs].max()) - x
        edges = np.zeros((height, width + 1), np.int8)
        edges[rows[runs] - y, starts[runs] - x] = 1
        edges[rows[runs] - y, ends[runs] - x] = -1
        yield Region(x, y, np.cumsum(edges, axis=1, dtype=np.int8)[:, :-1].astype(bool))


def _parts(rows: np.ndarray, starts: np.ndarray, ends: np.ndarray, stride: int) -> np.ndarray:
    """Return for each run of pixels in a row the first run that it is connected to, int64."""
    below = (rows + 1) * stride
    first = np.searchsorted(rows * stride + ends, below + starts, "left")
    count = np.searchsorted(rows * stride + starts, below + ends, "right") - first
    upper = np.repeat(np.arange(len(rows)), count)
    lower = np.arange(count.sum()) + np.repeat(first - np.cumsum(count) + count, count)
    part = np.arange(len(rows))
    while (part[upper] != part[lower]).any():
        least = np.minimum(part[upper], part[lower])
        np.minimum.at(part, part[upper], least)
        np.minimum.at(part, part[lower], least)
        while (part != part[part]).any():
            part = part[part]
    return part

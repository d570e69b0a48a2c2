"""Outlines of masks along the edges of their pixels, which give back the mask exactly.

A hole is joined to the outline around it by a cut that runs there and back, so has no width.
"""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from itertools import pairwise

import numpy as np

from medshelf.conversion.drawn.regions import Region

_ROUND = 64
_NEAR = 256


def outlines(region: Region) -> list[np.ndarray]:
    """Return a polygon for each connected part of a region, holes included.

    Returns:
        Corners, float64 (N, 2) of x and y between pixels, clockwise on a screen.
    """
    parts = region.parts()
    return [_outline(each.mask) + np.array([each.x, each.y], np.float64) for each in parts]


def joined(polygons: Sequence[np.ndarray]) -> np.ndarray:
    """Return polygons as one, joined by cuts that run there and back.

    Args:
        polygons: float64 (N, 2) each.
    """
    one = polygons[0]
    for other in polygons[1:]:
        there = _nearest(other, one[0])
        here = _nearest(one, other[there])
        there = _nearest(other, one[here])
        turned = np.roll(other, -there, axis=0)
        one = np.concatenate([one[: here + 1], turned, turned[:1], one[here:]])
    return one


def ellipse(points: Iterable[float]) -> np.ndarray:
    """Return an ellipse as a polygon of 64 corners.

    Args:
        points: Centre, two radii in pixels, and the angle in degrees from x to y, if any.
    """
    x, y, across, down, *rest = points
    turn = np.deg2rad(rest[0] if rest else 0.0)
    around = np.arange(_ROUND) * (2 * np.pi / _ROUND)
    along, beside = across * np.cos(around), down * np.sin(around)
    xs = x + along * np.cos(turn) - beside * np.sin(turn)
    ys = y + along * np.sin(turn) + beside * np.cos(turn)
    return np.stack([xs, ys], axis=1)


def enclosed_area(polygons: Iterable[np.ndarray]) -> float:
    """Return the sum of what polygons enclose, in pixels."""
    total = 0.0
    for each in polygons:
        x, y = each.T - each[0][:, None]
        total += abs(float(x @ np.roll(y, -1) - y @ np.roll(x, -1))) / 2
    return total


def _nearest(points: np.ndarray, place: np.ndarray) -> int:
    return int(((points - place) ** 2).sum(axis=1).argmin())


def _outline(mask: np.ndarray) -> np.ndarray:
    """Return the corners of a connected mask, each hole joined to what began before it.

    Corners are nodes of a chain; `after` says which one follows.
    """
    x, y, along_x, along_y = _corners(mask)
    order = np.lexsort((x, y))
    nodes, after = list(range(len(x))), np.full(len(x), -1).tolist()
    for rank, start in enumerate(order.tolist()):
        if after[start] >= 0:
            continue
        loop = _loop(start, along_x, along_y)
        loop = loop if rank == 0 else [loop[0], *loop[:0:-1]]
        for here, there in pairwise([*loop, start]):
            after[here] = there
        if rank:
            before = order[max(0, rank - _NEAR) : rank]
            apart = (x[before] - x[start]) ** 2 + (y[before] - y[start]) ** 2
            anchor = int(before[apart.argmin()])
            nodes += [start, anchor]
            after += [len(after) + 1, after[anchor]]
            after[anchor], after[loop[-1]] = start, len(after) - 2
    chain, at = [], int(order[0])
    for _ in nodes:
        chain.append(nodes[at])
        at = after[at]
    return np.stack([x[chain], y[chain]], axis=1).astype(np.float64)


def _loop(start: int, along_x: list[int], along_y: list[int]) -> list[int]:
    loop, at = [start, along_x[start]], along_y[along_x[start]]
    while at != start:
        loop += [at, along_x[at]]
        at = along_y[along_x[at]]
    return loop


def _corners(mask: np.ndarray) -> tuple[np.ndarray, np.ndarray, list[int], list[int]]:
    """Return x and y of the corners, and which corner is the other end of its edges along X and Y.

    Where pixels touch at a corner only there are two corners in one place, which turn around the
    background, so that the pixels stay in one outline.
    """
    framed = np.pad(mask, 1).astype(np.int8)
    here, right, below, across = framed[:-1, :-1], framed[:-1, 1:], framed[1:, :-1], framed[1:, 1:]
    n = here + right + below + across
    y, x = np.nonzero(n % 2)
    twice_y, twice_x = np.nonzero((n == 2) & (here == across))  # noqa: PLR2004
    falling = here[twice_y, twice_x] == 1
    single = np.zeros(len(x), np.int8)
    x, y = np.concatenate([x, twice_x, twice_x]), np.concatenate([y, twice_y, twice_y])
    # the first of two corners has its edge on the left: below where the pixels lie like \
    is_right = np.concatenate([single, 0 * twice_x, 0 * twice_x + 1])
    is_lower = np.concatenate([single, falling, ~falling])
    along_x = _partners(np.lexsort((is_right, x, y)))
    along_y = _partners(np.lexsort((is_lower, y, x)))
    return x, y, along_x, along_y


def _partners(order: np.ndarray) -> list[int]:
    other = np.empty(len(order), np.int64)
    other[order[0::2]], other[order[1::2]] = order[1::2], order[0::2]
    return other.tolist()

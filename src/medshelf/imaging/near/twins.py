"""Twins: pairs of pictures that show the same thing, also mirrored, slightly turned or cropped."""

from __future__ import annotations

from collections.abc import Iterable, Iterator
from typing import NamedTuple

import numpy as np

from medshelf.core.errors import UnknownNameError
from medshelf.imaging.hashing import (
    DIHEDRAL,
    NO_HASH,
    SIDE,
    View,
    dihedral,
    phash,
    phash_dihedral,
    resampled,
)
from medshelf.imaging.near.pairs import groups, pairs_between, pairs_within
from medshelf.imaging.near.same import same_picture

VIEWS = {
    "turned left by 3 degrees": View(turn_deg=3, dark_corners=True),
    "turned right by 3 degrees": View(turn_deg=-3, dark_corners=True),
    "turned left by 5 degrees": View(turn_deg=5, dark_corners=True),
    "turned right by 5 degrees": View(turn_deg=-5, dark_corners=True),
    "turned by 3 degrees, filled": View(turn_deg=3),
    "cropped by 10 percent": View(zoom=1.1),
    "cropped by 5 percent": View(zoom=1.05),
    "cropped at top left": View(zoom=1.05, down=0.55, right=0.55),
    "cropped at top right": View(zoom=1.05, down=0.55, right=-0.55),
    "cropped at bottom left": View(zoom=1.05, down=-0.55, right=0.55),
    "cropped at bottom right": View(zoom=1.05, down=-0.55, right=-0.55),
}
"""In which ways pictures are looked for besides: a hash itself bears one degree or two percent."""

_BATCH = 4096


class Twins(NamedTuple):
    """Pairs of pictures, sorted by i, then j.

    Attributes:
        i: Rows, int64 (P,).
        j: Rows of the others, above i, int64 (P,).
        orientation: What makes j look like i, position in `hashing.DIHEDRAL`, int64 (P,).
        score: Of `same_picture`, float32 (P,).
    """

    i: np.ndarray
    j: np.ndarray
    orientation: np.ndarray
    score: np.ndarray


def twins(
    reduced: np.ndarray,
    radius: int = 4,
    *,
    orientations: Iterable[str] = ("mirrored",),
    views: Iterable[str] = tuple(VIEWS),
    at_most: int = 1_000_000,
) -> Twins:
    """Find the pairs of a set of pictures that are the same.

    Hashes propose pairs, one picture as it is and the other in every orientation or view, and
    `same_picture` decides. Pictures equal in every mean are paired with the first of them only.

    Args:
        reduced: (N, 32, 32), of `hashing.reduced`.
        radius: Bits in which hashes may differ; each step of 2 finds more of what was turned or
            cropped, and means about eight times as many pairs to look at.
        orientations: Of `hashing.DIHEDRAL`, besides the first.
        views: Of `VIEWS`, besides the pictures as they are.
        at_most: Pairs that one orientation or view may propose.

    Raises:
        UnknownNameError: There is no such orientation or view.
        SettingError: There are more than `at_most` pairs.
    """
    orientations, views = tuple(orientations), tuple(views)
    _require("orientation", orientations, DIHEDRAL)
    _require("view", views, VIEWS)
    usable = np.flatnonzero(phash(reduced) != NO_HASH)
    copies = groups(_content_keys(reduced[usable]))
    single = usable[np.sort(copies.first)]
    proposed = list(_proposed(reduced[single], radius, (orientations, views), at_most))
    i, j, orientation = np.concatenate(proposed, axis=1)
    first = usable[copies.first][copies.group]
    stars = np.stack([first, usable, np.zeros_like(first)])[:, first != usable]
    rows = np.stack([*np.sort([single[i], single[j]], axis=0), orientation])
    return _decided(reduced, reduced, np.unique(np.concatenate((rows, stars), axis=1), axis=1))


def twins_between(
    ours: np.ndarray,
    theirs: np.ndarray,
    radius: int = 4,
    *,
    orientations: Iterable[str] = ("mirrored",),
    views: Iterable[str] = tuple(VIEWS),
    at_most: int = 1_000_000,
) -> Twins:
    """Find the pictures of one set that are the same as one of another.

    Args:
        ours: (N, 32, 32), of `hashing.reduced`.
        theirs: (M, 32, 32).
        radius: As for `twins`.
        orientations: As for `twins`.
        views: As for `twins`; either picture may be the turned or cropped one.
        at_most: Pairs that one orientation or view may propose.

    Returns:
        Rows of `ours` and of `theirs`.

    Raises:
        UnknownNameError: There is no such orientation or view.
        SettingError: There are more than `at_most` pairs.
    """
    orientations, views = tuple(orientations), tuple(views)
    _require("orientation", orientations, DIHEDRAL)
    _require("view", views, VIEWS)
    hashes, turned = phash(ours), phash_dihedral(theirs)
    usable = [np.flatnonzero(each != NO_HASH) for each in (hashes, turned[0])]
    mine, others = hashes[usable[0]], turned[:, usable[1]]
    pairs = [(at, mine, others[at]) for at in (0, *map(DIHEDRAL.index, orientations))]
    for name in views:
        pairs.append((0, mine, _seen(theirs[usable[1]], VIEWS[name])))
        pairs.append((0, _seen(ours[usable[0]], VIEWS[name]), others[0]))
    proposed = []
    for orientation, one, other in pairs:
        i, j, _ = pairs_between(one, other, radius, at_most=at_most)
        proposed.append(np.stack([usable[0][i], usable[1][j], np.full_like(i, orientation)]))
    return _decided(ours, theirs, np.unique(np.concatenate(proposed, axis=1), axis=1))


def _require(kind: str, names: tuple[str, ...], known: Iterable[str]) -> None:
    for name in names:
        if name not in known:
            raise UnknownNameError(kind, name, known)


def _content_keys(reduced: np.ndarray) -> np.ndarray:
    """Return 64 bits that are equal for equal pictures, and by chance once in 2**64 for others."""
    odd = np.random.default_rng(0).integers(0, 1 << 63, SIDE * SIDE, dtype=np.uint64) * 2 + 1
    keys = np.empty(len(reduced), dtype=np.uint64)
    for start in range(0, len(reduced), _BATCH):
        words = reduced[start : start + _BATCH].astype(np.float32).view(np.uint32)
        keys[start : start + _BATCH] = words.reshape(-1, SIDE * SIDE) @ odd
    return keys


def _proposed(
    reduced: np.ndarray, radius: int, others: tuple[tuple[str, ...], tuple[str, ...]], at_most: int
) -> Iterator[np.ndarray]:
    """Yield row, other row and orientation of the other, int64 (3, P).

    What a quarter turn undoes is not what it does, so turned pairs are taken one way round only.
    """
    hashes = phash_dihedral(reduced)
    i, j, _ = pairs_within(hashes[0], radius, at_most=at_most)
    yield np.stack([i, j, np.zeros_like(i)])
    turned = [(at, hashes[at]) for at in map(DIHEDRAL.index, others[0]) if at]
    seen = ((0, _seen(reduced, VIEWS[name])) for name in others[1])
    for orientation, view in (*turned, *seen):
        i, j, _ = pairs_between(hashes[0], view, radius, at_most=at_most + len(view))
        rows = np.stack([i, j, np.full_like(i, orientation)])
        yield rows[:, i < j if orientation else i != j]


def _seen(reduced: np.ndarray, view: View) -> np.ndarray:
    """Hash pictures in a view, uint64 (N,)."""
    hashes = np.empty(len(reduced), dtype=np.uint64)
    for start in range(0, len(reduced), _BATCH):
        batch = slice(start, start + _BATCH)
        hashes[batch] = phash(resampled(reduced[batch], view))
    return hashes


def _decided(ours: np.ndarray, theirs: np.ndarray, rows: np.ndarray) -> Twins:
    """Judge proposed pairs, and keep each in the orientation that fits best."""
    scores, same = np.zeros(rows.shape[1], np.float32), np.zeros(rows.shape[1], bool)
    for orientation in np.unique(rows[2]):
        chosen = np.flatnonzero(rows[2] == orientation)
        for start in range(0, len(chosen), _BATCH):
            at = chosen[start : start + _BATCH]
            other = dihedral(theirs[rows[1, at]], DIHEDRAL[orientation])
            scores[at], same[at] = same_picture(ours[rows[0, at]], other)
    i, j, orientation = rows[:, same]
    best = np.lexsort((-scores[same], j, i))
    first = np.ones(len(best), dtype=bool)
    first[1:] = (np.diff(i[best]) != 0) | (np.diff(j[best]) != 0)
    kept = best[first]
    return Twins(i[kept], j[kept], orientation[kept], scores[same][kept])

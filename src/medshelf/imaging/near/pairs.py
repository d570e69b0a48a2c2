"""All pairs of 64-bit hashes that differ in few bits: exact, in bounded memory."""

from __future__ import annotations

from collections.abc import Callable
from typing import NamedTuple

import numpy as np

from medshelf.core.errors import SettingError
from medshelf.imaging.near.search import Hits, near_values

AT_MOST = 20_000_000
"""Pairs that a search gives before it stops with an error; so many take 2 GB while it runs."""

_BITS = 64


class Pairs(NamedTuple):
    """Pairs of hashes, sorted by i, then j.

    Attributes:
        i: Rows, int64 (P,).
        j: Rows of the others, int64 (P,); above i where both are of one set.
        distance: Bits that differ, uint8 (P,).
    """

    i: np.ndarray
    j: np.ndarray
    distance: np.ndarray


class Groups(NamedTuple):
    """Rows that have the same hash.

    Attributes:
        values: The distinct hashes, ascending, uint64 (G,).
        first: First row of each, int64 (G,).
        group: Position in `values` of each row, int64 (N,).
        counts: Rows of each, int64 (G,).
    """

    values: np.ndarray
    first: np.ndarray
    group: np.ndarray
    counts: np.ndarray


class _Rows(NamedTuple):
    """The rows of every distinct value: members[starts[v] : starts[v] + counts[v]], ascending."""

    members: np.ndarray
    starts: np.ndarray
    counts: np.ndarray


def groups(hashes: np.ndarray) -> Groups:
    """Group equal hashes.

    Ten thousand equal hashes are fifty million pairs: where `counts` is large, report the group,
    and search for pairs among `values`, or among the rows of small groups.

    Args:
        hashes: uint64 (N,).
    """
    return Groups(
        *np.unique(_checked(hashes), return_index=True, return_inverse=True, return_counts=True)
    )


def pairs_within(hashes: np.ndarray, radius: int = 4, *, at_most: int = AT_MOST) -> Pairs:
    """Find all pairs of hashes that differ in at most `radius` bits.

    Equal hashes are pairs too, every two of them; see `groups`. Leave out `hashing.NO_HASH`.

    Args:
        hashes: uint64 (N,).
        radius: Bits.
        at_most: Pairs.

    Raises:
        SettingError: There are more than `at_most` pairs, or the arguments are of no use.
    """
    values, group = np.unique(_checked(hashes), return_inverse=True)
    rows = _rows(group, len(values))
    n = rows.counts
    n_equal = int((n * (n - 1) // 2).sum())
    hits = _near(values, radius, at_most, n_equal, lambda p, q: n[p] * n[q])
    one, other, distance = _expanded(rows, rows, hits)
    behind = np.repeat(rows.starts + n, n) - np.arange(len(group)) - 1
    before = np.repeat(np.arange(len(group)), behind)
    after = before + 1 + _counted(behind)
    return _sorted(
        np.concatenate((np.minimum(one, other), rows.members[before])),
        np.concatenate((np.maximum(one, other), rows.members[after])),
        np.concatenate((distance, np.zeros(n_equal, np.uint8))),
        len(group),
    )


def pairs_between(
    a: np.ndarray, b: np.ndarray, radius: int = 4, *, at_most: int = AT_MOST
) -> Pairs:
    """Find all pairs of a hash of one set and a hash of another that differ in few bits.

    Args:
        a: uint64 (N,).
        b: uint64 (M,).
        radius: Bits.
        at_most: Pairs.

    Returns:
        Rows of `a` and rows of `b`.

    Raises:
        SettingError: There are more than `at_most` pairs, or the arguments are of no use.
    """
    both = np.concatenate((_checked(a), _checked(b)))
    values, group = np.unique(both, return_inverse=True)
    left, right = (_rows(each, len(values)) for each in (group[: len(a)], group[len(a) :]))
    n, m = left.counts, right.counts
    hits = _near(
        values, radius, at_most, int((n * m).sum()), lambda p, q: n[p] * m[q] + n[q] * m[p]
    )
    every = np.arange(len(values))
    equal = Hits(every, every, np.zeros(len(values), np.uint8))
    turned = Hits(hits.q, hits.p, hits.distance)
    found = [_expanded(left, right, each) for each in (hits, turned, equal)]
    i, j, distance = (np.concatenate(each) for each in zip(*found, strict=True))
    return _sorted(i, j, distance, len(b))


def _checked(hashes: np.ndarray) -> np.ndarray:
    if hashes.ndim != 1 or hashes.dtype != np.uint64:
        problem = f"An array {hashes.shape} of {hashes.dtype} holds no hashes"
        raise SettingError(problem, "Pass uint64 (N,), as hashing.phash gives")
    return hashes


def _rows(group: np.ndarray, n_values: int) -> _Rows:
    counts = np.bincount(group, minlength=n_values)
    return _Rows(np.argsort(group, kind="stable"), np.cumsum(counts) - counts, counts)


def _near(
    values: np.ndarray,
    radius: int,
    at_most: int,
    n_pairs: int,
    pairs_of: Callable[[np.ndarray, np.ndarray], np.ndarray],
) -> Hits:
    """Search among distinct values, and stop where too many pairs of rows would come out.

    Args:
        values: uint64 (G,).
        radius: Bits.
        at_most: Pairs of rows.
        n_pairs: Pairs of rows that there are already: of equal values.
        pairs_of: Tells how many pairs of rows the pairs of values p, q are.
    """
    if not 0 <= radius <= _BITS:
        raise SettingError(f"radius = {radius} is out of range", f"Choose 0 to {_BITS} bits")
    empty = np.empty(0, np.int64)
    kept = [Hits(empty, empty, np.empty(0, np.uint8))]
    _refuse_above(at_most, n_pairs)
    for hits in near_values(values, radius) if radius and len(values) > 1 else ():
        weights = pairs_of(hits.p, hits.q)
        n_pairs += int(weights.sum())
        _refuse_above(at_most, n_pairs)
        kept.append(Hits(*(each[weights > 0] for each in hits)))
    return Hits(*(np.concatenate(each) for each in zip(*kept, strict=True)))


def _refuse_above(at_most: int, n_pairs: int) -> None:
    if n_pairs > at_most:
        raise SettingError(
            f"There are more than {at_most:,} pairs of hashes this near",
            "Leave out large groups of equal hashes (near.groups), lower radius or raise at_most",
        )


def _expanded(left: _Rows, right: _Rows, hits: Hits) -> tuple[np.ndarray, np.ndarray, np.ndarray]:
    """Return the pairs of rows that pairs of values stand for: left of p with right of q."""
    n_right = right.counts[hits.q]
    n_pairs = left.counts[hits.p] * n_right
    at = np.repeat(np.arange(len(n_pairs)), n_pairs)
    row, column = np.divmod(_counted(n_pairs), n_right[at])
    i = left.members[left.starts[hits.p][at] + row]
    j = right.members[right.starts[hits.q][at] + column]
    return i, j, hits.distance[at]


def _counted(lengths: np.ndarray) -> np.ndarray:
    """Return 0, 1, ... for each length, one after the other."""
    return np.arange(lengths.sum()) - np.repeat(np.cumsum(lengths) - lengths, lengths)


def _sorted(i: np.ndarray, j: np.ndarray, distance: np.ndarray, n: int) -> Pairs:
    order = np.argsort(i * n + j)
    return Pairs(i[order], j[order], distance[order])

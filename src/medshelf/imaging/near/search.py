"""Which of some distinct 64-bit values lie within a Hamming distance of each other.

The 64 bits are cut into bands. Two values that differ in at most r bits agree wholly in at least
b - r of b bands, so sorting the values by every choice of b - r bands brings each such pair
together at least once; what shares a choice is then compared bit by bit. More bands mean more
sorting and fewer comparisons: how many are best is estimated from pairs drawn at random. No bands
at all, everything compared with everything, is the case b = r.

Source: M. Norouzi, A. Punjani, D. J. Fleet, Fast exact search in Hamming space with multi-index
hashing, https://arxiv.org/abs/1307.2982; several bands at a time: G. S. Manku, A. Jain,
A. Das Sarma, Detecting near-duplicates for web crawling, https://doi.org/10.1145/1242572.1242592
"""

from __future__ import annotations

from collections.abc import Iterable, Iterator
from itertools import combinations
from math import comb
from typing import NamedTuple

import numpy as np

_BITS = 64
_N_SAMPLED = 1 << 18
_MAX_PASSES = 100
_MAX_BANDS = 16
_SORT_NS, _COMPARE_NS = 150.0, 3.0
"""Per value and pass, and per comparison; only their ratio matters, and it matters little."""
_SHORT = 64
_TILE = (128, 4096)
_MIN_HITS = 1 << 16

_Block = tuple[np.ndarray, np.ndarray]


class Hits(NamedTuple):
    """Pairs of values, each found once.

    Attributes:
        p: Positions, int64 (H,).
        q: Positions of the others, int64 (H,).
        distance: Bits that differ, uint8 (H,).
    """

    p: np.ndarray
    q: np.ndarray
    distance: np.ndarray


class _Plan(NamedTuple):
    """Bits of every band, uint64 (b,), and how many of the bands must agree."""

    bands: np.ndarray
    agreeing: int


def near_values(values: np.ndarray, radius: int) -> Iterator[Hits]:
    """Find all pairs within a distance, in blocks of bounded size, in no particular order.

    Args:
        values: uint64 (N,), all distinct.
        radius: At least 1.
    """
    bands, agreeing = _plan(values, radius)
    first = _first_choice(len(bands), agreeing)
    for choice in combinations(range(len(bands)), agreeing):
        mask = np.bitwise_or.reduce(bands[list(choice)], initial=np.uint64(0))
        keys = values & mask
        order = np.argsort(keys) if mask else np.arange(len(values))
        own = sum(1 << band for band in choice)
        for i, j in _gathered(_within_runs(values[order], keys[order], radius)):
            p, q = order[i], order[j]
            difference = values[p] ^ values[q]
            agree = np.zeros(len(p), dtype=np.uint16)
            for band, bits in enumerate(bands):
                agree |= ((difference & bits) == 0).astype(np.uint16) << np.uint16(band)
            new = first[agree] == own
            yield Hits(p[new], q[new], np.bitwise_count(difference[new]))


def _plan(values: np.ndarray, radius: int) -> _Plan:
    """Choose the number of bands by what sorting and comparing would cost."""
    n = len(values)
    random = np.random.default_rng(0)
    left, right = random.integers(0, n, (2, _N_SAMPLED))
    differences = (values[left] ^ values[right])[left != right]
    differing = np.unpackbits(differences.astype(">u8").view(np.uint8)).reshape(-1, _BITS)
    ranked = np.argsort(-differing.sum(axis=0, dtype=np.int64), kind="stable")
    best, least = _bands(ranked, 0), n * n / 2 * _COMPARE_NS
    for n_bands in range(radius + 1, min(_MAX_BANDS, _BITS) + 1):
        n_passes = comb(n_bands, radius)
        if n_passes > _MAX_PASSES or n_passes * n * _SORT_NS > least:
            break
        bands = _bands(ranked, n_bands)
        agree = sum(((differences & bits) == 0).astype(np.uint8) for bits in bands)
        met = _choices(n_bands, n_bands - radius)[agree].mean()
        cost = n_passes * n * _SORT_NS + met * n * n / 2 * _COMPARE_NS
        if cost < least:
            best, least = bands, cost
    return _Plan(best, max(0, len(best) - radius))


def _choices(n_bands: int, agreeing: int) -> np.ndarray:
    """Return in how many passes two values meet, by the number of bands that agree."""
    return np.array([comb(count, agreeing) for count in range(n_bands + 1)])


def _bands(ranked: np.ndarray, n_bands: int) -> np.ndarray:
    """Deal the bits, those that tell most first, to the bands in turn; uint64 (n_bands,)."""
    weights = np.uint64(1) << (_BITS - 1 - ranked).astype(np.uint64)
    dealt = [np.bitwise_or.reduce(weights[band::n_bands]) for band in range(n_bands)]
    return np.array(dealt, dtype=np.uint64)


def _first_choice(n_bands: int, agreeing: int) -> np.ndarray:
    """Return for every set of bands that agree the choice, as a set, in which it is found first."""
    first = np.full(1 << n_bands, -1, dtype=np.int64)
    for bands in range(1 << n_bands):
        members = [band for band in range(n_bands) if bands >> band & 1]
        if len(members) >= agreeing:
            first[bands] = sum(1 << band for band in members[:agreeing])
    return first


def _gathered(blocks: Iterable[_Block]) -> Iterator[_Block]:
    """Join small blocks, since each costs time whatever it holds."""
    held: list[_Block] = []
    n_held = 0
    for block in blocks:
        held.append(block)
        n_held += len(block[0])
        if n_held >= _MIN_HITS:
            yield _joined(held)
            held, n_held = [], 0
    if held:
        yield _joined(held)


def _joined(blocks: list[_Block]) -> _Block:
    return np.concatenate([i for i, _ in blocks]), np.concatenate([j for _, j in blocks])


def _within_runs(values: np.ndarray, keys: np.ndarray, radius: int) -> Iterator[_Block]:
    """Compare values that lie in one run of equal keys; yield the positions of what is near."""
    starts = np.flatnonzero(np.concatenate(([True], keys[1:] != keys[:-1])))
    lengths = np.diff(starts, append=len(keys))
    short = (lengths > 1) & (lengths <= _SHORT)
    yield from _short_runs(values, starts[short], lengths[short], radius)
    for start, length in zip(starts[lengths > _SHORT], lengths[lengths > _SHORT], strict=True):
        yield from _long_run(values[start : start + length], int(start), radius)


def _short_runs(
    values: np.ndarray, starts: np.ndarray, lengths: np.ndarray, radius: int
) -> Iterator[_Block]:
    """Compare each value with the next of its run, then with the one after, and so on."""
    if not len(starts):
        return
    behind = np.repeat(lengths, lengths)
    within = np.arange(len(behind)) - np.repeat(np.cumsum(lengths) - lengths, lengths)
    at, behind = np.repeat(starts, lengths) + within, behind - within - 1
    for step in range(1, int(lengths.max())):
        at, behind = at[behind >= step], behind[behind >= step]
        near = at[np.bitwise_count(values[at] ^ values[at + step]) <= radius]
        if len(near):
            yield near, near + step


def _long_run(values: np.ndarray, offset: int, radius: int) -> Iterator[_Block]:
    """Compare all with all, tile by tile of the upper triangle."""
    rows, columns = _TILE
    for top in range(0, len(values), rows):
        for left in range(top, len(values), columns):
            differing = values[top : top + rows, None] ^ values[left : left + columns]
            hit = np.flatnonzero(np.bitwise_count(differing) <= radius)
            i, j = np.divmod(hit, differing.shape[1])
            upper = i + top < j + left
            if upper.any():
                yield i[upper] + (top + offset), j[upper] + (left + offset)

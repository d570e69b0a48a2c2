"""Score rows by the words of a search, and pick the best ones."""

from __future__ import annotations

import heapq
from array import array
from collections.abc import Mapping, Sequence

from medshelf.catalog.finding import bitset
from medshelf.catalog.finding.index import Index

FEW = 4096
"""Up to so many records plain Python ends before NumPy would be imported."""


def scores(index: Index, weights: Mapping[str, float]) -> array[float]:
    """Return the score of every row: the sum over the words of weight times impact.

    Returns:
        One float64 per row; 0 where a row has none of the words.
    """
    found = array("d", bytes(8 * index.size))
    if index.size > FEW:
        import numpy as np

        view = np.frombuffer(found)
        for word, weight in weights.items():
            rows, impacts = index.postings(word)
            view[np.asarray(rows)] += weight * np.asarray(impacts, np.float64)
    else:
        for word, weight in weights.items():
            for row, impact in zip(*index.postings(word), strict=True):
                found[row] += weight * impact
    return found


def rows_above_zero(points: array[float]) -> int:
    """Return the rows with any points, as a `bitset`."""
    if len(points) > FEW:
        import numpy as np

        packed = np.packbits(np.frombuffer(points) > 0, bitorder="little")
        return int.from_bytes(packed.tobytes(), "little")
    return bitset.from_rows((row for row, each in enumerate(points) if each > 0), len(points))


def best(points: Sequence[float], rows: int, limit: int | None) -> list[int]:
    """Return the rows with the most points, highest first; of equals the first row.

    Args:
        points: Points of every row, an array or a memoryview.
        rows: The rows to choose from, as a `bitset`.
        limit: How many at most; null for all.
    """
    if len(points) > FEW:
        return _best_at_once(points, rows, limit)
    chosen = list(bitset.rows_of(rows))
    if limit is None or limit >= len(chosen):
        return sorted(chosen, key=lambda row: -points[row])
    return heapq.nsmallest(limit, chosen, key=lambda row: -points[row])


def _best_at_once(points: Sequence[float], rows: int, limit: int | None) -> list[int]:
    import numpy as np

    packed = np.frombuffer(bitset.to_bytes(rows), np.uint8)
    chosen = np.flatnonzero(np.unpackbits(packed, bitorder="little"))
    values = -np.asarray(points, np.float64)[chosen]
    if limit is not None and 0 < limit < len(chosen):
        nearest = values <= np.partition(values, limit - 1)[limit - 1]
        chosen, values = chosen[nearest], values[nearest]
    order = np.argsort(values, kind="stable")[:limit]
    return [int(row) for row in chosen[order]]

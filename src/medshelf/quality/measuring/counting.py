"""Counts and sums of many small numbers, by numba where it is installed (`medshelf[fast]`)."""

from __future__ import annotations

from collections.abc import Callable

import numpy as np

_PIECE = 1 << 22


def counts_of(flat: np.ndarray, n_values: int) -> np.ndarray:
    """Count the values of each channel.

    Args:
        flat: uint8 or uint16, (pixels, channels), C order, each below `n_values`.
        n_values: At most 65,536.

    Returns:
        int64 (channels, n_values).
    """
    return _counts_of(flat, n_values)


def row_sums(lines: np.ndarray, starts: np.ndarray, stops: np.ndarray) -> np.ndarray:
    """Add up bands of rows.

    Args:
        lines: uint8 (rows, columns), C order.
        starts: First row of each band.
        stops: Row behind the last one of each band.

    Returns:
        uint32 (bands, columns).
    """
    return _row_sums(lines, starts, stops)


def _plain_counts_of(flat: np.ndarray, n_values: int) -> np.ndarray:
    counts = np.zeros((flat.shape[1], n_values), np.int64)
    for channel in range(flat.shape[1]):
        values = flat[:, channel]
        for start in range(0, len(values), _PIECE):
            counts[channel] += np.bincount(values[start : start + _PIECE], minlength=n_values)
    return counts


def _plain_row_sums(lines: np.ndarray, starts: np.ndarray, stops: np.ndarray) -> np.ndarray:
    bands = zip(starts.tolist(), stops.tolist(), strict=True)
    return np.stack([lines[a:b].sum(axis=0, dtype=np.uint32) for a, b in bands])


_counts_of: Callable[[np.ndarray, int], np.ndarray] = _plain_counts_of
_row_sums: Callable[[np.ndarray, np.ndarray, np.ndarray], np.ndarray] = _plain_row_sums
try:
    from medshelf.quality.measuring import compiled
except ImportError:
    pass
else:
    _counts_of, _row_sums = compiled.counts_of, compiled.row_sums

"""`counting` in one pass over the values, compiled; equal to the bit."""

from __future__ import annotations

from typing import Any

import numpy as np
from numba import njit

_RGB = 3


def counts_of(flat: np.ndarray, n_values: int) -> np.ndarray:
    """Count the values of each channel; see `counting.counts_of`."""
    channels = flat.shape[1]
    few = flat.dtype == np.uint8
    # neighbours are counted in tables of their own, so that equal ones need not wait
    tables = np.zeros((4 if few else 1, channels, n_values), np.int64)
    values = flat.reshape(-1)
    if few and channels == 1:
        _count_grey(values, tables[:, 0])
    elif few and channels == _RGB:
        _count_rgb(values, tables)
    else:
        _count(flat, tables[0])
    return tables.sum(axis=0)


def row_sums(lines: np.ndarray, starts: np.ndarray, stops: np.ndarray) -> np.ndarray:
    """Add up rows; see `counting.row_sums`."""
    sums = np.zeros((len(starts), lines.shape[1]), np.uint32)
    _add_rows(lines, starts, stops, sums)
    return sums


def _add_grey(values: Any, tables: Any) -> None:
    a, b, c, d = tables[0], tables[1], tables[2], tables[3]
    whole = values.shape[0] // 4 * 4
    for place in range(0, whole, 4):
        a[values[place]] += 1
        b[values[place + 1]] += 1
        c[values[place + 2]] += 1
        d[values[place + 3]] += 1
    for place in range(whole, values.shape[0]):
        a[values[place]] += 1


def _add_rgb(values: Any, tables: Any) -> None:
    r, g, b = tables[0, 0], tables[0, 1], tables[0, 2]
    s, h, c = tables[1, 0], tables[1, 1], tables[1, 2]
    whole = values.shape[0] // 6 * 6
    for place in range(0, whole, 6):
        r[values[place]] += 1
        g[values[place + 1]] += 1
        b[values[place + 2]] += 1
        s[values[place + 3]] += 1
        h[values[place + 4]] += 1
        c[values[place + 5]] += 1
    for place in range(whole, values.shape[0], 3):
        r[values[place]] += 1
        g[values[place + 1]] += 1
        b[values[place + 2]] += 1


def _add(flat: Any, counts: Any) -> None:
    for place in range(flat.shape[0]):
        for channel in range(flat.shape[1]):
            counts[channel, flat[place, channel]] += 1


def _sum_rows(lines: Any, starts: Any, stops: Any, sums: Any) -> None:
    for band in range(starts.shape[0]):
        target = sums[band]
        for row in range(starts[band], stops[band]):
            line = lines[row]
            for column in range(target.shape[0]):
                target[column] += line[column]


_compiled = njit(nogil=True, cache=True)
_count_grey, _count_rgb, _count = _compiled(_add_grey), _compiled(_add_rgb), _compiled(_add)
_add_rows = _compiled(_sum_rows)

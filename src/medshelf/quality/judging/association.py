"""How strongly two things go together: effect sizes, their intervals, and what chance may do.

All of them take tables of counts, so that a million samples cost no more than a hundred. Counts may
be fractions: where several samples are of one patient, they are scaled down to patients.
"""

from __future__ import annotations

from math import erfc, sqrt

import numpy as np

_N_RESAMPLED = 500
_N_RESAMPLED_LARGE = 100
_LARGE = 10_000
_SEED = 0
_Z = 1.959964


def cramers_v(tables: np.ndarray) -> np.ndarray:
    """Return Cramer's V of tables of counts, corrected for its bias: 0 unrelated, 1 decided.

    Args:
        tables: Float or int (..., rows, columns), both at least 2; at least 2 counts in each.

    Returns:
        Float64 (...).

    Source: Bergsma, A bias-correction for Cramer's V and Tschuprow's T, 2013,
        https://doi.org/10.1016/j.jkss.2012.10.002
    """
    n = tables.sum(axis=(-2, -1))
    rows, columns = tables.shape[-2:]
    freedom = (rows - 1) * (columns - 1) / (n - 1)
    phi = np.maximum(0, chi_square(tables) / n - freedom)
    corrected = [each - (each - 1) ** 2 / (n - 1) for each in (rows, columns)]
    bound = np.minimum(*corrected) - 1
    return np.where(bound > 0, np.sqrt(phi / np.where(bound > 0, bound, 1)), 0).clip(0, 1)


def cramers_v_interval(table: np.ndarray) -> tuple[float, float]:
    """Return the 95 % interval of Cramer's V of one table, from resampling with a fixed seed."""
    n = max(2, round(float(table.sum())))
    share = (table / table.sum()).ravel()
    n_drawn = _N_RESAMPLED if table.size <= _LARGE else _N_RESAMPLED_LARGE
    drawn = np.random.default_rng(_SEED).multinomial(n, share, n_drawn)
    values = cramers_v(drawn.reshape(-1, *table.shape))
    low, high = np.quantile(values, (0.025, 0.975))
    return float(low), float(high)


def chi_square(tables: np.ndarray) -> np.ndarray:
    """Return Pearson's statistic of tables of counts (..., rows, columns), float64 (...)."""
    total = tables.sum(axis=(-2, -1), keepdims=True)
    by_row, by_column = (tables.sum(axis=each, keepdims=True) for each in (-1, -2))
    expected = by_row * by_column / total
    apart = (tables - expected) ** 2
    return np.divide(apart, expected, out=np.zeros(apart.shape), where=expected > 0).sum((-2, -1))


def chi_square_p(table: np.ndarray) -> float:
    """Return how likely a statistic as large would be if rows and columns were unrelated.

    Source: Wilson and Hilferty, The distribution of chi-square, 1931,
        https://doi.org/10.1073/pnas.17.12.684
    """
    k = (table.shape[0] - 1) * (table.shape[1] - 1)
    spread = 2 / (9 * k)
    z = ((float(chi_square(table)) / k) ** (1 / 3) - (1 - spread)) / sqrt(spread)
    return erfc(z / sqrt(2)) / 2


def auc(one: np.ndarray, other: np.ndarray) -> tuple[float, float, float, float]:
    """Say how well a number tells two groups apart.

    Args:
        one: How many of the group have each value, values ascending, (V,); not all 0.
        other: The same of the other group.

    Returns:
        The chance that a random member of `one` has the higher value (ties count half): 0.5 tells
        nothing; its 95 % interval; the p value of its being 0.5.

    Source: Hanley and McNeil, The meaning and use of the area under a ROC curve, 1982,
        https://doi.org/10.1148/radiology.143.1.7063747
    """
    n, m = float(one.sum()), float(other.sum())
    below = np.cumsum(other) - other
    area = float((one * (below + other / 2)).sum() / (n * m))
    q1, q2 = area / (2 - area), 2 * area**2 / (1 + area)
    spread = area * (1 - area) + (n - 1) * (q1 - area**2) + (m - 1) * (q2 - area**2)
    half = _Z * sqrt(max(0.0, spread) / (n * m))
    z = abs(area - 0.5) / sqrt((n + m + 1) / (12 * n * m))
    return area, max(0.0, area - half), min(1.0, area + half), erfc(z / sqrt(2))


def holm(p_values: np.ndarray) -> np.ndarray:
    """Return p values, float64 (N,), corrected for there being N of them.

    Source: Holm, A simple sequentially rejective multiple test procedure, 1979.
    """
    order = np.argsort(p_values, kind="stable")
    scaled = p_values[order] * np.arange(len(p_values), 0, -1)
    corrected = np.empty(len(p_values))
    corrected[order] = np.minimum(1, np.maximum.accumulate(scaled))
    return corrected


def wilson(k: int, n: int) -> tuple[float, float]:
    """Return the 95 % interval of a share of k among n, n at least 1.

    Source: Wilson, Probable inference, the law of succession, and statistical inference, 1927,
        https://doi.org/10.1080/01621459.1927.10502953
    """
    share, z2 = k / n, _Z**2
    middle = (share + z2 / (2 * n)) / (1 + z2 / n)
    half = _Z / (1 + z2 / n) * sqrt(share * (1 - share) / n + z2 / (4 * n**2))
    return max(0.0, middle - half), min(1.0, middle + half)


def kappa(table: np.ndarray) -> tuple[float, float, float]:
    """Return Cohen's kappa of two readers and its 95 % interval; NaN where both gave one answer.

    Args:
        table: Counts (answers of one, answers of the other), in the same order of answers.

    Source: Cohen, A coefficient of agreement for nominal scales, 1960,
        https://doi.org/10.1177/001316446002000104
    """
    n = float(table.sum())
    agreed = float(np.trace(table)) / n
    by_chance = float((table.sum(0) * table.sum(1)).sum()) / n**2
    if by_chance >= 1:
        return float("nan"), float("nan"), float("nan")
    value = (agreed - by_chance) / (1 - by_chance)
    half = _Z * sqrt(agreed * (1 - agreed) / n) / (1 - by_chance)
    return value, max(-1.0, value - half), min(1.0, value + half)

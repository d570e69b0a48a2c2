"""Which methods differ on the same test samples: ranks with a paired bootstrap behind them.

The statistic is the difference of two methods' metric, each the mean over its seeds, divided by the
standard deviation of that difference over bootstrap resamples of the test samples, the same for all
methods; it is compared with the normal distribution, two-sided. All pairs are tested, and p is
adjusted by Holm's method. A rank range counts the methods that are significantly better (from
below) and worse (from above). What is tested are these trained models on other samples, not the
methods on other seeds.

Source: Robin et al. 2011, https://doi.org/10.1186/1471-2105-12-77 (the bootstrap test); Holm 1979,
https://www.jstor.org/stable/4615733 (several comparisons).
"""

from __future__ import annotations

import math
from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np

from medshelf.benchmark.metrics import acc, auc, checked
from medshelf.benchmark.resampling import Resampled, percentile_interval, resample
from medshelf.core.tasks import Task

ALPHA = 0.05


@dataclass(frozen=True, slots=True)
class Standing:
    """Where a method stands among those tested on the same samples.

    Attributes:
        best: Highest rank that the data leave open, 1 being the first.
        worst: Lowest rank that the data leave open.
        difference: To the method with the highest value; 0 for that one.
        interval: Of that difference, 95 % percentile bootstrap interval over samples.
        p: Of that difference, adjusted by Holm's method over all pairs; 1 for the highest.
        n_methods: How many were compared.
        n_resamples: Resamples that had every class.
        seed: Of the resamples.
    """

    best: int
    worst: int
    difference: float
    interval: tuple[float, float]
    p: float
    n_methods: int
    n_resamples: int
    seed: int

    def __str__(self) -> str:
        """Return e.g. `1` or `2-4`."""
        return str(self.best) if self.best == self.worst else f"{self.best}-{self.worst}"

    @property
    def is_not_worse(self) -> bool:
        """Whether the method is not shown to differ from the best."""
        return self.p >= ALPHA


@dataclass(frozen=True, slots=True)
class Compared:
    """One metric of several methods.

    Attributes:
        values: Mean over seeds, one per method.
        intervals: 95 % percentile bootstrap interval over samples of each value.
        standings: One per method; none for a single method.
    """

    values: tuple[float, ...]
    intervals: tuple[tuple[float, float], ...]
    standings: tuple[Standing, ...]


def compare(
    task: Task,
    y_true: np.ndarray,
    methods: Sequence[Sequence[np.ndarray]],
    *,
    seed: int = 0,
) -> tuple[Compared, Compared]:
    """Compare methods on the same samples.

    Args:
        task: Kind and classes.
        y_true: Labels, as for `metrics.auc`.
        methods: Of each method the scores of each seed, (N, K) each.
        seed: Of the bootstrap.

    Returns:
        The comparison by AUC and by ACC.

    Raises:
        MetricError: As `metrics.auc`.
    """
    pairs = [[checked(task, y_true, each) for each in method] for method in methods]
    codes = pairs[0][0][0]
    flat = [scores for method in pairs for _, scores in method]
    drawn: Resampled = resample(task, codes, flat, seed)
    ends = np.cumsum([len(method) for method in methods])
    starts = ends - [len(method) for method in methods]
    found = []
    for metric, resampled in ((auc, drawn.aucs), (acc, drawn.accs)):
        each = [metric(task, codes, scores) for scores in flat]
        bounds = list(zip(starts, ends, strict=True))
        values = np.array([np.mean(each[low:high]) for low, high in bounds])
        means = np.stack([resampled[:, low:high].mean(axis=1) for low, high in bounds], axis=1)
        found.append(_compared(values, means, seed))
    return found[0], found[1]


def holm(p: np.ndarray) -> np.ndarray:
    """Return p values (N,) adjusted for N comparisons.

    Source: Holm 1979, https://www.jstor.org/stable/4615733
    """
    order = np.argsort(p, kind="stable")
    factors = len(p) - np.arange(len(p))
    adjusted = np.empty(len(p))
    adjusted[order] = np.minimum(np.maximum.accumulate(p[order] * factors), 1) if len(p) else []
    return adjusted


def pair_tests(values: np.ndarray, resampled: np.ndarray) -> tuple[np.ndarray, np.ndarray]:
    """Return the differences of all pairs and their adjusted p, both (M, M).

    Args:
        values: Of each method, (M,).
        resampled: The same on each resample, (B, M).
    """
    differences = values[:, None] - values
    covariance = np.atleast_2d(np.cov(resampled, rowvar=False))
    variances = np.diag(covariance)
    spread = np.sqrt(np.maximum(variances[:, None] + variances - 2 * covariance, 0))
    spread[spread < np.finfo(float).eps ** 0.5] = 0  # rounding, where two methods agree everywhere
    with np.errstate(divide="ignore", invalid="ignore"):
        z = np.where(differences == 0, 0, np.abs(differences) / spread)
    above = np.triu_indices(len(values), 1)
    adjusted = np.ones_like(differences)
    adjusted[above] = holm(np.array([math.erfc(each / math.sqrt(2)) for each in z[above]]))
    return differences, np.minimum(adjusted, adjusted.T)


def _compared(values: np.ndarray, resampled: np.ndarray, seed: int) -> Compared:
    intervals = tuple(percentile_interval(column) for column in resampled.T)
    enough = len(resampled) > 1 and len(values) > 1
    return Compared(
        tuple(values.tolist()), intervals, _standings(values, resampled, seed) if enough else ()
    )


def _standings(values: np.ndarray, resampled: np.ndarray, seed: int) -> tuple[Standing, ...]:
    differences, p = pair_tests(values, resampled)
    shown = p < ALPHA
    n_better = (shown & (differences < 0)).sum(axis=1)
    n_worse = (shown & (differences > 0)).sum(axis=1)
    first = int(values.argmax())
    return tuple(
        Standing(
            best=1 + int(n_better[place]),
            worst=len(values) - int(n_worse[place]),
            difference=float(differences[place, first]),
            interval=percentile_interval(resampled[:, place] - resampled[:, first]),
            p=float(p[place, first]),
            n_methods=len(values),
            n_resamples=len(resampled),
            seed=seed,
        )
        for place in range(len(values))
    )

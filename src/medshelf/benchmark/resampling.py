"""The bootstrap over samples: the same draws for every set of scores, so that results are paired.

Source: Efron and Tibshirani 1993, An Introduction to the Bootstrap,
https://doi.org/10.1007/978-1-4899-4541-9.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass
from functools import partial

import numpy as np

from medshelf.benchmark.metrics import correct, one_against_rest
from medshelf.core.tasks import Task
from medshelf.parallel.cores import available_cores

N_RESAMPLES = 1000
LEVEL = 0.95
_AT_ONCE = 1 << 23

Column = Callable[[np.ndarray], np.ndarray]


@dataclass(frozen=True, slots=True)
class Resampled:
    """Metrics of sets of scores on the same resamples.

    Attributes:
        aucs: Float64 (resamples, sets); resamples that lack a class are left out.
        accs: Float64, the same shape; of all resamples, (`N_RESAMPLES`, sets).
    """

    aucs: np.ndarray
    accs: np.ndarray


def resample(
    task: Task, y_true: np.ndarray, score_sets: Sequence[np.ndarray], seed: int
) -> Resampled:
    """Draw the samples with replacement `N_RESAMPLES` times, and score every set on each draw.

    Args:
        task: Kind and classes.
        y_true: Labels from `metrics.checked`.
        score_sets: Scores of the same samples from `metrics.checked`, one array per set.
        seed: Of the draws.
    """
    random = np.random.default_rng(seed)
    n_samples = len(y_true)
    pairs = [one_against_rest(task, y_true, each) for each in score_sets]
    columns = [
        weighted_auc(positive[:, c], scores[:, c])
        for positive, scores in pairs
        for c in range(positive.shape[1])
    ]
    right = np.stack([correct(task, y_true, each) for each in score_sets], axis=1)
    aucs, accs = [], []
    at_once = max(1, min(N_RESAMPLES, _AT_ONCE // n_samples))
    with ThreadPoolExecutor(available_cores()) as threads:
        for first in range(0, N_RESAMPLES, at_once):
            counts = range(first, min(first + at_once, N_RESAMPLES))
            weights = np.stack([_draw(random, n_samples) for _ in counts])
            by_column = np.stack(list(threads.map(partial(_apply, weights), columns)), axis=1)
            aucs.append(by_column.reshape(len(weights), len(score_sets), -1).mean(axis=2))
            accs.append(weights.astype(np.float64) @ right / n_samples)
    joined = np.concatenate(aucs)
    return Resampled(joined[~np.isnan(joined).any(axis=1)], np.concatenate(accs))


def weighted_auc(positive: np.ndarray, scores: np.ndarray) -> Column:
    """Sort one column once; return AUC as a function of whole-number sample weights.

    With C the weight up to a score and P that of all positives, twice the pairs that positives
    win, a tie counting one, is the sum over positives of (C below + C up to and with ties) - P².

    Args:
        positive: Bool (N,).
        scores: Finite numbers (N,).

    Returns:
        A function from weights int32 (B, N) of sums below 2^30 to AUCs float64 (B,), NaN where
        the weights leave out a class.
    """
    order = np.argsort(scores, kind="stable")
    ordered = scores[order]
    turned = 2 * int(positive.sum()) > len(positive)
    few = np.flatnonzero(positive[order] != turned)
    below = ordered.searchsorted(ordered[few], "left")
    with_ties = ordered.searchsorted(ordered[few], "right")

    def weighted(weights: np.ndarray) -> np.ndarray:
        moved, up_to = np.empty(len(order), np.int32), np.zeros(len(order) + 1, np.int32)
        found = np.full(len(weights), np.nan)
        for place, drawn in enumerate(weights):
            drawn.take(order, out=moved, mode="clip")
            np.cumsum(moved, dtype=np.int32, out=up_to[1:])
            chosen = moved.take(few)
            total = int(chosen.sum())
            n_pairs = total * (int(up_to[-1]) - total)
            if n_pairs:
                reached = up_to.take(below) + up_to.take(with_ties)
                won = int(np.multiply(chosen, reached, dtype=np.int64).sum()) - total**2
                found[place] = (2 * n_pairs - won if turned else won) / (2 * n_pairs)
        return found

    return weighted


def percentile_interval(resampled: np.ndarray) -> tuple[float, float]:
    """Return the ends of the central 95 % of values (B,); NaN where there are none."""
    tail = 100 * (1 - LEVEL) / 2
    low, high = np.percentile(resampled, [tail, 100 - tail]) if resampled.size else (np.nan,) * 2
    return float(low), float(high)


def _apply(weights: np.ndarray, column: Column) -> np.ndarray:
    return column(weights)


def _draw(random: np.random.Generator, n_samples: int) -> np.ndarray:
    drawn = random.integers(0, n_samples, n_samples)
    return np.bincount(drawn, minlength=n_samples).astype(np.int32)

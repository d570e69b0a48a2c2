"""Errors under corruption: balanced error, mean corruption error, and their intervals.

With E(c, s) the balanced error of the model under corruption c at severity s, E(clean) that on
clean images, B the same of a baseline, and S the severities that were measured:

    corruption error            CE(c)  = sum over S of E(c, s) / sum over S of B(c, s)
    mean corruption error       mCE    = mean over c of CE(c)
    relative corruption error   rCE(c) = sum over S of (E(c, s) - E(clean))
                                         / sum over S of (B(c, s) - B(clean))
    relative mCE                       = mean over c of rCE(c)

1 is as bad as the baseline. Hendrycks and Dietterich use the plain error of AlexNet and write
percent; MedMNIST-C uses the balanced error, as here.

Source: Hendrycks and Dietterich 2019, https://openreview.net/forum?id=HJz6tiCqYm; Di Salvo et al.
2024, https://arxiv.org/abs/2406.17536
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np

from medshelf.benchmark.metrics import checked, predicted
from medshelf.benchmark.scores import Estimate
from medshelf.core.tasks import Task, TaskKind

N_RESAMPLES = 1000
LEVEL = 0.95
_AT_ONCE = 100


@dataclass(frozen=True, slots=True)
class Hits:
    """What was to be found and what of it was found, per sample.

    Attributes:
        wanted: Bool (N, G): the sample belongs to the group. Groups are classes; of a multi-label
            task the positives of each label, then the negatives of each.
        found: Bool (N, G): it does, and the prediction says so.
        n_parts: Groups of one kind that make up a class, 1, or 2 if multi-label.
    """

    wanted: np.ndarray
    found: np.ndarray
    n_parts: int

    def errors(self, weights: np.ndarray) -> np.ndarray:
        """Return the balanced error for sample weights float32 (R, N), float64 (R,).

        It is 1 - the mean recall over classes; of a multi-label task 1 - the mean over labels of
        the recalls of positives and negatives. A class that no sample has is left out.
        """
        wanted = (weights @ self.wanted.astype(np.float32)).astype(np.float64)
        found = (weights @ self.found.astype(np.float32)).astype(np.float64)
        recalls = np.divide(found, wanted, out=np.full_like(wanted, np.nan), where=wanted > 0)
        by_class = recalls.reshape(len(weights), self.n_parts, -1).mean(axis=1)
        present = ~np.isnan(by_class)
        total = np.where(present, by_class, 0).sum(axis=1)
        n_present = present.sum(axis=1)
        return 1 - np.divide(total, n_present, out=np.full(len(total), np.nan), where=n_present > 0)

    @property
    def error(self) -> float:
        """The balanced error of all samples."""
        return float(self.errors(np.ones((1, len(self.wanted)), np.float32))[0])


def hits(task: Task, y_true: np.ndarray, y_score: np.ndarray) -> Hits:
    """Compare predictions with labels; a binary or multi-label score above 0.5 is a prediction.

    Raises:
        MetricError: As `metrics.checked`.
    """
    codes, scores = checked(task, y_true, y_score)
    guessed = predicted(task, scores)
    if task.kind is TaskKind.MULTI_LABEL:
        positive = codes == 1
        wanted = np.hstack([positive, ~positive])
        return Hits(wanted, wanted & np.hstack([guessed, ~guessed]), 2)
    wanted = codes[:, None] == np.arange(task.n_classes)
    return Hits(wanted, wanted & (guessed == codes)[:, None], 1)


@dataclass(frozen=True, slots=True)
class Errors:
    """Balanced errors of one model; the leading axes are of resamples, or none.

    Attributes:
        clean: (...,).
        corrupted: (..., corruptions, severities).
    """

    clean: np.ndarray
    corrupted: np.ndarray

    @property
    def mean(self) -> np.ndarray:
        """Mean over corruptions and severities, (...,)."""
        return self.corrupted.mean(axis=(-1, -2))

    @property
    def rise(self) -> np.ndarray:
        """What the mean is above the clean error, (...,)."""
        return self.mean - self.clean

    def against(self, baseline: Errors) -> np.ndarray:
        """Return CE of each corruption, (..., corruptions); NaN where the baseline has no error."""
        return _quotient(self.corrupted.sum(axis=-1), baseline.corrupted.sum(axis=-1))

    def relative_to(self, baseline: Errors) -> np.ndarray:
        """Return rCE of each corruption; NaN where the baseline's error does not rise."""
        return _quotient(self._rises, baseline._rises)

    @property
    def _rises(self) -> np.ndarray:
        return (self.corrupted - self.clean[..., None, None]).sum(axis=-1)


def _quotient(part: np.ndarray, whole: np.ndarray) -> np.ndarray:
    return np.divide(part, whole, out=np.full(part.shape, np.nan), where=whole > 0)


def errors(clean: Hits, corrupted: Sequence[Sequence[Hits]]) -> Errors:
    """Return the errors of all samples.

    Args:
        clean: Of the clean images.
        corrupted: One row per corruption, one entry per severity.
    """
    return Errors(
        np.array(clean.error), np.array([[each.error for each in row] for row in corrupted])
    )


def resampled(models: Sequence[tuple[Hits, Sequence[Sequence[Hits]]]], seed: int) -> list[Errors]:
    """Draw the samples with replacement 1000 times; return the errors of each model on each draw.

    A draw is the same for clean and corrupted images and for all models: all comparisons are
    paired.

    Args:
        models: What `errors` takes, for each model.
        seed: Of the draws.
    """
    random = np.random.default_rng(seed)
    n_samples = len(models[0][0].wanted)
    parts: list[list[Errors]] = [[] for _ in models]
    for _ in range(0, N_RESAMPLES, _AT_ONCE):
        weights = np.stack([_draw(random, n_samples) for _ in range(_AT_ONCE)])
        for (clean, rows), collected in zip(models, parts, strict=True):
            cells = [[each.errors(weights) for each in row] for row in rows]
            collected.append(Errors(clean.errors(weights), np.moveaxis(np.array(cells), -1, 0)))
    return [
        Errors(
            np.concatenate([each.clean for each in collected]),
            np.concatenate([each.corrupted for each in collected]),
        )
        for collected in parts
    ]


def estimate(value: float, draws: np.ndarray) -> Estimate:
    """Return a value with the percentile interval of its resamples, those that are NaN left out."""
    kept = draws[~np.isnan(draws)]
    tail = 100 * (1 - LEVEL) / 2
    low, high = np.percentile(kept, [tail, 100 - tail]) if kept.size else (np.nan, np.nan)
    return Estimate(value, float(low), float(high))


def _draw(random: np.random.Generator, n_samples: int) -> np.ndarray:
    drawn = random.integers(0, n_samples, n_samples)
    return np.bincount(drawn, minlength=n_samples).astype(np.float32)

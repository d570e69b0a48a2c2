"""The nearest training samples vote.

Neighbours are found by brute force: float32 matrix products in blocks shortlist more than are
needed, and the exact distances of those, in float64, decide; of equal distances the sample that
comes first in the training set is nearer.
"""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from dataclasses import dataclass

import numpy as np

from medshelf.benchmark.models.estimators import (
    Candidate,
    Examples,
    Search,
    Values,
    blocks,
    one_hot,
)
from medshelf.core.tasks import Task

PUBLISHED_NAME = "k-NN"
COUNTS = (1, 3, 5, 10, 20, 50)
_SPARE = 16
_N_QUERIES = 1024


@dataclass(frozen=True, slots=True)
class Neighbours:
    """The training set and how many of its samples vote.

    Attributes:
        task: Kind and classes.
        train: Who may vote.
        count: How many do.
        cosine: Near is a large cosine of the angle between two samples; else a small Euclidean
            distance.
        parameters: None: the training set is the model.
    """

    task: Task
    train: Examples
    count: int
    cosine: bool = False
    parameters: None = None

    @property
    def macs(self) -> int:
        """One product per value of the training set."""
        return self.train.values.shape[0] * self.train.values.shape[1]

    def probabilities(self, values: Values) -> np.ndarray:
        """Return the share of votes, float32 (N, K)."""
        indices, distances = nearest(values, self.train.values, self.count, cosine=self.cosine)
        return self.share(indices, distances)

    def share(self, indices: np.ndarray, distances: np.ndarray) -> np.ndarray:
        """Return the share of votes of the first neighbours, from `nearest`, float32 (N, K).

        By cosine each has one vote. By Euclidean distance a vote counts 1 / distance; where a
        neighbour is at distance 0, only such neighbours count.
        """
        votes = one_hot(self.task, self.train.targets)
        weights = np.ones((len(indices), self.count))
        if not self.cosine:
            near = distances[:, : self.count]
            same = near == 0
            weights = np.where(same.any(axis=1, keepdims=True), same, 1 / np.where(same, 1, near))
        total = np.zeros((len(indices), self.task.n_classes))
        for rank in range(self.count):
            total += weights[:, rank, None] * votes[indices[:, rank]]
        return (total / weights.sum(axis=1, keepdims=True)).astype(np.float32)

    def arrays(self) -> dict[str, np.ndarray]:
        """Return nothing: it is of no use without its training set."""
        return {}


def candidates(
    search: Search, counts: Sequence[int] = COUNTS, *, cosine: bool = False
) -> Iterator[Candidate]:
    """Yield one candidate for each count, none above the number of training samples."""
    train = search.train
    possible = sorted({min(each, train.values.shape[0]) for each in counts})
    found = nearest(search.selection.values, train.values, possible[-1], cosine=cosine)
    for count in possible:
        model = Neighbours(search.task, train, count, cosine)
        yield Candidate({"neighbours": count}, model, model.share(*found))


def nearest(
    queries: Values, train: Values, count: int, *, cosine: bool = False
) -> tuple[np.ndarray, np.ndarray]:
    """Find the nearest training samples.

    Args:
        queries: Float32 (N, F).
        train: Float32 (M, F), at least `count` of them.
        count: How many to find.
        cosine: Compare the directions of samples, not the samples.

    Returns:
        Indices int64 (N, count) and Euclidean distances float64 (N, count), the nearest first; of
        samples scaled to length 1 if `cosine`.
    """
    n_queries = queries.shape[0]
    indices = np.empty((n_queries, count), np.int64)
    distances = np.empty((n_queries, count))
    for first in range(0, n_queries, _N_QUERIES):
        rows = slice(first, min(first + _N_QUERIES, n_queries))
        asked = _directed(queries[rows], cosine=cosine)
        listed = _shortlist(asked, train, min(2 * count + _SPARE, train.shape[0]), cosine=cosine)
        for place, (query, chosen) in enumerate(zip(asked, listed, strict=True), first):
            apart = _directed(train[chosen], cosine=cosine).astype(np.float64) - query
            exact = np.einsum("mf,mf->m", apart, apart)
            order = np.lexsort((chosen, exact))[:count]
            indices[place], distances[place] = chosen[order], np.sqrt(exact[order])
    return indices, distances


def _shortlist(queries: np.ndarray, train: Values, count: int, *, cosine: bool) -> np.ndarray:
    """Return the indices of the `count` nearest by float32 distance, int64 (n, count)."""
    kept = np.empty((len(queries), 0), np.int64)
    for block in blocks(train):
        for start in range(block.start, block.stop, 8 * _N_QUERIES):
            stop = min(start + 8 * _N_QUERIES, block.stop)
            part = _directed(train[start:stop], cosine=cosine)
            # The bits of a positive float32 sort as it does: packed with the index they make one
            # integer, so that the partition decides ties by the index.
            apart = np.einsum("mf,mf->m", part, part) - 2 * (queries @ part.T)
            apart += np.einsum("nf,nf->n", queries, queries)[:, None]
            bits = np.maximum(apart, 0).astype(np.float32).view(np.int32).astype(np.int64)
            kept = np.hstack([kept, (bits << 32) | np.arange(start, stop)])
            if kept.shape[1] > count:
                kept = np.partition(kept, count - 1, axis=1)[:, :count]
    return kept & 0xFFFFFFFF


def _directed(values: np.ndarray, *, cosine: bool) -> np.ndarray:
    """Scale rows to length 1 if `cosine`; one of length 0 stays."""
    if not cosine:
        return values
    lengths = np.linalg.norm(values, axis=1, keepdims=True)
    return values / np.where(lengths == 0, 1, lengths)

"""Time two ways of doing the same thing in turn, A B A B ..., and print the ratio of each pair."""

from __future__ import annotations

import statistics
import time
from collections.abc import Callable

N_PAIRS = 10


def compare(name: str, ours: Callable[[], object], theirs: Callable[[], object]) -> float:
    """Print and return the median of theirs / ours; above 1 means that ours is faster."""
    ours(), theirs()
    pairs = [(_seconds(ours), _seconds(theirs)) for _ in range(N_PAIRS)]
    ratios = sorted(other / own for own, other in pairs)
    median = statistics.median(ratios)
    print(
        f"{name}: {median:.1f}x (of {N_PAIRS} pairs, {ratios[0]:.1f} to {ratios[-1]:.1f}; "
        f"ours {statistics.median(own for own, _ in pairs) * 1000:.2f} ms)"
    )
    return median


def _seconds(work: Callable[[], object]) -> float:
    started = time.perf_counter()
    work()
    return time.perf_counter() - started

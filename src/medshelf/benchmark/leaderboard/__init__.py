"""The leaderboard: measured beside quoted numbers, with what they need to be compared."""

from medshelf.benchmark.caveats import caveats
from medshelf.benchmark.leaderboard.entries import (
    Entry,
    Kind,
    leaderboard,
    measured,
    ordered,
    quoted,
)

__all__ = ["Entry", "Kind", "caveats", "leaderboard", "measured", "ordered", "quoted"]

"""What `import medshelf` offers, and the command line calls."""

from medshelf.api.data import datasets, fetch, load, plan, terms
from medshelf.api.results import (
    Benchmark,
    Evaluation,
    demo,
    evaluate,
    leaderboard,
    run_benchmark,
    write_leaderboard,
)

__all__ = [
    "Benchmark",
    "Evaluation",
    "datasets",
    "demo",
    "evaluate",
    "fetch",
    "leaderboard",
    "load",
    "plan",
    "run_benchmark",
    "terms",
    "write_leaderboard",
]

"""What `import medshelf` offers, and the command line calls."""

from medshelf.api.data import datasets, fetch, load, plan, terms
from medshelf.api.find import info, search
from medshelf.api.results import (
    Benchmark,
    Evaluation,
    demo,
    evaluate,
    leaderboard,
    run_benchmark,
    write_leaderboard,
)
from medshelf.catalog.filters import Filters

__all__ = [
    "Benchmark",
    "Evaluation",
    "Filters",
    "datasets",
    "demo",
    "evaluate",
    "fetch",
    "info",
    "leaderboard",
    "load",
    "plan",
    "run_benchmark",
    "search",
    "terms",
    "write_leaderboard",
]

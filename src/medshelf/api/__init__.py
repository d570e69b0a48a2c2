"""What `import medshelf` offers, and the command line calls."""

from medshelf.api.data import datasets, fetch, load, plan, terms
from medshelf.api.find import info, search
from medshelf.api.reading import read
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
from medshelf.dataset.union import concat

__all__ = [
    "Benchmark",
    "Evaluation",
    "Filters",
    "concat",
    "datasets",
    "demo",
    "evaluate",
    "fetch",
    "info",
    "leaderboard",
    "load",
    "plan",
    "read",
    "run_benchmark",
    "search",
    "terms",
    "write_leaderboard",
]

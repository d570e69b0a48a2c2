"""What `import medshelf` offers, and the command line calls."""

from medshelf.api.acquiring import (
    adopt,
    clean,
    du,
    fetch,
    foresee,
    login_status,
    plan,
    terms,
    verify,
    where,
)
from medshelf.api.converting import convert, estimate
from medshelf.api.data import datasets, load
from medshelf.api.find import info, search
from medshelf.api.quality import check, profile
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
    "adopt",
    "check",
    "clean",
    "concat",
    "convert",
    "datasets",
    "demo",
    "du",
    "estimate",
    "evaluate",
    "fetch",
    "foresee",
    "info",
    "leaderboard",
    "load",
    "login_status",
    "plan",
    "profile",
    "read",
    "run_benchmark",
    "search",
    "terms",
    "verify",
    "where",
    "write_leaderboard",
]

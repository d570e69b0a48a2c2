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
from medshelf.api.benchmarking import (
    Benchmark,
    Matrix,
    Plan,
    demo,
    plan_matrix,
    run_benchmark,
    run_matrix,
)
from medshelf.api.converting import convert, estimate
from medshelf.api.data import datasets, load
from medshelf.api.explaining import explain
from medshelf.api.find import info, search
from medshelf.api.leaderboards import leaderboard, write_leaderboard
from medshelf.api.opening import Files
from medshelf.api.ordering import Request
from medshelf.api.predicting import export, open_predictor, predict
from medshelf.api.quality import check, profile
from medshelf.api.reading import read
from medshelf.api.results import Evaluation, evaluate
from medshelf.catalog.filters import Filters
from medshelf.dataset.union import concat

__all__ = [
    "Benchmark",
    "Evaluation",
    "Files",
    "Filters",
    "Matrix",
    "Plan",
    "Request",
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
    "explain",
    "export",
    "fetch",
    "foresee",
    "info",
    "leaderboard",
    "load",
    "login_status",
    "open_predictor",
    "plan",
    "plan_matrix",
    "predict",
    "profile",
    "read",
    "run_benchmark",
    "run_matrix",
    "search",
    "terms",
    "verify",
    "where",
    "write_leaderboard",
]

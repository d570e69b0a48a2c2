"""What `import medshelf` offers, and the command line calls: each name is imported on first use."""

from __future__ import annotations

import importlib
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
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

_NAMES = {
    "medshelf.api.acquiring": (
        "adopt",
        "clean",
        "du",
        "fetch",
        "foresee",
        "login_status",
        "plan",
        "terms",
        "verify",
        "where",
    ),
    "medshelf.api.benchmarking": (
        "Benchmark",
        "Matrix",
        "Plan",
        "demo",
        "plan_matrix",
        "run_benchmark",
        "run_matrix",
    ),
    "medshelf.api.converting": ("convert", "estimate"),
    "medshelf.api.data": ("datasets", "load"),
    "medshelf.api.explaining": ("explain",),
    "medshelf.api.find": ("info", "search"),
    "medshelf.api.leaderboards": ("leaderboard", "write_leaderboard"),
    "medshelf.api.opening": ("Files",),
    "medshelf.api.ordering": ("Request",),
    "medshelf.api.predicting": ("export", "open_predictor", "predict"),
    "medshelf.api.quality": ("check", "profile"),
    "medshelf.api.reading": ("read",),
    "medshelf.api.results": ("Evaluation", "evaluate"),
    "medshelf.catalog.filters": ("Filters",),
    "medshelf.dataset.union": ("concat",),
}
_HOMES = {name: module for module, names in _NAMES.items() for name in names}


def __getattr__(name: str) -> Any:
    """Import the module of a name: a command that reads needs nothing of what trains."""
    if name not in _HOMES:
        msg = f"module 'medshelf.api' has no attribute {name!r}"
        raise AttributeError(msg)
    return getattr(importlib.import_module(_HOMES[name]), name)


def __dir__() -> list[str]:
    """List the names before they are imported."""
    return sorted([*globals(), *_HOMES])

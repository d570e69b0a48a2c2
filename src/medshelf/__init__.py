"""medshelf: find, fetch, read, check, convert and benchmark public medical datasets."""

from __future__ import annotations

import importlib
from typing import TYPE_CHECKING, Any

from medshelf.core.version import __version__

if TYPE_CHECKING:
    from medshelf.api import (
        Filters,
        check,
        concat,
        convert,
        datasets,
        evaluate,
        explain,
        export,
        fetch,
        info,
        leaderboard,
        load,
        predict,
        profile,
        read,
        run_benchmark,
        run_matrix,
        search,
    )

_NAMES = (
    "Filters",
    "check",
    "concat",
    "convert",
    "datasets",
    "evaluate",
    "explain",
    "export",
    "fetch",
    "info",
    "leaderboard",
    "load",
    "predict",
    "profile",
    "read",
    "run_benchmark",
    "run_matrix",
    "search",
)
__all__ = [
    "Filters",
    "__version__",
    "catalog",
    "check",
    "concat",
    "convert",
    "datasets",
    "evaluate",
    "explain",
    "export",
    "fetch",
    "info",
    "leaderboard",
    "load",
    "predict",
    "profile",
    "read",
    "run_benchmark",
    "run_matrix",
    "search",
]


def __getattr__(name: str) -> Any:
    """Import the names on first use, so that `import medshelf` costs nothing."""
    if name == "catalog":
        return importlib.import_module("medshelf.catalog")
    if name not in _NAMES:
        msg = f"module 'medshelf' has no attribute {name!r}"
        raise AttributeError(msg)
    from medshelf import api

    return getattr(api, name)


def __dir__() -> list[str]:
    """List the names before they are imported."""
    return sorted([*globals(), *_NAMES])

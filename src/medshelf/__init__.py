"""medshelf: find, fetch, read, check, convert and benchmark public medical datasets."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from medshelf.core.version import __version__

if TYPE_CHECKING:
    from medshelf.api import (
        datasets,
        evaluate,
        fetch,
        leaderboard,
        load,
        run_benchmark,
    )

_FUNCTIONS = ("datasets", "evaluate", "fetch", "leaderboard", "load", "run_benchmark")
__all__ = [
    "__version__",
    "datasets",
    "evaluate",
    "fetch",
    "leaderboard",
    "load",
    "run_benchmark",
]


def __getattr__(name: str) -> Any:
    """Import the functions on first use, so that `import medshelf` costs nothing."""
    if name not in _FUNCTIONS:
        msg = f"module 'medshelf' has no attribute {name!r}"
        raise AttributeError(msg)
    from medshelf import api

    return getattr(api, name)


def __dir__() -> list[str]:
    """List the functions before they are imported."""
    return sorted([*globals(), *_FUNCTIONS])

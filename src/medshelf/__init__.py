"""medshelf: find, fetch, read, check, convert and benchmark public medical datasets."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from medshelf.api import (
        benchmark,
        datasets,
        evaluate,
        fetch,
        leaderboard,
        load,
    )

__version__ = "0.1.0"
__all__ = ["benchmark", "datasets", "evaluate", "fetch", "leaderboard", "load"]


def __getattr__(name: str) -> Any:
    """Import the functions on first use, so that `import medshelf` costs nothing."""
    if name not in __all__:
        msg = f"module 'medshelf' has no attribute {name!r}"
        raise AttributeError(msg)
    from medshelf import api

    return getattr(api, name)


def __dir__() -> list[str]:
    """List the functions before they are imported."""
    return sorted([*globals(), *__all__])

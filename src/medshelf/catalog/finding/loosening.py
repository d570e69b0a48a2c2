"""What to leave out of a search that finds nothing."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass, field

from medshelf.catalog.filters import Filters, asked, only, without


@dataclass(frozen=True, slots=True)
class Loosened:
    """What stands in the way of hits.

    Attributes:
        asked: What each filter that is set asks for.
        blocking: Filters each of which alone leaves nothing of what the text finds.
        without: How many hits there are without each filter that keeps some out, without the
            `text`, or, where none of these is enough, without all `filters`.
    """

    asked: dict[str, tuple[object, ...]] = field(default_factory=dict)
    blocking: tuple[str, ...] = ()
    without: dict[str, int] = field(default_factory=dict)


def loosen(filters: Filters, count: Callable[[Filters], int], count_without_text: int) -> Loosened:
    """Try fewer conditions.

    Args:
        filters: Filters that leave no hit.
        count: Counts the hits of the text with other filters.
        count_without_text: Records that meet the filters.
    """
    names = asked(filters)
    every = count(Filters()) if names else 0
    blocking = tuple(name for name in names if every and not count(only(filters, name)))
    counts = {name: count(without(filters, name)) for name in names}
    counts["text"] = count_without_text if names else 0
    if not any(counts.values()):
        counts["filters"] = every
    return Loosened(names, blocking, {name: each for name, each in counts.items() if each})

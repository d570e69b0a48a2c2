"""One figure of a record beside ours, and when two figures agree."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import asdict, dataclass
from typing import Any, Literal

Numbers = tuple[float, ...]
Verdict = Literal["equal", "differs", "not-measured"]

REASONS = (
    *("no-pixels", "no-images", "no-such-class", "not-in-manifest", "part-of-release"),
    *("one-split", "other-unit", "axis-order", "whole-image", "column-order", "offered-sizes"),
    *("share-of-all", "other-source"),
)
"""Why a figure may differ, or may not have been measured; `words` has the sentences."""


@dataclass(frozen=True, slots=True)
class Figure:
    """One figure of a record and ours beside it.

    Attributes:
        field: Of the record: `n_samples`, `splits`, `resolution`, `label_stats` ...
        what: Which of its figures, e.g. `size_px min` or `Anterior cases`; empty for a count.
        recorded: What the record states; one number, or one per axis.
        ours: What was counted or measured; null where it was not.
        verdict: `equal` where they agree to the digits that the record has.
        reason: One of `REASONS`; null where they agree, and where no reason is known.
    """

    field: str
    what: str
    recorded: Numbers
    ours: Numbers | None
    verdict: Verdict
    reason: str | None = None

    def as_dict(self) -> dict[str, Any]:
        """Return plain values, for JSON."""
        return asdict(self)


def judged(
    field: str, what: str, recorded: Numbers, ours: Numbers | None, reasons: Iterator[str]
) -> Figure:
    """Compare; where they do not agree, the first reason that is offered stands."""
    if ours is None:
        return Figure(field, what, recorded, None, "not-measured", next(reasons, None))
    if agree(recorded, ours):
        return Figure(field, what, recorded, ours, "equal")
    return Figure(field, what, recorded, ours, "differs", next(reasons, None))


def agree(recorded: Numbers, ours: Numbers) -> bool:
    """Whether numbers are the same when ours are rounded to the digits of the record."""
    if len(recorded) != len(ours):
        return False
    return all(
        abs(told - found) <= 0.5 * 10.0 ** -_decimals(told) * (1 + 1e-9)
        for told, found in zip(recorded, ours, strict=True)
    )


def fits(key: str, recorded: Numbers, ours: Numbers) -> bool:
    """Whether a part of a set can have this number where the whole has that.

    Args:
        key: `min` for a smallest value, `max` for a largest one or a count; a part may have any
            median, mean or share.
        recorded: Of the whole.
        ours: Of the part.
    """
    sign = {"min": 1, "max": -1}.get(key)
    if sign is None:
        return True
    pairs = zip(recorded, ours, strict=True)
    return all(agree((told,), (found,)) or sign * (found - told) > 0 for told, found in pairs)


def _decimals(value: float) -> int:
    return len(f"{value:.10f}".rstrip("0").partition(".")[2])

"""What must hold between the figures of a record; a doubt that speaks of them sets a rule aside."""

from __future__ import annotations

import math
from collections.abc import Callable, Iterator, Mapping, Sequence
from itertools import accumulate, pairwise

from medshelf.catalog.authoring.drafts import Draft, Drafts
from medshelf.catalog.marked_yaml import Finding, Place

_COUNTS = ("n_samples", "n_studies", "n_patients", "n_slices")
_ORDER = ("min", "median", "max")
_TOLERANCE = 0.02
"""Share by which a percentage may be off, beyond what rounding explains."""


def _ranges(draft: Draft, _: Drafts) -> Iterator[Finding]:
    for pattern, word in (
        (("label_stats", "*", "volume"), "volume"),
        (("resolution", "*", "size_px"), "size"),
        (("resolution", "*", "spacing"), "spacing"),
    ):
        for place, value in draft.document.each(*pattern):
            if not isinstance(value, dict) or draft.doubts(word):
                continue
            for message in _disorder(value, by_product=word == "size"):
                yield _warning(place, message, word)


def _cases(draft: Draft, _: Drafts) -> Iterator[Finding]:
    counts = [number(draft.text(each)) for each in _COUNTS]
    most = max((each for each in counts if each is not None), default=math.inf)
    stated = [
        (number(text) or 0, place)
        for place, text in draft.document.texts("label_stats", "*", "cases")
    ]
    above = [each for each in stated if each[0] > most]
    if above and not _class_doubts(draft):
        cases, place = max(above)
        message = f"{cases:.0f}, and the record counts at most {most:.0f}"
        if len(above) > 1:
            message += f" (so too in {len(above) - 1} further classes)"
        yield _warning(place, message, "cases")


def _class_splits(draft: Draft, _: Drafts) -> Iterator[Finding]:
    for place, stat in draft.document.each("label_stats", "*"):
        if isinstance(stat, dict) and isinstance(stat.get("splits"), dict):
            cases, total = number(stat.get("cases")), _total(stat["splits"])
            if None not in {cases, total} and cases != total and not _class_doubts(draft):
                message = f"sum to {total:.0f}, and cases is {cases:.0f}"
                yield _warning((*place, "splits"), message, "cases")


def _percentages(draft: Draft, _: Drafts) -> Iterator[Finding]:
    """Find classes whose percentage is of another total than that of the rest of their table."""
    tables: dict[str, list[tuple[Place, float, str]]] = {}
    for place, stat in draft.document.each("label_stats", "*"):
        if isinstance(stat, dict):
            cases, percent = number(stat.get("cases")), stat.get("percent")
            if cases and isinstance(percent, str) and number(percent):
                tables.setdefault(str(stat.get("table")), []).append((place, cases, percent))
    for rows in tables.values():
        total = _middle(
            [(100 * cases / float(percent), float(percent)) for _, cases, percent in rows]
        )
        for place, cases, percent in rows:
            rounding = 0.5 * 10.0 ** -len(percent.partition(".")[2])
            off = abs(100 * cases / total - float(percent)) - rounding
            if off > _TOLERANCE * float(percent) and not _class_doubts(draft):
                message = f"{cases:.0f} is not {percent} % of {total:.0f}, the total of its table"
                yield _warning((*place, "cases"), message, "cases")


def _splits(draft: Draft, _: Drafts) -> Iterator[Finding]:
    for place, splits in draft.document.each("splits"):
        samples = number(draft.text("n_samples"))
        total = _total(splits) if isinstance(splits, dict) and splits else None
        if None not in {samples, total} and samples != total and not draft.doubts("split"):
            yield _warning(place, f"sum to {total:.0f}, and n_samples is {samples:.0f}", "splits")


def number(value: object) -> float | None:
    """Return a text as a number; null where it is none."""
    try:
        return float(value) if isinstance(value, str) else None
    except ValueError:
        return None


def _disorder(value: Mapping[str, object], *, by_product: bool) -> Iterator[str]:
    """Say where min <= median <= max does not hold, axis by axis or else by the product of axes."""
    rows = [row for row in (_row(value.get(key)) for key in _ORDER) if row is not None]
    shown = ", ".join(f"{key} {_shown(value[key])}" for key in (*_ORDER, "mean") if key in value)
    if len({len(row) for row in rows}) > 1:
        yield f"differing numbers of axes: {shown}"
    elif not _rising(rows) and not (by_product and _rising([[math.prod(row)] for row in rows])):
        yield f"not in ascending order: {shown}"
    low, mean, high = (_row(value.get(key)) for key in ("min", "mean", "max"))
    if mean is not None and not _rising([row for row in (low, mean, high) if row is not None]):
        yield f"mean outside of the range: {shown}"


def _rising(rows: Sequence[Sequence[float]]) -> bool:
    return all(a <= b for low, high in pairwise(rows) for a, b in zip(low, high, strict=False))


def _row(value: object) -> list[float] | None:
    numbers = [number(each) for each in (value if isinstance(value, list) else [value])]
    return None if None in numbers else [each for each in numbers if each is not None]


def _shown(value: object) -> str:
    return " x ".join(map(str, value)) if isinstance(value, list) else str(value)


def _middle(weighted: list[tuple[float, float]]) -> float:
    """Return the weighted median of values with weights: large percentages are the exact ones."""
    ordered = sorted(weighted)
    below = list(accumulate(weight for _, weight in ordered))
    half = below[-1] / 2
    return next(value for (value, _), weight in zip(ordered, below, strict=True) if weight >= half)


def _total(counts: Mapping[str, object]) -> float | None:
    numbers = [number(each) for each in counts.values()]
    return None if None in numbers else sum(each for each in numbers if each is not None)


def _class_doubts(draft: Draft) -> bool:
    return draft.doubts("class count", "cases")


def _warning(place: Place, message: str, word: str) -> Finding:
    return Finding(place, message, f"correct it, or list a doubt that names the {word}", "warning")


FIGURE_RULES: tuple[Callable[[Draft, Drafts], Iterator[Finding]], ...] = (
    _ranges,
    _cases,
    _class_splits,
    _percentages,
    _splits,
)

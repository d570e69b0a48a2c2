"""Which attributes go with which labels: tested, corrected for their number, told as Issues."""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Iterable, Iterator, Sequence
from dataclasses import dataclass, replace

import numpy as np

from medshelf.core.issues import Issue
from medshelf.quality.case import Case
from medshelf.quality.judging import association
from medshelf.quality.judging.crossing import N_SHOWN
from medshelf.quality.judging.targets import FINDING, Attribute, Target, independent_share, table
from medshelf.quality.judging.wording import counted

_ALPHA = 0.05
_MUCH = 0.3


LIMITS = {"v": 0.1, "auc": 0.6, "minimum": 10}
"""The defaults of `Limits`."""


@dataclass(frozen=True, slots=True)
class Limits:
    """What counts as a tie.

    Attributes:
        v: Least Cramer's V that the interval must stay above.
        auc: Least AUC, from 0.5 to 1, that the interval must stay above; its mirror image below.
        minimum: Patients that a level and a value must have.
    """

    v: float
    auc: float
    minimum: float

    @classmethod
    def of(cls, case: Case, rule: str) -> Limits:
        """Return those of a rule: settings `RULE.v`, `RULE.auc` and `RULE.minimum`."""
        return cls(**{name: case.setting(f"{rule}.{name}", LIMITS[name]) for name in LIMITS})


@dataclass(frozen=True, slots=True)
class Tie:
    """How an attribute and a target go together.

    Attributes:
        attribute: Name of the attribute.
        target: Name of the target.
        effect: `Cramer's V` or `AUC`.
        value: The effect; `low`, `high` its 95 % interval.
        p: Chance of as large an effect without a tie, corrected for the number of tests.
        strength: 0 none to 1: V, or twice the distance of the AUC from 0.5.
        n: Samples with both.
        said: The level that stands out, and how.
    """

    attribute: str
    target: str
    effect: str
    value: float
    low: float
    high: float
    p: float
    strength: float
    n: int
    said: str


def ties(
    case: Case, targets: Sequence[Target], attributes: Sequence[Attribute], limits: Limits
) -> list[Tie]:
    """Return the pairs of target and attribute that go together by more than chance."""
    share = independent_share(case)
    found = [
        tie
        for attribute in attributes
        for target in targets
        for tie in _tested(target, attribute, share, limits)
    ]
    corrected = association.holm(np.array([each.p for each in found]))
    sure = [replace(each, p=float(p)) for each, p in zip(found, corrected, strict=True)]
    return [each for each in sure if each.p < _ALPHA and _beyond(each, limits)]


def tie_issues(
    found: Iterable[Tie], rule: str, remedy: str, what: str | None = None
) -> Iterator[Issue]:
    """Yield one Issue per attribute, a warning where a tie is strong.

    Args:
        found: Of `ties`.
        rule: Id of the rule.
        remedy: What to do.
        what: What an attribute does, e.g. `differs between splits`; by default, that it goes with
            so many labels.
    """
    by_attribute: dict[str, list[Tie]] = defaultdict(list)
    for each in found:
        by_attribute[each.attribute].append(each)
    for attribute, mine in by_attribute.items():
        mine.sort(key=lambda each: -each.strength)
        first = mine[0]
        others = counted(len(mine) - 1, "other label")
        labels = f"goes with {first.target!r}" + (f" and {others}" if len(mine) > 1 else "")
        yield Issue(
            rule=rule,
            severity="warning" if first.strength >= _MUCH else "info",
            where=attribute,
            message=f"{attribute!r} {what or labels}: "
            f"{first.effect} {first.value:.2f} ({first.low:.2f} to {first.high:.2f}), {first.said}",
            remedy=remedy,
            evidence=tuple(
                {
                    "target": each.target,
                    "effect": each.effect,
                    "value": round(each.value, 4),
                    "low": round(each.low, 4),
                    "high": round(each.high, 4),
                    "p": each.p,
                    "n": each.n,
                    "said": each.said,
                }
                for each in mine[:N_SHOWN]
            ),
        )


def _tested(target: Target, attribute: Attribute, share: float, limits: Limits) -> Iterator[Tie]:
    counts = table(target, attribute)
    enough = counts.sum(axis=1) * share >= limits.minimum
    levels = [name for name, kept in zip(target.levels, enough, strict=True) if kept]
    if len(levels) < 2:  # noqa: PLR2004 - nothing to tell apart
        return
    if attribute.ordered:
        yield from _ordered(target, attribute, levels, counts[enough], share)
    else:
        yield from _named(target, attribute, levels, counts[enough], (share, limits.minimum))


def _named(
    target: Target,
    attribute: Attribute,
    levels: Sequence[str],
    counts: np.ndarray,
    least: tuple[float, float],
) -> Iterator[Tie]:
    share, minimum = least
    counts, values = _without_rare(counts, attribute.values, minimum / share)
    scaled = counts * share
    if len(values) < 2:  # noqa: PLR2004
        return
    low, high = association.cramers_v_interval(scaled)
    value = float(association.cramers_v(scaled))
    expected = counts.sum(1, keepdims=True) * counts.sum(0) / counts.sum()
    excess = (counts - expected) / np.sqrt(expected)
    row, column = divmod(int(excess.argmax()), len(values))
    of_level = counts[row, column] / counts[row].sum()
    of_all = counts[:, column].sum() / counts.sum()
    those = _those(target, levels[row])
    said = f"{values[column]!r} in {of_level:.0%} of {those} and {of_all:.0%} of all"
    p, n = association.chi_square_p(scaled), int(counts.sum())
    name = target.name
    yield Tie(attribute.name, name, "Cramer's V", value, low, high, p, value, n, said)


def _ordered(
    target: Target, attribute: Attribute, levels: Sequence[str], counts: np.ndarray, share: float
) -> Iterator[Tie]:
    """Yield one tie per level against the rest; of two levels, of the second alone."""
    scaled, every = counts * share, counts.sum(axis=0)
    for at, level in list(enumerate(levels))[1 if len(levels) == 2 else 0 :]:  # noqa: PLR2004
        rest = every - counts[at]
        value, low, high, p = association.auc(scaled[at], rest * share)
        middle, other = (_median(attribute.values, each) for each in (counts[at], rest))
        said = f"median {middle} in {_those(target, level)}, {other} in the rest"
        name = target.name if target.levels == FINDING else f"{target.name}: {level}"
        strength = 2 * abs(value - 0.5)
        n = int(every.sum())
        yield Tie(attribute.name, name, "AUC", value, low, high, p, strength, n, said)


def _without_rare(
    counts: np.ndarray, values: Sequence[str], minimum: float
) -> tuple[np.ndarray, list[str]]:
    """Put rare values together; leave them out where they are rare together too."""
    common = counts.sum(axis=0) >= minimum
    names = [name for name, kept in zip(values, common, strict=True) if kept]
    rest = counts[:, ~common].sum(axis=1, keepdims=True)
    if rest.sum() >= minimum:
        return np.concatenate((counts[:, common], rest), axis=1), [*names, "other values"]
    return counts[:, common], names


def _those(target: Target, level: str) -> str:
    if target.levels != FINDING:
        return repr(level)
    return f"those {'with' if level == FINDING[1] else 'without'} {target.name!r}"


def _median(values: Sequence[str], counts: np.ndarray) -> str:
    return values[int(np.searchsorted(np.cumsum(counts), counts.sum() / 2))]


def _beyond(tie: Tie, limits: Limits) -> bool:
    if tie.effect == "AUC":
        return tie.low >= limits.auc or tie.high <= 1 - limits.auc
    return tie.low >= limits.v

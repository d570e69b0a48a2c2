"""What `medshelf check` has found in a manifest, by rule and by row."""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from functools import cached_property
from typing import Self

import numpy as np
import polars as pl

from medshelf.core.issues import SEVERITIES, Issue, Severity
from medshelf.core.manifest import Manifest

_TWINS = ("near-duplicates", "exact-duplicates")
_PAIR = ("sample_id", "sample_id_2")


@dataclass(frozen=True, slots=True)
class Badge:
    """That a rule reports a sample."""

    rule: str
    severity: Severity


@dataclass(frozen=True)
class Reported:
    """Issues with the numbers of their rows.

    Attributes:
        issues: All, the worst first.
        by_rule: Rule to the numbers of the rows that it reports, rising, int64.
        by_issue: Id of an Issue to the numbers of its rows.
        was_checked: Whether the manifest, as it is, was checked; otherwise the reader's Issues
            are all there is.
    """

    issues: tuple[Issue, ...]
    by_rule: Mapping[str, np.ndarray]
    by_issue: Mapping[str, np.ndarray]
    was_checked: bool

    @classmethod
    def make(cls, issues: Iterable[Issue], manifest: Manifest, *, was_checked: bool) -> Self:
        """Look up the rows of the samples that Issues name."""
        ordered = sorted(issues, key=lambda each: SEVERITIES.index(each.severity))
        by_rule = _rows([(each.rule, each.samples) for each in ordered], manifest)
        by_issue = _rows([(each.id, each.samples) for each in ordered], manifest)
        return cls(tuple(ordered), by_rule, by_issue, was_checked)

    def rows(self, name: str) -> np.ndarray:
        """Return the rows that a rule, or one Issue by its id, reports; maybe none."""
        found = self.by_issue.get(name, self.by_rule.get(name))
        return np.zeros(0, np.int64) if found is None else found

    def badges(self, row: int) -> tuple[Badge, ...]:
        """Return the rules that report a row, the worst first."""
        return tuple(each for each in self._badges if self._has(each.rule, row))

    def of_sample(self, sample_id: str) -> tuple[Issue, ...]:
        """Return the Issues that name a sample."""
        return tuple(each for each in self.issues if sample_id in each.samples)

    def twins(self, sample_id: str) -> tuple[str, ...]:
        """Return the ids of samples that show the same picture, or nearly."""
        found: dict[str, None] = {}
        for issue in self.issues:
            if issue.rule in _TWINS:
                for case in issue.evidence:
                    pair = [str(case[name]) for name in _PAIR if name in case]
                    if sample_id in pair:
                        found |= dict.fromkeys(pair)
        return tuple(each for each in found if each != sample_id)

    @cached_property
    def _badges(self) -> tuple[Badge, ...]:
        """The rules that report a row, with the worst that each says; the worst first."""
        worst = {each.rule: each.severity for each in reversed(self.issues)}
        found = [Badge(rule, worst[rule]) for rule in sorted(self.by_rule)]
        return tuple(sorted(found, key=lambda each: SEVERITIES.index(each.severity)))

    def _has(self, rule: str, row: int) -> bool:
        rows = self.by_rule[rule]
        place = int(np.searchsorted(rows, row))
        return place < len(rows) and rows[place] == row


def _rows(named: Iterable[tuple[str, Iterable[str]]], manifest: Manifest) -> dict[str, np.ndarray]:
    pairs = [(name, sample) for name, samples in named for sample in samples]
    if not pairs:
        return {}
    table = pl.DataFrame(pairs, schema=["name", "sample_id"], orient="row").lazy()
    rows = manifest.frame.select("sample_id", row=pl.row_index().cast(pl.Int64))
    found = table.unique().join(rows, on="sample_id").sort("name", "row").collect()
    return {str(name): part["row"].to_numpy() for (name,), part in found.group_by("name")}

"""Measured beside quoted: how far apart, and whether inside the tolerance."""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from dataclasses import asdict, dataclass
from typing import Any, Literal

from medshelf.benchmark.leaderboard.entries import Entry, all_quoted
from medshelf.report.page import Cell, Table

AUC_TOLERANCE, ACC_TOLERANCE = 0.02, 0.03
"""How far a mean may lie from a quoted number. Source: the tolerance of the quoted replication."""

Against = Literal["published", "replication"]
_DIGITS = 9  # a difference of exactly the tolerance is inside, whatever binary fractions make of it


@dataclass(frozen=True, slots=True)
class Comparison:
    """A quoted number and what was measured.

    Attributes:
        dataset: Catalog id.
        method: As published tables write it.
        quoted_auc: Quoted.
        quoted_acc: Quoted.
        auc: Mean over seeds; None where the method was not measured.
        acc: As `auc`.
        auc_difference: Measured minus quoted.
        acc_difference: Measured minus quoted.
        auc_inside: Whether the difference is at most 0.02.
        acc_inside: Whether the difference is at most 0.03.
        n_seeds: Measured; 0 where the method was not.
        note: What keeps the two from being compared, or `not measured`.
    """

    dataset: str
    method: str
    quoted_auc: float
    quoted_acc: float
    auc: float | None
    acc: float | None
    auc_difference: float | None
    acc_difference: float | None
    auc_inside: bool | None
    acc_inside: bool | None
    n_seeds: int
    note: str

    def as_dict(self) -> dict[str, Any]:
        """Return plain values, for JSON."""
        return asdict(self)


def compare_quoted(
    measured: Iterable[Entry], against: Against, dataset: str | None = None
) -> list[Comparison]:
    """Compare measured entries with quoted ones of the same dataset, method and protocol.

    Args:
        measured: Entries of any datasets.
        against: Which quoted numbers.
        dataset: Catalog id; all by default.
    """
    found: dict[tuple[str, str], list[Entry]] = {}
    for each in measured:
        found.setdefault((each.dataset, each.method), []).append(each)
    compared = []
    for quoted in all_quoted():
        if quoted.kind != against or dataset not in {None, quoted.dataset}:
            continue
        same = [
            each
            for each in found.get((quoted.dataset, quoted.method), [])
            if each.kind == "entered" or each.protocol == quoted.protocol
        ]
        compared += [_compared(quoted, each) for each in same] or [_compared(quoted, None)]
    return compared


def comparison_table(compared: Sequence[Comparison]) -> Table:
    """Return comparisons as a table; what was not measured is empty."""
    header = (
        *("Dataset", "Method", "Quoted AUC", "AUC", "Difference", "Inside 0.02"),
        *("Quoted ACC", "ACC", "Difference", "Inside 0.03", "Seeds", "Note"),
    )
    rows: list[Sequence[Cell]] = [
        (
            *(each.dataset, each.method),
            *(f"{each.quoted_auc:.3f}", _number(each.auc), _signed(each.auc_difference)),
            *(_yes(each.auc_inside), f"{each.quoted_acc:.3f}", _number(each.acc)),
            *(_signed(each.acc_difference), _yes(each.acc_inside)),
            *(str(each.n_seeds or ""), each.note),
        )
        for each in compared
    ]
    return Table(header, rows, numeric={2, 3, 4, 6, 7, 8, 10})


def _compared(quoted: Entry, entry: Entry | None) -> Comparison:
    facts = (quoted.dataset, quoted.method, quoted.auc, quoted.acc)
    if entry is None:
        return Comparison(*facts, *(None,) * 6, n_seeds=0, note="not measured")
    auc, acc = entry.auc - quoted.auc, entry.acc - quoted.acc
    return Comparison(
        *(*facts, entry.auc, entry.acc, auc, acc),
        auc_inside=round(abs(auc), _DIGITS) <= AUC_TOLERANCE,
        acc_inside=round(abs(acc), _DIGITS) <= ACC_TOLERANCE,
        n_seeds=entry.n_seeds or 0,
        note=entry.note,
    )


def _number(value: float | None) -> str:
    return "" if value is None else f"{value:.3f}"


def _signed(value: float | None) -> str:
    return "" if value is None else f"{value:+.3f}"


def _yes(value: bool | None) -> str:  # noqa: FBT001 - a cell
    return {None: "", True: "yes", False: "no"}[value]

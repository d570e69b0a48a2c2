"""Quoted numbers, our own runs and the floor of one dataset, in one table."""

from __future__ import annotations

from collections.abc import Iterable, Iterator
from dataclasses import asdict, dataclass
from itertools import groupby
from pathlib import Path
from typing import Any, Literal

import numpy as np
import polars as pl

from medshelf.benchmark.runs import PRECISIONS, Run, method_name
from medshelf.benchmark.scores import Floor

QUOTED = Path(__file__).parent / "quoted" / "medmnist.csv"

Kind = Literal["published", "replication", "measured", "floor"]


@dataclass(frozen=True, slots=True)
class Entry:
    """One line of a leaderboard.

    Attributes:
        method: As published tables write it.
        kind: Quoted from the publication, quoted from a replication, measured here, or the floor.
        auc: Mean over seeds.
        auc_sd: Standard deviation over seeds (n - 1); None for one seed or if not stated.
        acc: Mean over seeds.
        acc_sd: As `auc_sd`.
        n_seeds: None if not stated.
        selection_split: Split that chose the weights; None if not stated.
        note: What else must be known, e.g. that the protocol was not followed.
        source: Where a quoted number stands, or the run's name.
    """

    method: str
    kind: Kind
    auc: float
    auc_sd: float | None
    acc: float
    acc_sd: float | None
    n_seeds: int | None
    selection_split: str | None
    note: str
    source: str

    @property
    def kind_text(self) -> str:
        """The kind as tables show it; a quoted number always says so."""
        quoted = self.kind in {"published", "replication"}
        return f"{self.kind} (quoted)" if quoted else self.kind

    @property
    def auc_text(self) -> str:
        """The AUC as tables show it, e.g. `0.874 ± 0.012`."""
        return _text(self.auc, self.auc_sd)

    @property
    def acc_text(self) -> str:
        """The ACC as tables show it."""
        return _text(self.acc, self.acc_sd)

    def as_dict(self) -> dict[str, Any]:
        """Return plain values, for JSON."""
        return asdict(self)


def leaderboard(dataset: str, runs: Iterable[Run], floor: Floor | None) -> list[Entry]:
    """Return all that is known of a dataset: measured and quoted by AUC, the floor last.

    Args:
        dataset: Catalog id.
        runs: Finished runs of the dataset.
        floor: Majority floor of the test split, where the data are at hand.
    """
    entries = [*quoted(dataset), *measured(runs)]
    entries.sort(key=lambda entry: (-entry.auc, -entry.acc, entry.method, entry.kind))
    if floor is not None:
        note = f"always {floor.prediction!r}"
        entries.append(
            Entry("Majority class", "floor", floor.auc, None, floor.acc, None, None, None, note, "")
        )
    return entries


def quoted(dataset: str) -> list[Entry]:
    """Return the published and replicated numbers of a dataset, in the order of their tables."""
    rows = (
        pl.read_csv(QUOTED, infer_schema_length=None)
        .filter(pl.col("dataset") == dataset)
        .drop("dataset")
    )
    return [Entry(note="", **row) for row in rows.iter_rows(named=True)]


def measured(runs: Iterable[Run]) -> Iterator[Entry]:
    """Yield one entry per group of finished runs that differ in the seed alone."""
    ordered = sorted(runs, key=lambda run: (run.spec.group, run.spec.seed))
    for group, members in groupby(ordered, key=lambda run: run.spec.group):
        yield _mean(group, list(members))


def _mean(group: str, runs: list[Run]) -> Entry:
    aucs = [run.scores["test"].auc.value for run in runs]
    accs = [run.scores["test"].acc.value for run in runs]
    return Entry(
        method=method_name(runs[0]),
        kind="measured",
        auc=float(np.mean(aucs)),
        auc_sd=_sd(aucs),
        acc=float(np.mean(accs)),
        acc_sd=_sd(accs),
        n_seeds=len(runs),
        selection_split=runs[0].selection["split"],
        note=", ".join(caveats(runs[0])),
        source=group,
    )


def caveats(run: Run) -> list[str]:
    """Return what keeps a run from being compared with published numbers."""
    spec = run.spec
    found = []
    if not spec.follows_protocol:
        found.append(f"{spec.epochs} epochs, not the protocol ({spec.protocol_epochs})")
    if spec.precision != PRECISIONS[0]:
        found.append(f"convolutions in {spec.precision}")
    if spec.modified:
        found.append("modified data, not the published files")
    if spec.synthetic:
        found.append("synthetic data")
    return found + run.notes


def _sd(values: list[float]) -> float | None:
    return float(np.std(values, ddof=1)) if len(values) > 1 else None


def _text(value: float, sd: float | None) -> str:
    return f"{value:.3f}" if sd is None else f"{value:.3f} ± {sd:.3f}"

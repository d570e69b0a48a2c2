"""The lines of a leaderboard: quoted numbers, our runs, entered results, the floor."""

from __future__ import annotations

import json
from collections.abc import Iterable, Mapping
from dataclasses import asdict, dataclass, replace
from functools import cache
from pathlib import Path
from typing import Any, Literal

import polars as pl

from medshelf.benchmark.leaderboard.seeds import mean_interval
from medshelf.benchmark.leaderboard.significance import Standing
from medshelf.benchmark.runs import Run
from medshelf.benchmark.scores import Floor
from medshelf.benchmark.store import as_table

QUOTED = Path(__file__).parent.parent / "quoted" / "medmnist.csv"

Kind = Literal["published", "replication", "measured", "entered", "floor"]
Interval = tuple[float, float]

_KINDS = {
    "published": "published (quoted)",
    "replication": "replication (quoted)",
    "entered": "measured (entered)",
}


@dataclass(frozen=True, slots=True)
class Entry:
    """One line of a leaderboard.

    Attributes:
        dataset: Catalog id of the test split.
        method: As published tables write it.
        kind: Quoted from the publication, quoted from a replication, measured here, scored here
            from a result file that was entered, or the floor.
        auc: Mean over seeds.
        auc_sd: Standard deviation over seeds (n - 1); None for one seed or if not stated.
        acc: Mean over seeds.
        acc_sd: As `auc_sd`.
        n_seeds: Seeds, or entered files; None if not stated.
        selection_split: Split that chose the weights; None if not stated.
        note: What else must be known, e.g. that the protocol was not followed.
        source: Where a quoted number stands, or the name that the runs share.
        protocol: Id of the protocol; None where it is not one of ours or not known.
        auc_over_seeds: 95 % t interval of the mean over seeds; None for fewer than two.
        acc_over_seeds: The same of ACC.
        auc_over_samples: 95 % percentile bootstrap interval over test samples.
        acc_over_samples: The same of ACC.
        seconds: Of training, mean over seeds.
        parameters: Trained numbers of the model.
        macs: Multiply-accumulate operations of one prediction.
        data: Rows of equal `data` were tested on the same samples; empty for quoted numbers.
        auc_standing: Rank by AUC with its significance, where it could be computed.
        acc_standing: The same by ACC.
    """

    dataset: str
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
    protocol: str | None = None
    auc_over_seeds: Interval | None = None
    acc_over_seeds: Interval | None = None
    auc_over_samples: Interval | None = None
    acc_over_samples: Interval | None = None
    seconds: float | None = None
    parameters: int | None = None
    macs: int | None = None
    data: str = ""
    auc_standing: Standing | None = None
    acc_standing: Standing | None = None

    @property
    def kind_text(self) -> str:
        """The kind as tables show it; a quoted number always says so."""
        return _KINDS.get(self.kind, self.kind)

    @property
    def is_quoted(self) -> bool:
        """Whether somebody else measured it."""
        return self.kind in {"published", "replication"}

    @property
    def is_measured(self) -> bool:
        """Whether its test scores lie here."""
        return self.kind in {"measured", "entered"}

    @property
    def is_sound(self) -> bool:
        """Whether its test scores lie here and were not selected on the test split."""
        return self.is_measured and self.selection_split != "test"

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
    return ordered([*quoted(dataset), *measured(as_table(runs))], floor)


def ordered(entries: Iterable[Entry], floor: Floor | None = None) -> list[Entry]:
    """Sort entries by AUC, then ACC; put the floor, if there is one, behind them."""
    found = sorted(entries, key=lambda each: (-each.auc, -each.acc, each.method, each.kind))
    if floor is None:
        return found
    dataset = found[0].dataset if found else ""
    note = f"always {floor.prediction!r}"
    none = (None, None, None)
    last = Entry(
        *(dataset, "Majority class", "floor", floor.auc, None, floor.acc), *none, note, source=""
    )
    return [*found, last]


def quoted(dataset: str) -> list[Entry]:
    """Return the published and replicated numbers of a dataset, in the order of their tables."""
    return [each for each in all_quoted() if each.dataset == dataset]


@cache
def all_quoted() -> tuple[Entry, ...]:
    """Return all published and replicated numbers, in the order of their tables."""
    rows = pl.read_csv(QUOTED, infer_schema_length=None)
    return tuple(Entry(note="", **row) for row in rows.iter_rows(named=True))


def measured(table: pl.DataFrame) -> list[Entry]:
    """Return one entry per group of runs that differ in the seed alone.

    Args:
        table: Rows with the columns of `store.SCHEMA`.
    """
    chosen = table.filter(pl.col("split") == "test").sort("dataset", "group", "seed", "run")
    groups = chosen.group_by(
        "dataset", "kind", "group", "data", "n_samples", maintain_order=True
    ).agg(
        pl.len().alias("n_seeds"),
        *(pl.col(name).mean() for name in ("auc", "acc", "seconds")),
        *(pl.col(name).std().alias(f"{name}_sd") for name in ("auc", "acc")),
        *(pl.col(name).first() for name in ("method", "selection_split", "protocol")),
        *(pl.col(name).first() for name in ("parameters", "macs")),
        *(pl.col(f"{name}_{end}").first() for name in ("auc", "acc") for end in ("low", "high")),
        pl.col("caveats")
        .list.explode(keep_nulls=False, empty_as_null=False)
        .unique(maintain_order=True)
        .alias("note"),
    )
    return [_entry(row) for row in groups.iter_rows(named=True)]


def _entry(row: Mapping[str, Any]) -> Entry:
    n_seeds = row["n_seeds"]
    entry = Entry(
        **{name: row[name] for name in ("dataset", "method", "kind", "selection_split")},
        **{name: row[name] for name in ("auc", "auc_sd", "acc", "acc_sd", "n_seeds")},
        **{name: row[name] for name in ("seconds", "parameters", "macs")},
        note=", ".join(each for each in row["note"] if each),
        source=row["group"],
        protocol=row["protocol"] or None,
        data=json.dumps([row["data"], row["n_samples"]]),
        auc_over_seeds=mean_interval(row["auc"], row["auc_sd"], n_seeds),
        acc_over_seeds=mean_interval(row["acc"], row["acc_sd"], n_seeds),
    )
    if n_seeds > 1:
        return entry  # only the scores of all seeds together give the interval over samples
    return replace(
        entry,
        auc_over_samples=_interval(row["auc_low"], row["auc_high"]),
        acc_over_samples=_interval(row["acc_low"], row["acc_high"]),
    )


def _interval(low: float | None, high: float | None) -> Interval | None:
    return None if low is None or high is None else (low, high)


def _text(value: float, sd: float | None) -> str:
    return f"{value:.3f}" if sd is None else f"{value:.3f} ± {sd:.3f}"

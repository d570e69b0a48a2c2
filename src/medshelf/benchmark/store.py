"""The store of results: one table made from all `run.json` and `entered.json` files.

`runs.parquet` lies beside the folders of the runs and is made again whenever a folder was added,
changed or removed; only what changed is read. It holds nothing that the folders do not.
"""

from __future__ import annotations

import json
import logging
from collections.abc import Callable, Iterable, Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import polars as pl

from medshelf.benchmark.caveats import caveats
from medshelf.benchmark.entered import ENTERED_FILE, Entered, read_entered
from medshelf.benchmark.runs import RUN_FILE, Run, method_name, read_run
from medshelf.benchmark.scores import Scores
from medshelf.core.errors import FormatError, MedshelfError, StorageError
from medshelf.core.files import atomic_path, lock
from medshelf.core.issues import Issue

STORE = "runs.parquet"
_LARGEST_BYTES = 64 << 20
_DAMAGE = (
    *(MedshelfError, ValueError, TypeError, KeyError, AttributeError),
    pl.exceptions.PolarsError,
)
_LOG = logging.getLogger(__name__)

_SPEC: dict[str, Any] = {
    "kind": pl.String,
    "run": pl.String,
    "group": pl.String,
    "dataset": pl.String,
    "size": pl.String,
    "protocol": pl.String,
    "model": pl.String,
    "method": pl.String,
    "seed": pl.Int64,
    "split": pl.String,
}
_MEASURED: dict[str, Any] = {
    **dict.fromkeys(("auc", "auc_low", "auc_high", "acc", "acc_low", "acc_high"), pl.Float64),
    **dict.fromkeys(("balanced_accuracy", "macro_f1", "calibration_error"), pl.Float64),
    "floor_prediction": pl.String,
    "floor_acc": pl.Float64,
    "n_samples": pl.Int64,
    "n_resamples": pl.Int64,
    "selection_split": pl.String,
    "choice": pl.String,
    "parameters": pl.Int64,
    "macs": pl.Int64,
    "seconds": pl.Float64,
}
_MADE: dict[str, Any] = {
    "caveats": pl.List(pl.String),
    "data": pl.String,
    "files": pl.String,
    "hardware": pl.String,
    "versions": pl.String,
    "finished": pl.String,
    "folder": pl.String,
    "result_file": pl.String,
    "size_bytes": pl.Int64,
    "mtime_ns": pl.Int64,
}
SCHEMA = pl.Schema({**_SPEC, **_MEASURED, **_MADE})
"""Columns of the store. `choice`, `files`, `hardware` and `versions` are JSON; rows of equal `data`
were tested on the same samples."""

Row = dict[str, Any]


@dataclass(frozen=True, slots=True)
class Stored:
    """What lies in the folders.

    Attributes:
        table: One row per run and split, sorted by run, with the columns of `SCHEMA`.
        issues: One for each record that cannot be read.
    """

    table: pl.DataFrame
    issues: tuple[Issue, ...] = ()


@dataclass(frozen=True, slots=True)
class _Record:
    path: Path
    size_bytes: int
    mtime_ns: int

    @property
    def key(self) -> tuple[str, int, int]:
        return str(self.path.parent), self.size_bytes, self.mtime_ns


def read_store(runs_folder: Path, results_folder: Path) -> Stored:
    """Return the table of all results, brought up to date.

    Args:
        runs_folder: Holds one folder per run, and the store.
        results_folder: Holds one folder per entered result.
    """
    found = [*_records(runs_folder, RUN_FILE), *_records(results_folder, ENTERED_FILE)]
    before = _before(runs_folder / STORE)
    keys = {each.key for each in found}
    known = set(zip(*(before[name] for name in ("folder", "size_bytes", "mtime_ns")), strict=True))
    rows, issues = _read([each for each in found if each.key not in known])
    if not rows and known <= keys:
        return Stored(before, tuple(issues))
    kept = pl.DataFrame({"folder": [key[0] for key in keys & known]}, schema={"folder": pl.String})
    old = before.join(kept, on="folder", how="semi")
    table = pl.concat([old, as_frame(rows)]).sort("kind", "run", "split")
    _write(table, runs_folder / STORE)
    return Stored(table, tuple(issues))


def as_table(runs: Iterable[Run]) -> pl.DataFrame:
    """Return the rows of runs that are at hand already."""
    return as_frame([row for run in runs for row in run_rows(run)])


def as_frame(rows: Iterable[Row]) -> pl.DataFrame:
    """Return rows as a table with the columns of `SCHEMA`."""
    return pl.DataFrame(list(rows), schema=SCHEMA, orient="row")


def run_rows(run: Run) -> Iterator[Row]:
    """Yield the rows of a run, one per split that was scored."""
    spec = run.spec
    facts = {
        "kind": "measured",
        "run": spec.name,
        "group": spec.group,
        "dataset": spec.tested_on or spec.dataset,
        "size": spec.size,
        "protocol": spec.protocol,
        "model": spec.model,
        "method": _method(run),
        "seed": spec.seed,
        "selection_split": run.selection["split"],
        "choice": json.dumps(run.selection),
        "parameters": run.cost.parameters,
        "macs": run.cost.macs,
        "seconds": float(run.wall_s),
        "caveats": caveats(run),
        "data": json.dumps(spec.files if spec.modified else "published"),
        "files": json.dumps(spec.files),
        "hardware": json.dumps(run.hardware),
        "versions": json.dumps(run.versions),
        "finished": run.finished,
        "folder": str(run.folder),
    }
    for split, scores in run.scores.items():
        yield facts | _scored(split, scores) | {"result_file": run.result_files.get(split)}


def entered_rows(entered: Entered) -> Iterator[Row]:
    """Yield the one row of an entered result file."""
    name = entered.name
    size = "" if name.size == "28" else f"_{name.size}"
    yield {
        "kind": "entered",
        "run": entered.folder.name,
        "group": f"{name.dataset}{size}_entered_{entered.method}_{entered.selected_on}",
        "dataset": name.dataset,
        "size": name.size,
        "protocol": "",
        "model": "",
        "method": entered.method,
        "selection_split": entered.selected_on or None,
        "seconds": entered.seconds,
        "caveats": entered.caveats,
        "data": json.dumps(entered.files if entered.modified else "published"),
        "files": json.dumps(entered.files),
        "versions": json.dumps(entered.versions),
        "finished": entered.entered,
        "folder": str(entered.folder),
        "result_file": str(name),
        **_scored(name.split, entered.scores),
    }


def _method(run: Run) -> str:
    try:
        return method_name(run)
    except MedshelfError:  # a user's own model that is not installed here
        return f"{run.spec.model}{run.protocol['method_suffix']}"


def _scored(split: str, scores: Scores) -> Row:
    return {
        "split": split,
        **{f"auc{end}": _finite(value) for end, value in _ends(scores.auc)},
        **{f"acc{end}": _finite(value) for end, value in _ends(scores.acc)},
        "balanced_accuracy": _finite(scores.balanced_accuracy),
        "macro_f1": _finite(scores.macro_f1),
        "calibration_error": _finite(scores.calibration_error),
        "floor_prediction": scores.floor.prediction,
        "floor_acc": _finite(scores.floor.acc),
        "n_samples": int(scores.n_samples),
        "n_resamples": int(scores.n_resamples),
    }


def _ends(estimate: Any) -> list[tuple[str, float]]:
    return [("", estimate.value), ("_low", estimate.low), ("_high", estimate.high)]


def _finite(value: float | None) -> float | None:
    if value is None:
        return None
    number = float(value)
    return number if number == number else None  # noqa: PLR0124 - NaN


def _records(folder: Path, name: str) -> Iterator[_Record]:
    for path in sorted(folder.glob(f"*/{name}")):
        stat = path.stat()
        yield _Record(path, stat.st_size, stat.st_mtime_ns)


def _before(path: Path) -> pl.DataFrame:
    """Return the store as it lies there; empty where it is missing, damaged or of another form."""
    try:
        found = pl.read_parquet(path, glob=False)
    except (OSError, pl.exceptions.PolarsError) as error:
        if path.exists():
            _LOG.info("%s is made again (%s)", path, error)
        return as_frame([])
    return found if found.schema == SCHEMA else as_frame([])


def _read(records: Iterable[_Record]) -> tuple[list[Row], list[Issue]]:
    rows: list[Row] = []
    issues = []
    for record in records:
        stamp = {"size_bytes": record.size_bytes, "mtime_ns": record.mtime_ns}
        try:
            made = [row | stamp for row in _rows_of(record)]
            as_frame(made)  # a value of the wrong type is this record's fault, found here
            rows += made
        except _DAMAGE as error:
            issues.append(_issue(record.path, error))
    return rows, issues


def _rows_of(record: _Record) -> list[Row]:
    if record.size_bytes > _LARGEST_BYTES:
        raise FormatError(record.path, f"{record.size_bytes:,} bytes are no record of a run")
    folder = record.path.parent
    rows = _OF[record.path.name](folder)
    for row in rows:
        file = row["result_file"]
        if file is not None and Path(file).name != file:
            raise FormatError(record.path, f"{file!r} is no file of its folder")
    return rows


_OF: dict[str, Callable[[Path], list[Row]]] = {
    RUN_FILE: lambda folder: list(run_rows(read_run(folder))),
    ENTERED_FILE: lambda folder: list(entered_rows(read_entered(folder))),
}


def _issue(path: Path, error: Exception) -> Issue:
    problem = (
        error.problem if isinstance(error, MedshelfError) else f"Cannot read {path}: {error!r}"
    )
    remedy = "Restore the file, or move its folder away"
    return Issue("damaged-run", "error", path.parent.name, problem, remedy)


def _write(table: pl.DataFrame, path: Path) -> None:
    """Write the store; where that is not possible it is made in memory each time."""
    try:
        with lock(path, timeout_s=10), atomic_path(path) as part:
            table.write_parquet(part)
    except StorageError as error:
        _LOG.info("%s", error)

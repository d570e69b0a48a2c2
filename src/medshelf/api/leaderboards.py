"""Leaderboards of what lies in the home: quoted numbers, our runs, entered results."""

from __future__ import annotations

import logging
from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import get_args

import polars as pl

from medshelf.api.opening import open_labelled
from medshelf.api.results import evaluate
from medshelf.benchmark import entered, runs, store
from medshelf.benchmark.entered import Claim, Entered
from medshelf.benchmark.leaderboard import comparison, tables
from medshelf.benchmark.leaderboard.entries import Entry, all_quoted, measured, ordered, quoted
from medshelf.benchmark.leaderboard.notes import explained
from medshelf.benchmark.leaderboard.ranking import ranked
from medshelf.benchmark.leaderboard.site import Board
from medshelf.benchmark.leaderboard.site import write_site as write_pages
from medshelf.benchmark.leaderboard.words import Words
from medshelf.benchmark.leaderboard.writing import View, write_view
from medshelf.benchmark.scores import majority_floor
from medshelf.catalog.shelf import find_record
from medshelf.core.errors import (
    ChecksumError,
    NotFetchedError,
    RunError,
    UnknownNameError,
)
from medshelf.core.issues import Issue
from medshelf.core.settings import Settings
from medshelf.report.page import Table

_LOG = logging.getLogger(__name__)
_QUIETLY = (NotFetchedError, ChecksumError)


@dataclass(frozen=True, slots=True)
class _Found:
    entries: list[Entry]
    issues: list[Issue]


def leaderboard(
    dataset: str, *, root: str | Path | None = None, allow_modified: bool = False
) -> list[Entry]:
    """Return published, replicated and measured results of a dataset, and the floor.

    Floor and ranks need the labels; they are left out where the files are not at hand.

    Args:
        dataset: Catalog id.
        root: As for `load`.
        allow_modified: As for `load`.

    Raises:
        UnknownNameError: There is no such dataset.
    """
    stored = _stored()
    found = _board(find_record(dataset).id, stored.table, root, allow_modified=allow_modified)
    _tell(found.issues)
    return found.entries


def method_leaderboard(method: str) -> list[Entry]:
    """Return what is known of one method on all datasets, in the publication's order.

    Args:
        method: As tables write it, e.g. `ResNet-18 (28)`.

    Raises:
        UnknownNameError: No entry has such a method.
    """
    every = every_entry()
    chosen = [each for each in every if each.method == method]
    if not chosen:
        raise UnknownNameError("method", method, dict.fromkeys(each.method for each in every))
    places = {each.dataset: place for place, each in enumerate(reversed(all_quoted()))}
    return sorted(chosen, key=lambda each: (-places.get(each.dataset, -1), each.dataset))


def table_leaderboard(dimensions: str) -> list[Entry]:
    """Return all entries on the datasets of the publication's 2D or 3D table.

    Args:
        dimensions: `2d` or `3d`.

    Raises:
        UnknownNameError: There is no such table.
    """
    if dimensions not in get_args(tables.Dimensions):
        raise UnknownNameError("table", dimensions, get_args(tables.Dimensions))
    datasets = tables.paper_datasets("3d" if dimensions == "3d" else "2d")
    every = every_entry()
    return [each for each in every if each.dataset in datasets]


def every_entry() -> list[Entry]:
    """Return all quoted and all measured entries, without floors and ranks."""
    return [*all_quoted(), *measured(_stored().table)]


def finished_runs(dataset: str) -> list[runs.Run]:
    """Return the finished runs that were tested on a dataset, by name."""
    table = _stored().table
    return _runs(table.filter(pl.col("dataset") == dataset).sort("run"))


def compare_with(against: str, dataset: str | None = None) -> list[comparison.Comparison]:
    """Compare what was measured with quoted numbers.

    Args:
        against: `published` or `replication`.
        dataset: Catalog id; all by default.

    Raises:
        UnknownNameError: There are no such quoted numbers, or no such dataset.
    """
    if against not in get_args(comparison.Against):
        raise UnknownNameError("comparison", against, get_args(comparison.Against))
    chosen = None if dataset is None else find_record(dataset).id
    kind: comparison.Against = "published" if against == "published" else "replication"
    return comparison.compare_quoted(measured(_stored().table), kind, chosen)


def enter(
    path: str | Path,
    claim: Claim | None = None,
    *,
    root: str | Path | None = None,
    allow_modified: bool = False,
) -> Entered:
    """Score a result file and enter it into the leaderboard of its dataset.

    Args:
        path: A file in the standard naming, as for `evaluate`.
        claim: What is said of how it was made.
        root: As for `load`.
        allow_modified: As for `load`.

    Raises:
        FormatError: The name or the content breaks the form.
        MetricError: The scores do not fit the split.
        NotFetchedError: The dataset's labels are not at hand.
        RunError: It is not of the test split, has no method's name, or was entered before.
        StorageError: The home cannot be written.
    """
    found = evaluate(path, root=root, allow_modified=allow_modified)
    return entered.enter(
        _home().results_folder,
        found.name,
        found.y_score,
        found.scores,
        claim or Claim(),
        files=dict(found.labels.files),
        modified=found.modified,
    )


def dataset_view(dataset: str, entries: Sequence[Entry], language: str = "en") -> View:
    """Return the leaderboard of a dataset as a table that can be written."""
    return View(
        f"{dataset}: {Words(language)('Leaderboard')}",
        tables.entry_tables(entries, word=Words(language)),
        explained(entries, Words(language)),
        [tables.flat(each) for each in entries],
        language,
    )


def method_view(method: str, entries: Sequence[Entry], language: str = "en") -> View:
    """Return what is known of a method as a table that can be written."""
    return View(
        f"{method}: {Words(language)('Leaderboard')}",
        tables.entry_tables(entries, word=Words(language), by_dataset=True),
        explained(entries, Words(language)),
        [tables.flat(each) for each in entries],
        language,
    )


def table_view(dimensions: str, entries: Sequence[Entry], language: str = "en") -> View:
    """Return the whole table in the publication's layout."""
    word = Words(language)
    return View(
        word(f"The whole table, {dimensions.upper()}"),
        tables.narrow_tables(tables.paper_table(entries, _titles(dimensions), word=word)),
        explained(entries, word),
        [tables.flat(each) for each in entries],
        language,
    )


def short_table_of(dimensions: str, entries: Sequence[Entry]) -> Table:
    """Return the whole table as it fits into a terminal."""
    return tables.short_paper_table(entries, _titles(dimensions))


def comparison_view(against: str, compared: Sequence[comparison.Comparison]) -> View:
    """Return a comparison with quoted numbers as a table that can be written."""
    note = (
        f"Difference: measured minus quoted, of means over seeds; inside: at most "
        f"{comparison.AUC_TOLERANCE} AUC and {comparison.ACC_TOLERANCE} ACC apart."
    )
    return View(
        f"Measured beside the {against} numbers (quoted)",
        [comparison.comparison_table(compared)],
        [note],
        [each.as_dict() for each in compared],
    )


def write_leaderboard(dataset: str, entries: Sequence[Entry], path: str | Path) -> Path:
    """Write the leaderboard of a dataset; return the file's path.

    Args:
        dataset: Catalog id.
        entries: From `leaderboard`.
        path: File to write: `.html`, `.md`, `.tex` or `.csv`.

    Raises:
        SettingError: There is no such format.
    """
    write_view(dataset_view(dataset, entries), Path(path))
    return Path(path)


def write_site(
    folder: str | Path,
    *,
    root: str | Path | None = None,
    allow_modified: bool = False,
    language: str = "en",
) -> Path:
    """Write the leaderboards of all datasets as a static site; return its index page.

    Args:
        folder: Where to; files of other names stay.
        root: As for `load`.
        allow_modified: As for `load`.
        language: `en` or `zh`.
    """
    stored = _stored()
    names = [each.dataset for each in all_quoted()] + stored.table["dataset"].to_list()
    issues = list(stored.issues)
    boards = []
    for dataset in dict.fromkeys(names):
        found = _board(dataset, stored.table, root, allow_modified=allow_modified)
        issues += found.issues
        rows = stored.table.filter(pl.col("dataset") == dataset)
        name, finished = find_record(dataset).name, _runs(rows)
        notes = explained(found.entries, Words(language))
        boards.append(Board(dataset, name, found.entries, rows, finished, notes))
    _tell(issues[len(stored.issues) :])
    return write_pages(Path(folder), boards, issues, language)


def _board(
    dataset: str, table: pl.DataFrame, root: str | Path | None, *, allow_modified: bool
) -> _Found:
    rows = table.filter(pl.col("dataset") == dataset)
    found = measured(rows)
    try:
        train, test = (
            open_labelled(dataset, split, root=root, allow_modified=allow_modified)
            for split in ("train", "test")
        )
    except (*_QUIETLY, RunError) as error:
        reason: object = error
        if isinstance(error, NotFetchedError):  # its own words list every folder that was searched
            reason = f"{dataset} is not at hand; fetch it with: medshelf fetch {dataset}"
        _LOG.info("Without floor and ranks: %s", reason)
        return _Found(ordered([*quoted(dataset), *found]), [])
    found, issues = ranked(found, rows, test.task, test.targets)
    floor = majority_floor(test.task, test.targets, train.targets)
    return _Found(ordered([*quoted(dataset), *found], floor), issues)


def _titles(dimensions: str) -> dict[str, str]:
    datasets = tables.paper_datasets("3d" if dimensions == "3d" else "2d")
    return {each: find_record(each).name for each in datasets}


def _runs(rows: pl.DataFrame) -> list[runs.Run]:
    chosen = rows.filter(pl.col("kind") == "measured", pl.col("split") == "test")
    return [runs.read_run(Path(folder)) for folder in chosen["folder"].unique(maintain_order=True)]


def _stored() -> store.Stored:
    found = store.read_store(_home().runs_folder, _home().results_folder)
    _tell(found.issues)
    return found


def _home() -> Settings:
    return Settings.from_environment()


def _tell(issues: Iterable[Issue]) -> None:
    for each in issues:
        _LOG.warning("%s: %s. %s.", each.where, each.message, each.remedy)

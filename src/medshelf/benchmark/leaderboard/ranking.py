"""Measured entries of one dataset get their intervals over samples and their ranks."""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from dataclasses import replace
from itertools import groupby
from pathlib import Path

import numpy as np
import polars as pl

from medshelf.benchmark.leaderboard.entries import Entry
from medshelf.benchmark.leaderboard.significance import compare
from medshelf.benchmark.metrics import auc
from medshelf.benchmark.protocol import find_protocol, protocol_ids
from medshelf.benchmark.result_file import read_scores
from medshelf.core.errors import FormatError, MetricError
from medshelf.core.issues import Issue
from medshelf.core.tasks import Task

_TOLERANCE = 1e-4  # scores are written in decimal


def ranked(
    entries: Sequence[Entry], table: pl.DataFrame, task: Task, y_true: np.ndarray
) -> tuple[list[Entry], list[Issue]]:
    """Compare the measured entries that were tested on the same samples.

    Those that were selected on the test split, or trained on another dataset, whose classes they
    give, are left as they are.

    Args:
        entries: From `measured`, of one dataset.
        table: The rows that they were made from.
        task: Kind and classes.
        y_true: Labels of the test split.

    Returns:
        The entries, in their order, and an Issue for each result file that does not give the AUC
        that was recorded with these labels; its entry stays as it was.
    """
    found: dict[int, Entry] = {}
    issues: list[Issue] = []
    sound = [place for place, each in enumerate(entries) if each.is_sound and not _crossed(each)]
    places = sorted(sound, key=lambda place: entries[place].data)
    for _, group in groupby(places, key=lambda place: entries[place].data):
        chosen = {}
        for place in group:
            scores, problem = _scores(entries[place], table, task, y_true)
            if problem is None:
                chosen[place] = scores
            else:
                issues.append(problem)
        if chosen:
            found |= _compared(entries, chosen, task, y_true)
    return [found.get(place, entry) for place, entry in enumerate(entries)], issues


def _crossed(entry: Entry) -> bool:
    name = entry.protocol
    return name in protocol_ids() and find_protocol(name).test_on == "other"


def _compared(
    entries: Sequence[Entry], chosen: dict[int, list[np.ndarray]], task: Task, y_true: np.ndarray
) -> dict[int, Entry]:
    by_auc, by_acc = compare(task, y_true, list(chosen.values()))
    found = {}
    for at, place in enumerate(chosen):
        found[place] = replace(
            entries[place],
            auc_over_samples=by_auc.intervals[at],
            acc_over_samples=by_acc.intervals[at],
            auc_standing=by_auc.standings[at] if by_auc.standings else None,
            acc_standing=by_acc.standings[at] if by_acc.standings else None,
        )
    return found


def _scores(
    entry: Entry, table: pl.DataFrame, task: Task, y_true: np.ndarray
) -> tuple[list[np.ndarray], Issue | None]:
    rows = table.filter(
        pl.col("group") == entry.source,
        pl.col("dataset") == entry.dataset,
        pl.col("split") == "test",
        pl.col("kind") == entry.kind,
    )
    paths = (
        (Path(folder) / (file or ""), recorded)
        for folder, file, recorded in rows.select("folder", "result_file", "auc").iter_rows()
    )
    return _checked_scores(paths, task, y_true)


def _checked_scores(
    paths: Iterable[tuple[Path, float]], task: Task, y_true: np.ndarray
) -> tuple[list[np.ndarray], Issue | None]:
    found = []
    for path, recorded in paths:
        try:
            scores = read_scores(path)
            computed = auc(task, y_true, scores)
        except (FormatError, MetricError) as error:
            return [], _issue(path, error.problem)
        if abs(computed - recorded) > _TOLERANCE:
            problem = f"AUC is {computed:.4f} with the labels at hand, {recorded:.4f} was recorded"
            return [], _issue(path, problem)
        found.append(scores)
    return found, None


def _issue(path: Path, problem: str) -> Issue:
    remedy = "The entry is not ranked; use the labels it was made with, or make the run again"
    return Issue("result-not-reproduced", "warning", path.parent.name, problem, remedy)

"""The leaderboards as a static site: an index, the whole tables, and a page per dataset."""

from __future__ import annotations

import json
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from importlib.resources import files
from pathlib import Path
from typing import Any

import polars as pl

from medshelf.benchmark.leaderboard.entries import Entry
from medshelf.benchmark.leaderboard.tables import (
    entry_tables,
    narrow_tables,
    paper_datasets,
    paper_table,
)
from medshelf.benchmark.leaderboard.words import Words
from medshelf.benchmark.runs import Run
from medshelf.core.files import write_text
from medshelf.core.issues import Issue
from medshelf.report.charts.lines import Series, line_chart
from medshelf.report.charts.scale import Axis
from medshelf.report.charts.svg import Chart
from medshelf.report.page import Cell, Link, Page, Table

SCRIPT = "sorting.js"
_CURVES = 6
_LEAD = "Test splits. Quoted numbers are marked as such; what is not known is empty."


@dataclass(frozen=True, slots=True)
class Board:
    """One dataset of the site.

    Attributes:
        dataset: Catalog id.
        name: As its authors write it.
        entries: Its leaderboard.
        table: The rows of the store that the measured entries come from.
        runs: The finished runs, for their learning curves.
        notes: How to read the table.
    """

    dataset: str
    name: str
    entries: Sequence[Entry]
    table: pl.DataFrame
    runs: Sequence[Run]
    notes: Sequence[str]


def write_site(
    folder: Path, boards: Iterable[Board], issues: Sequence[Issue], language: str = "en"
) -> Path:
    """Write the site; pages of before are replaced, other files stay.

    Args:
        folder: Where to.
        boards: One per dataset.
        issues: Records that could not be used.
        language: `en` or `zh`.

    Returns:
        The index page.

    Raises:
        StorageError: The folder cannot be written.
    """
    word = Words(language)
    shown = list(boards)
    for board in shown:
        _dataset_page(board, word).write(folder / f"{board.dataset}.html")
    script = files("medshelf.benchmark.leaderboard").joinpath(SCRIPT).read_text("utf-8")
    write_text(folder / SCRIPT, script)
    index = folder / "index.html"
    _index(shown, issues, word).write(index)
    return index


def _index(boards: Sequence[Board], issues: Sequence[Issue], word: Words) -> Page:
    page = Page(
        word("Leaderboards"),
        word(_LEAD),
        lang=word.language,
        script=SCRIPT,
    )
    page.heading(word("Datasets"))
    header = ("Dataset", "Entries", "Measured", "Best measured", "Best quoted")
    rows: list[Sequence[Cell]] = [
        (
            Link(board.name, f"{board.dataset}.html"),
            *(str(len(board.entries)), str(sum(each.is_measured for each in board.entries))),
            _best([each for each in board.entries if each.is_sound], word),
            _best([each for each in board.entries if each.is_quoted], word),
        )
        for board in boards
    ]
    page.table(Table([word(each) for each in header], rows, numeric={1, 2}))
    names = {board.dataset: board.name for board in boards}
    entries = [each for board in boards for each in board.entries]
    for dimensions in ("2d", "3d"):
        titles = {each: names[each] for each in paper_datasets(dimensions) if each in names}
        if titles:
            page.heading(word(f"The whole table, {dimensions.upper()}"))
            for table in narrow_tables(paper_table(entries, titles, word=word)):
                page.table(table)
    _unusable(page, issues, word)
    return page


def _best(entries: Sequence[Entry], word: Words) -> str:
    if not entries:
        return ""
    first = max(entries, key=lambda each: each.auc)
    return f"AUC {first.auc_text}, {word(first.method)}"


def _dataset_page(board: Board, word: Words) -> Page:
    page = Page(
        f"{board.name}: {word('Leaderboard')}",
        word(_LEAD),
        lang=word.language,
        script=SCRIPT,
    )
    page.heading(word("All results"))
    for table in entry_tables(board.entries, word=word):
        page.table(table)
    page.heading(word("How to read this"))
    for note in board.notes:
        page.paragraph(note)
    for entry in board.entries:
        if entry.is_measured and entry.note:
            title = f"{word(entry.method)} ({entry.source}):"
            page.notice(word.remark(entry.note), title, "warning")
    _curves(page, board.runs, word)
    _origin(page, board.table, word)
    return page


def _curves(page: Page, runs: Sequence[Run], word: Words) -> None:
    groups: dict[str, list[Run]] = {}
    for run in runs:
        if len(run.history) > 1 and all("epoch" in each for each in run.history):
            groups.setdefault(run.spec.group, []).append(run)
    charts = [_chart(group, members, word) for group, members in groups.items()]
    if charts:
        page.heading(word("Learning curves"), word("The metric that the weights were selected by."))
        page.charts(*charts)


def _chart(group: str, runs: Sequence[Run], word: Words) -> Chart:
    selection = runs[0].selection
    metric, split = str(selection["metric"]), str(selection["split"])
    shown = sorted(runs, key=lambda run: run.spec.seed)[:_CURVES]
    curves = [
        Series(
            word("seed {n}", n=run.spec.seed),
            [each["epoch"] for each in run.history],
            [_number(each.get(metric)) for each in run.history],
            dots=len(run.history) < 15,  # noqa: PLR2004
        )
        for run in shown
    ]
    cut = word("the first {n} of {total} seeds", n=_CURVES, total=len(runs))
    more = f" ({cut})" if len(runs) > _CURVES else ""
    title = f"{group}{more}: {metric.upper()}, {split}"
    return line_chart(title, curves, Axis(word("epoch"), whole=True), Axis(metric.upper()))


def _number(value: Any) -> float:
    return float(value) if isinstance(value, int | float) else float("nan")


def _origin(page: Page, table: pl.DataFrame, word: Words) -> None:
    chosen = table.filter(pl.col("split") == "test").sort("run")
    if chosen.is_empty():
        return
    page.heading(word("How the measured runs were made"))
    header = (
        *("Runs", "Protocol", "AUC", "ACC", "Seconds"),
        *("Hardware", "Versions", "Data", "Finished"),
    )
    rows: list[Sequence[Cell]] = [
        (
            *(row["run"], row["protocol"], f"{row['auc']:.3f}", f"{row['acc']:.3f}"),
            "" if row["seconds"] is None else f"{row['seconds']:,.0f}",
            *(_listed(row["hardware"]), _listed(row["versions"]), _listed(row["files"])),
            row["finished"] or "",
        )
        for row in chosen.iter_rows(named=True)
    ]
    page.table(Table([word(each) for each in header], rows, numeric={2, 3, 4}))


def _listed(text: str | None) -> str:
    found: Mapping[str, Any] = json.loads(text) if text else {}
    return ", ".join(f"{name} {value}" for name, value in found.items())


def _unusable(page: Page, issues: Sequence[Issue], word: Words) -> None:
    if issues:
        page.heading(word("Records that cannot be used"))
    for issue in issues:
        page.notice(f"{issue.message}. {issue.remedy}.", f"{issue.where}:", "warning")

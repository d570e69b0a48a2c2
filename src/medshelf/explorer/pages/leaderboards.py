"""Leaderboards: quoted numbers beside measured ones, the floor, curves; sortable, downloadable."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from importlib.resources import files
from typing import Annotated, Final, Literal

from fastapi import Path, Query
from fastapi.responses import Response
from pydantic import BaseModel

from medshelf.api import leaderboards as boards
from medshelf.benchmark.leaderboard.entries import Entry
from medshelf.benchmark.leaderboard.tables import paper_datasets
from medshelf.benchmark.leaderboard.words import Words
from medshelf.benchmark.leaderboard.writing import csv
from medshelf.benchmark.runs import Run
from medshelf.catalog.shelf import find_record
from medshelf.explorer.drawing import Curves, Line
from medshelf.explorer.language import say
from medshelf.explorer.site import Held, Language, Page, Site, View

COLUMNS: Final = ("method", "kind", "auc", "acc", "n_seeds", "seconds", "parameters", "macs")
Sort = Annotated[str, Query(pattern=f"^(-?({'|'.join(COLUMNS)}))?$")]
Dataset = Annotated[str, Path(max_length=300)]

_FALLING_FIRST: Final = ("auc", "acc", "n_seeds")


class Row(BaseModel):
    """One line of a leaderboard.

    Attributes:
        method: As tables write it.
        kind: published, replication, measured, entered or floor.
        kind_text: The same for people; a quoted number says so.
        auc: Mean over seeds.
        auc_text: With the standard deviation over seeds.
        acc: Mean over seeds.
        acc_text: With the standard deviation over seeds.
        n_seeds: How many.
        interval: 95 % interval of the AUC over test samples, by bootstrap.
        rank: Ranks that the data leave open, by AUC.
        selection_split: Split that chose the weights; `test` makes a number no estimate.
        auc_difference: To the published number of the same method and protocol.
        acc_difference: To the published number of the same method and protocol.
        seconds: Of training.
        parameters: Trained numbers.
        macs: Multiply-accumulate operations of one prediction.
        note: What else must be known.
        source: Where a quoted number stands, or the name of the runs.
    """

    method: str
    kind: str
    kind_text: str
    auc: float
    auc_text: str
    acc: float
    acc_text: str
    n_seeds: int | None
    interval: str
    rank: str
    selection_split: str | None
    auc_difference: float | None
    acc_difference: float | None
    seconds: float | None
    parameters: int | None
    macs: int | None
    note: str
    source: str


class Head(BaseModel):
    """A column that can be sorted by.

    Attributes:
        name: Of the column.
        url: Where it is sorted by this column, or the other way round.
        sorted: `ascending`, `descending`, or null.
    """

    name: str
    url: str
    sorted: Literal["ascending", "descending"] | None


class BoardView(View):
    """The leaderboard of a dataset.

    Attributes:
        dataset: Catalog id.
        heads: Columns.
        rows: Lines in the order asked for; what is not known comes last.
        notes: How to read them.
        curves: Learning curves of what was measured.
        download: Address of the table in CSV.
    """

    dataset: str
    heads: tuple[Head, ...]
    rows: tuple[Row, ...]
    notes: tuple[str, ...]
    curves: tuple[Curves, ...]
    download: str


class Best(BaseModel):
    """A dataset with its best quoted and its best measured number."""

    dataset: str
    name: str
    url: str
    quoted: str | None
    measured: str | None


class BoardsView(View):
    """All leaderboards.

    Attributes:
        flat: Datasets of pictures.
        deep: Datasets of volumes.
        others: Further datasets with results.
    """

    flat: tuple[Best, ...]
    deep: tuple[Best, ...]
    others: tuple[Best, ...]


def board(language: Language, held: Held, dataset: Dataset, sort: Sort = "") -> BoardView:
    """Return the leaderboard of a dataset."""
    record = find_record(dataset)
    entries = boards.leaderboard(record.id, root=held.root if record.id in held.ids else None)
    compared = {
        each.method: each for each in boards.compare_with("published", record.id) if each.n_seeds
    }
    rows, word = [], Words(language)
    for each in entries:
        beside = compared.get(each.method) if each.is_measured else None
        rows.append(
            Row(
                **{name: getattr(each, name) for name in _COPIED},
                method=word(each.method),
                note=word.remark(each.note),
                interval=_interval(each),
                rank="" if each.auc_standing is None else str(each.auc_standing),
                auc_difference=None if beside is None else beside.auc_difference,
                acc_difference=None if beside is None else beside.acc_difference,
            )
        )
    here = f"/{language}/datasets/{record.id}/leaderboard"
    view = boards.dataset_view(record.id, entries, language)
    return BoardView(
        title=say("leaderboards.of", language, name=record.name),
        dataset=record.id,
        heads=tuple(_heads(here, sort)),
        rows=tuple(_ordered(rows, sort)),
        notes=tuple(view.notes),
        curves=tuple(_curves(boards.finished_runs(record.id), word)),
        download=f"/download/datasets/{record.id}/leaderboard.csv",
    )


_COPIED: Final = (
    *("kind", "kind_text", "auc", "auc_text", "acc", "acc_text", "n_seeds"),
    *("selection_split", "seconds", "parameters", "macs", "source"),
)


def every(language: Language) -> BoardsView:
    """Return all datasets that have results."""
    entries = boards.every_entry()
    known: dict[str, list[Entry]] = {}
    for each in entries:
        known.setdefault(each.dataset, []).append(each)
    flat, deep = paper_datasets("2d"), paper_datasets("3d")
    others = sorted(set(known) - set(flat) - set(deep))
    return BoardsView(
        title=say("leaderboards.title", language),
        flat=tuple(_best(each, known[each], language) for each in flat),
        deep=tuple(_best(each, known[each], language) for each in deep),
        others=tuple(_best(each, known[each], language) for each in others),
    )


def download(dataset: Dataset) -> Response:
    """Return the leaderboard of a dataset as CSV."""
    record = find_record(dataset)
    view = boards.dataset_view(record.id, boards.leaderboard(record.id))
    named = {"Content-Disposition": f'attachment; filename="{record.id}-leaderboard.csv"'}
    return Response(csv(view), media_type="text/csv; charset=utf-8", headers=named)


def _best(dataset: str, entries: Sequence[Entry], language: str) -> Best:
    def text(chosen: list[Entry]) -> str | None:
        best = max(chosen, key=lambda each: each.auc, default=None)
        return None if best is None else f"AUC {best.auc_text}, {best.method}"

    return Best(
        dataset=dataset,
        name=find_record(dataset).name,
        url=f"/{language}/datasets/{dataset}/leaderboard",
        quoted=text([each for each in entries if each.kind == "published"]),
        measured=text([each for each in entries if each.is_sound]),
    )


def _interval(entry: Entry) -> str:
    found = entry.auc_over_samples
    return "" if found is None else f"[{found[0]:.3f}, {found[1]:.3f}]"


def _heads(here: str, sort: str) -> Iterator[Head]:
    for name in COLUMNS:
        first, second = (f"-{name}", name) if name in _FALLING_FIRST else (name, f"-{name}")
        now = {name: "ascending", f"-{name}": "descending"}.get(sort)
        yield Head(name=name, url=f"{here}?sort={second if sort == first else first}", sorted=now)


def _ordered(rows: list[Row], sort: str) -> list[Row]:
    if not sort:
        return rows
    name = sort.removeprefix("-")
    stated = [each for each in rows if getattr(each, name) is not None]
    stated.sort(key=lambda each: getattr(each, name), reverse=sort.startswith("-"))
    return stated + [each for each in rows if getattr(each, name) is None]


def _curves(runs: Sequence[Run], word: Words) -> Iterator[Curves]:
    groups: dict[str, list[Run]] = {}
    for each in runs:
        if len(each.history) > 1 and all("epoch" in epoch for epoch in each.history):
            groups.setdefault(each.spec.group, []).append(each)
    for group, members in groups.items():
        metric, split = (str(members[0].selection[each]) for each in ("metric", "split"))
        yield Curves(
            title=f"{group}: {metric.upper()}, {split}",
            metric=metric.upper(),
            epoch=word("epoch"),
            lines=tuple(
                Line(
                    name=word("seed {n}", n=each.spec.seed),
                    epochs=tuple(epoch["epoch"] for epoch in each.history),
                    values=tuple(epoch.get(metric) for epoch in each.history),
                )
                for each in members
            ),
        )


def register(site: Site) -> None:
    """Add the pages, the table and the style of charts."""
    site.add(Page("/datasets/{dataset}/leaderboard", "leaderboard.html", board))
    site.add(Page("/leaderboards", "leaderboards.html", every))
    site.router.add_api_route("/download/datasets/{dataset}/leaderboard.csv", download)
    site.router.add_api_route("/charts.css", _style, include_in_schema=False)


def _style() -> Response:
    content = files("medshelf.report.charts").joinpath("charts.css").read_text("utf-8")
    return Response(content, media_type="text/css")

"""Entries as tables: of one dataset, of one method, and the whole in the publication's layout."""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import replace
from typing import Any, Literal

from medshelf.benchmark.leaderboard.entries import Entry, Interval, all_quoted
from medshelf.benchmark.leaderboard.words import Words
from medshelf.report.page import Cell, Link, Table

Dimensions = Literal["2d", "3d"]

_ENGLISH = Words()
_NARROW = {"Rank by AUC": "Rank", "Selected on": "Selected"}
_SUMMARY = ("Method", "Kind", "AUC", "ACC", "Rank by AUC", "Seeds", "Selected on", "Note")
_INTERVALS = (
    *("Method", "AUC behind the best", "p, Holm", "AUC, over seeds", "AUC, over samples"),
    *("Rank by ACC", "ACC, over seeds", "ACC, over samples"),
)
_ORIGIN = ("Method", "Kind", "Protocol", "Seconds", "Parameters", "MACs", "Source")
_SHORT = ("Method", "Kind", "AUC", "ACC", "Rank by AUC", "Seeds", "Selected on", "Seconds", "Note")
_LEFT = {"Dataset", "Method", "Kind", "Selected on", "Protocol", "Note", "Source"}


def entry_tables(
    entries: Sequence[Entry], *, word: Words = _ENGLISH, by_dataset: bool = False
) -> list[Table]:
    """Return all that is known of entries: results, intervals of measured ones, origin and cost.

    Args:
        entries: In the order of the rows; what is not known of one is empty.
        word: Gives the headings.
        by_dataset: Begin each row with its dataset.
    """
    measured = [each for each in entries if each.is_measured]
    parts = [(entries, _SUMMARY), (measured, _INTERVALS), (entries, _ORIGIN)]
    return [_table(rows, names, word, by_dataset=by_dataset) for rows, names in parts if rows]


def short_table(entries: Sequence[Entry], *, by_dataset: bool = False) -> Table:
    """Return what fits into a terminal."""
    whole = _table(entries, _SHORT, _ENGLISH, by_dataset=by_dataset)
    return replace(whole, header=[_NARROW.get(name, name) for name in whole.header])


def short_paper_table(entries: Iterable[Entry], titles: Mapping[str, str]) -> Table:
    """Return the whole table with one column `AUC / ACC` per dataset, means only."""
    whole = paper_table(entries, titles)
    rows: list[Sequence[Cell]] = []
    for row in whole.rows:
        method, kind, *cells, remark = map(str, row)
        means = [each.partition(" ")[0] for each in cells]
        pairs = zip(means[::2], means[1::2], strict=True)
        named = f"{method}, {kind}" + (f": {remark}" if remark else "")
        rows.append([named, *(f"{auc} / {acc}" if auc else "" for auc, acc in pairs)])
    return Table(("AUC / ACC, means", *titles.values()), rows)


def paper_datasets(dimensions: Dimensions) -> list[str]:
    """Return the datasets of the publication's 2D or 3D table, in its order."""
    names = dict.fromkeys(each.dataset for each in all_quoted())
    return [name for name in names if name.endswith("3d") == (dimensions == "3d")]


def paper_table(
    entries: Iterable[Entry], titles: Mapping[str, str], *, word: Words = _ENGLISH
) -> Table:
    """Return one row per method, and an AUC and an ACC column per dataset.

    Methods stand in the publication's order; what a row holds was made alike on all its datasets.

    Args:
        entries: Of any datasets.
        titles: Catalog id to what the columns call the dataset, in the order of the columns.
        word: Gives the headings.
    """
    chosen = [each for each in entries if each.dataset in titles and each.kind != "floor"]
    quoted = [each.method for each in reversed(all_quoted()) if each.dataset in titles]
    order = dict(zip(quoted, range(len(quoted)), strict=True))
    cells: dict[tuple[str, str, str, int], dict[str, Entry]] = {}
    for each in chosen:
        turn = 0
        key = (each.method, each.kind_text, each.note, turn)
        while each.dataset in cells.get(key, {}):  # another group of runs: a row of its own
            turn += 1
            key = (*key[:3], turn)
        cells.setdefault(key, {})[each.dataset] = each
    kinds = ("published (quoted)", "replication (quoted)", "measured", "measured (entered)")
    rows: list[Sequence[Cell]] = []
    for key in sorted(
        cells, key=lambda key: (-order.get(key[0], -1), key[0], kinds.index(key[1]), key[2:])
    ):
        row: list[Cell] = [word(key[0]), word(key[1])]
        for dataset in titles:
            entry = cells[key].get(dataset)
            row += ["", ""] if entry is None else [entry.auc_text, entry.acc_text]
        rows.append([*row, word.remark(key[2])])
    metrics = [f"{title} {metric}" for title in titles.values() for metric in ("AUC", "ACC")]
    header = (word("Method"), word("Kind"), *metrics, word("Note"))
    return Table(header, rows, numeric=range(2, 2 + len(metrics)))


def narrow_tables(whole: Table, at_once: int = 3) -> list[Table]:
    """Cut the whole table into tables of some datasets each, without the rows that are empty there.

    Args:
        whole: From `paper_table`.
        at_once: Datasets in a table.
    """
    last = len(whole.header) - 1
    found = []
    for first in range(2, last, 2 * at_once):
        cells = range(first, min(first + 2 * at_once, last))
        places = (0, 1, *cells, last)
        rows = [
            [row[place] for place in places]
            for row in whole.rows
            if any(row[place] for place in cells)
        ]
        noted = any(row[-1] for row in rows)
        end = len(places) if noted else -1
        header = [whole.header[place] for place in places][:end]
        numeric = range(2, 2 + len(cells))
        found.append(Table(header, [row[:end] for row in rows], numeric=numeric))
    return found


def flat(entry: Entry) -> dict[str, Any]:
    """Return an entry as one level of plain values, for CSV."""
    values: dict[str, Any] = {}
    for name, value in entry.as_dict().items():
        if name.endswith(("over_seeds", "over_samples")):
            values[f"{name}_low"], values[f"{name}_high"] = value or (None, None)
        elif name.endswith("_standing"):
            metric, parts = name.removesuffix("_standing"), value or {}
            interval = parts.get("interval") or (None, None)
            values |= {f"{metric}_rank_{end}": parts.get(end) for end in ("best", "worst")}
            values[f"{metric}_difference"] = parts.get("difference")
            values[f"{metric}_difference_low"], values[f"{metric}_difference_high"] = interval
            values[f"{metric}_p"] = parts.get("p")
        elif name != "data":
            values[name] = value
    return values


def _table(
    entries: Sequence[Entry],
    names: Sequence[str],
    word: Words,
    *,
    by_dataset: bool,
) -> Table:
    columns = ("Dataset", *names) if by_dataset else tuple(names)
    cells = [_cells(each, word) for each in entries]
    rows = [[row[name] for name in columns] for row in cells]
    best = next((place for place, each in enumerate(entries) if each.is_sound), None)
    return Table(
        [word(name) for name in columns],
        rows,
        numeric={place for place, name in enumerate(columns) if name not in _LEFT},
        emphasised=None if by_dataset else best,
    )


def _cells(entry: Entry, word: Words) -> dict[str, Cell]:
    auc, acc = entry.auc_standing, entry.acc_standing
    behind = "" if auc is None else _signed(auc.difference, auc.interval)
    is_link = entry.source.startswith(("https://", "http://"))
    return {
        "Dataset": entry.dataset,
        "Method": word(entry.method),
        "Kind": word(entry.kind_text),
        "AUC": entry.auc_text,
        "ACC": entry.acc_text,
        "Seeds": str(entry.n_seeds or ""),
        "Rank by AUC": "" if auc is None else str(auc),
        "AUC behind the best": behind,
        "p, Holm": "" if auc is None or not auc.difference else _p(auc.p),
        "Rank by ACC": "" if acc is None else str(acc),
        "AUC, over seeds": _range(entry.auc_over_seeds),
        "AUC, over samples": _range(entry.auc_over_samples),
        "ACC, over seeds": _range(entry.acc_over_seeds),
        "ACC, over samples": _range(entry.acc_over_samples),
        "Selected on": entry.selection_split or "",
        "Protocol": entry.protocol or "",
        "Seconds": "" if entry.seconds is None else f"{entry.seconds:,.0f}",
        "Parameters": "" if entry.parameters is None else f"{entry.parameters:,}",
        "MACs": "" if entry.macs is None else f"{entry.macs:,}",
        "Note": word.remark(entry.note),
        "Source": Link(entry.source.partition("://")[2], entry.source) if is_link else entry.source,
    }


def _range(interval: Interval | None) -> str:
    return "" if interval is None else f"[{interval[0]:.3f}, {interval[1]:.3f}]"


def _signed(difference: float, interval: Interval) -> str:
    return f"{difference:+.3f} {_range(interval)}" if difference else ""


def _p(value: float) -> str:
    return "< 0.001" if value < 0.001 else f"{value:.3f}"  # noqa: PLR2004

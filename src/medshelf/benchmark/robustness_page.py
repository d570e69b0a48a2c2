"""The page of a robustness result."""

from __future__ import annotations

import io
import json

import numpy as np

from medshelf.benchmark.assessing import Assessment, Cell
from medshelf.benchmark.robustness import Robustness
from medshelf.imaging.corruption.corruptions import FAMILIES, find_corruption
from medshelf.report.charts.lines import Series, line_chart
from medshelf.report.charts.scale import Axis
from medshelf.report.charts.svg import Chart
from medshelf.report.page import Card, Page, Picture, Table
from medshelf.report.page import Cell as TableCell


def robustness_page(result: Robustness, pictures: np.ndarray) -> Page:
    """Return the page: key figures, tables, error over severity, example pictures, provenance.

    Args:
        result: From `measure_robustness`.
        pictures: The sheet of one sample, uint8 (height, width, 3).
    """
    page = Page(
        f"Robustness of {result.run}",
        f"{result.dataset}, {result.n_samples} samples of split {result.split!r}, "
        f"{len(result.levels)} corruptions",
    )
    for caveat in _caveats(result):
        page.notice("These numbers cannot be compared with published ones.", caveat, "warning")
    for note in result.assessment.notes:
        page.notice(f"{note}.")
    page.cards(_cards(result))
    page.heading("Balanced error", "By corruption and severity; 0 is best.")
    page.table(_table(result))
    page.charts(*_charts(result))
    page.heading("What the model saw", "One sample; left clean, then by severity.")
    alt = f"A sample under {', '.join(result.levels)}"
    page.picture(Picture(_png(pictures), alt))
    page.heading("How it was made")
    page.table(Table((), _provenance(result)))
    text = json.dumps(result.as_dict(), indent=2, ensure_ascii=False)
    page.details("robustness.json", text)
    return page


def _caveats(result: Robustness) -> list[str]:
    stated = {
        "The run did not follow its protocol": not result.follows_protocol,
        "Modified data, not the published files": result.modified,
        "Synthetic data": result.synthetic,
    }
    return [caveat for caveat, true in stated.items() if true]


def _cards(result: Robustness) -> list[Card]:
    found = result.assessment

    def interval(low: float, high: float) -> str:
        return f"95 % interval {low:.3f} to {high:.3f}"

    cards = [
        Card("Clean balanced error", f"{found.clean.balanced_error:.3f}"),
        Card(
            "Mean balanced error",
            f"{found.mean_error.value:.3f}",
            interval(found.mean_error.low, found.mean_error.high),
        ),
        Card(
            "Rise over clean",
            f"{found.mean_rise.value:+.3f}",
            interval(found.mean_rise.low, found.mean_rise.high),
        ),
    ]
    if found.mce is not None:
        note = f"against {result.baseline_run}; {interval(found.mce.low, found.mce.high)}"
        cards.append(Card("mCE", f"{found.mce.value:.3f}", note))
    if found.relative_mce is not None:
        cards.append(Card("Relative mCE", f"{found.relative_mce:.3f}"))
    return cards


def _table(result: Robustness) -> Table:
    found = result.assessment
    against = result.baseline_run is not None
    rows: list[tuple[TableCell, ...]] = []
    for each in found.by_corruption:
        cells = _cells(found, each.corruption)
        row: tuple[TableCell, ...] = (
            each.corruption,
            find_corruption(each.corruption).family,
            *(cell.balanced_error for cell in cells),
            each.balanced_error,
            float(np.mean([cell.auc for cell in cells])),
            float(np.mean([cell.acc for cell in cells])),
        )
        rows.append((*row, each.ce, each.relative_ce) if against else row)
    severities = (f"severity {each}" for each in result.severities)
    header = ("Corruption", "Family", *severities, "Mean", "Mean AUC", "Mean ACC")
    return Table(
        (*header, "CE", "Relative CE") if against else header,
        rows,
        caption=f"Clean: balanced error {found.clean.balanced_error:.3f}, "
        f"AUC {found.clean.auc:.3f}, ACC {found.clean.acc:.3f}.",
    )


def _charts(result: Robustness) -> list[Chart]:
    found = result.assessment
    x = [0, *result.severities]
    charts = []
    for family in FAMILIES:
        names = [name for name in result.levels if find_corruption(name).family == family]
        curves = []
        for name in names:
            cells = (found.clean, *_cells(found, name))
            curves.append(Series(name, x, [each.balanced_error for each in cells], dots=True))
        if curves:
            severity, error = Axis("severity, 0 is clean", whole=True), Axis("balanced error", 0)
            charts.append(line_chart(family.capitalize(), curves, severity, error))
    return charts


def _cells(found: Assessment, name: str) -> list[Cell]:
    return [each for each in found.cells if each.corruption == name]


def _provenance(result: Robustness) -> list[tuple[TableCell, ...]]:
    return [
        ("Run", result.run),
        ("Baseline", result.baseline_run or "none"),
        ("Dataset", f"{result.dataset}, size {result.size}, split {result.split!r}"),
        ("Corruptions", ", ".join(result.levels)),
        ("Severities", ", ".join(map(str, result.severities))),
        ("Seed", str(result.seed)),
        ("Intervals", f"percentile bootstrap over samples, {result.n_resamples} resamples, paired"),
        ("Versions", ", ".join(f"{key} {value}" for key, value in result.versions.items())),
        ("Finished", result.finished),
    ]


def _png(pixels: np.ndarray) -> bytes:
    from PIL import Image

    file = io.BytesIO()
    Image.fromarray(pixels).save(file, "PNG")
    return file.getvalue()

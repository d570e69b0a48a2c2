"""The HTML report of one model on one dataset: what a person looks at after a benchmark."""

from __future__ import annotations

import io
from collections.abc import Mapping, Sequence
from pathlib import Path

import numpy as np

from medshelf.benchmark.caveats import tell
from medshelf.benchmark.crossing import comparable
from medshelf.benchmark.explaining.charts import confusion_chart, reliability_chart, roc_chart
from medshelf.benchmark.explaining.classes import class_errors
from medshelf.benchmark.leaderboard.entries import Entry
from medshelf.benchmark.leaderboard.tables import entry_tables
from medshelf.benchmark.metrics import checked
from medshelf.benchmark.result_file import read_scores
from medshelf.benchmark.runs import RUN_FILE, Run, method_name
from medshelf.benchmark.scores import N_BINS
from medshelf.benchmark.scores import Estimate as Interval
from medshelf.core.manifest import SPLITS
from medshelf.core.tasks import TaskKind
from medshelf.dataset.labelled_images import LabelledImages
from medshelf.report.charts.bars import bar_chart
from medshelf.report.charts.intervals import Estimate, interval_chart
from medshelf.report.charts.lines import Mark, Series, line_chart
from medshelf.report.charts.scale import Axis
from medshelf.report.page import Card, Cell, Page, Picture, Table

_MONTAGE_IMAGES, _MONTAGE_WIDTH = 60, 880
_METRICS = ("auc", "acc")
_KINDS = {
    "published": "quoted",
    "replication": "quoted",
    "measured": "measured",
    "entered": "measured",
    "floor": "floor",
}


def write_report(
    runs: Sequence[Run], data: Mapping[str, LabelledImages], entries: Sequence[Entry]
) -> Path:
    """Write the report of runs that differ in the seed alone, beside their folders.

    Args:
        runs: Finished runs, the first of which is shown in detail.
        data: The splits by name.
        entries: The dataset's leaderboard.

    Returns:
        The page's path.
    """
    first, test = runs[0], data["test"]
    meta = test.manifest.meta
    method = method_name(first)
    page = Page(
        f"{meta.name}: {method}",
        f"{test.task.kind}, {len(test)} test samples, protocol {first.spec.protocol}",
    )
    tell(page, first)
    for issue in meta.issues:
        page.notice(f"{issue.where}: {issue.message}. {issue.remedy}.", issue.rule, "warning")
    _key_figures(page, runs)
    _comparison(page, runs, entries, method)
    _data(page, data)
    _learning(page, runs)
    _errors(page, first, data)
    _provenance(page, runs, test)
    path = first.folder.parent / f"{first.spec.group}.html"
    page.write(path)
    return path


def _key_figures(page: Page, runs: Sequence[Run]) -> None:
    scores = [run.scores["test"] for run in runs]
    first = scores[0]

    def card(label: str, values: Sequence[float], note: str = "") -> Card:
        if len(values) > 1:
            note = f"mean of {len(values)} seeds, sd {np.std(values, ddof=1):.3f}"
        return Card(label, f"{np.mean(values):.3f}", note)

    def interval(estimate: Interval) -> str:
        return f"95 % interval {estimate.low:.3f} to {estimate.high:.3f}"

    calibration = [each.calibration_error for each in scores if each.calibration_error is not None]
    page.cards(
        [
            card("Test AUC", [each.auc.value for each in scores], interval(first.auc)),
            card("Test ACC", [each.acc.value for each in scores], interval(first.acc)),
            Card("Majority floor", f"{first.floor.acc:.3f}", f"ACC of {first.floor.prediction!r}"),
            card("Balanced accuracy", [each.balanced_accuracy for each in scores]),
            card("Macro F1", [each.macro_f1 for each in scores]),
            card("Calibration error", calibration, f"expected, {N_BINS} bins"),
        ]
    )


def _comparison(page: Page, runs: Sequence[Run], entries: Sequence[Entry], method: str) -> None:
    page.heading(
        "Beside other results",
        "Dots: measured here, with 95 % bootstrap intervals over test samples. Diamonds: quoted.",
    )
    same = [each for each in entries if each.is_quoted and each.method == method]
    floor = [each for each in entries if each.kind == "floor"]
    charts = []
    for metric in ("auc", "acc"):
        rows = [
            Estimate(
                f"Seed {run.spec.seed}",
                (estimate := getattr(run.scores["test"], metric)).value,
                estimate.low,
                estimate.high,
            )
            for run in runs
        ]
        rows += [
            Estimate(
                each.kind.capitalize(),
                getattr(each, metric),
                kind=_KINDS[each.kind],  # type: ignore[arg-type]
                note=each.note if each.kind == "floor" else method,
            )
            for each in (*same, *floor)
        ]
        charts.append(interval_chart(f"Test {metric.upper()}", rows, Axis(metric.upper())))
    page.charts(*charts)
    for table in entry_tables(entries):
        page.table(table)


def _data(page: Page, data: Mapping[str, LabelledImages]) -> None:
    train = data["train"]
    page.heading("The data", f"Licence {train.licence}. A random sample of the training images.")
    picture = train.montage(_MONTAGE_IMAGES)
    png = io.BytesIO()
    picture.save(png, "PNG")
    zoom = max(1, _MONTAGE_WIDTH // picture.width)
    alt = f"{_MONTAGE_IMAGES} images of {train.manifest.meta.name}"
    page.picture(Picture(png.getvalue(), alt, zoom=zoom, pixelated=True))
    counts = {split: class_counts(data[split]) for split in SPLITS}
    page.charts(bar_chart("Samples per class and split", train.classes, counts))


def class_counts(dataset: LabelledImages) -> np.ndarray:
    """Return the samples of each class, or the positives of each label, (K,)."""
    if dataset.task.kind is TaskKind.MULTI_LABEL:
        return (dataset.targets == 1).sum(axis=0)
    return np.bincount(dataset.targets, minlength=dataset.task.n_classes)


def _learning(page: Page, runs: Sequence[Run]) -> None:
    first = runs[0]
    split, metric = first.selection["split"], first.selection["metric"]
    page.heading("Learning", f"What has the best {metric.upper()} on {split!r} is scored.")
    if _in_epochs(first):
        _curves(page, runs)
    elif first.history:
        _choices(page, first)


def _in_epochs(run: Run) -> bool:
    return bool(run.history) and all("epoch" in each for each in run.history)


def _curves(page: Page, runs: Sequence[Run]) -> None:
    first = runs[0]
    split, metric = first.selection["split"], first.selection["metric"]

    def series(name: str, key: str, run: Run) -> Series:
        epochs = [each["epoch"] for each in run.history]
        values = [float(each.get(key, np.nan)) for each in run.history]
        return Series(name, epochs, values, dots=len(epochs) < 15)  # noqa: PLR2004

    epoch = first.selection.get("epoch")
    chosen = None if epoch is None else Mark(f"selected: epoch {epoch}", epoch)
    losses = [series("train", "train_loss", first), series(split, "selection_loss", first)]
    metrics = [series(f"seed {run.spec.seed}", metric, run) for run in runs]
    x = Axis("epoch", whole=True)
    page.charts(
        line_chart(f"Loss, seed {first.spec.seed}", losses, x, Axis("loss"), mark=chosen),
        line_chart(f"{metric.upper()} on {split!r}", metrics, x, Axis(""), mark=chosen),
    )


def _choices(page: Page, run: Run) -> None:
    """Show the choices that the selection split was asked about, in the order of trial."""
    names = list(dict.fromkeys(name for each in run.history for name in each))
    rows = [[_choice(each.get(name)) for name in names] for each in run.history]
    split, metric = run.selection["split"], run.selection["metric"]
    header = [name.upper() if name in _METRICS else name for name in names]
    values = [each.get(metric, -1.0) for each in run.history]
    caption = f"Choices that were tried, seed {run.spec.seed}; AUC and ACC on {split!r}."
    chosen = int(np.argmax(values))
    page.table(Table(header, rows, caption=caption, emphasised=chosen))


def _choice(value: object) -> Cell:
    return value if isinstance(value, str | int | float) else "" if value is None else str(value)


def _errors(page: Page, run: Run, data: Mapping[str, LabelledImages]) -> None:
    test = data["test"]
    task, y_true = test.task, test.targets
    y_score = read_scores(run.folder / run.result_files["test"])
    if run.spec.tested_on:
        shared = comparable(task, y_true, y_score, data["train"].targets)
        task, y_true, y_score = shared.task, shared.y_true, shared.y_score
    y_true, y_score = checked(task, y_true, y_score)
    page.heading("Where it errs", f"Test split, seed {run.spec.seed}.")
    charts = [
        roc_chart(task, y_true, y_score),
        reliability_chart(task, y_true, {"model": y_score}),
    ]
    if task.kind is not TaskKind.MULTI_LABEL:
        charts.append(confusion_chart(task, y_true, y_score))
    page.charts(*charts)
    page.table(
        Table(
            ("Class", "Test samples", "Precision", "Recall", "AUC against the rest"),
            [
                (each.name, each.support, each.precision, each.recall, each.auc)
                for each in class_errors(task, y_true, y_score)
            ],
            numeric=range(1, 5),
        )
    )


def _provenance(page: Page, runs: Sequence[Run], test: LabelledImages) -> None:
    first = runs[0]
    page.heading("How it was made")
    scores = first.scores["test"]
    epochs = f", {first.spec.epochs} epochs" if _in_epochs(first) else ""
    rows: list[Sequence[Cell]] = [
        ("Dataset", f"{first.spec.dataset}, size {first.spec.size}"),
        ("Files", ", ".join(f"{name} {digest}" for name, digest in first.spec.files.items())),
        ("Protocol", f"{first.spec.protocol}{epochs}"),
        ("Selection", f"best {first.selection['metric'].upper()} on {first.selection['split']}"),
        ("Seeds", ", ".join(str(run.spec.seed) for run in runs)),
        ("Precision", first.spec.precision),
        ("Hardware", ", ".join(f"{key} {value}" for key, value in first.hardware.items())),
        ("Versions", ", ".join(f"{key} {value}" for key, value in first.versions.items())),
        ("Kept", ", ".join(f"{name} {value}" for name, value in _kept(first).items())),
        ("Cost of a prediction", _cost(first)),
        ("Notes", "; ".join(first.notes) or "none"),
        ("Training time", ", ".join(f"{run.wall_s:.0f} s" for run in runs)),
        ("Intervals", f"percentile bootstrap, {scores.n_resamples} resamples, seed {scores.seed}"),
        ("Finished", first.finished),
    ]
    page.table(Table((), rows))
    page.details("Cite", test.cite() or "Generated data: nothing to cite.")
    page.details(f"{RUN_FILE} of seed {first.spec.seed}", first.to_json())


def _kept(run: Run) -> dict[str, object]:
    stated = {"split", "metric", "value"}
    return {name: value for name, value in run.selection.items() if name not in stated}


def _cost(run: Run) -> str:
    named = {"parameters": run.cost.parameters, "multiply-accumulate operations": run.cost.macs}
    counted = [f"{value:,} {name}" for name, value in named.items() if value is not None]
    return ", ".join(counted) or "not counted"

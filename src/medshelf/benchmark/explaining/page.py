"""The page of an explanation."""

from __future__ import annotations

import numpy as np

from medshelf.benchmark.calibration import calibrated
from medshelf.benchmark.caveats import tell
from medshelf.benchmark.explaining.charts import confusion_chart, reliability_chart, roc_chart
from medshelf.benchmark.explaining.classes import Case
from medshelf.benchmark.explaining.explanation import Explanation, scores_of
from medshelf.benchmark.explaining.pictures import captioned_grid, middle_planes, overlaid
from medshelf.benchmark.metrics import checked
from medshelf.benchmark.runs import Run, method_name
from medshelf.benchmark.scores import N_BINS
from medshelf.core.tasks import TaskKind
from medshelf.dataset.labelled_images import LabelledImages
from medshelf.report.charts.intervals import Estimate, interval_chart
from medshelf.report.charts.scale import Axis
from medshelf.report.page import Card, Page, Picture, Table


def explanation_page(told: Explanation, found: Run, dataset: LabelledImages) -> Page:
    """Return the page.

    Args:
        told: From `explain`.
        found: The run.
        dataset: The split that was explained.
    """
    meta = dataset.manifest.meta
    scores = found.scores[told.split]
    page = Page(
        f"{meta.name}: what {method_name(found)} gets wrong",
        f"Run {told.run}, split {told.split}, {told.n_samples:,} samples",
    )
    tell(page, found)
    calibration = told.calibration
    unit = "samples with a wrong label" if told.task.kind is TaskKind.MULTI_LABEL else "mistakes"
    page.cards(
        [
            Card(
                "AUC", f"{scores.auc.value:.3f}", f"{scores.auc.low:.3f} to {scores.auc.high:.3f}"
            ),
            Card(
                "ACC", f"{scores.acc.value:.3f}", f"{scores.acc.low:.3f} to {scores.acc.high:.3f}"
            ),
            Card(unit.capitalize(), f"{told.n_wrong:,}", f"of {told.n_samples:,} samples"),
            Card("Calibration error", f"{calibration.error_before:.3f}", "as predicted"),
            Card(
                "After scaling",
                f"{calibration.error_after:.3f}",
                f"temperature {calibration.temperature.value:.2f}",
            ),
        ]
    )
    _classes(page, told, found, dataset)
    _mistakes(page, told, dataset)
    _calibration(page, told, found, dataset)
    _grad_cam(page, told, dataset)
    _subgroups(page, told)
    return page


def _classes(page: Page, told: Explanation, found: Run, dataset: LabelledImages) -> None:
    y_true, y_score = checked(told.task, dataset.targets, scores_of(found, told.split))
    page.heading("Errors per class")
    page.table(
        Table(
            ("Class", "Samples", "Precision", "Recall", "F1", "AUC against the rest"),
            [
                (each.name, each.support, each.precision, each.recall, each.f1, each.auc)
                for each in told.classes
            ],
            numeric=range(1, 6),
        )
    )
    charts = [roc_chart(told.task, y_true, y_score)]
    if told.task.kind is not TaskKind.MULTI_LABEL:
        charts.insert(0, confusion_chart(told.task, y_true, y_score))
    page.charts(*charts)
    page.subheading("Most frequent confusions")
    if not told.confusions:
        page.paragraph("None: every sample is right.")
        return
    page.table(
        Table(
            ("True", "Said", "Samples", "Share of the true class"),
            [(each.true, each.said, each.count, f"{each.share:.1%}") for each in told.confusions],
            numeric={3},
        )
    )


def _mistakes(page: Page, told: Explanation, dataset: LabelledImages) -> None:
    page.heading(
        "Most confident mistakes",
        "The mistakes with the highest calibrated probability, highest first.",
    )
    if not told.mistakes:
        page.paragraph("None: every sample is right.")
        return
    shown = _panels(dataset, told.mistakes)
    png = captioned_grid(list(shown), [_caption(each) for each in told.mistakes])
    alt = "; ".join(f"{each.sample_id}: {', '.join(_caption(each)[:2])}" for each in told.mistakes)
    page.picture(Picture(png, alt, caption=_planes_text(dataset)))


def _calibration(page: Page, told: Explanation, found: Run, dataset: LabelledImages) -> None:
    task, calibration = told.task, told.calibration
    fitted = calibration.temperature
    y_true, y_score = checked(task, dataset.targets, scores_of(found, told.split))
    own = ", the samples that are shown here" if calibration.fitted_on == told.split else ""
    page.heading(
        "Can the probabilities be trusted",
        f"Temperature {fitted.value:.3f}, fitted on the {fitted.n_samples:,} samples of "
        f"{calibration.fitted_on!r}{own}: mean negative log-likelihood "
        f"{fitted.loss_before:.3f} before, {fitted.loss_after:.3f} after. "
        f"{fitted.note.capitalize()}{'.' if fitted.note else ''}",
    )
    curves = {
        f"as predicted (error {calibration.error_before:.3f})": y_score,
        f"temperature {fitted.value:.2f} (error {calibration.error_after:.3f})": calibrated(
            task, y_score, fitted.value
        ),
    }
    page.charts(
        reliability_chart(task, y_true, curves),
        caption=f"Expected calibration error in {N_BINS} bins of confidence.",
    )


def _grad_cam(page: Page, told: Explanation, dataset: LabelledImages) -> None:
    looked = told.grad_cam
    if looked.maps is None:
        page.heading("Where the network looks", f"{looked.reason}.")
        return
    grid = " x ".join(map(str, looked.grid))
    multi_label = told.task.kind is TaskKind.MULTI_LABEL
    absent = "; where a label is said to be absent, what speaks for the label" * multi_label
    page.heading(
        "Where the network looks",
        f"Grad-CAM: what speaks for the predicted class, by the features of {looked.layer!r} "
        f"({grid}, enlarged){absent}. The brighter, the more. It shows where "
        "evidence lies, not whether it is good evidence.",
    )
    start = 0
    for title, cases in (("Right, most confident", looked.right), ("Wrong", looked.wrong)):
        maps = looked.maps[start : start + len(cases)]
        start += len(cases)
        page.subheading(title)
        if not cases:
            page.paragraph("None.")
            continue
        shown = _panels(dataset, cases)
        heat = overlaid(shown, middle_planes(maps, maps.ndim - 1))
        plain = np.repeat(shown[..., None], 3, axis=-1) if shown.ndim == heat.ndim - 1 else shown
        png = captioned_grid(
            list(np.concatenate([plain, heat], axis=1)), [_caption(each) for each in cases]
        )
        alt = "; ".join(f"{each.sample_id}: {', '.join(_caption(each)[:2])}" for each in cases)
        page.picture(Picture(png, alt, caption=_planes_text(dataset)))


def _subgroups(page: Page, told: Explanation) -> None:
    page.heading("For whom it works", "Scores of parts of the split, with 95 % intervals.")
    scored = told.subgroups.scored
    if scored:
        charts = [
            interval_chart(
                metric.upper(),
                [
                    Estimate(
                        f"{each.attribute}: {each.value}",
                        (found := getattr(each, metric)).value,
                        found.low,
                        found.high,
                        note=f"{each.n_samples:,} samples",
                    )
                    for each in scored
                ],
                Axis(metric.upper()),
            )
            for metric in ("auc", "acc")
        ]
        page.charts(*charts)
        page.table(
            Table(
                ("Attribute", "Value", "Samples", "AUC", "ACC"),
                [
                    (each.attribute, each.value, each.n_samples, str(each.auc), str(each.acc))
                    for each in scored
                ],
                numeric={3, 4},
            )
        )
    for note in told.subgroups.notes:
        page.paragraph(f"{note}.")


def _panels(dataset: LabelledImages, cases: list[Case]) -> np.ndarray:
    images = dataset.images(np.array([each.row for each in cases], np.int64))
    return middle_planes(images, dataset.manifest.meta.dimensions or 2)


def _planes_text(dataset: LabelledImages) -> str:
    volumes = dataset.manifest.meta.dimensions == 3  # noqa: PLR2004
    return "Of each volume the three planes through its middle." if volumes else ""


def _caption(case: Case) -> list[str]:
    return [
        f"true: {case.true}",
        f"said: {case.said} {case.probability:.3f}",
        case.sample_id,
    ]

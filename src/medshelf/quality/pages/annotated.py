"""What was drawn and labelled, on a page."""

from __future__ import annotations

from collections.abc import Iterator

import numpy as np

from medshelf.quality.pages.shown import as_page_table, histogram_of, rounded
from medshelf.quality.pages.words import Words
from medshelf.quality.profile import Profile
from medshelf.quality.profiling.labels import Together
from medshelf.quality.profiling.page_tables import annotation_table
from medshelf.report.charts.bars import bar_chart
from medshelf.report.charts.heatmap import Names, heat_map
from medshelf.report.charts.svg import Chart
from medshelf.report.page import Page, Table

_MOST_NAMES, _MOST_BARS = 14, 30


def add_annotation(page: Page, profile: Profile, word: Words) -> None:
    """Add how often each class occurs, how evenly, and what occurs together."""
    labels = profile.labels
    if not profile.annotation and labels is None:
        return
    page.heading(word("What is annotated"))
    if profile.annotation:
        page.charts(*_class_bars(profile, word))
        page.table(as_page_table(annotation_table(profile.annotation, word.language)))
    if labels is None:
        return
    if labels.balance:
        header = word.all(
            "task|samples|most frequent|always naming it scores|most to least|effective classes|"
            "never occur"
        )
        page.table(
            Table(
                header,
                [
                    (
                        each.task or "-",
                        each.n,
                        each.majority,
                        each.majority_share,
                        each.ratio,
                        each.effective_classes,
                        ", ".join(each.empty),
                    )
                    for each in labels.balance
                ],
            )
        )
    together = [*labels.together, *(profile.masks.together if profile.masks else ())]
    charts = [_together(each, word) for each in together if len(each.names) > 1]
    if charts:
        page.charts(*charts)


def _class_bars(profile: Profile, word: Words) -> Iterator[Chart]:
    for of in ("labels", "masks", "shapes"):
        chosen = [each for each in profile.annotation if each.of == of][:_MOST_BARS]
        if not chosen:
            continue
        splits = list(dict.fromkeys(name for each in chosen for name in each.by_split))
        title = f"{word('Cases per class')}: {word(of)}"
        series = {
            word(split): [float(each.by_split.get(split, 0)) for each in chosen] for split in splits
        }
        yield bar_chart(title, [each.name for each in chosen], series or {word("all"): []})


def _together(each: Together, word: Words) -> Chart:
    names = tuple(each.names[:_MOST_NAMES])
    counts = np.array(each.counts, np.float64)[: len(names), : len(names)]
    title = f"{word('What occurs together')}: {each.task or word(each.of)}"
    return heat_map(title, counts, Names(word("has"), names), Names(word("also has"), names))


def add_masks(page: Page, profile: Profile, word: Words) -> None:
    """Add how the structures of masks hang together."""
    if profile.masks is None or not profile.masks.structures:
        return
    page.heading(word("Masks"))
    header = word.all(
        "structure|masks|empty|pixels (median)|parts (median)|in several parts|with holes|"
        "at the border"
    )
    rows = [
        (
            each.name,
            each.n,
            each.n_empty,
            rounded(each.pixels.median),
            None if each.components is None else rounded(each.components.median),
            each.n_several,
            each.n_with_holes,
            each.n_touching,
        )
        for each in profile.masks.structures
    ]
    page.table(Table(header, rows))


def add_boxes(page: Page, profile: Profile, word: Words) -> None:
    """Add sizes of boxes."""
    boxes = profile.boxes
    if boxes is None or boxes.all is None:
        return
    page.heading(word("Boxes"))
    header = word.all("class|boxes|samples|width (pixels)|height (pixels)|share of the image")
    rows = [
        (
            each.label or word("all"),
            each.n,
            each.n_samples,
            *(None if s is None else rounded(s.median) for s in (each.width, each.height)),
            None if each.share is None else each.share.median,
        )
        for each in (boxes.all, *boxes.labels)
    ]
    page.table(Table(header, rows, caption=word("median")))
    charts = histogram_of(
        word("Area of boxes"), boxes.all.area, word("area (pixels)"), word("boxes")
    )
    if charts:
        page.charts(*charts)

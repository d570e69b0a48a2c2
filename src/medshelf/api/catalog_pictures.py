"""Pictures of datasets and of the catalog: records joined with what the report room draws."""

from __future__ import annotations

import io
import logging
from typing import TYPE_CHECKING, Literal

from medshelf.catalog.export.markdown_page import Drawing
from medshelf.catalog.licence import licence_of
from medshelf.catalog.record import Record
from medshelf.catalog.wording import check_language, field_name, phrase
from medshelf.core.errors import MedshelfError, NotFetchedError, UnsupportedError

if TYPE_CHECKING:
    from medshelf.catalog.statistics import Statistics

_LOG = logging.getLogger(__name__)
_SAMPLES = 40
_SHOWN = ("group", "tasks", "modalities", "year", "dimensions", "access")
_MOST = 14


def example_picture(
    record: Record, language: str = "en", data: Literal["always", "allowed", "never"] = "always"
) -> Drawing:
    """Draw what samples of a dataset look like: samples of data at hand, else a schematic.

    Nothing is downloaded; phantoms are generated.

    Args:
        record: The dataset.
        language: `en` or `zh`, of the caption.
        data: Whether samples may be shown: always, where the licence allows to pass data on, or
            never.

    Raises:
        UnknownNameError: The language is neither.
    """
    check_language(language)
    found = licence_of(record)
    if data == "always" or (data == "allowed" and found and found.redistribution):
        samples = _samples(record)
        if samples is not None:
            return Drawing(samples, "png", phrase("samples-of-data", language))
    mark = phrase("schematic-not-data", language)
    return Drawing(_schematic(record, mark).encode(), "svg", mark)


def statistics_picture(stats: Statistics, language: str = "en") -> str:
    """Return the counts by group, task, modality and so on as one SVG of bar charts.

    Of long lists the most frequent terms are shown, and the title says how many there are.

    Raises:
        UnknownNameError: The language is neither `en` nor `zh`.
    """
    from medshelf.report.charts.bars import bar_chart
    from medshelf.report.sheet import sheet

    check_language(language)
    charts = []
    for facet in _SHOWN:
        counts = stats.named(facet, language)
        name = field_name(facet, language)
        shown = list(counts)[-_MOST:] if facet == "year" else list(counts)[:_MOST]
        if len(shown) < len(counts):
            part = phrase("latest" if facet == "year" else "most-frequent", language)
            name = phrase("part-of-all", language).format(name, part, len(shown), len(counts))
        values = [counts[key] for key in shown]
        charts.append(bar_chart(name, shown, {phrase("count", language): values}))
    title = phrase("n-datasets", language).format(stats.n_datasets, stats.n_phantoms)
    return sheet(title, charts, note=phrase("counted-once-per-term", language))


def _samples(record: Record) -> bytes | None:
    """Return a PNG of samples; None where the files are not at hand or show no pictures."""
    from medshelf.api.data import load

    try:
        picture = load(record.id, "all").montage(_SAMPLES)
    except (NotFetchedError, UnsupportedError):
        return None
    except MedshelfError as error:
        _LOG.warning("No samples of %s are shown: %s", record.id, error)
        return None
    file = io.BytesIO()
    picture.save(file, "PNG")
    return file.getvalue()


def _schematic(record: Record, mark: str) -> str:
    from medshelf.report.schematic import schematic

    return schematic(record.dimensions, record.modalities, record.tasks, mark=mark)

"""The catalog as a folder of Markdown: an index, a guide, and a page per dataset."""

from __future__ import annotations

from collections.abc import Callable, Iterable

from medshelf.catalog.cards.card import card
from medshelf.catalog.export.markdown_guide import guide_page
from medshelf.catalog.export.markdown_index import index
from medshelf.catalog.export.markdown_page import Drawing, page
from medshelf.catalog.lineage import Lineage
from medshelf.catalog.record import Record
from medshelf.catalog.wording import check_language

OVERVIEW = "overview.svg"


def markdown(
    records: Iterable[Record],
    language: str = "en",
    draw: Callable[[Record], Drawing] | None = None,
    overview: str | None = None,
) -> dict[str, str | bytes]:
    """Return the catalog as Markdown files, by relative path.

    README.md            datasets by group and by anatomy
    guide.md             platforms, benchmarks, methods, toolboxes, other collections
    overview.svg         how many datasets there are of each kind
    datasets/<id>.md     the card of a dataset
    datasets/<id>.svg    its example picture; png where it shows data

    Args:
        records: The datasets.
        language: `en` or `zh`.
        draw: Gives the example picture of a dataset; without it pages have none.
        overview: A picture of all counts as SVG.

    Raises:
        UnknownNameError: The language is neither.
    """
    check_language(language)
    chosen = sorted(records, key=lambda each: each.id)
    relations = Lineage(chosen)
    names = {each.id: each.name for each in chosen}
    files: dict[str, str | bytes] = {
        "README.md": index(chosen, language, OVERVIEW if overview else None),
        "guide.md": guide_page(chosen, language),
    }
    if overview:
        files[OVERVIEW] = overview
    for record in chosen:
        drawing = draw(record) if draw else None
        if drawing:
            files[f"datasets/{record.id}.{drawing.suffix}"] = drawing.content
        shown = card(record, language, relations)
        files[f"datasets/{record.id}.md"] = page(shown, language, names, drawing)
    return files

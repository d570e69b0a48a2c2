"""One dataset as a card: the seven groups that every page has, then what to know before use."""

from __future__ import annotations

from dataclasses import replace

from medshelf.catalog.cards import sections
from medshelf.catalog.cards.parts import Card
from medshelf.catalog.lineage import Lineage
from medshelf.catalog.record import Record
from medshelf.catalog.wording import check_language, phrase

_GROUPS = (
    sections.basic,
    sections.metadata,
    sections.resolution,
    sections.annotation,
    sections.structure,
    sections.pictures,
    sections.access,
)
_OTHERS = (
    sections.origin,
    sections.limitations,
    sections.conflicts,
    sections.doubts,
    sections.works,
    sections.sources,
    sections.citation,
)


def card(record: Record, language: str = "en", lineage: Lineage | None = None) -> Card:
    """Return the card of a dataset.

    Args:
        record: The dataset.
        language: `en` or `zh`.
        lineage: All relations of the catalog; with it the card also says what was made from the
            dataset, which its own record does not.

    Raises:
        UnknownNameError: The language is neither.
    """
    check_language(language)
    groups = [build(record, language) for build in _GROUPS]
    others = [
        sections.licence(record, language),
        sections.lineage(record, language, lineage),
        *(build(record, language) for build in _OTHERS),
    ]
    unknown = phrase("not-known", language)
    shown = (
        *(replace(each, note=unknown) if each.empty else each for each in groups),
        *(each for each in others if not each.empty),
    )
    return Card(record.id, record.name, phrase("not-for-clinical-use", language), shown)

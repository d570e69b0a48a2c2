"""A dataset: its card, counted beside published figures, relations, access, terms, citation."""

from __future__ import annotations

from dataclasses import replace
from functools import lru_cache
from typing import Annotated, Final

from fastapi import Path
from pydantic import BaseModel, ConfigDict

from medshelf.catalog.cards.card import card
from medshelf.catalog.cards.parts import Card, Section
from medshelf.catalog.citation import cited_works, reference
from medshelf.catalog.licence import USES, licence_of
from medshelf.catalog.record import Record
from medshelf.catalog.steps import access_steps
from medshelf.catalog.vocabulary import label
from medshelf.catalog.wording import duty, field_name, phrase, verdict
from medshelf.core.errors import FormatError
from medshelf.explorer.cards.addresses import Addresses
from medshelf.explorer.cards.known import Known, known
from medshelf.explorer.cards.measured import Measured, measured, stated
from medshelf.explorer.cards.presence import at_hand
from medshelf.explorer.cards.relations import Relations, relations_of
from medshelf.explorer.cards.tree import OnDisk, on_disk
from medshelf.explorer.holdings import Holdings
from medshelf.explorer.language import say
from medshelf.explorer.site import Held, Language, Page, Site, View

_NEIGHBOURS: Final = ("samples", "quality", "leaderboard")


class _Piece(BaseModel):
    model_config = ConfigDict(extra="forbid", frozen=True)


class Term(_Piece):
    """What the licence says of a use.

    Attributes:
        name: Of the use or the duty.
        verdict: In words.
        allowed: Whether it leaves one free; null where it is not stated.
    """

    name: str
    verdict: str
    allowed: bool | None


class Access(_Piece):
    """How one gets the data.

    Attributes:
        kind: Access class: `open`, `registration`, `application`, `credentialed`, `unknown`.
        name: Its name.
        steps: What to do, in sentences; empty where nobody knows.
        command: The line that fetches it afterwards; null where medshelf cannot.
    """

    kind: str
    name: str
    steps: str
    command: str | None


class DatasetView(View):
    """What is known of a dataset.

    Attributes:
        id: Catalog id.
        notice: What must stand on every card.
        n_samples: How many there are.
        unit: What that counts.
        lies_here: Whether its files are on this machine.
        readable: Whether medshelf can open it.
        pages: `samples`, `quality`, `leaderboard` to address; empty where there is none.
        compare: Comparison with others.
        lineage: Its relations on a page of their own.
        access: How one gets it.
        licence: Id of the licence; null where none is known.
        terms: What the licence allows and asks for; none where no licence is known.
        measured: Class balance, and what was counted beside what is published.
        around: Its relations.
        on_disk: Copies on this machine.
        references: The works to cite as lines of text, those of its sources included.
        sections: The card: seven groups, then what else is known.
        links: Id to page, of the datasets that the card names.
    """

    id: str
    notice: str
    n_samples: int | None
    unit: str | None
    lies_here: bool
    readable: bool
    pages: dict[str, str]
    compare: str
    lineage: str
    access: Access
    licence: str | None
    terms: tuple[Term, ...]
    measured: Measured
    around: Relations
    on_disk: tuple[OnDisk, ...]
    references: tuple[str, ...]
    sections: tuple[Section, ...]
    links: dict[str, str]


def dataset(
    language: Language, held: Held, dataset: Annotated[str, Path(max_length=300)]
) -> DatasetView:
    """Return what is known of a dataset.

    Raises:
        UnknownNameError: There is no such dataset; near names are given.
    """
    return dataset_view(known().record(dataset), Addresses(language), held)


def dataset_view(record: Record, links: Addresses, held: Holdings | None) -> DatasetView:
    """Return what is known of a dataset.

    Args:
        record: The dataset.
        links: Where pages lie, and the language.
        held: What is shown; null where nothing of this machine may be told.
    """
    language, everything = links.language, known()
    shown = _card(everything, record.id, language)
    unit = record.sample_unit
    return DatasetView(
        title=record.name,
        id=record.id,
        notice=say("site.clinical", language),
        n_samples=record.n_samples,
        unit=None if unit is None else label("sample_units", unit, language),
        lies_here=held is not None and (record.id in held.ids or at_hand(record)),
        readable=record.reader is not None,
        pages={
            each: links.below(record.id, each) if record.reader is not None else ""
            for each in _NEIGHBOURS
        },
        compare=links.compare(record.id),
        lineage=links.lineage(record.id),
        access=_access(record, language),
        licence=record.licence.id if record.licence else None,
        terms=_terms(record, language),
        measured=stated(record) if held is None else measured(record, held, language),
        around=relations_of(record.id, everything.lineage, everything.records, links),
        on_disk=on_disk(record) if held is not None else (),
        references=_references(everything, record.id),
        sections=tuple(_without_access(each, language) for each in shown.sections),
        links={each: links.dataset(each) for each in _named(shown) if each in everything.records},
    )


def register(site: Site) -> None:
    """Add the page."""
    site.add(Page("/datasets/{dataset}", "dataset.html", dataset))


def _named(shown: Card) -> list[str]:
    """Return the datasets that a card leads to, sorted."""
    rows = (row for section in shown.sections for row in section.rows)
    return sorted({value.dataset for row in rows for value in row.values})


def _access(record: Record, language: str) -> Access:
    return Access(
        kind=record.access,
        name=label("access", record.access, language),
        steps=access_steps(record, language),
        command=f"medshelf fetch {record.id}" if record.files else None,
    )


def _without_access(section: Section, language: str) -> Section:
    """Leave out what `Access` says already."""
    if section.id != "how-to-get-it":
        return section
    said = {field_name("access_steps", language), phrase("command", language)}
    return replace(section, rows=tuple(each for each in section.rows if each.label not in said))


def _terms(record: Record, language: str) -> tuple[Term, ...]:
    found = licence_of(record)
    if found is None:
        return ()
    uses = [
        Term(
            name=field_name(each, language),
            verdict=verdict(allowed=found.allows(each), language=language),
            allowed=found.allows(each),
        )
        for each in USES
    ]
    asked = found.share_alike
    share_alike = Term(
        name=field_name("share_alike", language),
        verdict=duty(required=asked, language=language),
        allowed=None if asked is None else not asked,
    )
    return (*uses, share_alike)


@lru_cache(maxsize=1024)
def _card(everything: Known, dataset: str, language: str) -> Card:
    return card(everything.records[dataset], language, everything.lineage)


@lru_cache(maxsize=1024)
def _references(everything: Known, dataset: str) -> tuple[str, ...]:
    """Return lines of text; none where what the record holds is no BibTeX, which is still shown."""
    try:
        works = cited_works([everything.records[dataset]])
    except FormatError:
        return ()
    return tuple(reference(each, "apa") for each in works)

"""Datasets side by side; whether they can share samples is said first."""

from __future__ import annotations

from itertools import combinations
from typing import Annotated, Final, Literal

from fastapi import Query
from pydantic import BaseModel, ConfigDict

from medshelf.catalog.cards.comparison import compare
from medshelf.catalog.cards.parts import Table
from medshelf.catalog.lineage import Overlap
from medshelf.catalog.record import Record
from medshelf.catalog.vocabulary import label
from medshelf.explorer.cards.addresses import Addresses
from medshelf.explorer.cards.known import known
from medshelf.explorer.cards.relations import Relation, told
from medshelf.explorer.language import say
from medshelf.explorer.site import Language, Page, Site, View

MOST: Final = 8

_ORDER: Final = ("shared", "possible", "unknown")


class _Piece(BaseModel):
    model_config = ConfigDict(extra="forbid", frozen=True)


class Compared(_Piece):
    """A dataset of the comparison.

    Attributes:
        id: Catalog id.
        name: Its name.
        url: Its page.
        without: The comparison without it.
    """

    id: str
    name: str
    url: str
    without: str


class Pair(_Piece):
    """Whether two datasets can share samples.

    Attributes:
        first: Name of one.
        second: Name of the other.
        verdict: `shared`, `possible`, or `unknown`, which is no proof that they do not.
        sentence: What that means.
        path: The relations that lead from one to the other.
    """

    first: str
    second: str
    verdict: Literal["shared", "possible", "unknown"]
    sentence: str
    path: tuple[Relation, ...]


class ComparisonView(View):
    """Datasets side by side.

    Attributes:
        datasets: In the order of the columns.
        left_out: Ids beyond the most that are compared.
        most: How many that is.
        pairs: Every two of them, the worst first.
        table: Facts, one row each; null where nothing is chosen.
    """

    datasets: tuple[Compared, ...]
    left_out: tuple[str, ...]
    most: int
    pairs: tuple[Pair, ...]
    table: Table | None


def comparison(
    language: Language,
    wanted: Annotated[
        tuple[Annotated[str, Query(max_length=200)], ...],
        Query(alias="id", max_length=100, description="Catalog ids"),
    ] = (),
) -> ComparisonView:
    """Return datasets side by side.

    Raises:
        UnknownNameError: There is no such dataset; near names are given.
    """
    given = [known().record(each) for each in wanted if each.strip()]
    records = list({each.id: each for each in given}.values())
    chosen, rest = records[:MOST], records[MOST:]
    links = Addresses(language)
    ids = [each.id for each in chosen]
    title = say("comparison.title", language)
    if chosen:
        names = " · ".join(each.name for each in chosen)
        title = say("comparison.title_of", language, names=names)
    return ComparisonView(
        title=title,
        datasets=tuple(
            Compared(
                id=each.id,
                name=each.name,
                url=links.dataset(each.id),
                without=links.compare(*(other for other in ids if other != each.id)),
            )
            for each in chosen
        ),
        left_out=tuple(each.id for each in rest),
        most=MOST,
        pairs=tuple(_pairs(chosen, language)),
        table=compare(chosen, language, known().lineage) if chosen else None,
    )


def register(site: Site) -> None:
    """Add the page."""
    site.add(Page("/compare", "comparison.html", comparison))


def _pairs(records: list[Record], language: str) -> list[Pair]:
    names = {each.id: each.name for each in records}
    lineage = known().lineage
    found = [lineage.overlap(one.id, other.id) for one, other in combinations(records, 2)]
    return [
        Pair(
            first=names[each.first],
            second=names[each.second],
            verdict=each.verdict,
            sentence=label("sentences", f"leak_{each.verdict}", language),
            path=tuple(told(edge, language) for edge in each.path),
        )
        for each in sorted(found, key=_rank)
    ]


def _rank(overlap: Overlap) -> int:
    return _ORDER.index(overlap.verdict)

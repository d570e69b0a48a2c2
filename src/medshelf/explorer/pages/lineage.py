"""What a dataset was made from and what was made of it: graph, sentences, table."""

from __future__ import annotations

from collections import Counter
from typing import Annotated, Final

from fastapi import Query
from pydantic import BaseModel, ConfigDict

from medshelf.explorer.cards.addresses import Addresses
from medshelf.explorer.cards.known import Known, known
from medshelf.explorer.cards.relations import Relations, relations_of
from medshelf.explorer.language import say
from medshelf.explorer.site import Language, Page, Site, View

_MOST: Final = 24


class Related(BaseModel):
    """A dataset with relations, to begin from."""

    model_config = ConfigDict(extra="forbid", frozen=True)

    id: str
    name: str
    n_relations: int
    url: str


class LineageView(View):
    """The relations of a dataset, or where to begin.

    Attributes:
        dataset: Catalog id; null where none was asked for.
        name: Of the dataset.
        url: Its page.
        around: Its relations.
        most: Datasets with most relations, where none was asked for.
    """

    dataset: str | None
    name: str | None
    url: str | None
    around: Relations | None
    most: tuple[Related, ...]


def lineage(
    language: Language,
    wanted: Annotated[str, Query(alias="id", max_length=200, description="Catalog id")] = "",
) -> LineageView:
    """Return the relations of a dataset.

    Raises:
        UnknownNameError: There is no such dataset; near names are given.
    """
    links = Addresses(language)
    if not wanted.strip():
        title, most = say("lineage.title", language), _most(known(), links)
        return LineageView(title=title, dataset=None, name=None, url=None, around=None, most=most)
    all_known = known()
    record = all_known.record(wanted)
    return LineageView(
        title=say("lineage.title_of", language, name=record.name),
        dataset=record.id,
        name=record.name,
        url=links.dataset(record.id),
        around=relations_of(record.id, all_known.lineage, all_known.records, links),
        most=(),
    )


def register(site: Site) -> None:
    """Add the page."""
    site.add(Page("/lineage", "lineage.html", lineage))


def _most(all_known: Known, links: Addresses) -> tuple[Related, ...]:
    counts = Counter(
        each
        for record in all_known.records.values()
        for link in record.lineage
        for each in (record.id, link.id)
        if each in all_known.records
    )
    return tuple(
        Related(
            id=each,
            name=all_known.records[each].name,
            n_relations=count,
            url=links.lineage(each),
        )
        for each, count in sorted(counts.items(), key=lambda pair: (-pair[1], pair[0]))[:_MOST]
    )

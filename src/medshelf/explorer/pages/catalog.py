"""The catalog: search in English and Chinese, facets with counts, cards or a table."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from typing import Annotated, Final, Literal
from urllib.parse import quote, quote_plus

from fastapi import Query
from pydantic import BaseModel, ConfigDict

from medshelf.catalog.licence import USES
from medshelf.catalog.search import FacetCount, Hit, Results
from medshelf.catalog.search import search as find
from medshelf.catalog.wording import field_name
from medshelf.explorer.cards.addresses import Addresses
from medshelf.explorer.cards.presence import present
from medshelf.explorer.cards.state import FACETS, State
from medshelf.explorer.holdings import Holdings
from medshelf.explorer.language import say
from medshelf.explorer.site import Held, Language, Page, Site, View

PER_PAGE: Final = 48

_SHOWN_VALUES: Final = 8
_UNFOLDED_VALUES: Final = 40
_AROUND: Final = 2


class _Piece(BaseModel):
    model_config = ConfigDict(extra="forbid", frozen=True)


class Choice(_Piece):
    """One value of a facet.

    Attributes:
        value: Id, or what was typed.
        label: Its name.
        count: Datasets that have it, under all other choices; null where that was not counted.
        chosen: Whether it is chosen.
        url: Where it is chosen, or no longer.
    """

    value: str
    label: str
    count: int | None
    chosen: bool
    url: str


class Facet(_Piece):
    """A property of datasets, and values to choose from, those of most datasets first.

    Attributes:
        facet: `task`, `modality` ...
        label: Its name.
        choices: Values that are shown at once.
        further: Values that unfold.
        n_more: Values that are not listed; words reach them.
    """

    facet: str
    label: str
    choices: tuple[Choice, ...]
    further: tuple[Choice, ...] = ()
    n_more: int = 0


class Entry(_Piece):
    """A dataset as the catalog shows it.

    Attributes:
        hit: What is known of it; names of its terms are in `labels` of the view.
        url: Its page.
        samples: Where its samples can be seen; empty where they are not at hand.
        lies_here: Whether its files are on this machine.
    """

    hit: Hit
    url: str
    samples: str
    lies_here: bool


class Shown(_Piece):
    """A manifest file or a dataset that this server was started with."""

    name: str
    url: str


class Way(_Piece):
    """What to leave out of a search that finds nothing, and how many datasets are found then."""

    remark: str
    count: int
    url: str


class Turn(_Piece):
    """A link to a page of the list."""

    page: int
    url: str


class CatalogView(View):
    """A page of the catalog.

    Attributes:
        state: What is asked for.
        total: Datasets found.
        n_datasets: Datasets of the catalog.
        entries: Those of this page.
        labels: Names of what the entries hold, by facet.
        facets: What the search can be narrowed by.
        uses: What a licence may be asked to allow.
        remarks: How the words were understood, spelling, what stands in the way.
        ways: Where nothing is found: what to leave out.
        page: Its number, from 1.
        n_pages: How many there are.
        turns: Links to other pages.
        here: What the command line named.
        n_here: Datasets that lie on this machine and can be opened.
        unfiltered: Address of the whole catalog.
        layouts: Layout to address.
        compare: Address that takes `id` parameters.
    """

    state: State
    total: int
    n_datasets: int
    entries: tuple[Entry, ...]
    labels: dict[str, dict[str, str]]
    facets: tuple[Facet, ...]
    uses: tuple[Choice, ...]
    remarks: tuple[str, ...]
    ways: tuple[Way, ...]
    page: int
    n_pages: int
    turns: tuple[Turn, ...]
    here: tuple[Shown, ...]
    n_here: int
    unfiltered: str
    layouts: dict[Literal["cards", "table"], str]
    compare: str


def catalog(language: Language, held: Held, state: Annotated[State, Query()]) -> CatalogView:
    """Return a page of the datasets that a search finds.

    Raises:
        UnknownNameError: A facet has no such value.
    """
    most = state.page * PER_PAGE
    found = find(state.q, state.filters(), sort=state.sort, limit=most, language=language)
    n_pages = max(1, -(-found.total // PER_PAGE))
    page = min(state.page, n_pages)
    links, lies_here = Addresses(language), present()
    hits = found.hits[(page - 1) * PER_PAGE : page * PER_PAGE]
    shown = lies_here | frozenset(held.ids)
    return CatalogView(
        title=say("catalog.title", language),
        state=state,
        total=found.total,
        n_datasets=sum(each.count for each in _everything(language).facets["readable"]),
        entries=tuple(_entry(each, links, shown) for each in hits),
        labels=found.labels,
        facets=tuple(_facets(state, found, language)),
        uses=tuple(_use(state, use, language) for use in USES),
        # The last one counts, which the page does itself; or those say what to leave out.
        remarks=found.remarks[: len(found.remarks) - (len(found.without) if not hits else 1)],
        ways=tuple(_ways(state, found, language)),
        page=page,
        n_pages=n_pages,
        turns=tuple(
            Turn(page=number, url=_url(language, state.with_(page=number)))
            for number in _numbers(page, n_pages)
        ),
        here=tuple(_named(held, links)),
        n_here=len(lies_here),
        unfiltered=_url(language, State(sort=state.sort, layout=state.layout)),
        layouts={
            "cards": _url(language, state.with_(layout="cards", page=page)),
            "table": _url(language, state.with_(layout="table", page=page)),
        },
        compare=links.compare(),
    )


def register(site: Site) -> None:
    """Add the page."""
    site.add(Page("/", "catalog.html", catalog))


def _url(language: str, state: State) -> str:
    query = state.query()
    return f"/{language}/?{query}" if query else f"/{language}/"


def _named(held: Holdings, links: Addresses) -> Iterator[Shown]:
    for each in held.ids:
        yield Shown(name=each, url=links.dataset(each))
    for name in held.files:
        yield Shown(name=name, url=f"/{links.language}/manifests/{quote(name)}/samples")


def _everything(language: str) -> Results:
    return find("", limit=0, language=language)


def _entry(hit: Hit, links: Addresses, shown: frozenset[str]) -> Entry:
    lies_here = hit.id in shown
    samples = links.below(hit.id, "samples") if lies_here and hit.readable else ""
    return Entry(hit=hit, url=links.dataset(hit.id), samples=samples, lies_here=lies_here)


def _facets(state: State, found: Results, language: str) -> list[Facet]:
    shown = []
    for facet in FACETS:
        chosen = state.chosen(facet)
        counts = found.facets[facet]
        if chosen:  # what else of this facet could be chosen, under all other conditions
            fewer = state.filters(leave_out=facet)
            others = find(state.q, fewer, limit=0, language=language)
            counts = others.facets[facet]
        choices = _choices(state, facet, counts, language)
        if len(choices) < 2 and not chosen:  # noqa: PLR2004 - nothing to choose
            continue
        first = max(_SHOWN_VALUES, len(chosen))
        shown.append(
            Facet(
                facet=facet,
                label=found.labels["facet"][facet],
                choices=tuple(choices[:first]),
                further=tuple(choices[first:_UNFOLDED_VALUES]),
                n_more=max(0, len(choices) - _UNFOLDED_VALUES),
            )
        )
    return shown


def _choices(
    state: State, facet: str, counts: tuple[FacetCount, ...], language: str
) -> list[Choice]:
    chosen = state.chosen(facet)
    listed = {each.value for each in counts}
    unlisted = [(each, each, None) for each in chosen if each not in listed]
    address = _toggles(state, facet, language)
    found = [
        Choice(value=value, label=label, count=count, chosen=value in chosen, url=address(value))
        for value, label, count in (
            *((each.value, each.label, each.count) for each in counts),
            *unlisted,
        )
    ]
    return sorted(found, key=lambda each: not each.chosen)


def _toggles(state: State, facet: str, language: str) -> Callable[[str], str]:
    """Return what gives the address where a value of a facet is chosen, or no longer."""
    chosen, others = state.chosen(facet), state.with_(**{facet: ()}).query()

    def address(value: str) -> str:
        rest = [each for each in chosen if each != value]
        values = rest if value in chosen else [*chosen, value]
        query = "&".join([others, *(f"{facet}={quote_plus(each)}" for each in values)])
        return f"/{language}/?{query.strip('&')}" if query else f"/{language}/"

    return address


def _use(state: State, use: str, language: str) -> Choice:
    return Choice(
        value=use,
        label=field_name(use, language),
        count=None,
        chosen=use in state.licence_allows,
        url=_toggles(state, "licence_allows", language)(use),
    )


def _ways(state: State, found: Results, language: str) -> list[Way]:
    """Return the last remarks, which say what to leave out, with where that leads."""
    told = found.remarks[len(found.remarks) - len(found.without) :]
    return [
        Way(remark=remark, count=count, url=_url(language, state.without(name)))
        for remark, (name, count) in zip(told, found.without.items(), strict=True)
    ]


def _numbers(page: int, n_pages: int) -> list[int]:
    near = range(max(1, page - _AROUND), min(n_pages, page + _AROUND) + 1)
    return sorted({1, *near, n_pages})

"""What the page of the catalog is asked for: one address, one state."""

from __future__ import annotations

from typing import Annotated, Any, Final, Literal
from urllib.parse import urlencode

from pydantic import BaseModel, BeforeValidator, ConfigDict, Field

from medshelf.catalog.filters import Filters
from medshelf.catalog.search import Sort

FACETS: Final = (
    *("group", "task", "modality", "anatomy", "condition", "dimension", "access", "licence"),
    *("readable", "format", "platform", "language"),
)
"""What can be chosen, in the order of the page."""

_NUMBERS: Final = ("since", "until", "min_samples", "max_samples")
_MOST = 10**15

Chosen = Annotated[tuple[Annotated[str, Field(max_length=200)], ...], Field(max_length=20)]
Number = Annotated[
    Annotated[int, Field(ge=0, le=_MOST)] | None,
    BeforeValidator(lambda value: None if value == "" else value),
]
"""An empty field of a form asks for nothing."""


class State(BaseModel):
    """What is shown of the catalog; each field is a query parameter.

    Attributes:
        q: Words in English or Chinese.
        group: Ids, labels or synonyms, of which a dataset has one. So for the other facets.
        readable: `yes` or `no`.
        since: First year of release.
        until: Last year of release.
        min_samples: Least number of samples.
        max_samples: Largest number of samples.
        sort: Order of what is found.
        layout: Cards, or the rows of a table.
        page: From 1.
    """

    model_config = ConfigDict(extra="ignore", frozen=True)

    q: str = Field("", max_length=1000)
    group: Chosen = ()
    task: Chosen = ()
    modality: Chosen = ()
    anatomy: Chosen = ()
    condition: Chosen = ()
    dimension: Chosen = ()
    access: Chosen = ()
    licence: Chosen = ()
    licence_allows: Chosen = ()
    readable: Annotated[tuple[Literal["yes", "no"], ...], Field(max_length=2)] = ()
    format: Chosen = ()
    platform: Chosen = ()
    language: Chosen = ()
    since: Number = None
    until: Number = None
    min_samples: Number = None
    max_samples: Number = None
    sort: Sort = "relevance"
    layout: Literal["cards", "table"] = "cards"
    page: int = Field(1, ge=1, le=10**6)

    def chosen(self, facet: str) -> tuple[str, ...]:
        """Return the values that a facet has chosen."""
        values: tuple[str, ...] = getattr(self, facet)
        return values

    def with_(self, **changes: Any) -> State:
        """Return another state; the page is the first again unless it is given."""
        return self.model_copy(update={"page": 1, **changes})

    def without(self, name: str) -> State:
        """Return the state without a filter, without the `text`, or without all `filters`."""
        if name == "text":
            return self.with_(q="")
        if name == "filters":
            return State(q=self.q, sort=self.sort, layout=self.layout)
        return self.with_(**{name: None if name in _NUMBERS else ()})

    def query(self) -> str:
        """Return the query of the address, without what is as it is by default."""
        given = self.model_dump(exclude_defaults=True)
        return urlencode(
            [
                (name, each)
                for name, value in given.items()
                for each in (value if isinstance(value, tuple) else (value,))
            ]
        )

    def filters(self, leave_out: str = "") -> Filters:
        """Return what is chosen as the filters of a search, but for one facet."""
        names = {*FACETS, "licence_allows", *_NUMBERS} - {"readable", leave_out}
        readable = set(self.readable) if leave_out != "readable" else set()
        return Filters(
            **{name: getattr(self, name) for name in names},
            readable=None if len(readable) != 1 else readable == {"yes"},
        )

"""What a page of samples is asked for: one address, one state."""

from __future__ import annotations

from collections.abc import Collection
from typing import Annotated, Any, Final, Literal
from urllib.parse import urlencode

from pydantic import BaseModel, ConfigDict, Field

from medshelf.explorer.shelf.codes import COLUMNS

PER_PAGE: Final = 60
TEXTS: Final = ("sample_id", "patient_id", "report", "caption", "question")
"""Columns that the free words of a search are looked for in."""

MOST_CHOSEN: Final = 50
"""Values of one field at most."""

Chosen = Annotated[tuple[Annotated[str, Field(max_length=500)], ...], Field(max_length=MOST_CHOSEN)]
Sort = Literal["", "age_years", "-age_years", "label", "patient_id", "-sample_id"]
Size = Annotated[int, Field(ge=96, le=192, multiple_of=32)]


class State(BaseModel):
    """What is shown of the samples of a manifest; each field is a query parameter.

    Attributes:
        split: Values of the column, one of which a sample has; an empty text stands for null. So
            for label, sex, view, laterality, site, scanner and language.
        finding: Labels that are all present.
        age_from: Least age in years.
        age_to: Ages below this.
        q: A piece of the id, the patient, the report, the caption or the question.
        where: A condition, in the grammar of `core.conditions`.
        issue: A rule of `medshelf check`: samples that it reports.
        sort: A column, falling with `-`; the manifest's order by default. Null is last.
        page: From 1.
        layout: Pictures, or rows.
        size: Edge of a picture in pixels.
        window: Preset, or `centre,width`, of every picture; each image's own by default.
        overlay: Whether masks and shapes are drawn.
        whole: The facet of which all values are listed.
        mask: Names of the masks that the page of a sample opens; the first eight by default.
    """

    model_config = ConfigDict(extra="forbid", frozen=True)

    split: Chosen = ()
    label: Chosen = ()
    sex: Chosen = ()
    view: Chosen = ()
    laterality: Chosen = ()
    site: Chosen = ()
    scanner: Chosen = ()
    language: Chosen = ()
    finding: Chosen = ()
    age_from: float | None = None
    age_to: float | None = None
    q: str = Field("", max_length=200)
    where: str = Field("", max_length=2000)
    issue: str = Field("", max_length=100)
    sort: Sort = ""
    page: int = Field(1, ge=1, le=10**9)
    layout: Literal["gallery", "table"] = "gallery"
    size: Size = 128
    window: str = Field("", max_length=40, pattern=r"^[a-z0-9.,\-]*$")
    overlay: bool = True
    whole: str = Field("", pattern=f"^({'|'.join(('', *COLUMNS, 'finding'))})$")
    mask: Chosen = ()

    def chosen(self, column: str) -> tuple[str, ...]:
        """Return the values that a facet has chosen."""
        values: tuple[str, ...] = getattr(self, column)
        return values

    def with_(self, **changes: Any) -> State:
        """Return another state; the page is the first again unless it is given."""
        return self.model_copy(update={"page": 1, **changes})

    def toggled(self, column: str, value: str) -> State:
        """Return the state with a value of a facet chosen, or no longer."""
        now = self.chosen(column)
        rest = tuple(each for each in now if each != value)
        return self.with_(**{column: rest if value in now else (*now, value)})

    def query(self, only: Collection[str] | None = None) -> str:
        """Return the query of the address, without what is as it is by default.

        Args:
            only: Fields that the address knows; all by default.
        """
        fields = State.model_fields
        given = {name: getattr(self, name) for name in fields if only is None or name in only}
        changed = {name: each for name, each in given.items() if each != fields[name].default}
        return urlencode([(name, one) for name, each in changed.items() for one in _listed(each)])

    def at(self, path: str) -> str:
        """Return an address with this state as its query."""
        query = self.query()
        return f"{path}?{query}" if query else path

    @property
    def selection(self) -> State:
        """The part that decides which rows are chosen and in which order."""
        return State(
            **{
                name: getattr(self, name)
                for name in (*COLUMNS, "finding", "age_from", "age_to", "q", "where", "issue")
            },
            sort=self.sort,
        )

    def condition(self) -> str:
        """Return what is chosen as a condition, but for `issue`; empty for all rows."""
        parts = [_one_of(column, values) for column in COLUMNS if (values := self.chosen(column))]
        parts += [f"labels has {_quoted(each)}" for each in self.finding]
        if self.age_from is not None:
            parts.append(f"age_years >= {self.age_from:g}")
        if self.age_to is not None:
            parts.append(f"age_years < {self.age_to:g}")
        if self.q:
            parts.append(words(self.q))
        if self.where:
            parts.append(f"({self.where})")
        return " and ".join(parts)


def words(text: str) -> str:
    """Return the condition that a piece of text occurs in one of the columns of text."""
    return f"({' or '.join(f'{each} contains {_quoted(text)}' for each in TEXTS)})"


def _one_of(column: str, values: tuple[str, ...]) -> str:
    stated = [_quoted(each) for each in values if each]
    parts = []
    if stated:
        equal = f"= {stated[0]}" if len(stated) == 1 else f"in ({', '.join(stated)})"
        parts.append(f"{column} {equal}")
    if "" in values:
        parts.append(f"{column} is null")
    return parts[0] if len(parts) == 1 else f"({' or '.join(parts)})"


def _quoted(text: str) -> str:
    return "'" + text.replace("'", "''") + "'"


def _listed(value: Any) -> list[str]:
    values = value if isinstance(value, tuple) else (value,)
    return [str(each).lower() if isinstance(each, bool) else f"{each}" for each in values]

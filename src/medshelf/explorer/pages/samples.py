"""The samples of a manifest: facets, filters, a gallery or a table, page by page."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from typing import Annotated, Final, Literal

import numpy as np
from fastapi import Path, Query
from fastapi.responses import Response
from pydantic import BaseModel

from medshelf.core.errors import SettingError
from medshelf.explorer.language import say
from medshelf.explorer.shelf.collection import Collection, Kind
from medshelf.explorer.shelf.commands import as_cli, as_python
from medshelf.explorer.shelf.exports import as_csv, as_manifest
from medshelf.explorer.shelf.state import PER_PAGE, State
from medshelf.explorer.site import Held, Language, Page, Site, View

MOST_EXPORTED: Final = 100_000

_SHOWN_VALUES: Final = 12
_ENDINGS: Final[Mapping[str, tuple[Callable[[Collection, np.ndarray], bytes], str]]] = {
    "csv": (as_csv, "text/csv; charset=utf-8"),
    "parquet": (as_manifest, "application/vnd.apache.parquet"),
}
_AGE_BIN: Final = 10
_OF_PICTURES: Final = ("size", "overlay", "window")
_AROUND: Final = 2

Kinds = Annotated[Kind, Path(description="Of the catalog, or named on the command line")]
Name = Annotated[str, Path(max_length=300)]


class Choice(BaseModel):
    """One value of a facet.

    Attributes:
        value: As in the table; empty for samples that state none.
        count: Samples that have it, under all other choices.
        chosen: Whether it is chosen.
        url: Where it is chosen, or no longer.
    """

    value: str
    count: int
    chosen: bool
    url: str


class Facet(BaseModel):
    """A column with the values to choose from, those of most samples first.

    Attributes:
        column: `split`, `label`, `finding` ...
        choices: Values.
        n_more: Values that are not listed.
        whole: Where they are; null where all are.
    """

    column: str
    choices: tuple[Choice, ...]
    n_more: int
    whole: str | None


class AgeBar(BaseModel):
    """Samples of ten years of age."""

    age_from: int
    age_to: int
    count: int
    chosen: bool
    url: str


class Tile(BaseModel):
    """One sample as a page of samples shows it.

    Attributes:
        row: Its number in the manifest.
        sample_id: Its id.
        url: Its page.
        thumbnail: Its picture; null where the row names no image.
        values: Column to value, of the columns that are facets.
        findings: Labels that are present.
        age_years: Age, if it is stated.
        badges: Rule to severity, of what `medshelf check` reports.
    """

    row: int
    sample_id: str
    url: str
    thumbnail: str | None
    values: dict[str, str]
    findings: tuple[str, ...]
    age_years: float | None
    badges: dict[str, str]


class Turn(BaseModel):
    """A link to a page of samples."""

    page: int
    url: str


class SamplesView(View):
    """A page of samples.

    Attributes:
        kind: `datasets` or `manifests`.
        name: Of the manifest.
        state: What is asked for.
        n_samples: Samples of the manifest.
        n_chosen: Samples that the state chooses.
        page: Its number, from 1.
        n_pages: How many there are.
        facets: Columns with few values.
        ages: Samples by age, or none where it is never stated.
        tiles: The samples.
        turns: Links to other pages.
        rules: Rule to how many samples it reports.
        was_checked: Whether `medshelf check` has looked at this manifest as it is.
        command_line: The same choice in the terminal.
        python: The same choice in Python.
        exports: Ending to address of the table of the chosen samples.
        unfiltered: Address of all samples.
        layouts: Layout to address.
    """

    kind: Kind
    name: str
    state: State
    n_samples: int
    n_chosen: int
    page: int
    n_pages: int
    facets: tuple[Facet, ...]
    ages: tuple[AgeBar, ...]
    tiles: tuple[Tile, ...]
    turns: tuple[Turn, ...]
    rules: dict[str, int]
    was_checked: bool
    command_line: str
    python: str
    exports: dict[str, str]
    unfiltered: str
    layouts: dict[str, str]


def samples(
    language: Language, held: Held, kind: Kinds, name: Name, state: Annotated[State, Query()]
) -> SamplesView:
    """Return a page of the samples of a manifest."""
    shown = held.open(kind, name)
    answer = shown.answer(state)
    n_pages = max(1, -(-len(answer.rows) // PER_PAGE))
    page = min(state.page, n_pages)
    rows = answer.rows[(page - 1) * PER_PAGE : page * PER_PAGE]
    here = f"/{language}/{kind}/{name}/samples"
    export = state.selection.query()
    query, options = state.at(""), state.query(_OF_PICTURES)
    return SamplesView(
        title=say("samples.title", language, name=shown.manifest.meta.name),
        kind=kind,
        name=name,
        state=state,
        n_samples=len(shown),
        n_chosen=len(answer.rows),
        page=page,
        n_pages=n_pages,
        facets=tuple(_facets(shown, state, answer.counts, here)),
        ages=tuple(_ages(state, answer.ages, here)),
        tiles=tuple(_tile(shown, row, f"{here}/{row}{query}", options) for row in rows.tolist()),
        turns=tuple(
            Turn(page=number, url=state.with_(page=number).at(here))
            for number in _numbers(page, n_pages)
        ),
        rules={rule: len(found) for rule, found in shown.reported.by_rule.items()},
        was_checked=shown.reported.was_checked,
        command_line=as_cli(kind, name, state),
        python=as_python(kind, name, state),
        exports={
            ending: f"/download/{kind}/{name}/samples.{ending}" + (f"?{export}" if export else "")
            for ending in ("csv", "parquet")
        },
        unfiltered=State(layout=state.layout, size=state.size, window=state.window).at(here),
        layouts={each: state.with_(layout=each).at(here) for each in ("gallery", "table")},
    )


def _facets(
    shown: Collection, state: State, counts: Mapping[str, np.ndarray], here: str
) -> list[Facet]:
    values = {name: (*each.values, "") for name, each in shown.facets.items()}
    if shown.findings is not None:
        values["finding"] = shown.findings.values
    found = []
    for column, names in values.items():
        chosen = state.chosen(column)
        ordered = sorted(
            zip(names, counts[column].tolist(), strict=True),
            key=lambda each: (each[0] not in chosen, each[0] == "", -each[1], each[0]),
        )
        listed = [each for each in ordered if each[1] or each[0] in chosen]
        if len(listed) < 2 and not chosen and (not listed or listed[0][0] == ""):  # noqa: PLR2004
            continue
        n_shown = len(listed) if column == state.whole else min(len(listed), _SHOWN_VALUES)
        found.append(
            Facet(
                column=column,
                choices=tuple(
                    Choice(
                        value=value,
                        count=count,
                        chosen=value in chosen,
                        url=state.toggled(column, value).at(here),
                    )
                    for value, count in listed[:n_shown]
                ),
                n_more=len(listed) - n_shown,
                whole=None
                if n_shown == len(listed)
                else state.model_copy(update={"whole": column}).at(here),
            )
        )
    return found


def _ages(state: State, counts: np.ndarray, here: str) -> list[AgeBar]:
    found = []
    for number, count in enumerate(counts.tolist()):
        low, high = number * _AGE_BIN, (number + 1) * _AGE_BIN
        chosen = (state.age_from, state.age_to) == (low, high)
        there = {"age_from": None, "age_to": None} if chosen else {"age_from": low, "age_to": high}
        url = state.with_(**there).at(here)
        found.append(AgeBar(age_from=low, age_to=high, count=count, chosen=chosen, url=url))
    while found and not (found[-1].count or found[-1].chosen):
        found.pop()
    return found


def _tile(shown: Collection, row: int, url: str, options: str) -> Tile:
    age = float(shown.ages[row])
    stated = {name: each.text(row) for name, each in shown.facets.items()}
    return Tile(
        row=row,
        sample_id=shown.sample_ids[row],
        url=url,
        thumbnail=shown.thumbnail(row, options),
        values={name: value for name, value in stated.items() if value is not None},
        findings=() if shown.findings is None else shown.findings.texts(row),
        age_years=None if age != age else age,  # noqa: PLR0124 - NaN
        badges={each.rule: each.severity for each in shown.reported.badges(row)},
    )


def _numbers(page: int, n_pages: int) -> list[int]:
    near = range(max(1, page - _AROUND), min(n_pages, page + _AROUND) + 1)
    return sorted({1, *near, n_pages})


def download(
    held: Held,
    kind: Kinds,
    name: Name,
    ending: Literal["csv", "parquet"],
    state: Annotated[State, Query()],
) -> Response:
    """Return the rows that a state chooses, as a manifest or as plain columns in CSV.

    Raises:
        SettingError: There are more than 100,000.
    """
    shown = held.open(kind, name)
    rows = shown.answer(state).rows
    if len(rows) > MOST_EXPORTED:
        problem = f"{len(rows):,} samples are more than a download holds ({MOST_EXPORTED:,})"
        raise SettingError(problem, f"Write them with: {as_cli(kind, name, state)}")
    make, kind_of_file = _ENDINGS[ending]
    return Response(
        make(shown, rows),
        media_type=kind_of_file,
        headers={"Content-Disposition": f'attachment; filename="samples.{ending}"'},
    )


def register(site: Site) -> None:
    """Add the page for datasets and for named manifests, and the downloads."""
    site.add(Page("/{kind}/{name}/samples", "samples.html", samples))
    site.router.add_api_route("/download/{kind}/{name}/samples.{ending}", download)

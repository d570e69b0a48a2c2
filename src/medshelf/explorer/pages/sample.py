"""One sample: what it shows, what was said of it, what was found in it, and its neighbours."""

from __future__ import annotations

from collections.abc import Iterator
from typing import Annotated, Final

import numpy as np
import polars as pl
from fastapi import Path, Query
from pydantic import BaseModel

from medshelf.core.errors import UnknownNameError
from medshelf.dataset.sample import Sample
from medshelf.explorer.language import say
from medshelf.explorer.media import Seen, window_of
from medshelf.explorer.pages.samples import Kinds, Name
from medshelf.explorer.pixels.described import (
    Drawn,
    Mask,
    Outline,
    images_of,
    mask_names,
    masks_of,
    shapes_of,
)
from medshelf.explorer.pixels.structures import MOST_AT_FIRST
from medshelf.explorer.shelf.collection import Collection, Kind
from medshelf.explorer.shelf.state import MOST_CHOSEN, State
from medshelf.explorer.site import Held, Language, Page, Site, View

_MOST_NEIGHBOURS: Final = 24
_PLAIN: Final = (
    *("split", "label", "patient_id", "study_id", "age_years", "sex", "view"),
    *("laterality", "site", "scanner", "language"),
)


class Said(BaseModel):
    """A statement of the labels: 1 present, 0 absent, -1 uncertain, or a grade."""

    task: str | None
    name: str | None
    value: float | None
    source: str | None
    annotator: str | None


class Asked(BaseModel):
    """A question; the right answers are among `answers`."""

    text: str
    options: tuple[str, ...]
    answers: tuple[str, ...]
    explanation: str | None


class Found(BaseModel):
    """What a rule says of the sample."""

    rule: str
    severity: str
    message: str
    remedy: str
    url: str


class Unopened(BaseModel):
    """A mask that is not drawn, since a sample has more of them than are told apart.

    Attributes:
        name: As of `Mask`.
        url: Where it is drawn beside those that are; all of its name are.
    """

    name: str
    url: str


class Neighbour(BaseModel):
    """Another sample of the same patient, or one that shows the same picture."""

    sample_id: str
    row: int
    url: str
    thumbnail: str | None


class SampleView(View):
    """Everything that is known of one sample.

    Attributes:
        kind: `datasets` or `manifests`.
        name: Of the manifest.
        row: Number of the row.
        sample_id: Its id.
        state: The choice of samples that it was reached by.
        place: Its place in that choice, from 1; null where it is not in it.
        n_chosen: Samples of that choice.
        previous: Address of the one before.
        following: Address of the one after.
        back: Address of the page of samples.
        images: What it shows.
        masks: What is drawn on that.
        unopened: Masks that are not drawn.
        first_masks: Where the first masks are drawn again; null where they are.
        shapes: What else is drawn.
        others: Media that are no images and no masks: name and role.
        facts: Column to value.
        extra: What else the release says.
        labels: Statements.
        texts: Section to text: context, report, findings, impression, caption.
        question: A question.
        turns: A dialogue: role and content.
        issues: What was found.
        patient: Samples of the same patient.
        twins: Samples that show the same picture.
        licence: Of the data.
    """

    kind: Kind
    name: str
    row: int
    sample_id: str
    state: State
    place: int | None
    n_chosen: int
    previous: str | None
    following: str | None
    back: str
    images: tuple[Drawn, ...]
    masks: tuple[Mask, ...]
    unopened: tuple[Unopened, ...]
    first_masks: str | None
    shapes: tuple[Outline, ...]
    others: dict[str, str]
    facts: dict[str, str]
    extra: dict[str, str]
    labels: tuple[Said, ...]
    texts: dict[str, str]
    question: Asked | None
    turns: tuple[tuple[str, str], ...]
    issues: tuple[Found, ...]
    patient: tuple[Neighbour, ...]
    twins: tuple[Neighbour, ...]
    licence: str | None

    def masks_on(self, slot: int) -> list[Mask]:
        """Return the masks that lie on an image."""
        return [each for each in self.masks if each.problem is None and slot in each.images]


def sample(  # noqa: PLR0913, PLR0917 - the parts of an address
    language: Language,
    held: Held,
    seen: Seen,
    kind: Kinds,
    name: Name,
    row: Annotated[int, Path(ge=0, le=10**10)],
    state: Annotated[State, Query()],
) -> SampleView:
    """Return one sample, and its place among those that the state chooses."""
    shown = held.open(kind, name)
    if row >= len(shown):
        raise UnknownNameError("row", row, [f"0 to {len(shown) - 1}"])
    found = shown.dataset.sample(row)
    window_of(state.window)
    here = f"/{language}/{kind}/{name}/samples"
    images = tuple(images_of(seen, shown.key, found, row))
    slots = _chosen_masks(found, state)
    rows = shown.answer(state).rows
    places = np.flatnonzero(rows == row)
    place = int(places[0]) if len(places) else None
    query = state.at("")

    def beside(step: int) -> str | None:
        if place is None or not 0 <= place + step < len(rows):
            return None
        return f"{here}/{rows[place + step]}{query}"

    return SampleView(
        title=say("sample.title", language, id=found.id, name=shown.manifest.meta.name),
        kind=kind,
        name=name,
        row=row,
        sample_id=found.id,
        state=state,
        place=None if place is None else place + 1,
        n_chosen=len(rows),
        previous=beside(-1),
        following=beside(1),
        back=here + query,
        images=images,
        masks=tuple(masks_of(seen, shown.key, found, row, images, slots)),
        unopened=tuple(_unopened(found, state, slots, f"{here}/{row}")),
        first_masks=state.model_copy(update={"mask": ()}).at(f"{here}/{row}")
        if state.mask
        else None,
        shapes=tuple(shapes_of(found)),
        others={
            str(each.name): str(each.role)
            for each in found.media
            if each.role not in ("image", "mask")
        },
        facts={
            each: _text(value) for each in _PLAIN if (value := getattr(found, each)) is not None
        },
        extra=dict(found.extra),
        labels=tuple(
            Said(
                task=each.task,
                name=each.name,
                value=each.value,
                source=each.source,
                annotator=each.annotator,
            )
            for each in found.labels
        ),
        texts=_texts(found),
        question=_question(found),
        turns=tuple((each.role or "", each.content or "") for each in found.turns),
        issues=tuple(
            Found(
                rule=each.rule,
                severity=each.severity,
                message=each.message,
                remedy=each.remedy,
                url=f"{here}?issue={each.rule}",
            )
            for each in shown.reported.of_sample(found.id)
        ),
        patient=tuple(_patient(shown, found, here)),
        twins=tuple(_neighbours(shown, shown.reported.twins(found.id), here)),
        licence=shown.dataset.licence,
    )


def _chosen_masks(found: Sample, state: State) -> list[int]:
    names = mask_names(found)
    return [each for each in names if names[each] in state.mask] or list(names)[:MOST_AT_FIRST]


def _unopened(found: Sample, state: State, slots: list[int], here: str) -> Iterator[Unopened]:
    names = mask_names(found)
    drawn = dict.fromkeys(names[each] for each in slots)
    rest = dict.fromkeys(name for slot, name in names.items() if slot not in slots)
    for name in rest:
        chosen = tuple(dict.fromkeys((*drawn, name)))[-MOST_CHOSEN:]
        yield Unopened(name=name, url=state.model_copy(update={"mask": chosen}).at(here))


def _texts(found: Sample) -> dict[str, str]:
    if found.text is None:
        return {}
    names = ("context", "report", "findings", "impression", "caption")
    return {name: text for name in names if (text := getattr(found.text, name))}


def _question(found: Sample) -> Asked | None:
    asked = found.question
    if asked is None:
        return None
    return Asked(
        text=asked.text,
        options=asked.options,
        answers=asked.answers,
        explanation=asked.explanation,
    )


def _patient(shown: Collection, found: Sample, here: str) -> Iterator[Neighbour]:
    if found.patient_id is None:
        return
    same = pl.col("patient_id") == found.patient_id
    ids = shown.manifest.frame.filter(same).select("sample_id").head(_MOST_NEIGHBOURS + 1)
    yield from _neighbours(
        shown, [each for each in ids.collect().to_series() if each != found.id], here
    )


def _neighbours(
    shown: Collection, ids: list[str] | tuple[str, ...], here: str
) -> Iterator[Neighbour]:
    for each in ids[:_MOST_NEIGHBOURS]:
        row = shown.row_of(each)
        if row is not None:
            thumbnail = shown.thumbnail(row, "size=96")
            yield Neighbour(sample_id=each, row=row, url=f"{here}/{row}", thumbnail=thumbnail)


def _text(value: object) -> str:
    return f"{value:g}" if isinstance(value, float) else str(value)


def register(site: Site) -> None:
    """Add the page."""
    site.add(Page("/{kind}/{name}/samples/{row}", "sample.html", sample))

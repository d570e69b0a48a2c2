"""Images, masks and shapes of a sample as a page describes them to a viewer."""

from __future__ import annotations

from collections.abc import Iterator, Sequence

import numpy as np
from pydantic import BaseModel

from medshelf.core.errors import MedshelfError
from medshelf.dataset.sample import Sample
from medshelf.explorer.pixels.scene import Scene
from medshelf.explorer.pixels.seen import Pixels
from medshelf.explorer.pixels.structures import first_colours
from medshelf.imaging.overlay import colour_of


class Cut(BaseModel):
    """One way to cut an image into slices.

    Attributes:
        axis: `image` for a picture; axial, coronal or sagittal.
        n_slices: How many there are.
        rows: Of a slice.
        columns: Of a slice.
        row_mm: Between rows; 1 where the spacing is not stated.
        column_mm: Between columns.
        edges: What is at the left, right, top and bottom, e.g. `RLAP`; empty where not stated.
    """

    axis: str
    n_slices: int
    rows: int
    columns: int
    row_mm: float
    column_mm: float
    edges: str


class Drawn(BaseModel):
    """An image of the sample, or why it cannot be shown.

    Attributes:
        slot: Its place among the media.
        name: Its name.
        address: Start of the addresses of its pixels.
        cuts: Ways to cut it.
        colour: Whether it is a picture with colours, which no window changes.
        unit: Of its values, e.g. `HU`.
        low: Black where no window is chosen: the lowest value, of 8 bits 0.
        high: White: the highest value, of 8 bits 255.
        inverted: Whether the lowest value is white.
        has_mm: Whether the spacing is stated.
        problem: Why it cannot be shown.
    """

    slot: int
    name: str
    address: str
    cuts: tuple[Cut, ...] = ()
    colour: bool = False
    unit: str | None = None
    low: float = 0
    high: float = 1
    inverted: bool = False
    has_mm: bool = False
    problem: str | None = None


class Part(BaseModel):
    """A structure of a mask with its colour, `#rrggbb`, and its number there, from 1."""

    number: int
    name: str
    colour: str


class Mask(BaseModel):
    """A mask of the sample, or why it cannot be drawn.

    Attributes:
        slot: Its place among the media.
        name: Its name.
        annotator: Whose it is.
        address: Start of the addresses of its pixels.
        parts: What it shows.
        images: Slots of the images that it lies on.
        problem: Why it cannot be drawn on any.
    """

    slot: int
    name: str
    annotator: str | None
    address: str
    parts: tuple[Part, ...] = ()
    images: tuple[int, ...] = ()
    problem: str | None = None


class Outline(BaseModel):
    """A shape; `points` as in the manifest."""

    kind: str
    label: str | None
    annotator: str | None
    image: str | None
    unit: str | None
    frame: int | None
    colour: str
    points: tuple[float, ...]


def images_of(seen: Pixels, key: str, found: Sample, row: int) -> Iterator[Drawn]:
    """Yield the images of a sample, those that cannot be decoded with the reason."""
    for slot, medium in enumerate(found.media):
        if medium.role != "image":
            continue
        named = Drawn(
            slot=slot,
            name=medium.name or "image",
            address=f"/media/{key}/{row}/{slot}",
        )
        try:
            scene = seen.scene(key, row, slot)
            cuts = tuple(_cuts(scene))
        except MedshelfError as error:
            yield named.model_copy(update={"problem": error.problem})
            continue
        yield named.model_copy(
            update={
                "cuts": cuts,
                "colour": scene.is_colour,
                "unit": scene.unit,
                "low": 0 if scene.array.dtype == np.uint8 else scene.low,
                "high": 255 if scene.array.dtype == np.uint8 else scene.high,
                "inverted": scene.photometric == "inverted-grey",
                "has_mm": scene.spacing_mm is not None,
            }
        )


def _cuts(scene: Scene) -> Iterator[Cut]:
    for axis in scene.axes:
        plane = scene.plane(axis, scene.n_slices(axis) // 2)
        yield Cut(
            axis=axis,
            n_slices=scene.n_slices(axis),
            rows=plane.array.shape[0],
            columns=plane.array.shape[1],
            row_mm=plane.spacing_mm[0],
            column_mm=plane.spacing_mm[1],
            edges=plane.edges,
        )


def mask_names(found: Sample) -> dict[int, str]:
    """Return the name of each mask of a sample by slot."""
    return {
        slot: each.label or each.name or "mask"
        for slot, each in enumerate(found.media)
        if each.role == "mask"
    }


def masks_of(
    seen: Pixels,
    key: str,
    found: Sample,
    row: int,
    images: tuple[Drawn, ...],
    slots: Sequence[int],
) -> Iterator[Mask]:
    """Yield some masks of a sample with the images that they lie on; no other is opened."""
    names, firsts = mask_names(found), first_colours(found)
    for slot in slots:
        first = firsts[slot]
        named = Mask(
            slot=slot,
            name=names[slot],
            annotator=found.media[slot].annotator,
            address=f"/media/{key}/{row}/{slot}",
        )
        try:
            scene, structures = seen.scene(key, row, slot), seen.structures(key, row, slot)
        except MedshelfError as error:
            yield named.model_copy(update={"problem": error.problem})
            continue
        fitting, why = [], ""
        for each in images:
            if each.problem is None:
                differs = scene.grid.differs(seen.scene(key, row, each.slot).grid)
                if differs is None:
                    fitting.append(each.slot)
                else:
                    why = differs
        parts = tuple(
            Part(number=number, name=each.name, colour=_hex(first + number - 1))
            for number, each in enumerate(structures, start=1)
        )
        problem = None if fitting or not why else f"The mask is {why}"
        yield named.model_copy(
            update={"parts": parts, "images": tuple(fitting), "problem": problem}
        )


def shapes_of(found: Sample) -> Iterator[Outline]:
    """Yield the shapes of a sample, one colour per label."""
    labels = list(dict.fromkeys(each.label for each in found.shapes))
    for each in found.shapes:
        yield Outline(
            kind=each.kind or "",
            label=each.label,
            annotator=each.annotator,
            image=each.media,
            unit=each.unit,
            frame=each.frame,
            colour=_hex(labels.index(each.label)),
            points=each.points,
        )


def _hex(number: int) -> str:
    return "#{:02x}{:02x}{:02x}".format(*colour_of(number))

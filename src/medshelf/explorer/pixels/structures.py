"""What a mask shows, one structure after the other, each with its values and its colour."""

from __future__ import annotations

from dataclasses import dataclass
from itertools import accumulate
from typing import Final

import numpy as np

from medshelf.dataset.fields import Medium
from medshelf.dataset.sample import Sample
from medshelf.imaging.overlay import COLOURS

MOST_AT_FIRST: Final = len(COLOURS)
"""Masks of a sample that are drawn unless others are asked for: a CT may come with a hundred."""

MOST_STRUCTURES: Final = 255

_BACKGROUND: Final = "background"
_MOST_DISTINCT: Final = 1000


@dataclass(frozen=True, slots=True)
class Structure:
    """One thing that a mask shows.

    Attributes:
        name: From the legend, or the label of the mask, or the value.
        values: What stands for it in the mask.
    """

    name: str
    values: tuple[int, ...]


def structures_of(
    sample: Sample, medium: Medium, mask: np.ndarray, first: int = 0
) -> tuple[Structure, ...]:
    """Return the structures of a mask that has one value per pixel.

    The legend names them where there is one; else each value but 0 is one, or, in a mask that is
    said to hold one structure, all of them together.

    Args:
        sample: Whose mask it is.
        medium: The mask.
        mask: Its values.
        first: What stands in it for the 0 of the legend; 1 in one that had channels.
    """
    named = _of_legend(sample, first)
    if named and medium.label is None:
        return named[:MOST_STRUCTURES]
    values = tuple(int(each) for each in _distinct(mask)[:_MOST_DISTINCT] if each != 0)
    if medium.label is not None:
        return (Structure(medium.label, values),) if values else ()
    return tuple(Structure(str(each), (each,)) for each in values[:MOST_STRUCTURES])


def first_colours(sample: Sample) -> dict[int, int]:
    """Return the number of the first colour of each mask by slot, without opening any.

    Masks of which it is not known how many structures they show come after the others.
    """
    masks = [slot for slot, each in enumerate(sample.media) if each.role == "mask"]
    named = len(_of_legend(sample, 0))
    sizes = {slot: 1 if sample.media[slot].label is not None else named for slot in masks}
    in_order = sorted(masks, key=lambda slot: not sizes[slot])
    starts = accumulate((max(1, sizes[slot]) for slot in in_order), initial=0)
    return dict(zip(in_order, starts, strict=False))


def _of_legend(sample: Sample, first: int) -> tuple[Structure, ...]:
    return tuple(
        Structure(name, tuple(each + first for each in values))
        for name, values in sample.legend.items()
        if name.lower() != _BACKGROUND and (first or values != (0,))
    )


def _distinct(mask: np.ndarray) -> np.ndarray:
    """Return the values of a mask; small whole numbers are counted, which is fast."""
    if mask.dtype.kind not in "iu" or not mask.size or mask.min() < 0 or mask.max() >= 1 << 16:
        return np.unique(mask)
    found = np.zeros(int(mask.max()) + 1, bool)
    for part in mask:
        found |= np.bincount(part.reshape(-1), minlength=len(found)) > 0
    return np.flatnonzero(found)

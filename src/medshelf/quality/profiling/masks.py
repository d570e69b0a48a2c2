"""How the structures in masks hang together."""

from __future__ import annotations

from dataclasses import dataclass

import polars as pl

from medshelf.quality.case import Case
from medshelf.quality.profiling.labels import Together, together_in_masks
from medshelf.quality.profiling.pictures import regions
from medshelf.quality.profiling.spread import Spread, spreads_by, tally

_COLUMNS = ("n_components", "n_holes", "touches_border")


@dataclass(frozen=True, slots=True)
class Connectivity:
    """How one structure hangs together, over the masks that have it.

    Attributes:
        name: The structure.
        n: Masks that have it.
        n_empty: Masks that could have it and do not.
        pixels: Pixels or voxels of it.
        components: Connected parts; null where they were not counted.
        n_several: Masks in which it has several parts; null where they were not counted.
        n_with_holes: Masks in which it has holes; null where they were not counted.
        n_touching: Masks in which it reaches the border of the image.
    """

    name: str
    n: int
    n_empty: int
    pixels: Spread
    components: Spread | None
    n_several: int | None
    n_with_holes: int | None
    n_touching: int


@dataclass(frozen=True, slots=True)
class Masks:
    """What the masks show.

    Attributes:
        structures: In the order of the legend; those that no mask has are left out.
        together: Which occur in the same sample.
    """

    structures: tuple[Connectivity, ...]
    together: tuple[Together, ...]


def describe_masks(case: Case) -> Masks | None:
    """Return how structures hang together; null where there are no masks."""
    found = regions(case, *_COLUMNS)
    present = found.filter(pl.col("n_pixels") > 0)
    counted, pixels, components = pl.collect_all(
        [
            found.group_by("structure", maintain_order=True).agg(
                n=(pl.col("n_pixels") > 0).sum(),
                n_empty=(pl.col("n_pixels") == 0).sum(),
                several=_stated("n_components", 1),
                holes=_stated("n_holes", 0),
                touching=(pl.col("touches_border") & (pl.col("n_pixels") > 0)).sum(),
            ),
            tally(present, pl.col("n_pixels"), "structure"),
            tally(present, pl.col("n_components"), "structure"),
        ]
    )
    if counted.is_empty():
        return None
    of_pixels, of_parts = spreads_by(pixels, "structure"), spreads_by(components, "structure")
    structures = [
        Connectivity(name, n, empty, of_pixels[name], of_parts.get(name), several, holes, touching)
        for name, n, empty, several, holes, touching in counted.iter_rows()
        if n
    ]
    return Masks(tuple(structures), together_in_masks(found))


def _stated(column: str, more_than: int) -> pl.Expr:
    """Count the masks with more than so many; null where none was counted."""
    value = pl.col(column).filter(pl.col("n_pixels") > 0)
    return pl.when(value.count() > 0).then((value > more_than).sum())

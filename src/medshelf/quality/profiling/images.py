"""What the image files are: sizes, bit depths, formats, bytes, and what is unreadable."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass

import polars as pl

from medshelf.quality.case import Case
from medshelf.quality.profiling.pictures import PLACE, distinct_media
from medshelf.quality.profiling.spread import Spread, spread_of, tally

_KINDS = ("format", "dtype", "bits", "channels", "photometric", "orientation", "unit")
_LENGTHS = ("n_x", "n_y", "n_z", "n_t")
_N_SIZES = 500


@dataclass(frozen=True, slots=True)
class SizeCount:
    """How many images have one size.

    Attributes:
        size_px: Pixels along X, Y (and Z).
        n: Images.
    """

    size_px: tuple[int, ...]
    n: int


@dataclass(frozen=True, slots=True)
class Images:
    """What the image files are; each once, however many samples name it.

    Attributes:
        n: Images that could be decoded.
        errors: Why others could not, to their number; masks included.
        width: Pixels along X.
        height: Pixels along Y.
        depth: Pixels along Z, of volumes.
        frames: Length along time, where there is such an axis.
        aspect: Width by height.
        n_sizes: Different sizes.
        sizes: The most frequent first, at most 500.
        kinds: Format, dtype, bits, channels, photometric, orientation and unit to value to images;
            those that no image states are left out.
        file_bytes: Size of files and archive members with images or masks; null where only frames
            of containers are measured.
        total_bytes: Their sum.
    """

    n: int
    errors: Mapping[str, int]
    width: Spread | None
    height: Spread | None
    depth: Spread | None
    frames: Spread | None
    aspect: Spread | None
    n_sizes: int
    sizes: tuple[SizeCount, ...]
    kinds: Mapping[str, Mapping[str, int]]
    file_bytes: Spread | None
    total_bytes: int | None


def describe_images(case: Case) -> Images | None:
    """Return what the image files are; null where the manifest names no image or mask."""
    media = case.measures.media.select("role", "error", *PLACE, "size_bytes")
    images = distinct_media(case, "image", *_KINDS, *_LENGTHS)
    files = media.drop_nulls("size_bytes").unique(["path", "member"], keep="any")
    aspect = pl.col("n_x") / pl.col("n_y")
    n_all, errors, n, sizes, of_bytes, *tallies = pl.collect_all(
        [
            media.select(pl.len()),
            media.drop_nulls("error").unique(PLACE).group_by(pl.col("error").cast(pl.String)).len(),
            images.select(pl.len()),
            images.drop_nulls(["n_x", "n_y"]).group_by("n_x", "n_y", "n_z").agg(n=pl.len()),
            tally(files, pl.col("size_bytes")),
            *[tally(images, pl.col(each)) for each in _LENGTHS],
            tally(images, aspect),
            *[
                images.drop_nulls(each).group_by(pl.col(each).cast(pl.String)).len()
                for each in _KINDS
            ],
        ]
    )
    if not n_all.item():
        return None
    width, height, depth, frames, shape = (spread_of(each) for each in tallies[:5])
    kinds = {name: _most_first(each) for name, each in zip(_KINDS, tallies[5:], strict=True)}
    total = (of_bytes["value"] * of_bytes["n"]).sum()
    return Images(
        n=n.item(),
        errors=_most_first(errors),
        width=width,
        height=height,
        depth=depth,
        frames=frames,
        aspect=shape,
        n_sizes=sizes.height,
        sizes=_sizes(sizes),
        kinds={name: each for name, each in kinds.items() if each},
        file_bytes=spread_of(of_bytes),
        total_bytes=int(total) if of_bytes.height else None,
    )


def _sizes(counted: pl.DataFrame) -> tuple[SizeCount, ...]:
    order = counted.sort("n", "n_x", "n_y", "n_z", descending=[True, False, False, False])
    return tuple(
        SizeCount(tuple(each for each in size if each is not None), n)
        for *size, n in order.head(_N_SIZES).iter_rows()
    )


def _most_first(counted: pl.DataFrame) -> dict[str, int]:
    name = counted.columns[0]
    return dict(counted.sort("len", name, descending=[True, False]).iter_rows())

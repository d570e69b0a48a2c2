"""The images and masks that were measured, each once however many rows name it."""

from __future__ import annotations

import polars as pl

from medshelf.quality.case import Case

PLACE = ("path", "member", "index")
"""What tells one medium from another."""


def distinct_media(case: Case, role: str, *columns: str) -> pl.LazyFrame:
    """Return the measured media of one role, without those that have an error, each once.

    Args:
        case: The manifest under examination.
        role: `image` or `mask`.
        columns: Of `MEDIA_MEASURES`, beside `PLACE`.
    """
    rows = case.measures.media.filter(pl.col("role") == role, pl.col("error").is_null())
    wanted = dict.fromkeys((*PLACE, *columns))
    return rows.select(*wanted).unique(PLACE, keep="first", maintain_order=True)


def masked_rows(case: Case) -> pl.LazyFrame:
    """Return `row` of every row whose masks are those of no row before it.

    Question sets name one picture and its mask in many rows; it is one case all the same.
    """
    masks = case.measures.media.filter(pl.col("role") == "mask", pl.col("error").is_null())
    place = pl.concat_str(
        *[pl.col(each).cast(pl.String).fill_null("") for each in PLACE], separator="\n"
    )
    named = (
        masks.select("row", place=place)
        .group_by("row")
        .agg(pl.col("place").sort().str.join("\n\n"))
    )
    return named.sort("row").unique("place", keep="first", maintain_order=True).select("row")


def regions(case: Case, *columns: str) -> pl.LazyFrame:
    """Return what was measured of the structures in masks, background left out, each mask once.

    Args:
        case: The manifest under examination.
        columns: Of `REGION_MEASURES`, beside `row`, `structure` and `n_pixels`.
    """
    rows = case.measures.regions.filter(pl.col("values") != "0")
    wanted = dict.fromkeys(("row", "structure", "n_pixels", *columns))
    return rows.select(*wanted).join(masked_rows(case), on="row", how="semi", maintain_order="left")

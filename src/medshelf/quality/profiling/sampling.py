"""A seeded sample of rows, for what is too dear to do with 26 million."""

from __future__ import annotations

import numpy as np
import polars as pl

_SEED = 20_260


def sampled(frame: pl.LazyFrame, n_rows: int, most: int) -> pl.LazyFrame:
    """Return the rows, or so many of them, drawn without replacement and in their order.

    Args:
        frame: Rows in a fixed order.
        n_rows: How many there are.
        most: How many are wanted at most.
    """
    if n_rows <= most:
        return frame
    drawn = np.random.default_rng(_SEED).choice(n_rows, most, replace=False, shuffle=False)
    places = pl.LazyFrame({"_place": np.sort(drawn).astype(np.uint32)})
    return frame.with_row_index("_place").join(places, on="_place", how="semi").drop("_place")

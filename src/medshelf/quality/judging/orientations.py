"""The orientation of every volume, and the usual one of its set."""

from __future__ import annotations

from itertools import permutations, product

import numpy as np
import polars as pl

from medshelf.formats.geometry import affine_of, orientation
from medshelf.quality.case import Case
from medshelf.quality.judging.evidence import measured


def right_handed_codes() -> tuple[str, ...]:
    """Return the 24 orientations whose axes are a right-handed system, as RAS is."""
    codes = []
    for axes, signs in product(permutations(range(3)), product((1, -1), repeat=3)):
        steps = np.eye(3)[list(axes)] * np.array(signs)[:, None]
        if np.linalg.det(steps) > 0:
            codes.append(orientation(affine_of(steps.tolist(), (0, 0, 0))))
    return tuple(codes)


def oriented(case: Case) -> pl.DataFrame:
    """Return the image volumes with an orientation.

    Returns:
        `row`, `sample_id`, `name`, `file`, `orientation`; `right_handed`, and of all volumes of
        that name `mostly_right_handed`, `usual_orientation` (the most frequent one of that
        handedness) and `n_volumes`.
    """
    volumes = measured(case, "image").filter(pl.col("n_z") > 1).drop_nulls("orientation")
    right = pl.col("orientation").is_in(right_handed_codes())
    rows = volumes.select("row", "sample_id", "name", "file", "orientation", right_handed=right)
    many = (pl.col("right_handed").mean() >= 0.5).over("name")  # noqa: PLR2004
    rows = rows.with_columns(mostly_right_handed=many, n_volumes=pl.len().over("name"))
    usual = (
        pl.col("orientation")
        .filter(pl.col("right_handed") == pl.col("mostly_right_handed"))
        .mode()
        .sort()
        .first()
    )
    return rows.with_columns(usual_orientation=usual.over("name")).collect()

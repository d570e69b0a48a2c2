"""Slices that make a series, and the gaps between them."""

from __future__ import annotations

from pathlib import Path

import numpy as np
import polars as pl

_SAME_PLACE_MM = 1e-3
_DECIMALS = 3


def with_positions(slices: pl.DataFrame, root: Path) -> pl.DataFrame:
    """Group DICOM slices into series, and say where along its normal each one lies.

    Slices of one folder, name and size on parallel planes are a series; where two of them lie at
    one place, the folder holds several, and their headers are asked which.

    Args:
        slices: `row`, `sample_id`, `name`, `path`, `member`, `file`, `folder`, `n_x`, `n_y` and
            `affine`, 16 numbers.
        root: The raw tree.

    Returns:
        `row`, `sample_id`, `file`, `series`, `place` in mm.
    """
    kept = ("row", "sample_id", "file", "series", "place")
    if slices.is_empty():
        text, number = pl.lit(None, pl.String), pl.lit(None, pl.Float64)
        return slices.with_columns(series=text, place=number).select(kept)
    affines = slices["affine"].explode().to_numpy().reshape(-1, 4, 4)
    normals = np.cross(affines[:, :3, 0], affines[:, :3, 1])
    normals /= np.linalg.norm(normals, axis=1, keepdims=True)
    places = np.einsum("ni,ni->n", normals, affines[:, :3, 3])
    directions = pl.DataFrame(normals.round(_DECIMALS) + 0.0, schema=["a", "b", "c"])
    key = pl.concat_str("folder", "name", "n_x", "n_y", "a", "b", "c", separator="\x00")
    rows = pl.concat([slices, directions], how="horizontal").with_columns(
        key.alias("series"), pl.Series("place", places)
    )
    step = pl.col("place").sort().diff().min().over("series")
    crowded = rows.filter(step <= _SAME_PLACE_MM)
    told = _series_of(crowded, root)
    rows = rows.join(told, on="file", how="left", maintain_order="left")
    uid = pl.col("uid").fill_null("")
    return rows.with_columns(pl.concat_str("series", uid, separator="\x00")).select(kept)


def with_gaps(rows: pl.DataFrame, gap: float) -> pl.DataFrame:
    """Add what lies between the slices of each series.

    Args:
        rows: With `series` and `place`.
        gap: How many times the usual distance is a gap.

    Returns:
        The rows by series and place, with `step` to the slice before (null for the first),
        `typical_step` (its median, equal places left out), `smallest_step` and `n_missing`.
    """
    step = pl.col("place").diff().over("series")
    apart = pl.when(pl.col("step") > _SAME_PLACE_MM).then("step")
    wide = pl.col("step") > gap * pl.col("typical_step")
    missing = (pl.col("step") / pl.col("typical_step") - 1).round().cast(pl.Int64)
    ordered = rows.sort("series", "place", "row").with_columns(step=step)
    return ordered.with_columns(
        typical_step=apart.median().over("series"),
        smallest_step=pl.col("step").min().over("series"),
    ).with_columns(n_missing=pl.when(wide).then(missing).otherwise(0))


def _series_of(slices: pl.DataFrame, root: Path) -> pl.DataFrame:
    """Ask the headers of loose files for their series; `file`, `uid`."""
    loose = slices.filter(pl.col("member").is_null())["path"].unique().sort()
    found: list[tuple[str, str]] = []
    if len(loose):
        from medshelf.formats.dicom import find_series

        series, _ = find_series(root / each for each in loose)
        for each in series:
            found += [(path.relative_to(root).as_posix(), each.uid) for path in each.paths]
    return pl.DataFrame(found, schema={"file": pl.String, "uid": pl.String}, orient="row")

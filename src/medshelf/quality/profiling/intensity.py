"""What values the pixels have, and the mean and standard deviation to normalise with."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from dataclasses import dataclass

import numpy as np
import polars as pl

from medshelf.quality.case import Case
from medshelf.quality.measures import PERCENTILES
from medshelf.quality.profiling.pictures import distinct_media

_COLUMNS = (
    *("name", "channels", "dtype", "unit", "minimum", "maximum", "percentiles", "n_not_finite"),
    *("channel_means", "channel_sds", "n_x", "n_y", "n_z", "n_t"),
)
_FULL = {"uint8": 255.0, "uint16": 65535.0}


@dataclass(frozen=True, slots=True)
class Normalisation:
    """Mean and standard deviation per channel, as values are stored.

    Attributes:
        weighted_by: `pixel`: every pixel counts the same, a large image more than a small one;
            `image`: every image counts the same.
        mean: Per channel.
        sd: Per channel, of all pixels about `mean`: within images and between them.
    """

    weighted_by: str
    mean: tuple[float, ...]
    sd: tuple[float, ...]


@dataclass(frozen=True, slots=True)
class Intensity:
    """Values of the images of one kind.

    Attributes:
        name: Of the image in a sample, e.g. `t1ce`.
        channels: 1 for grey, 3 for RGB.
        dtype: As stored, e.g. `uint8`.
        unit: What values measure, e.g. `HU`; null where not stated.
        n: Images.
        minimum: Smallest value of all.
        maximum: Largest value of all.
        percentiles: Percentile of an image to its median over images.
        per_pixel: To normalise with; null where no image has finite values.
        per_image: The same with equal weight of images.
        full_scale: What white is in `dtype`; divide mean and sd by it for images between 0 and 1;
            null for other types than uint8 and uint16.
    """

    name: str | None
    channels: int
    dtype: str
    unit: str | None
    n: int
    minimum: float | None
    maximum: float | None
    percentiles: Mapping[str, float]
    per_pixel: Normalisation | None
    per_image: Normalisation | None
    full_scale: float | None


def describe_intensity(case: Case) -> tuple[Intensity, ...]:
    """Return the values of images, one entry per name, channels, type and unit."""
    keys = ["name", "channels", "dtype", "unit"]
    images = distinct_media(case, "image", *_COLUMNS).select(_COLUMNS).drop_nulls("dtype")
    found = images.with_columns(pl.col("channels").fill_null(1)).collect(engine="streaming")
    parts = found.partition_by(keys, maintain_order=True)
    order = sorted(parts, key=lambda part: [str(each) for each in part.row(0)[: len(keys)]])
    return tuple(_described(each) for each in order)


def _described(images: pl.DataFrame) -> Intensity:
    name, channels, dtype, unit = images.row(0)[:4]
    middle = images.select(
        pl.col("percentiles").list.get(place, null_on_oob=True).median().alias(f"{share:g}")
        for place, share in enumerate(PERCENTILES)
    )
    norms = {each.weighted_by: each for each in _normalisations(images, channels)}
    return Intensity(
        name=name,
        channels=channels,
        dtype=dtype,
        unit=unit,
        n=images.height,
        minimum=images["minimum"].min(),  # type: ignore[arg-type]
        maximum=images["maximum"].max(),  # type: ignore[arg-type]
        percentiles={
            key: each for key, each in middle.row(0, named=True).items() if each is not None
        },
        per_pixel=norms.get("pixel"),
        per_image=norms.get("image"),
        full_scale=_FULL.get(dtype),
    )


def _normalisations(images: pl.DataFrame, channels: int) -> Iterator[Normalisation]:
    lengths = [pl.col(f"n_{axis}").cast(pl.Float64).fill_null(1) for axis in "xyzt"]
    n_values = (
        pl.reduce(lambda a, b: a * b, lengths) - pl.col("n_not_finite").fill_null(0) / channels
    )
    usable = (pl.col("channel_means").list.len() == channels) & (
        pl.col("channel_sds").list.len() == channels
    )
    kept = images.filter(usable).select("channel_means", "channel_sds", weight=n_values)
    if kept.is_empty():
        return
    means = np.array(kept["channel_means"].to_list(), np.float64)
    sds = np.array(kept["channel_sds"].to_list(), np.float64)
    finite = np.isfinite(means).all(axis=1) & np.isfinite(sds).all(axis=1)
    if not finite.any():
        return
    for by, weights in (("pixel", kept["weight"].to_numpy()), ("image", np.ones(len(means)))):
        yield _pooled(by, means[finite], sds[finite], weights[finite])


def _pooled(by: str, means: np.ndarray, sds: np.ndarray, weights: np.ndarray) -> Normalisation:
    """Pool means and deviations: the variance is that within images and that between them."""
    share = (weights / weights.sum())[:, None]
    mean = (share * means).sum(axis=0)
    variance = (share * (sds**2 + (means - mean) ** 2)).sum(axis=0)
    return Normalisation(by, tuple(mean.tolist()), tuple(np.sqrt(variance).tolist()))

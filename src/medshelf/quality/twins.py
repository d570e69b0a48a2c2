"""Pictures that are the same: to the last value, or all but that."""

from __future__ import annotations

from collections.abc import Callable

import numpy as np
import polars as pl

from medshelf.core.errors import SettingError
from medshelf.formats.tree import LOCATION
from medshelf.imaging.hashing import DIHEDRAL, NO_HASH, SIDE, dihedral, phash_dihedral
from medshelf.imaging.near.pairs import Pairs, pairs_between, pairs_within
from medshelf.imaging.near.same import same_picture
from medshelf.quality.case import Case

_CANDIDATES = 300_000
_BATCH = 50_000
_IN_MEMORY = 200_000
_KEPT = ("row", "sample_id", "file_digest", "pixel_digest")


def pictures(case: Case) -> pl.DataFrame:
    """Return the images that show something, in the order of the manifest.

    Returns:
        `picture`, their number; `row`, `sample_id`, `split`, `patient_id`, `study_id`, `file`
        (path, member, and number of the frame after `#`), `file_digest`, `pixel_digest`, `phash`.
        Images of one single value are left out: they are alike and no twins.
    """
    frame = pl.format("#{}", pl.col("index"))
    file = pl.concat_str(LOCATION, frame, ignore_nulls=True).alias("file")
    seen = _shown(case).select(*_KEPT, file, "phash")
    ids = case.rows.select("row", "split", "patient_id", "study_id")
    joined = seen.join(ids, on="row", how="left", maintain_order="left")
    return joined.with_row_index("picture").collect()


def copies(shown: pl.DataFrame) -> pl.DataFrame:
    """Return the pictures of `pictures` whose values are those of another file, with `copies`.

    Several rows that share one file are no copies.
    """
    n_files = pl.col("file").n_unique().over("pixel_digest")
    found = shown.drop_nulls("pixel_digest").with_columns(copies=n_files)
    return found.filter(pl.col("copies") > 1)


def near_pairs(case: Case, shown: pl.DataFrame, radius: int) -> pl.DataFrame:
    """Find pictures of a case that show the same but differ in some values.

    Mirrored and turned copies are found too. Each hash within the radius is looked at again; where
    there are too many, the radius is lowered until there are not.

    Args:
        case: The manifest.
        shown: Its pictures.
        radius: Bits in which hashes may differ.

    Returns:
        `i`, `j` (numbers of pictures, i below j), `distance` in bits, `score` from -1 to 1,
        `turned` (how j was mirrored or turned, of `hashing.DIHEDRAL`), `radius` that was used.

    Raises:
        SettingError: There are too many candidates at radius 0, or the radius is out of range.
    """
    usable = _usable(shown)
    hashes = usable["phash"].to_numpy()
    turned = _turned_hashes(case, usable)

    def candidates(view: int, bits: int, at_most: int) -> Pairs:
        if not view:
            return pairs_within(hashes, bits, at_most=at_most)
        found = pairs_between(hashes, turned[view], bits, at_most=at_most)
        kept = found.i < found.j
        return Pairs(*(each[kept] for each in found))

    found, used = _at_radius(candidates, radius)
    return _judged(found, used, (case, usable), (case, usable))


def near_pairs_between(
    case: Case, shown: pl.DataFrame, other: Case, others: pl.DataFrame, radius: int
) -> pl.DataFrame:
    """Find pictures of one case that show the same as one of another.

    Args:
        case: The one.
        shown: Its pictures.
        other: The other.
        others: Its pictures.
        radius: Bits in which hashes may differ.

    Returns:
        As `near_pairs`, `j` of the other case; equal pictures included.

    Raises:
        SettingError: As for `near_pairs`.
    """
    mine, theirs = _usable(shown), _usable(others)
    hashes, turned = mine["phash"].to_numpy(), _turned_hashes(other, theirs)

    def candidates(view: int, bits: int, at_most: int) -> Pairs:
        return pairs_between(hashes, turned[view], bits, at_most=at_most)

    found, used = _at_radius(candidates, radius)
    return _judged(found, used, (case, mine), (other, theirs))


def _shown(case: Case) -> pl.LazyFrame:
    there = pl.col("error").is_null() & (pl.col("role") == "image")
    return case.measures.media.filter(there, pl.col("minimum") < pl.col("maximum"))


def _usable(shown: pl.DataFrame) -> pl.DataFrame:
    """Return pictures with a hash, one per file."""
    hashed = shown.filter(pl.col("phash").is_not_null(), pl.col("phash") != int(NO_HASH))
    return hashed.unique("file", keep="first", maintain_order=True)


def _turned_hashes(case: Case, usable: pl.DataFrame) -> np.ndarray:
    """Return the hashes of pictures mirrored and turned, uint64 (8, N), in bounded memory."""
    numbers = usable["picture"]
    parts = [
        phash_dihedral(_thumbs(case, numbers[start : start + _IN_MEMORY]))
        for start in range(0, max(1, len(numbers)), _IN_MEMORY)
    ]
    return np.concatenate(parts, axis=1)


def _thumbs(case: Case, numbers: pl.Series) -> np.ndarray:
    """Return the reduced pictures of some numbers, uint8 (N, 32, 32)."""
    wanted = numbers.to_frame("picture").lazy()
    thumbs = _shown(case).select("thumb").with_row_index("picture")
    found = wanted.join(thumbs, on="picture", how="left", maintain_order="left")
    joined = b"".join(found.select("thumb").collect().to_series())
    return np.frombuffer(joined, np.uint8).reshape(-1, SIDE, SIDE)


def _at_radius(
    candidates: Callable[[int, int, int], Pairs], radius: int
) -> tuple[list[Pairs], int]:
    """Return candidates of each view, at the largest radius at which all are few enough.

    Args:
        candidates: Finds those of a view, within some bits, of which there may be so many.
        radius: The largest radius to try.
    """
    for bits in range(radius, 0, -1):
        try:
            return _all_views(candidates, bits), bits
        except SettingError:
            continue
    return _all_views(candidates, min(radius, 0)), min(radius, 0)


def _all_views(candidates: Callable[[int, int, int], Pairs], bits: int) -> list[Pairs]:
    left, found = _CANDIDATES, []
    for view in range(len(DIHEDRAL)):
        found.append(candidates(view, bits, left))
        left -= len(found[-1].i)
    return found


def _judged(
    found: list[Pairs],
    radius: int,
    one: tuple[Case, pl.DataFrame],
    other: tuple[Case, pl.DataFrame],
) -> pl.DataFrame:
    """Keep the pairs that are the same picture, each once, in its best view."""
    kept = []
    for name, pairs in zip(DIHEDRAL, found, strict=True):
        numbers = (one[1]["picture"].gather(pairs.i), other[1]["picture"].gather(pairs.j))
        scores, same = _compared(numbers, name, (one[0], other[0]))
        table = {
            "i": numbers[0].filter(same),
            "j": numbers[1].filter(same),
            "distance": pl.Series(pairs.distance).filter(same),
            "score": scores.filter(same),
        }
        kept.append(pl.DataFrame(table).with_columns(turned=pl.lit(name), radius=radius))
    best = pl.concat(kept).sort("score", descending=True, maintain_order=True)
    return best.unique(["i", "j"], keep="first").sort("i", "j")


def _compared(
    numbers: tuple[pl.Series, pl.Series], name: str, cases: tuple[Case, Case]
) -> tuple[pl.Series, pl.Series]:
    """Return score and judgement of pairs of pictures, the second turned."""
    scores, same = [], []
    for start in range(0, max(1, len(numbers[0])), _BATCH):
        one, other = (
            _thumbs(case, each[start : start + _BATCH])
            for case, each in zip(cases, numbers, strict=True)
        )
        found = same_picture(one, dihedral(other, name))
        scores.append(found[0])
        same.append(found[1])
    return pl.Series(np.concatenate(scores)), pl.Series(np.concatenate(same))

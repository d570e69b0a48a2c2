"""Pictures that are the same: to the last value, or all but that."""

from __future__ import annotations

from collections.abc import Callable

import numpy as np
import polars as pl

from medshelf.core.errors import SettingError
from medshelf.formats.tree import LOCATION
from medshelf.imaging.hashing import DIHEDRAL, NO_HASH, SIDE
from medshelf.imaging.near import Twins, twins, twins_between
from medshelf.quality.case import Case

RADIUS = 4
"""Bits in which hashes of one picture may differ, by default."""

_CANDIDATES = 300_000
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
    """Find pictures of a case that show the same, but differ in some values.

    Mirrored, turned and slightly cropped copies are found too, see `imaging.near.twins`. Where the
    hashes propose more than 300,000 pairs in one view, the radius is lowered until they do not.

    Args:
        case: The manifest.
        shown: Its pictures.
        radius: Bits in which hashes may differ.

    Returns:
        `i`, `j` (numbers of pictures, i below j), `score` from -1 to 1, `turned` (how j was
        mirrored or turned, of `hashing.DIHEDRAL`), `radius` that was used.

    Raises:
        SettingError: There are too many candidates at radius 0, or the radius is out of range.
    """
    different = _different(shown)
    small = _thumbs(case, different)

    def find(bits: int) -> Twins:
        return twins(small, bits, orientations=DIHEDRAL[1:], at_most=_CANDIDATES)

    pairs = _of_all(_table(find, radius, (different, different)), shown, shown)
    i, j = pl.min_horizontal("i", "j"), pl.max_horizontal("i", "j")
    return pairs.with_columns(i=i, j=j).unique(["i", "j"], keep="first").sort("i", "j")


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
    different = _different(shown), _different(others)
    ours, theirs = _thumbs(case, different[0]), _thumbs(other, different[1])

    def find(bits: int) -> Twins:
        return twins_between(ours, theirs, bits, orientations=DIHEDRAL[1:], at_most=_CANDIDATES)

    return _of_all(_table(find, radius, different), shown, others).sort("i", "j")


def _shown(case: Case) -> pl.LazyFrame:
    there = pl.col("error").is_null() & (pl.col("role") == "image")
    return case.measures.media.filter(there, pl.col("minimum") < pl.col("maximum"))


def _hashed(shown: pl.DataFrame) -> pl.DataFrame:
    return shown.filter(pl.col("phash").is_not_null(), pl.col("phash") != int(NO_HASH))


def _different(shown: pl.DataFrame) -> pl.DataFrame:
    """Return pictures with a hash, the first of those that are equal."""
    return _hashed(shown).unique("pixel_digest", keep="first", maintain_order=True)


def _of_all(pairs: pl.DataFrame, ours: pl.DataFrame, theirs: pl.DataFrame) -> pl.DataFrame:
    """Return the pairs that the equals of a found pair are in.

    Each is paired with one picture per split of the other side, so that thousands of equals make
    thousands of pairs and not millions.
    """
    sides = []
    for name, shown in (("i", ours), ("j", theirs)):
        files = _hashed(shown).unique("file", keep="first", maintain_order=True)
        first = files.select("pixel_digest", pl.col("picture").alias(name)).unique(
            "pixel_digest", keep="first", maintain_order=True
        )
        one = pl.struct("pixel_digest", "split").is_first_distinct()
        sides.append((first, files.with_columns(one=one)))
    keyed = pairs
    for name, (first, _) in zip("ij", sides, strict=True):
        keyed = keyed.join(first.rename({"pixel_digest": f"digest_{name}"}), on=name)
    found = []
    for of_i, of_j in ((True, False), (False, True)):
        some = keyed.drop("i", "j")
        for name, (_, files), every in zip("ij", sides, (of_i, of_j), strict=True):
            members = files if every else files.filter("one")
            named = members.select(
                pl.col("pixel_digest").alias(f"digest_{name}"), pl.col("picture").alias(name)
            )
            some = some.join(named, on=f"digest_{name}")
        found.append(some.select(pairs.columns))
    return pl.concat(found).unique(["i", "j"], keep="first", maintain_order=True)


def _thumbs(case: Case, usable: pl.DataFrame) -> np.ndarray:
    """Return the reduced pictures, uint8 (N, 32, 32): a gigabyte per million."""
    thumbs = _shown(case).select("thumb").with_row_index("picture")
    wanted = usable.lazy().select("picture")
    found = wanted.join(thumbs, on="picture", how="left", maintain_order="left").collect()
    joined = b"".join(found["thumb"])
    return np.frombuffer(joined, np.uint8).reshape(-1, SIDE, SIDE)


def _table(
    find: Callable[[int], Twins], radius: int, usable: tuple[pl.DataFrame, pl.DataFrame]
) -> pl.DataFrame:
    found, used = _at_radius(find, radius)
    names = pl.Series(DIHEDRAL, dtype=pl.String).gather(found.orientation)
    return pl.DataFrame(
        {
            "i": usable[0]["picture"].gather(found.i),
            "j": usable[1]["picture"].gather(found.j),
            "score": pl.Series(found.score, dtype=pl.Float32),
            "turned": names,
        }
    ).with_columns(radius=pl.lit(used, pl.Int32))


def _at_radius(find: Callable[[int], Twins], radius: int) -> tuple[Twins, int]:
    """Return the twins at the largest radius at which the candidates are few enough."""
    for bits in range(radius, 0, -1):
        try:
            return find(bits), bits
        except SettingError:
            continue
    return find(min(radius, 0)), min(radius, 0)

"""Samples of one dataset that are in another: by their pixels, names and patients."""

from __future__ import annotations

import polars as pl

from medshelf.catalog.lineage import Lineage, Overlap
from medshelf.catalog.shelf import all_records
from medshelf.quality.case import Case
from medshelf.quality.judging.twins import RADIUS, near_pairs_between, pictures

_NAME = r"^[^/]*\.(?i:png|jpe?g|tiff?|bmp|webp|dcm|dicom|nii|nii\.gz|nrrd|mha|mhd|npy|npz)$"
_ENDING = r"(?i)(\.nii)?\.[a-z0-9]+$"


def lineage_of(case: Case, other: Case) -> Overlap:
    """Return what the catalog says of two datasets."""
    return Lineage(all_records()).overlap(case.meta.dataset, other.meta.dataset)


def same_pictures(case: Case, other: Case) -> pl.DataFrame:
    """Return the samples whose pictures are those of another dataset, or all but those.

    Returns:
        `row`, `sample_id`, `split`, `file`, `other_id`, `other_split`, `other_file`, and
        `score`, `turned` as of `near_pairs`; 1 and `as it is` of equal pictures.
    """
    mine, theirs = pictures(case), pictures(other)
    radius = int(case.setting("near-duplicates.radius", RADIUS))
    pairs = near_pairs_between(case, mine, other, theirs, radius)
    equal = mine.drop_nulls("pixel_digest").join(theirs, on="pixel_digest", suffix="_other")
    exact = equal.select(i="picture", j="picture_other", score=pl.lit(1, pl.Float32))
    exact = exact.with_columns(turned=pl.lit("as it is"))
    both = pl.concat([exact, pairs.select(exact.columns)]).unique(["i", "j"], keep="first")
    columns = ("picture", "sample_id", "split", "file")
    one, two = mine.select("row", *columns), theirs.select(columns)
    two = two.rename({"sample_id": "other_id", "split": "other_split", "file": "other_file"})
    found = both.join(one, left_on="i", right_on="picture").join(
        two, left_on="j", right_on="picture"
    )
    told = ("row", "sample_id", "split", "file", "other_id", "other_split", "other_file")
    named = found.select(*told, "score", "turned")
    return named.sort("score", "row", descending=[True, False])


def same_names(case: Case, other: Case) -> pl.DataFrame:
    """Return the samples that name a file that a sample of another dataset names too.

    Names are those of images and what else the release says of a sample, e.g. the name that a
    picture had in its source; without folder, ending and capitals.

    Returns:
        `row`, `sample_id`, `split`, `other_id`, `other_split`, `name`.
    """
    theirs = _names(other).select("name", other_id="sample_id", other_split="split")
    found = _names(case).join(theirs, on="name").unique(["row", "other_id"])
    return found.sort("row", "other_id").collect()


def same_patients(case: Case, other: Case) -> pl.DataFrame:
    """Return the samples of patients whom another dataset has too, by the same number.

    Returns:
        `row`, `sample_id`, `split`, `patient_id`, `other_split` (train, if they are in several),
        `n_other`, samples of the patient there.
    """
    kept = ("row", "sample_id", "split", "patient_id")
    mine = case.rows.select(kept).drop_nulls("patient_id")
    theirs = other.rows.select(kept).drop_nulls("patient_id").group_by("patient_id")
    there = theirs.agg(other_split=pl.col("split").min(), n_other=pl.len())
    return mine.join(there, on="patient_id").sort("row").collect()


def _names(case: Case) -> pl.LazyFrame:
    rows = case.rows.select("row", "sample_id", "split", "media", "extra")
    kept = ["row", "sample_id", "split"]
    media = rows.select(*kept, "media").explode("media").drop_nulls("media")
    field = pl.col("media").struct.field
    place = pl.coalesce(field("member"), field("path"))
    file = pl.when(field("role") == "image", field("index").is_null()).then(place)
    named = media.select(*kept, name=file.str.split("/").list.last())
    extra = rows.select(*kept, "extra").explode("extra").drop_nulls("extra")
    said = extra.select(*kept, name=pl.col("extra").struct.field("value"))
    both = pl.concat([named, said.filter(pl.col("name").str.contains(_NAME))]).drop_nulls("name")
    return both.with_columns(pl.col("name").str.replace(_ENDING, "").str.to_lowercase()).unique()

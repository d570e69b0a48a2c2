"""The manifest of the clean copies: other paths, ids and dates, and no text that names a person."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass, replace

import polars as pl

from medshelf.core.manifest import MEDIA, Manifest
from medshelf.quality.deidentifying.pseudonyms import Pseudonyms
from medshelf.quality.personal.confidentiality import Option
from medshelf.quality.personal.personal_text import find_personal_rows

FILE = ["path", "member", "format"]
_TEXTS = ("text", "question", "explanation", "options", "answers", "turns")
_PATIENT = ("age_years", "sex")
_ALLOWED = {"full-date": "dates", "age-over-89": "patient-characteristics"}


@dataclass(frozen=True, slots=True)
class Personal:
    """A row whose texts look personal, and so are left out of the new manifest.

    Attributes:
        sample_id: Of the row.
        column: Where, e.g. `text.report`.
        kind: Which pattern of `personal_text` matches.
    """

    sample_id: str
    column: str
    kind: str


def clean_rows(
    manifest: Manifest,
    targets: pl.DataFrame,
    pseudonyms: Pseudonyms,
    retained: frozenset[Option],
) -> tuple[pl.DataFrame, tuple[Personal, ...]]:
    """Make the rows of the new manifest.

    Left out are: media that were not cleaned; `extra` and `site`; age and sex, unless patient
    characteristics are retained; and all texts of a row in which one looks personal.

    Args:
        manifest: The old rows.
        targets: `path`, `member`, `format` of each cleaned file and its `target`.
        pseudonyms: Makes the new ids.
        retained: What stays.

    Returns:
        The rows by their new `sample_id`, and what was found in texts.
    """
    allowed = [kind for kind, option in _ALLOWED.items() if option in retained]
    personal = find_personal_rows(manifest).filter(~pl.col("kind").is_in(allowed))
    rows = manifest.frame.with_row_index("row").collect()
    dropped = ["extra", "site", *(() if "patient-characteristics" in retained else _PATIENT)]
    spoken = pl.col("row").is_in(personal["row"].unique().implode())
    kinds = dict(zip(rows.columns, rows.dtypes, strict=True))
    clean = rows.drop("media").with_columns(
        *(pl.lit(None, kinds[name]).alias(name) for name in dropped),
        *(pl.when(~spoken).then(pl.col(name)).alias(name) for name in _TEXTS),
        _renamed(rows, "sample_id", lambda each: pseudonyms.code("sample", each)),
        _renamed(rows, "patient_id", lambda each: pseudonyms.code("patient", each)),
        _renamed(rows, "study_id", pseudonyms.study),
    )
    clean = clean.join(_media(rows, targets), on="row", how="left")
    found = personal.select("sample_id", "column", "kind").iter_rows()
    return clean.sort("sample_id").drop("row"), tuple(Personal(*each) for each in found)


def as_clean_manifest(manifest: Manifest, rows: pl.DataFrame) -> Manifest:
    """Return the manifest of clean rows; what names files or samples of the old one is left out."""
    meta = replace(manifest.meta, files={}, issues=(), modified=True)
    return Manifest.from_columns(rows.lazy(), meta, manifest.root)


def _renamed(rows: pl.DataFrame, column: str, rename: Callable[[str], str]) -> pl.Expr:
    old = rows[column].drop_nulls().unique()
    new = pl.Series([rename(each) for each in old], dtype=pl.String)
    return pl.col(column).replace_strict(old, new, default=None, return_dtype=pl.String)


def _media(rows: pl.DataFrame, targets: pl.DataFrame) -> pl.DataFrame:
    """Return `row` and the list of media that have a clean copy, in their order."""
    media = rows.select("row", "media").explode("media").drop_nulls("media").unnest("media")
    joined = media.join(targets, on=FILE, nulls_equal=True, maintain_order="left")
    moved = joined.with_columns(path=pl.col("target"), member=pl.lit(None, pl.String))
    entry = pl.struct([each.name for each in MEDIA.fields]).alias("media")
    return moved.select("row", entry).group_by("row", maintain_order=True).agg("media")

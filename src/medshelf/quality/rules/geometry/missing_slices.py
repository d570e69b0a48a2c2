"""Gaps between the slices of a series.

**What.** The positions of DICOM slices that lie in one folder, on parallel planes, have gaps of
more than 1.5 times the usual distance; or the numbers in the file names of a study's frames leave
some out, where 9 of 10 follow each other. Settings: `missing-slices.gap` (1.5), `.share` (0.9), and
the least slices of a series, `.positions` (5) and `.numbers` (8).

**Why.** Stacked into a volume, everything behind a gap lies in the wrong place, and a lesion that
is cut through is too small.

**Example.** A series of which one file was lost on the way: the volume is one slice shorter, and
nothing else shows it.

**Remedy.** Fetch the missing files. Where the release leaves them out on purpose, place slices by
their position and not by their number.
"""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import replace

import polars as pl

from medshelf.core.issues import Issue, Severity
from medshelf.dataset.decoding import PICTURES
from medshelf.formats.tree import LOCATION
from medshelf.quality.case import Case
from medshelf.quality.judging.evidence import issue_of, measured, media_of
from medshelf.quality.judging.slices import with_gaps, with_positions
from medshelf.quality.judging.wording import counted

SEVERITY: Severity = "warning"
NEEDS = ("pixels",)
TITLE_ZH = "序列缺少切片"
SETTINGS = {"gap": 1.5, "share": 0.9, "positions": 5, "numbers": 8}

_NUMBER = r"^(.*?)(\d+)(\D*)$"
_FOLDER = LOCATION.str.extract(r"^(.*)/[^/]*$").fill_null("")
_STEM = LOCATION.str.extract(r"([^/]+)$").str.replace(r"\.[A-Za-z][A-Za-z0-9]*(\.gz)?$", "")
_REMEDY = "Fetch the missing files, or place slices by their position and not by their number"


def check(case: Case) -> Iterator[Issue]:
    """Yield one Issue for gaps in space, and one for gaps in numbers."""
    gap, share, *least = (
        case.setting(f"missing-slices.{name}", default) for name, default in SETTINGS.items()
    )
    for where, rows in (
        ("positions", _by_position(case, least[0])),
        ("numbers", _by_number(case, least[1])),
    ):
        gaps = with_gaps(rows, gap)
        regular = (pl.col("step") <= gap * pl.col("typical_step")).mean().over("series")
        if where == "numbers":
            gaps = gaps.filter((regular >= share) & (pl.col("smallest_step") > 0))
        found = gaps.filter(pl.col("n_missing").sum().over("series") > 0)
        if found.is_empty():
            continue
        n_series = counted(found["series"].n_unique(), "series", "series")
        n_missing = counted(int(found["n_missing"].sum()), "slice")
        message = f"{n_missing} missing in {n_series}, by their {where}"
        shown = found.sort("n_missing", "row", descending=[True, False])
        shown = shown.drop("series", "smallest_step").rename({"step": "step_before"})
        issue = issue_of(shown, "missing-slices", SEVERITY, where, message, _REMEDY)
        yield replace(issue, evidence=tuple(each for each in issue.evidence if each["n_missing"]))


def _by_position(case: Case, least: float) -> pl.DataFrame:
    slices = measured(case, "image").filter(
        pl.col("format").is_in(("dcm", "ima")) & pl.col("n_z").is_null()
    )
    columns = ("row", "sample_id", "name", "path", "member", "file", "affine", "n_x", "n_y")
    rows = slices.drop_nulls("affine").select(*columns, folder=_FOLDER)
    many = rows.filter(pl.len().over("folder") >= least).collect()
    return with_positions(many, case.root).filter(pl.len().over("series") >= least)


def _by_number(case: Case, least: float) -> pl.DataFrame:
    frames = media_of(case, "image").filter(
        pl.col("format").is_in(PICTURES), pl.col("index").is_null()
    )
    study = case.rows.select("row", "study_id").drop_nulls("study_id")
    many = frames.join(study, on="row").filter(pl.len().over("study_id") >= least)
    named = many.with_columns(file=LOCATION, folder=_FOLDER, stem=_STEM)
    parts = {"before": 1, "number": 2, "behind": 3}
    split = [pl.col("stem").str.extract(_NUMBER, at).alias(name) for name, at in parts.items()]
    key = pl.concat_str("study_id", "folder", "before", "behind", "name", separator="\x00")
    place = pl.col("number").cast(pl.Float64, strict=False).alias("place")
    rows = named.with_columns(split).drop_nulls("number")
    numbered = rows.select("row", "sample_id", "file", key.alias("series"), place)
    return numbered.filter(pl.len().over("series") >= least).collect()

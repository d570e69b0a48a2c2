"""Nearly the same picture in several splits, or twice in one.

**What.** Images whose perceptual hashes differ in few bits and that still agree in their fine
structure when one is laid on the other: copies that were resized, cropped, compressed, brightened,
mirrored or turned. Within a split, images of one patient are left out. Setting:
`near-duplicates.radius`, bits in which hashes may differ (4).

**Why.** A changed copy of a training picture is no test either, and digests do not find it.

**Example.** The same radiograph in two sizes, from two collections that were put together.

**Remedy.** Look at the pairs, then take the copies out of train and report the score again.
"""

from __future__ import annotations

from collections.abc import Iterator

import polars as pl

from medshelf.core.issues import Issue, Severity
from medshelf.quality.case import Case
from medshelf.quality.judging.crossing import N_SHOWN
from medshelf.quality.judging.twins import RADIUS, near_pairs, pictures
from medshelf.quality.judging.wording import counted

SEVERITY: Severity = "warning"
NEEDS = ("pixels",)
TITLE_ZH = "近似重复的图像"
SETTINGS = {"radius": RADIUS}

_SIDE = ("picture", "row", "sample_id", "split", "patient_id", "study_id", "file", "pixel_digest")
_EVIDENCE = ("sample_id", "file", "split", "sample_id_2", "file_2", "split_2", "score")


def check(case: Case) -> Iterator[Issue]:
    """Yield one Issue for pairs across splits, and one for those within a split."""
    shown = pictures(case)
    found = near_pairs(case, shown, int(case.setting("near-duplicates.radius", SETTINGS["radius"])))
    one, two = shown.select(_SIDE), shown.select(pl.col(_SIDE).name.suffix("_2"))
    pairs = found.join(one, left_on="i", right_on="picture").join(
        two, left_on="j", right_on="picture_2"
    )
    pairs = pairs.filter(
        pl.col("row") != pl.col("row_2"),
        pl.col("pixel_digest").ne_missing(pl.col("pixel_digest_2")),
    ).sort("score", "i", "j", descending=[True, False, False])
    across = (pl.col("split") != pl.col("split_2")).fill_null(value=False)
    related = pl.any_horizontal(
        (pl.col(each) == pl.col(f"{each}_2")).fill_null(value=False)
        for each in ("patient_id", "study_id")
    )
    yield from _issue(pairs.filter(across), "split", "warning", "of different splits")
    yield from _issue(pairs.filter(~across & ~related), "within a split", "info", "of one split")


def _issue(pairs: pl.DataFrame, where: str, severity: Severity, which: str) -> Iterator[Issue]:
    if pairs.is_empty():
        return
    rows = pl.concat(
        [pairs.select("row", "sample_id"), pairs.select(row="row_2", sample_id="sample_id_2")]
    )
    samples = rows.unique("row").sort("row")["sample_id"]
    evidence = pairs.select(*_EVIDENCE, "turned").head(N_SHOWN)
    yield Issue(
        rule="near-duplicates",
        severity=severity,
        where=where,
        message=f"{counted(pairs.height, 'pair')} of pictures {which}, all but the same "
        f"(hashes up to {counted(pairs['radius'][0], 'bit')} apart)",
        remedy="Look at the pairs, take true copies out of train and report the score again",
        samples=tuple(samples),
        evidence=tuple(evidence.iter_rows(named=True)),
    )

"""Mask values that the legend does not name.

**What.** Values in masks, other than 0, that are not in the legend of the dataset.

**Why.** Nobody knows what they mean: they are a class that the release forgot to name, or traces of
resampling and lossy compression along the edges. A network then trains on them as background or
fails.

**Example.** A mask of 0 and 255 that was scaled with interpolation has every value between.

**Remedy.** Look at the samples with `medshelf show`; correct the legend in the record, or read the
masks with `raster` and say in your work what you did with the values.
"""

from __future__ import annotations

from collections.abc import Iterator

import polars as pl

from medshelf.core.issues import Issue, Severity
from medshelf.quality.case import Case
from medshelf.quality.judging.evidence import issue_of
from medshelf.quality.judging.wording import counted

SEVERITY: Severity = "error"
NEEDS = ("pixels",)
TITLE_ZH = "掩膜取值不在图例中"


def check(case: Case) -> Iterator[Issue]:
    """Yield one Issue for all values; none where the dataset states no legend."""
    if not any(each.split(":")[0] == "legend" for each in case.meta.options):
        return
    kept = ("row", "sample_id", "name", "annotator", pl.col("values").alias("value"), "n_pixels")
    strange = case.measures.regions.filter(~pl.col("in_legend"), pl.col("n_pixels") > 0)
    found = strange.select(kept).sort("n_pixels", "row", descending=[True, False]).collect()
    if found.is_empty():
        return
    values = found["value"].unique(maintain_order=True)
    message = (
        f"{counted(found['row'].n_unique(), 'sample')} with {counted(len(values), 'mask value')} "
        f"not in the legend: {', '.join(values[:5])}{', ...' if len(values) > 5 else ''}"  # noqa: PLR2004
    )
    remedy = "Look at them with `medshelf show`, and correct the legend in the record"
    yield issue_of(found, "outside-legend", SEVERITY, "masks", message, remedy)

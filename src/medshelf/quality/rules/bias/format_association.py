"""File format or image size that go with the label.

**What.** File format, channels, bits and size of the images are tested
against each label (Cramer's V). Limits as for attribute-association. Settings:
`format-association.v` and `.minimum`.

**Why.** Where one class is all PNG of 1024 pixels and the other JPEG of 512, the classes come from
different sources, and a network learns the traces of compression and scaling.

**Example.** A set of sick patients from a journal's figures, with healthy ones from a clinical
archive.

**Remedy.** Find out where the classes come from, add the missing ones of each source, and report
scores within a source.
"""

from __future__ import annotations

from collections.abc import Iterator

import polars as pl

from medshelf.core.issues import Issue, Severity
from medshelf.quality.case import Case
from medshelf.quality.judging.targets import label_targets, named
from medshelf.quality.judging.tied import LIMITS, Limits, tie_issues, ties

SEVERITY: Severity = "warning"
NEEDS = ("pixels",)
TITLE_ZH = "标签与文件格式或图像尺寸相关"
SETTINGS = LIMITS


def check(case: Case) -> Iterator[Issue]:
    """Yield one Issue per property of the files that goes with labels."""
    targets = label_targets(case)
    if not targets:
        return
    size = pl.concat_str("n_x", "n_y", "n_z", separator=" x ", ignore_nulls=True)
    images = case.measures.media.filter(pl.col("role") == "image", pl.col("error").is_null())
    stored = images.group_by("row", maintain_order=True).agg(
        pl.coalesce("actual_format", "format").first().alias("format"),
        size.first().alias("size"),
        *[pl.col(each).cast(pl.String).first() for each in ("channels", "bits")],
    )
    rows = case.rows.select("row").join(stored, on="row", how="left", maintain_order="left")
    attributes = [named(each.name, each) for each in rows.drop("row").collect()]
    rule = "format-association"
    found = ties(case, targets, attributes, Limits.of(case, rule))
    remedy = "Find out where the classes come from, and report scores within a source"
    yield from tie_issues(found, rule, remedy)

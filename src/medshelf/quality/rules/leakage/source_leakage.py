"""Samples of another dataset.

**What.** Samples of the dataset that are also in one given with `--against`: images with the same
values or all but the same (setting `near-duplicates.radius`); and, where the catalog's lineage says
that the two have a source in common, the same file names and patients. An error where one of them
is in the test part of one set and not of the other, else a warning. Where lineage says so and
nothing was found, that is said.

**Why.** A network that was trained on the one knows the test part of the other. Collections are
made of each other, often with new names and another split.

**Example.** The images of the RSNA Pneumonia Detection Challenge are images of ChestX-ray14; the
mapping file of the challenge names them.

**Remedy.** Take the shared samples, and all others of their patients, out of the one that you train
on.
"""

from __future__ import annotations

from collections.abc import Iterator

import polars as pl

from medshelf.core.issues import Issue, Severity
from medshelf.quality.case import Case
from medshelf.quality.judging.counterparts import (
    lineage_of,
    same_names,
    same_patients,
    same_pictures,
)
from medshelf.quality.judging.evidence import issue_of
from medshelf.quality.judging.wording import counted

SEVERITY: Severity = "error"
NEEDS = ("against",)
TITLE_ZH = "与其他数据集共享样本"


def check(case: Case) -> Iterator[Issue]:
    """Yield one Issue per other dataset and way in which samples are shared."""
    for other in case.against:
        yield from _against(case, other)


def _against(case: Case, other: Case) -> Iterator[Issue]:
    name = other.meta.dataset
    overlap = lineage_of(case, other)
    way = "; ".join(f"{each.child} {each.relation} {each.parent}" for each in overlap.path)
    found = {}
    if case.passes.pixels:
        found["pictures"] = same_pictures(case, other)
    if overlap.can_leak:
        found["file names"] = same_names(case, other)
    if overlap.verdict in ("same", "shared"):
        found["patients"] = same_patients(case, other)
    if "pictures" in found and "file names" in found:
        told = found["pictures"].select("row")
        found["file names"] = found["file names"].join(told, on="row", how="anti")
    for what, rows in found.items():
        if rows.height:
            yield _shared(rows, name, what)
    if overlap.can_leak and not any(each.height for each in found.values()):
        message = f"samples may be shared ({way or 'the same dataset'}); none was found"
        remedy = (
            "Compare the files of the releases, or do not train on the one and test on the other"
        )
        yield Issue("source-leakage", "info", name, message, remedy)


def _shared(rows: pl.DataFrame, name: str, what: str) -> Issue:
    here, there = ((pl.col(e) == "test").fill_null(value=False) for e in ("split", "other_split"))
    n_tested = rows.filter(here ^ there)["row"].n_unique()
    message = (
        f"{counted(rows['row'].n_unique(), 'sample')} shared with {name} by {what}; in test of "
        f"only one of the two: {n_tested:,}"
    )
    remedy = f"Take them, and all samples of their patients, out before you train on {name}"
    severity: Severity = "error" if n_tested else "warning"
    return issue_of(rows, "source-leakage", severity, f"{name}: {what}", message, remedy)

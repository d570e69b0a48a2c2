"""OmniMedVQA: a benchmark of questions about medical images from 73 public sets.

Raw tree:
    OmniMedVQA/QA_information/Open-access/ACRIMA.json           one file per source set
    OmniMedVQA/QA_information/Restricted-access/BRATS.json      questions only
    OmniMedVQA/Images/ACRIMA/Im553_g_ACRIMA.png

Known quirks: questions have two to four options, and some options of one question differ only in
case or punctuation, so the answer is compared exactly; `modality_type` is `modality` in some files;
folders and ids may hold spaces. Images of the restricted part are not given. Everything is test.

Source: https://arxiv.org/abs/2402.09181
"""

from __future__ import annotations

from pathlib import Path

import polars as pl

from medshelf.core.assembly import assemble, missing_files, unused_files
from medshelf.core.columns import entries, extra, media
from medshelf.core.issues import Issue
from medshelf.core.manifest import Manifest, Meta
from medshelf.formats.entry import Entry
from medshelf.formats.tables.split_tables import PART, list_named, stack_tables
from medshelf.formats.tree import IMAGE_SUFFIXES, LOCATION, attach, left_over, match

_TABLES = "QA_information/{access}/{source}.json"
_OPTIONS = tuple(f"option_{letter}" for letter in "ABCD")
_REQUIRED = ("question_id", "question", "gt_answer", "image_path", "option_A", "option_B")
_EXTRA = ("dataset", "question_type", "modality_type", "image_path", "access")


def read(root: Path, meta: Meta) -> Manifest:
    """Read OmniMedVQA, or those of its source sets that are there.

    Args:
        root: The folder that holds questions and images, unpacked or not.
        meta: Facts of the dataset.

    Returns:
        `sample_id` is `question_id`; `extra` says of which source set a question is, and whether
        its images are given with it.

    Raises:
        LayoutError: There are no questions, or a key is missing.
        FormatError: A file is truncated, or an archive cannot be read.
    """
    files = list_named(root, _TABLES)
    found = match(files, _TABLES, required=True)
    tables = [
        (access, Entry(*place)) for access, *place in found["access", "path", "member"].rows()
    ]
    rows = stack_tables(
        root, tables, required=_REQUIRED, aliases={"modality_type": ("modality",)}
    ).rename({PART: "access"})
    given = [each for each in _OPTIONS if each in rows.columns]
    unlisted = rows.filter(
        ~pl.any_horizontal(pl.col(each) == pl.col("gt_answer") for each in given)
    )
    rows = attach(rows, files, "image_path")
    columns = rows.select(
        "question",
        sample_id="question_id",
        split=pl.lit("test"),
        media=entries(media("image")),
        options=entries(*map(pl.col, given)),
        answers=entries(pl.col("gt_answer")),
        language=pl.lit("en"),
        extra=extra({name: pl.col(name) for name in _EXTRA}),
    )
    pictures = files.filter(pl.col("suffix").is_in(IMAGE_SUFFIXES))
    gone = rows.filter(pl.col("path").is_null())["image_path"].unique().sort()
    folders = LOCATION.str.extract(r"(?:^|/)Images/([^/]+)/")
    asked, there = (each.select(folders).to_series() for each in (rows, pictures))
    unasked = there.filter(~there.is_in(asked.implode())).unique().sort().drop_nulls()
    issues = [
        *_odd(unlisted["question_id"]),
        *missing_files(gone, "questions"),
        *missing_files(unasked + ".json", "folders of images"),
        *unused_files(left_over(pictures, rows).select(LOCATION).to_series(), "questions"),
    ]
    return assemble(columns, meta, root, issues)


def _odd(unlisted: pl.Series) -> tuple[Issue, ...]:
    if unlisted.is_empty():
        return ()
    message = f"{len(unlisted):,} answers are none of their options: {', '.join(unlisted.head(5))}"
    return (Issue("row-malformed", "warning", "questions", message, "They are as released"),)

"""CMB: questions of Chinese medical exams (CMB-Exam), and cases with questions (CMB-Clin).

Raw tree:
    CMB/CMB-Exam/CMB-train/CMB-train-merge.json
    CMB/CMB-Exam/CMB-val/CMB-val-merge.json                             with explanations
    CMB/CMB-Exam/CMB-test/CMB-test-choice-question-merge.json           without answers
    data/CMB-test-choice-answer.json                                    answers of the test, by id
    CMB/CMB-Clin/CMB-Clin-qa.json

Known quirks: options are a mapping from letters or a list of keys and values, unused ones are
empty; several right letters are written together; some questions of the type with several answers
have one. The copy on the Hub lacks the answers of the test. The answers of cases are `solution` or
`answer`; later questions of a case build on the earlier ones.

Source: https://arxiv.org/abs/2308.08833 and https://github.com/FreedomIntelligence/CMB
"""

from __future__ import annotations

from dataclasses import replace
from pathlib import Path

import polars as pl

from medshelf.core.assembly import assemble, missing_files, unmatched
from medshelf.core.columns import (
    chosen,
    entries,
    extra,
    filled,
    numbered,
    text,
)
from medshelf.core.issues import Issue
from medshelf.core.manifest import Manifest, Meta
from medshelf.core.questions import letter_places, option_lists, right_answers
from medshelf.formats.tables import read_table
from medshelf.formats.tables.split_tables import PART, ROW, list_named, read_parts
from medshelf.formats.tree import find_one, match

_TABLES = {
    "train": ("CMB-train-merge.json",),
    "val": ("CMB-val-merge.json",),
    "test": ("CMB-test-choice-question-merge.json",),
}
_ANSWERS = "CMB-test-choice-answer.json"
_CASES = "CMB-Clin-qa.json"
_EXTRA = ("exam_type", "exam_class", "exam_subject", "question_type", "answer", "id")
_PARTIAL = ("answer", "explanation", "id")  # not in every file
_PAIRS = pl.List(pl.Struct(dict.fromkeys(("question", "solution", "answer"), pl.String)))


def read(root: Path, meta: Meta, *, part: str = "exam") -> Manifest:
    """Read one part of CMB.

    Args:
        root: The folder that holds the files.
        meta: Facts of the dataset.
        part: `exam`, or `clin` with one row per question and the description of the case as
            context.

    Returns:
        `sample_id` is split and place in the file, of test questions split and id; `extra` has the
        right letters.

    Raises:
        LayoutError: A file or key is missing.
        FormatError: A file is truncated.
        UnknownNameError: There is no such part.
    """
    if chosen("part", part, ("exam", "clin")) == "clin":
        return _clin(root, meta)
    files = list_named(root, *(name for names in _TABLES.values() for name in names))
    rows, absent = read_parts(root, files, _TABLES, required=("question", "option"))
    none = pl.lit(None, pl.String)
    rows = rows.with_columns(none.alias(each) for each in _PARTIAL if each not in rows.columns)
    rows, odd = _with_test_answers(root, files, rows)
    options = option_lists(rows["option"])
    places = rows.select(letter_places(pl.col("answer"))).to_series()
    answers, unlisted = right_answers(options, places, "questions")
    rows = rows.with_columns(options.alias("options"), answers.alias("answers"))
    number = pl.when(pl.col(PART) == "test").then("id").otherwise(pl.col(ROW).cast(pl.String))
    columns = rows.select(
        *("question", "answers", "explanation"),
        sample_id=numbered(pl.col(PART), number),
        split=PART,
        options=filled(pl.col("options")),
        language=pl.lit("zh"),
        extra=extra({name: pl.col(name) for name in _EXTRA if name in rows.columns}),
    )
    return assemble(columns, meta, root, [*absent, *odd, *unlisted])


def _with_test_answers(
    root: Path, files: pl.DataFrame, rows: pl.DataFrame
) -> tuple[pl.DataFrame, tuple[Issue, ...]]:
    """Fill in the answers of the test questions from their file, where it is there."""
    if match(files, _ANSWERS).is_empty():
        return rows, missing_files(pl.Series([_ANSWERS]), "answers of the test")
    entry = find_one(files, _ANSWERS)
    told = read_table(entry.source(root), name=root / entry.location, required=("id", "answer"))
    asked = rows.filter(pl.col(PART) == "test")
    issues = (
        *unmatched(told["id"], asked["id"], _ANSWERS),
        *unmatched(asked["id"], told["id"], _TABLES["test"][0]),
    )
    told = told.select("id", pl.lit("test").alias(PART), told="answer")
    rows = rows.join(told, on=["id", PART], how="left", maintain_order="left")
    return rows.with_columns(answer=pl.coalesce("answer", "told")).drop("told"), issues


def _clin(root: Path, meta: Meta) -> Manifest:
    entry = find_one(list_named(root, _CASES), _CASES)
    cases = read_table(
        entry.source(root),
        name=root / entry.location,
        required=("id", "title", "description", "QA_pairs"),
        dtypes={"QA_pairs": _PAIRS},
    )
    turn = pl.int_range(pl.len()).over("id")
    rows = cases.explode("QA_pairs").unnest("QA_pairs").with_columns(turn.alias(ROW))
    case = numbered(pl.lit("clin"), pl.col("id"), 4)
    columns = rows.select(
        "question",
        sample_id=numbered(case, pl.col(ROW), 2),
        split=pl.lit("test"),
        study_id="id",
        text=text(context=pl.col("description")),
        answers=entries(pl.coalesce("solution", "answer")),
        language=pl.lit("zh"),
        extra=extra({"title": pl.col("title")}),
    )
    return assemble(columns, replace(meta, splits={}), root)

"""PubMedQA: questions from titles of articles, answered by their abstracts with yes, no or maybe.

Raw tree:
    data/ori_pqal.json                  1,000 labelled; object of PMID to article
    data/test_ground_truth.json         PMID to decision, for the 500 of the test
    data/pqal_fold0/dev_set.json        ... fold9: written by the authors' script
    ori_pqaa.json                       211,269 with decisions made by rule
    ori_pqau.json                       61,249 without a decision

Known quirks: the test ids are those of the answer file, a new shuffle gives others; the ten folds
share the 500 other articles; LONG_ANSWER gives the decision away. PMIDs have 7 or 8 digits.

Source: https://arxiv.org/abs/1909.06146 and https://github.com/pubmedqa/pubmedqa
"""

from __future__ import annotations

from pathlib import Path

import polars as pl

from medshelf.core.assembly import assemble, known_names, unmatched
from medshelf.core.columns import chosen, entries, extra, text
from medshelf.core.issues import Issue
from medshelf.core.manifest import Manifest, Meta
from medshelf.formats.tables import read_table
from medshelf.formats.tables.split_tables import list_named
from medshelf.formats.tree import find_one, match

_FILES = {
    "labelled": "ori_pqal.json",
    "artificial": "ori_pqaa.json",
    "unlabelled": "ori_pqau.json",
}
_TEST = "test_ground_truth.json"
_OPTIONS = ("yes", "no", "maybe")
_REQUIRED = ("key", "QUESTION", "CONTEXTS", "LONG_ANSWER")
_EXTRA = ("YEAR", "LABELS", "MESHES", "reasoning_required_pred", "reasoning_free_pred", "dev_fold")


def read(root: Path, meta: Meta, *, part: str = "labelled") -> Manifest:
    """Read one part of PubMedQA.

    Args:
        root: The folder that holds the files.
        meta: Facts of the dataset.
        part: `labelled`, `artificial` or `unlabelled`.

    Returns:
        `sample_id` is the PMID; of the labelled part, `extra` has the fold in which an article is
        in the development set, where the folds are there.

    Raises:
        LayoutError: A file or key is missing, or a decision is not yes, no or maybe.
        FormatError: A file is truncated.
        UnknownNameError: There is no such part.
    """
    name = _FILES[chosen("part", part, _FILES) or "labelled"]
    files = list_named(root, name)
    rows = _table(root, files, name, required=_REQUIRED)
    issues: tuple[Issue, ...] = ()
    if name == _FILES["labelled"]:
        rows, issues = _with_split(root, files, rows)
    if "final_decision" in rows.columns:
        known_names(rows["final_decision"], _OPTIONS, name)
        decided = pl.col("final_decision").is_not_null()
        rows = rows.with_columns(
            label="final_decision",
            options=pl.when(decided).then(pl.concat_list(*map(pl.lit, _OPTIONS))),
            answers=entries(pl.col("final_decision")),
        )
    made = [each for each in ("split", "label", "options", "answers") if each in rows.columns]
    columns = rows.select(
        *made,
        sample_id="key",
        text=text(context=pl.col("CONTEXTS").list.join("\n")),
        question="QUESTION",
        explanation="LONG_ANSWER",
        language=pl.lit("en"),
        extra=extra({each: pl.col(each) for each in _EXTRA if each in rows.columns}),
    )
    return assemble(columns, meta, root, issues)


def _table(
    root: Path, files: pl.DataFrame, name: str, required: tuple[str, ...] = ("key",)
) -> pl.DataFrame:
    entry = find_one(files, name)
    kinds = {"CONTEXTS": pl.List(pl.String)}
    return read_table(
        entry.source(root), name=root / entry.location, required=required, dtypes=kinds
    )


def _with_split(
    root: Path, files: pl.DataFrame, rows: pl.DataFrame
) -> tuple[pl.DataFrame, tuple[Issue, ...]]:
    test = _table(root, files, _TEST)["key"]
    issues = unmatched(test, rows["key"], _TEST)
    in_test = pl.col("key").is_in(test.implode())
    rows = rows.with_columns(split=pl.when(in_test).then(pl.lit("test")).otherwise(pl.lit("train")))
    names = match(files, "pqal_fold{fold}/{file}.json")["fold"].unique().sort().to_list()
    if not names:
        return rows, issues
    folds = pl.concat(
        _table(root, files, f"pqal_fold{each}/dev_set.json").select("key", dev_fold=pl.lit(each))
        for each in names
    )
    issues += unmatched(folds["key"], rows["key"], "pqal_fold*/dev_set.json")
    return rows.join(folds, on="key", how="left"), issues
